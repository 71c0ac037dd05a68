"""A back end flown through the synthetic world: the harness of the end-to-end tests."""

import numpy as np
from world import FRAME_NS, T0_NS, Motion, World, imu_samples, rig

from vio import events
from vio.config import Config
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.odometry import ledger
from vio.window.backend import Backend

BIAS = np.array([0.01, -0.02, 0.015, 0.05, -0.03, 0.08])


def tally():
    return events.Tally()


def backend(stereo=True, config=None, robot=None):
    """(Backend, ImuBuffer) of the test rig, or of another."""
    robot, config = robot or rig(stereo), config or Config()
    arena = Arena(ledger(robot, config))
    imu = ImuBuffer(robot.imu, config.imu, robot.time_offset_s, arena, arena["slots.calibration"])
    return Backend(robot, config, imu, arena), imu


def inside(spans, t):
    return any(a <= t < b for a, b in spans)


def fly(
    seconds, stereo=True, speed=1.0, seed=0, blind=(), gaps=(), one_eyed=(), quiet=False,
    spoil=None, config=None, robot=None,
):  # fmt: skip
    """(motion, [(t, Estimate)], backend): noisy tracks and IMU from the first frame on.

    Args:
        blind, gaps, one_eyed: spans (from, to) [s] without features, IMU, right image.
        quiet: no noise anywhere, and no biases.
        spoil: spoil(samples, t [s]) changes the samples in place.
        robot: the rig the back end believes in, if it is not the one that flies.
    """
    motion, rng = Motion(speed), np.random.default_rng(seed)
    back, imu = backend(stereo, config, robot)
    samples, _ = imu_samples(motion, seconds, None if quiet else rng, bias=None if quiet else BIAS)
    t = (samples["t_ns"] - T0_NS) * 1e-9
    if spoil:
        spoil(samples, t)
    for a, b in gaps:
        samples, t = samples[(t <= a) | (t >= b)], t[(t <= a) | (t >= b)]
    world = World(rig(stereo), motion, noise_px=0.0 if quiet else 0.3, seed=seed)
    out, done = [], 0
    for k in range(int(seconds * 20)):
        now = T0_NS + k * FRAME_NS
        last = int(np.searchsorted(samples["t_ns"], now)) + 1
        imu.append(samples[done:last])
        done = max(done, last)
        at = k * 0.05
        tracks = world.tracks(now, inside(blind, at), not inside(one_eyed, at))
        estimate = back.process(tracks, tally())
        back.marginalise(tally())
        out.append((at, estimate))
    return motion, out, back


def yaw_of(R):
    """Angle about the vertical of the nearest rotation about it."""
    return np.arctan2(R[1, 0] - R[0, 1], R[0, 0] + R[1, 1])


def yaw_between(motion, t, estimate):
    """Heading of the estimate's world in the true one."""
    return yaw_of(motion.R(t) @ estimate.R_world_imu.T)


def about_z(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def errors(motion, out):
    """Rows (t, position error (3,) in the estimate's world, yaw error) of usable estimates.

    Position and yaw of the first usable estimate are aligned with the truth.
    """
    usable = [(t, e) for t, e in out if e.usable]
    t0, first = usable[0]
    yaw0 = yaw_between(motion, t0, first)
    turn = about_z(-yaw0)
    rows = []
    for t, e in usable:
        expected = first.p_world_imu + turn @ (motion.p(t) - motion.p(t0))
        turned = yaw_between(motion, t, e) - yaw0
        rows.append([t, *(e.p_world_imu - expected), np.arctan2(np.sin(turned), np.cos(turned))])
    return np.array(rows)


def statuses(out, start=0.0, end=np.inf):
    return [e.status for t, e in out if start <= t < end]
