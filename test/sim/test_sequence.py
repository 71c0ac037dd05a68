import dataclasses
import gzip
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from vio.sim import SimSpec, render_sequence
from vio.sim.recorded import read_poses, recorded_trajectory, stamp_ns
from vio.types import VioError

SMALL = SimSpec("gentle", seconds=1.0, seed=7, scale=0.125)


def content(folder: Path) -> dict:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def small(**changes) -> SimSpec:
    return dataclasses.replace(SMALL, **changes)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    calls = []
    out = render_sequence(tmp_path_factory.mktemp("sim") / "a", SMALL, lambda *a: calls.append(a))
    assert calls[-1] == (calls[-1][1], calls[-1][1]) and len(calls) == calls[-1][1]
    return out


def table(path):
    return np.genfromtxt(path, delimiter=",", dtype=None, encoding=None, comments="#")


def test_folder_is_complete_and_consistent(rendered):
    frames = [
        line.split(",") for line in (rendered / "mav0/cam0/data.csv").read_text().splitlines()[1:]
    ]
    assert len(frames) == 19
    for cam in (0, 1):
        names = sorted(p.name for p in (rendered / f"mav0/cam{cam}/data").iterdir())
        assert names == [name for _, name in frames]
        image = cv2.imread(str(rendered / f"mav0/cam{cam}/data/{names[0]}"), cv2.IMREAD_UNCHANGED)
        assert image.shape == (60, 94) and image.dtype == np.uint8
    truth = table(rendered / "mav0/state_groundtruth_estimate0/data.csv")
    imu = table(rendered / "mav0/imu0/data.csv")
    assert len(truth.dtype) == 17 and len(imu.dtype) == 7
    np.testing.assert_array_equal(truth["f0"], imu["f0"])
    assert set(np.diff(imu["f0"])) == {5_000_000}
    assert imu["f0"][0] < int(frames[0][0]) and imu["f0"][-1] > int(frames[-1][0])
    quat = np.stack([truth[f"f{i}"] for i in range(4, 8)], 1)
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1, atol=1e-8)
    # At rest, specific force minus bias is gravity's reaction, along the imu's x axis mostly.
    bias = np.stack([truth[f"f{i}"] for i in range(14, 17)], 1)
    force = (np.stack([imu[f"f{i}"] for i in range(4, 7)], 1) - bias)[:150].mean(0)
    assert np.linalg.norm(force) == pytest.approx(9.81, abs=0.02) and force[0] > 9.0


def test_same_seed_same_bytes_whatever_the_workers(rendered, tmp_path):
    again = render_sequence(tmp_path / "b", small(workers=1))
    assert content(again) == content(rendered)
    other = render_sequence(tmp_path / "c", small(seed=8))
    differing = [k for k, v in content(other).items() if v != content(rendered)[k]]
    assert len([k for k in differing if k.endswith(".png")]) == 38


def test_complete_folder_is_kept_and_others_are_not_overwritten(rendered, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in rendered.rglob("*.png")}
    render_sequence(rendered, SMALL)
    assert before == {p: p.stat().st_mtime_ns for p in rendered.rglob("*.png")}
    with pytest.raises(VioError, match="different simulation"):
        render_sequence(rendered, small(seed=9))
    (tmp_path / "x").mkdir()
    (tmp_path / "x/precious").write_text("")
    with pytest.raises(VioError, match="not a simulation"):
        render_sequence(tmp_path / "x", SMALL)


def test_interrupted_rendering_goes_on(rendered, tmp_path):
    def stop(done, total):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_sequence(tmp_path / "d", SMALL, stop)
    assert not (tmp_path / "d").exists()
    assert len(list((tmp_path / "d.partial").rglob("*.png"))) >= 10
    assert content(render_sequence(tmp_path / "d", SMALL)) == content(rendered)
    assert not (tmp_path / "d.partial").exists()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"profile": "hoover"}, "unknown"),
        ({"seconds": 0.1}, "at least 1 s"),
        ({"imu": Path("imu.csv")}, "needs a trajectory"),
        ({"trajectory": Path("missing.tum")}, "missing.tum"),
        ({"speed": -1.0}, "speed"),
    ],
)
def test_bad_specification_is_one_clear_line(tmp_path, changes, words):
    with pytest.raises(VioError, match=words) as error:
        render_sequence(tmp_path / "out", small(**changes))
    assert "\n" not in str(error.value)


