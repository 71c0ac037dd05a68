"""The arena is all that kernels touch: guards between buffers, poison in scratch, no allocation."""

import json
import subprocess
import sys
from pathlib import Path

import memory_loop
import numpy as np
import pytest
import wall_run
from textures import wall_flight

from vio.config import Config, load
from vio.memory.arena import Arena, Buffer
from vio.odometry import Odometry
from vio.types import Status

LEDGER = [
    Buffer("a", (3,), "u1", "run", ""),
    Buffer("b", (2, 2), "f8", "frame", ""),
    Buffer("c", (5,), "i2", "frame", ""),
    Buffer("d", (1,), "f4", "run", ""),
]

CALIBRATION = {
    "params", "params_a", "params_b", "ext", "table", "noise", "limits", "model", "step",
}  # fmt: skip
PACKETS = {
    "image", "ids", "uv", "order", "bias", "R_b_a", "p_b_a", "rng", "ids_out", "ages_out",
    "uv0_out", "uv1_out", "inverse", "known", "depths",
}  # fmt: skip
BESIDE = CALIBRATION | PACKETS
"""Parameters of kernels that may stand outside: constants of the rig and the configuration, and
what comes in with a frame or is handed from one half to the other."""


class Poisoned:
    """An odometry whose scratch is spoilt before every frame."""

    def __init__(self, odometry):
        self.odometry = odometry

    def process(self, frame, imu):
        self.odometry.arena.poison()
        return self.odometry.process(frame, imu)


@pytest.fixture(scope="module")
def flight():
    return wall_flight()


def test_guards_notice_one_byte_to_either_side():
    arena = Arena(LEDGER, guards=True)
    assert arena.check_guards() == []
    start = arena["a"].ctypes.data - arena.block.ctypes.data
    arena.block[start - 1] ^= 1
    assert arena.check_guards() == ["a"]
    arena.clear()
    assert arena.check_guards() == [] and not arena["a"].any()
    arena.block[start + 3] ^= 1  # "a" has the narrowest elements and stands last
    assert arena.check_guards() == ["the end"]
    assert Arena(LEDGER).check_guards() == []


def test_poison_spoils_scratch_only():
    arena = Arena(LEDGER, guards=True)
    arena["a"][:], arena["d"][:] = 7, 8.0
    arena.poison()
    assert np.isnan(arena["b"]).all()
    assert (arena["c"].view(np.uint8) == 0xA5).all()
    assert (arena["a"] == 7).all() and (arena["d"] == 8).all()
    assert arena.check_guards() == []


def test_poison_and_guards_change_no_byte(flight):
    expected, result = wall_run.digest(Odometry(flight.rig, Config()), flight)
    assert result.estimate.status == Status.TRACKING, "the test must reach the window"
    odometry = Odometry(flight.rig, Config(), guards=True)
    assert wall_run.digest(odometry, flight)[0] == expected, "guards"
    assert odometry.arena.check_guards() == []
    odometry.reset()
    assert wall_run.digest(Poisoned(odometry), flight)[0] == expected, "poison between frames"
    assert odometry.arena.check_guards() == []


def test_guards_hold_where_capacities_are_short(flight):
    """Fewer slots than features and landmarks offer: full tables must not be overrun."""
    small = ["frontend.max_features=40", "window.max_landmarks=30", "window.max_keyframes=3",
             "window.max_states=2", "imu.buffer_samples=60"]  # fmt: skip
    odometry = Odometry(flight.rig, load((), small), guards=True)
    wall_run.digest(Poisoned(odometry), flight)
    assert odometry.arena.check_guards() == []


def test_the_poison_would_be_noticed(flight):
    """Spoiling state instead of scratch changes the estimates: the test above can fail."""
    odometry = Odometry(flight.rig, Config())
    expected, _ = wall_run.digest(odometry, flight)
    odometry.reset()
    odometry.arena.ledger = [
        b._replace(lifetime="frame" if b.name == "track.template" else "run")
        for b in odometry.arena.ledger
    ]
    assert wall_run.digest(Poisoned(odometry), flight)[0] != expected


@pytest.fixture(scope="module")
def loop():
    """What 1020 frames after 30 of warm-up did, in a process of its own."""
    command = [sys.executable, memory_loop.__file__, "35", "30"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["frames"] == 1050 and found["status"] == Status.TRACKING
    assert {"receive", "align", "optimise", "shrink"} <= set(found["kernels"])
    return found


def test_kernels_allocate_nothing(loop):
    """Not even to look at their arguments: and an array made elsewhere is counted."""
    greedy = {name: more for name, (_, more) in loop["kernels"].items() if more}
    assert not greedy, "kernels that allocate"
    assert len(set(loop["live"])) == 1 and loop["counted"] == 1


def test_the_process_does_not_grow(loop):
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not tell")
    grown_kb = loop["resident_kb"][-1] - loop["resident_kb"][1]
    assert grown_kb < 1024, loop["resident_kb"]


def test_kernels_touch_the_arena_only(loop):
    beside = {name for name in loop["beside"] if name.partition(".")[2] not in BESIDE}
    assert not beside, "arrays outside of the arena"
