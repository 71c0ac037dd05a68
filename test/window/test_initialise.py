"""Start-up in closed form: gyro bias, velocity and gravity of a motion without noise."""

import numpy as np
import pytest
from flight import about_z, backend, tally, yaw_of
from naive import so3 as naive
from tables import EXACT
from world import FRAME_NS, T0_NS, Motion, World, imu_samples

from vio.config import Config
from vio.window import initialise, turning

BIAS = np.array([0.02, -0.03, 0.01, 0.0, 0.0, 0.0])


def solve(stereo, speed=1.5, bias=BIAS):
    """(motion, stamps of the collected frames [s], (R, p, v, bias)) of a start."""
    motion = Motion(speed)
    back, imu = backend(stereo, Config(memory=EXACT))
    imu.append(imu_samples(motion, 1.2, bias=bias)[0])
    world = World(back.rig, motion, noise_px=0.0)
    init = back.initialiser
    for k in range(24):
        tracks = world.tracks(T0_NS + k * FRAME_NS)
        if init.add(tracks, tally()):
            return motion, (init.t_ns - T0_NS) * 1e-9, init.solve(tally())
    raise AssertionError("never enough frames")


def recovered(stereo, tilt_deg, metres):
    motion, times, (R, p, v, bias) = solve(stereo)
    np.testing.assert_allclose(bias, BIAS, atol=1e-3)
    turn = about_z(yaw_of(R[0] @ motion.R(times[0]).T))
    for k, t in enumerate(times):
        assert np.degrees(np.linalg.norm(naive.log(R[k].T @ turn @ motion.R(t)))) < tilt_deg
        np.testing.assert_allclose(v[k], turn @ motion.v(t), atol=2 * metres)
        moved = turn @ (motion.p(t) - motion.p(times[0]))
        np.testing.assert_allclose(p[k], moved, atol=metres)


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
def test_motion_is_recovered(stereo):
    recovered(stereo, 0.5 if stereo else 2.5, 0.02 if stereo else 0.15)


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
def test_motion_without_noise_is_recovered_well(stereo):
    recovered(stereo, 0.1, 5e-3)


def test_rest_is_recovered():
    motion, times, (R, p, v, bias) = solve(True, speed=0.0)
    np.testing.assert_allclose(bias, BIAS, atol=1e-6)
    up = R[0] @ motion.R(0).T @ [0, 0, 1.0]
    assert np.degrees(np.arccos(min(up[2], 1.0))) < 0.1
    assert max(np.linalg.norm(x) for x in v) < 2e-3 and max(np.linalg.norm(x) for x in p) < 1e-3


@pytest.mark.parametrize("wild", [0.0, 0.05], ids=["exact", "one wild match"])
def test_gyro_bias_is_the_one_that_makes_normals_coplanar(wild):
    from naive.preintegrate import exp

    rng, n = np.random.default_rng(0), 4
    R_imu_cam = naive.exp([0.1, -0.2, 1.5])
    true, R, rays = np.array([0.05, -0.02, 0.03]), np.empty((n, 3, 3)), []
    for k in range(n):
        R_cam, t = exp(rng.normal(0, 0.1, 3)), rng.normal(0, 0.2, 3)
        points = rng.uniform([-2, -2, 3], [2, 2, 8], (60, 3))
        there = (points - t) @ R_cam
        rays.append(tuple(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (points, there)))
        # what a gyro with that bias integrates over 0.1 s
        R[k] = R_imu_cam @ R_cam @ R_imu_cam.T @ exp(0.1 * true)
        rays[k][1][0] += wild * rng.normal(size=3)
    J = np.tile(-0.1 * np.eye(3), (n, 1, 1))
    found = turning.gyro_bias(rays, R, J, R_imu_cam, 1e-3)
    np.testing.assert_allclose(found, true, atol=1e-3 + 0.05 * wild)


def test_frames_slide_through_the_tables():
    """More frames than there is room for: the oldest leaves, its landmarks move to the next."""
    motion, (back, imu) = Motion(1.0), backend()
    imu.append(imu_samples(motion, 2.0)[0])
    world, init, window = World(back.rig, motion), back.initialiser, back.window
    stamps = []
    for k in range(36):
        init.add(world.tracks(T0_NS + k * FRAME_NS), tally())
        stamps += [t for t in init.t_ns.tolist() if t not in stamps]
    assert len(stamps) > init.capacity == init.t_ns.size
    assert init.t_ns.tolist() == stamps[-init.capacity :]
    lm, used = window.landmarks, window.landmarks.id >= 0
    assert used.any() and np.isin(lm.host[used], window.order).all()
    rows = np.flatnonzero(used)
    assert (lm.weight[rows, lm.host[rows], 0] > 0).all()
    np.testing.assert_allclose(
        lm.point[rows, :2], lm.xy[rows, lm.host[rows], 0] * window.ext.step[0], atol=4e-5
    )
    assert init.solve(tally()) is not None
    init.reset()
    assert init.t_ns.size == 0 and not (lm.id >= 0).any()


def test_too_few_features_are_no_start():
    motion, back = Motion(), backend()[0]
    back.imu.append(imu_samples(motion, 1.2)[0])
    world = World(back.rig, motion, n_tracks=8)
    for k in range(24):
        back.process(world.tracks(T0_NS + k * FRAME_NS), tally())
    assert not back.running


@pytest.mark.parametrize("gravity", [(0, 0, -9.81), (-9.81, 0, 0), (3, -4, 5.0), (1, 1, 1.0)])
def test_upright(gravity):
    g = np.array(gravity, float)
    R = initialise.upright(g)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(R @ g, [0, 0, -np.linalg.norm(g)], atol=1e-12)
