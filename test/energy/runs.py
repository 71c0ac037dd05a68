"""Small made-up runs for the energy tests."""

from dataclasses import replace

import numpy as np

from vio.config import Config, WindowConfig
from vio.energy.plan import Plan, describe
from vio.events import INDEX, N_EVENTS
from vio.odometry import ledger
from vio.sim.rig import euroc_rig
from vio.types import Rig


def description(config=None, size=None):
    """What `ledger.json` holds, for EuRoC's rig or one with images of another size."""
    config = config or Config(window=WindowConfig(estimate_extrinsics=True))
    rig = euroc_rig()
    if size:
        width, height = size
        cams = (replace(cam, width=width, height=height) for cam in (rig.cam0, rig.cam1))
        rig = Rig(*cams)
    return describe(rig, config, ledger(rig, config))


def plan(config=None, size=None):
    """The Plan of that."""
    return Plan(description(config, size))


def events(frames=20, seed=0):
    """Random tallies of the size a real frame has."""
    rng = np.random.default_rng(seed)
    out = rng.integers(0, 200, (frames, N_EVENTS))
    out[:, INDEX["sensor_px"]] = 2 * 752 * 480
    for name in ("solves", "linearisations", "marginalised", "keyframes"):
        out[:, INDEX[name]] = rng.integers(1, 4, frames)
    return out.astype(np.int64)
