"""A second of standing before a blurred noise wall: every kernel is compiled or loaded on it."""

import numpy as np

from vio.types import IMU_DTYPE, StereoFrame, Tracks

SAMPLES = 40  # between two frames: few frames, a start must be quick


def frames(rig, config):
    """(StereoFrame, (n,) IMU_DTYPE) after each other until the odometry runs and has shrunk.

    Args:
        config: WindowConfig.
    """
    rng = np.random.default_rng(0)
    rows, cols = -(-rig.cam0.height // 8), -(-rig.cam0.width // 8)
    wall = np.kron(rng.integers(0, 256, (rows, cols), np.uint8), np.ones((8, 8), np.uint8))
    wall = wall[: rig.cam0.height, : rig.cam0.width].copy()
    period = round(1e9 / rig.imu.rate_hz)
    sample = np.zeros(SAMPLES, IMU_DTYPE)
    sample["accel"][:, 2] = config.gravity
    start = 10**9 + round(rig.time_offset_s * 1e9)
    for index in range(round(config.init_seconds / (SAMPLES * 1e-9 * period)) + 3):
        t_ns = 10**9 + SAMPLES * period * index
        sample["t_ns"] = start + period * (SAMPLES * index + np.arange(1 - SAMPLES, 1))
        yield StereoFrame(index, t_ns, wall, wall if rig.cam1 is not None else None), sample


def tracks(rig, frame) -> Tracks:
    """Tracks of such a frame without having looked: a grid of features that never moves."""
    u, v = np.meshgrid(np.linspace(0.1, 0.9, 10), np.linspace(0.1, 0.9, 10))
    uv0 = np.column_stack([u.ravel() * rig.cam0.width, v.ravel() * rig.cam0.height])
    uv0 = uv0.astype(np.float32)
    stereo = rig.cam1 is not None
    uv1 = uv0.copy() if stereo else np.full_like(uv0, np.nan)
    ids, ages = np.arange(len(uv0)), np.full(len(uv0), frame.index, np.int32)
    return Tracks(frame.t_ns, ids, ages, uv0, uv1, keyframe=True, stereo=stereo)