def write_flight(folder: Path, gap=0.0):
    """A flight of 3 s on a circle: TUM, IMU and stamps."""
    t_ns = 1_403_000_000_000_000_123 + np.arange(0, 3_000_000_000, 5_000_000)
    t = (t_ns - t_ns[0]) * 1e-9
    lines = ["# t x y z qx qy qz qw"]
    for n, s in zip(t_ns, t):
        if gap and 1.0 < s < 1.0 + gap:
            continue
        x, y = np.cos(s), np.sin(s)
        lines.append(f"{n // 10**9}.{n % 10**9:09d} {x:.7f} {y:.7f} 1.2 0.7071068 0 0.7071068 0")
    tum = folder / "flight.tum.gz"
    tum.write_bytes(gzip.compress("\n".join(lines).encode()))
    imu = folder / "imu.csv"
    imu.write_text("#t,gyro,accel\n" + "".join(f"{n},0,0,0,9.81,0,0\n" for n in t_ns))
    stamps = folder / "stamps.txt"
    stamps.write_text("".join(f"{n}\n" for n in t_ns[::20]))
    return tum, imu, stamps


def test_recorded_flight(tmp_path):
    tum, imu, stamps = write_flight(tmp_path)
    spec = small(seconds=1.5, trajectory=tum, imu=imu, camera_stamps=stamps, start_s=0.5)
    out = render_sequence(tmp_path / "out", spec)
    truth = table(out / "mav0/state_groundtruth_estimate0/data.csv")
    t = (truth["f0"] - 1_403_000_000_000_000_123) * 1e-9
    assert t[0] == pytest.approx(0.5) and t[-1] == pytest.approx(2.0)
    np.testing.assert_allclose(truth["f1"], np.cos(t), atol=1e-6)
    np.testing.assert_allclose(truth["f8"], -np.sin(t), atol=1e-3)
    assert np.isnan(truth["f11"]).all()
    frames = sorted(int(p.stem) for p in (out / "mav0/cam0/data").iterdir())
    assert set(frames) <= set(map(int, stamps.read_text().split())) and len(frames) == 14
    slow = recorded_trajectory(tum, 0.0, 9.0, 0.5)
    assert slow.end_s == pytest.approx(5.99)
    speed = np.linalg.norm(slow.at_s(np.array([2.0])).v_world_imu)
    assert speed == pytest.approx(0.5, abs=1e-3)


def test_faults_of_recorded_files_name_the_file(tmp_path):
    tum, imu, stamps = write_flight(tmp_path)
    bad = tmp_path / "bad.tum"
    bad.write_text("1.0 2 3 4 0 0 0 1\n1.1 two 3 4 0 0 0 1\n")
    late = tmp_path / "late.csv"
    late.write_text("1503000000000000000,0,0,0,0,0,0\n1503000000005000000,0,0,0,0,0,0\n")
    far = tmp_path / "far.txt"
    far.write_text("1\n2\n")
    huge = tmp_path / "huge.txt"
    huge.write_text("9" * 30 + "\n")
    never = tmp_path / "never.tum"
    never.write_text("1e300 2 3 4 0 0 0 1\n")
    broken = tmp_path / "broken.tum.gz"
    packed = bytearray(tum.read_bytes())
    packed[10] = 0xFF  # no such kind of block
    broken.write_bytes(packed)
    cases = [
        ({"trajectory": bad}, "bad.tum line 2"),
        ({"trajectory": tum, "imu": late}, "late.csv: covers"),
        ({"trajectory": tum, "camera_stamps": far}, "far.txt: no stamps"),
        ({"trajectory": tum, "camera_stamps": huge}, "huge.txt: .* whole nanoseconds"),
        ({"trajectory": never}, "never.tum: a stamp beyond"),
        ({"trajectory": broken}, "broken.tum.gz: cannot be read"),
        ({"trajectory": tum, "start_s": 2.5}, "less than 1 s"),
        ({"trajectory": tum, "imu": imu, "speed": 2.0}, "speed 1 only"),
    ]
    for changes, words in cases:
        with pytest.raises(VioError, match=words):
            render_sequence(tmp_path / "out", small(**changes))
    assert not (tmp_path / "out.partial").exists()
    (tmp_path / "gap").mkdir()
    with pytest.raises(VioError, match="gap of 0.5"):
        read_poses(write_flight(tmp_path / "gap", gap=0.5)[0])


def test_stamps_keep_their_nanoseconds():
    assert stamp_ns("1403715524.907142878") == 1403715524907142878
    assert stamp_ns("1403715524.9") == 1403715524900000000
    assert stamp_ns("1.5e3") == 1_500_000_000_000


def test_real_flight_is_followed_to_a_millimetre():
    shared = os.environ.get("VIO_SHARED_DATA")
    data = Path(shared) if shared else Path(__file__).resolve().parents[3] / "shared/data"
    tum = data / "flights/V1_02_medium/trajectory_smoothed.tum.gz"
    if not tum.is_file():
        pytest.skip(f"{tum} is absent: set VIO_SHARED_DATA")
    t_ns, p, _ = read_poses(tum)
    trajectory = recorded_trajectory(tum, 0.0, 1e9, 1.0)
    motion = trajectory.at(t_ns)
    assert np.abs(motion.p_world_imu - p).max() < 1e-3
    v = np.gradient(motion.p_world_imu, 0.005, axis=0)
    assert np.abs(motion.v_world_imu - v)[5:-5].max() < 0.05
