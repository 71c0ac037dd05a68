"""Clips: frames of a recording decoded beforehand, and the flights of `timed.py` over them."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

import vio
from vio.bench import timed
from vio.config import find_file, load
from vio.io.open import open_dataset
from vio.replay import frames
from vio.sync import Sequencer
from vio.types import Camera, StereoFrame, VioError

SETTLE = 25
"""Frames at the start whose times do not count: the window is still filling."""
HERE = Path(vio.__file__).resolve().parent.parent


@dataclass(frozen=True)
class Build:
    """What flies: a checkout of the package, and settings over its defaults."""

    name: str
    settings: tuple[str, ...] = ()
    checkout: Path = HERE

    @staticmethod
    def parse(text: str) -> "Build":
        """The argument of --against: a checkout, or a YAML file."""
        path = Path(text)
        if (path / "vio" / "odometry.py").is_file():
            return Build(path.name, (), path.resolve())
        if path.is_dir():
            raise VioError(f"{text}: neither a checkout of vio nor a configuration")
        file = find_file(text)
        load([file])  # a mistake in it must not come after an hour
        return Build(path.stem, (str(file),))

    def over(self, settings: tuple[str, ...]) -> "Build":
        """The same, its settings over these."""
        return replace(self, settings=(*settings, *self.settings))


def make(folder, out: Path, count: int, mono: bool = False, scale: float = 1.0) -> Path:
    """Decode the first `count` frames of a recording into one file."""
    dataset = open_dataset(folder, mono=mono)
    source = frames(dataset, Sequencer(dataset.rig, mono), None, None)
    items = [(shrunk(frame, scale), imu) for frame, imu in islice(source, count)]
    rig = dataset.rig
    cam1 = rig.cam1 and shrunk_camera(rig.cam1, scale)
    rig = replace(rig, cam0=shrunk_camera(rig.cam0, scale), cam1=cam1)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "wb") as file:
        pickle.dump((rig, items), file, protocol=5)
    return out


def shrunk(frame: StereoFrame, scale: float) -> StereoFrame:
    """A frame with smaller images."""
    if scale == 1.0:
        return frame
    cams = [
        None if image is None else cv2.resize(image, size(image.shape[1], image.shape[0], scale))
        for image in (frame.cam0, frame.cam1)
    ]
    return replace(frame, cam0=cams[0], cam1=cams[1])


def size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height of a scaled image, multiples of eight."""
    return round(width * scale / 8) * 8, round(height * scale / 8) * 8


def shrunk_camera(camera: Camera, scale: float) -> Camera:
    """The calibration that fits the smaller image; pixel centres have integer coordinates."""
    width, height = size(camera.width, camera.height, scale)
    sx, sy = width / camera.width, height / camera.height
    params = camera.params.copy()
    params[0], params[1] = params[0] * sx, params[1] * sy
    params[2], params[3] = (params[2] + 0.5) * sx - 0.5, (params[3] + 0.5) * sy - 0.5
    return replace(camera, width=width, height=height, params=params)


def fly(clip: Path, build: Build, count: int = 10**9, before=(), environment=None) -> dict:
    """What `timed.py` tells of one flight in a process of its own.

    Args:
        before: words in front of the interpreter's, as of valgrind.
        environment: further variables.
    """
    command = [*before, sys.executable, timed.__file__, clip, count, *build.settings]
    variables = {**os.environ, "PYTHONPATH": str(build.checkout), **(environment or {})}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=variables)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VioError(f"{build.name}: the measured flight failed: {last}")
    return json.loads(done.stdout)


def compare(clip: Path, builds: list[Build], rounds: int) -> list[dict]:
    """Times of builds that take turns (A B A B ...), so that all suffer alike.

    The work of a frame is the same in every round, so the least of its times is the one least
    disturbed.

    Returns:
        for each build: frame_ms (F,), stages_ms {name: (F,)}, peak_mb.
    """
    told = [[] for _ in builds]
    for _ in range(rounds):
        for k, build in enumerate(builds):
            told[k].append(fly(clip, build))
    return [least(runs) for runs in told]


def least(runs: list[dict]) -> dict:
    """The least disturbed times of several flights of the same clip."""

    def best(series):
        return np.min(np.array(series, float), axis=0)[SETTLE:] / 1e6

    names = runs[0]["stages_ns"]
    return {
        "frame_ms": best([run["frame_ns"] for run in runs]),
        "stages_ms": {name: best([run["stages_ns"][name] for run in runs]) for name in names},
        "peak_mb": min(run["peak_kb"] for run in runs) * 1024 / 1e6,
        "tracked": all(run["tracked"] for run in runs),
    }
