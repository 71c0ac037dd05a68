"""A simulated recording as a folder in EuRoC's layout, written all or not at all.

Frames are written to `<out>.partial`, which becomes `<out>` when complete. An
interrupted rendering goes on where it stopped.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import cv2
import numpy as np
import yaml

from vio.sim import asl
from vio.sim.inertial import ideal_imu, measured_imu
from vio.sim.profiles import profile_trajectory
from vio.sim.recorded import read_imu, read_stamps, recorded_trajectory
from vio.sim.render import Renderer
from vio.sim.rig import CAMERA_HZ, euroc_rig
from vio.sim.spec import SimSpec, check, identity
from vio.sim.world import TEXEL_M, build_world
from vio.types import VioError

START_NS = 1_600_000_000_000_000_000
"""First stamp of a profile: as large as real ones, where a float loses nanoseconds."""
LEAD_S = 0.05
"""IMU samples begin this long before the first image and end as long after the last."""


def render_sequence(out: Path, spec: SimSpec, progress=None) -> Path:
    """Render a recording, unless `out` holds the very same one already.

    Args:
        out: folder to create, in EuRoC's ASL layout (`mav0/...`).
        spec: what to simulate.
        progress: called as progress(images done, images in total).

    Returns:
        `out`. Raises VioError where the specification or a file in it is at fault.
    """
    out = Path(out)
    check(spec)
    wanted = identity(spec)
    if is_complete(out, wanted):
        return out
    partial = out.with_name(out.name + ".partial")
    renderer, imu, bias = simulate(spec)  # a mistake here must not leave a folder
    begin(partial, wanted)
    truth = renderer.trajectory.at(imu["t_ns"])
    try:
        asl.write_imu(partial, imu, renderer.rig.imu)
        asl.write_truth(partial, imu["t_ns"], truth, bias)
        asl.write_cameras(partial, renderer.rig, renderer.t_ns)
        write_images(partial, renderer, spec, progress)
        if out.is_dir():
            out.rmdir()  # it is empty, or `is_complete` would have objected
        partial.rename(out)
    except OSError as error:
        if is_complete(out, wanted):  # another process has rendered the same meanwhile
            return out
        reason = error.strerror or error
        raise VioError(f"{partial}: {reason}; check space and permissions") from None
    return out


def is_complete(out: Path, wanted: dict) -> bool:
    """Whether `out` is the wanted recording. VioError if something else is in the way."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        if yaml.safe_load((out / "sim.yaml").read_text()) == wanted:
            return True
    except (OSError, yaml.YAMLError):
        raise VioError(f"{out}: exists and is not a simulation; choose another folder") from None
    raise VioError(f"{out}: holds a different simulation; choose another folder or remove it")


def begin(partial: Path, wanted: dict) -> None:
    """Make the working folder, keeping what an interrupted rendering of the same left."""
    note = partial / "sim.yaml"
    text = yaml.safe_dump(wanted, sort_keys=False)
    try:
        if partial.exists() and not note.is_file():
            raise VioError(f"{partial}: is in the way and not a simulation; move it")
        if partial.exists() and note.read_text() != text:
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
        note.write_text(text)
        for cam in (0, 1):
            (partial / f"mav0/cam{cam}/data").mkdir(parents=True, exist_ok=True)
        for folder in ("imu0", "state_groundtruth_estimate0"):
            (partial / "mav0" / folder).mkdir(exist_ok=True)
    except OSError as error:
        raise VioError(f"{partial}: {error.strerror or error}; choose another folder") from None


def simulate(spec: SimSpec):
    """Everything but the files: Renderer, samples (K,) IMU_DTYPE, true biases (K, 6)."""
    rig = euroc_rig(spec.scale)
    trajectory, frame_ns, imu_ns, imu = plan(spec, rig.imu.rate_hz)
    path = trajectory.at(np.arange(imu_ns[0], imu_ns[-1], 20_000_000)).p_world_imu
    floor = None if spec.trajectory else 0.0
    texel = TEXEL_M / spec.scale
    world = build_world(path, spec.seed, floor, texel=texel, workers=threads(spec))
    renderer = Renderer(world, trajectory, rig, frame_ns, spec)
    if imu is not None:
        return renderer, imu, np.full((len(imu), 6), np.nan)
    rng = np.random.default_rng([spec.seed, 6])
    imu, bias = measured_imu(ideal_imu(trajectory, imu_ns), rig.imu, rng)
    return renderer, imu, bias


def threads(spec: SimSpec) -> int:
    """How many threads to work with."""
    return spec.workers or os.cpu_count() or 1


def plan(spec: SimSpec, imu_hz: float):
    """Trajectory, camera stamps (N,) [ns], truth/IMU stamps (K,) [ns], recorded IMU or None."""
    if spec.trajectory is None:
        trajectory = profile_trajectory(spec.profile, spec.seconds, spec.seed, spec.speed, START_NS)
        first, last = START_NS, START_NS + round(spec.seconds * 1e9)
    else:
        trajectory = recorded_trajectory(spec.trajectory, spec.start_s, spec.seconds, spec.speed)
        first, last = trajectory.t0_ns, trajectory.t0_ns + round(trajectory.end_s * 1e9)
    lead = round(LEAD_S * 1e9)
    if spec.camera_stamps is None:
        frame_ns = np.arange(first + lead, last - lead + 1, round(1e9 / CAMERA_HZ))
    else:
        frame_ns = read_stamps(spec.camera_stamps, first + lead, last - lead)
    if spec.imu is not None:
        imu = read_imu(spec.imu, first, last)
        return trajectory, frame_ns, imu["t_ns"], imu
    return trajectory, frame_ns, np.arange(first, last + 1, round(1e9 / imu_hz)), None


def write_images(folder: Path, renderer: Renderer, spec: SimSpec, progress) -> None:
    """Render and write all images that are not there yet, in threads."""
    frame_ns = renderer.t_ns

    def work(frame, cam):
        path = folder / f"mav0/cam{cam}/data/{frame_ns[frame]}.png"
        if not path.is_file():
            write_png(path, renderer.image(frame, cam), spec.compression)

    total = 2 * len(frame_ns)
    pool = ThreadPoolExecutor(threads(spec))
    try:
        jobs = [pool.submit(work, i, cam) for i in range(len(frame_ns)) for cam in (0, 1)]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            if progress:
                progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def write_png(path: Path, image: np.ndarray, compression: int) -> None:
    """Write an image so that no reader ever finds half a file."""
    _, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.rename(path)
