"""Same input, same bytes: again, after reset(), and in another process; one signature a kernel."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wall_run
from textures import wall_flight

from vio.config import Config
from vio.odometry import Odometry
from vio.types import Status

ENTRIES = {
    "geometry.camera": ["undistort"],
    "imu.preintegrate": ["preintegrate"],
    "frontend.encode": ["receive"],
    "frontend.detect": ["detect", "occupy", "choose"],
    "frontend.klt": ["align", "take_templates", "mark_stale"],
    "frontend.predict": ["transfer", "inverse_depth", "count_moved"],
    "frontend.stereo": ["search_epipolar"],
    "frontend.outliers": ["ransac_translation"],
    "window.landmarks": ["observe", "start", "activate", "reject"],
    "window.optimise": ["optimise", "sync_lin"],
    "window.marginalise": ["shrink"],
    "window.stale": ["mark_stale_intervals"],
    "window.turned": ["fold_turn"],
    "window.displaced": ["fold_displaced"],
    "window.solve": ["cholesky", "covariance"],
}
"""Kernels that Python calls. Those they call in turn take slices of several layouts, and have no
signature of their own when the caller comes from the cache; so3.exp is called from both sides."""


@pytest.fixture(scope="module")
def flight():
    return wall_flight()


@pytest.fixture(scope="module")
def fresh():
    """What another process finds."""
    script = Path(wall_run.__file__)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_two_objects_reset_and_another_process_agree(flight, fresh):
    odometry = Odometry(flight.rig, Config())
    first, result = wall_run.digest(odometry, flight)
    assert result.estimate.status == Status.TRACKING, "the test must reach the window"
    odometry.reset()
    assert wall_run.digest(odometry, flight)[0] == first, "after reset()"
    assert wall_run.digest(Odometry(flight.rig, Config()), flight)[0] == first, "a second object"
    assert fresh["digest"] == first, "another process"


def test_other_seed_other_bytes(flight):
    """The digest can differ at all."""
    a, _ = wall_run.digest(Odometry(flight.rig, Config(seed=0)), flight)
    b, _ = wall_run.digest(Odometry(flight.rig, Config(seed=1)), flight)
    assert a != b


def test_one_signature_per_kernel(fresh):
    counts = fresh["signatures"]
    for module, names in ENTRIES.items():
        for name in names:
            assert counts[f"vio.{module}.{name}"] == 1, name


def test_the_warm_up_leaves_nothing_to_compile(fresh):
    """Compiling takes seconds, in flight too."""
    assert fresh["late"] == []


def test_poses_are_near_the_truth(flight):
    """A sanity check of the whole path; accuracy is measured elsewhere."""
    _, result = wall_run.digest(Odometry(flight.rig, Config()), flight)
    speed = np.linalg.norm(result.estimate.v_world_imu)
    t = (len(flight.frames) - 1) * 0.05
    assert speed == pytest.approx(np.linalg.norm(flight.motion.v(t)), abs=0.08)
