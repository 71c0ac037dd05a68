"""A wrong calibration in flight: found, corrected and named; a right one left alone."""

from dataclasses import replace

import numpy as np
import pytest
from flight import errors, fly, tally
from naive.displaced import residuals
from naive.preintegrate import exp, log
from scipy.spatial.transform import Rotation
from world import Motion, rig

from vio.config import Config, HealthConfig, WindowConfig
from vio.types import IMU_DTYPE, Status
from vio.window import turning
from vio.window.state import Signs
from vio.window.suspicion import Suspicion
from vio.window.watch import KNOWN_S

TURN, SHIFT = np.radians([0.6, -0.6, 0.5]), np.array([0.006, -0.006, 0.005])


def moved_rig(turn=TURN, shift=SHIFT):
    """Cameras not where they are: the imu seems turned and shifted by as much."""
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = exp(turn), shift
    right = rig()
    cams = (replace(cam, T_imu_cam=T @ cam.T_imu_cam) for cam in (right.cam0, right.cam1))
    return replace(right, **dict(zip(("cam0", "cam1"), cams)))


def farthest(motion, out, after):
    rows = errors(motion, out)
    return np.linalg.norm(rows[rows[:, 0] > after, 1:4], axis=1).max()


@pytest.mark.parametrize("offset_ms", [-50, -20, 5, 50])
def test_time_offset_is_found(offset_ms):
    def late(samples, _):
        samples["t_ns"] += offset_ms * 1_000_000

    motion, out, _ = fly(8.0, speed=2.0, spoil=late)
    last = out[-1][1]
    assert abs(last.time_offset_s - offset_ms * 1e-3) < 1e-3
    assert abs(last.time_offset_s - offset_ms * 1e-3) < 5 * last.calibration_std[0]
    assert farthest(motion, out, 4.0) < 0.06 and last.notice == ""


def test_place_of_the_imu_has_no_part_while_it_is_held():
    sizes = (WindowConfig(estimate_extrinsics=False), WindowConfig(estimate_extrinsics=True))
    flights = [fly(5.0, config=Config(window=window))[1] for window in sizes]
    for (_, a), (_, b) in zip(*flights):
        np.testing.assert_allclose(a.p_world_imu, b.p_world_imu, atol=1e-5)
        assert not b.calibration[1:].any() and b.notice == ""
    assert flights[1][-1][1].calibration_std[1] < 5e-3, "it has been looked at"


def test_right_clock_stays():
    """What is free to move does not, and costs next to nothing."""
    fixed = Config(window=WindowConfig(estimate_time_offset=False))
    (motion, held, _), (_, free, _) = fly(8.0, config=fixed), fly(8.0)
    last = free[-1][1]
    assert abs(held[-1][1].time_offset_s) < 1e-6 and last.calibration_std[0] < 1e-3
    assert abs(last.time_offset_s) < 4 * last.calibration_std[0] < 4e-3
    assert farthest(motion, free, 2.0) < 1.3 * farthest(motion, held, 2.0)


def test_samples_that_come_late_are_integrated_late():
    """The newest interval may end beyond the samples; with the next frame they are there."""
    _, _, back = fly(3.0)
    window = back.window
    window.slots.calibration[0] = 0.05
    window.integrate(*window.order[-2:], window.slots.bias[window.newest], tally())
    row, newest = int(window.slots.motion[window.newest]) - 1, window.newest
    assert window.cut
    before, last = window.pre.v[row].copy(), back.imu.samples.gyro[back.imu.count - 1]
    more = np.zeros(12, IMU_DTYPE)
    more["t_ns"] = back.imu.samples.t_ns[back.imu.count - 1] + 5_000_000 * np.arange(1, 13)
    more["gyro"], more["accel"] = last, [0, 0, 30.0]
    back.imu.append(more)
    window.repropagate(tally())
    assert not window.cut and window.newest == newest
    assert np.linalg.norm(window.pre.v[row] - before) > 0.1


def test_one_camera_moves_the_clock_only_once_it_is_known():
    _, out, back = fly(6.0, stereo=False, speed=2.0)
    flown = [e for _, e in out if e.usable]
    held = [e.time_offset_s for e in flown if e.calibration_std[0] > KNOWN_S]
    assert len(held) > 2 and np.ptp(held) == 0.0
    assert back.window.watch.known and flown[-1].calibration_std[0] < KNOWN_S
    assert abs(flown[-1].time_offset_s) < 4 * flown[-1].calibration_std[0]
    assert flown[-1].time_offset_s != held[0], "it is free now"


def test_a_clock_that_has_settled_stays():
    """It is given up only when undoubted samples have denied it for long."""
    _, _, back = fly(6.0, speed=2.0)
    window, watch = back.window, back.window.watch
    x, place = window.slots.calibration, int(window.slots.held[0])
    believing = HealthConfig(turn_error=1.0, shift_error=1.0)
    assert watch.stayed > 60 and not watch.astray()
    low, high = watch.within
    x[0] = high + 1e-3
    assert watch.astray() and x[0] == watch.before and window.slots.held[0] == x.size
    window.optimise(4)
    watch.judge(believing, tally())
    assert window.slots.held[0] == place, "what fits again is free again"
    watch.within, window.slots.held[0] = (high + 0.1, high + 0.2), x.size
    frames = 0
    while not watch.stale and frames < 100:
        watch.judge(believing, tally())
        frames += 1
    watch.follow()
    assert frames == 61 and watch.stayed == 1 and watch.within[1] - watch.within[0] > 0.1
    assert watch.window.imu.offset_sigma == window.config.time_offset_sigma


@pytest.mark.parametrize("late_ms, words", [(50, ""), (-80, "imu 80 ms early against the cameras")])
def test_a_clock_that_is_far_off_is_told(late_ms, words):
    doubt = Suspicion(HealthConfig(), Signs(np.zeros(28), np.zeros(14), np.zeros(7)))
    assert doubt.words(np.array([late_ms * 1e-3]), 0) == (words and f"calibration suspect: {words}")


def test_turned_imu_is_found_and_named():
    config = Config(window=WindowConfig(estimate_extrinsics=True))
    motion, out, _ = fly(12.0, config=config, robot=moved_rig())
    last = out[-1][1]
    wrong = log(exp(last.calibration[1:4]).T @ exp(TURN))
    assert np.degrees(np.linalg.norm(wrong)) < 0.2
    assert last.notice.startswith("calibration suspect: imu turned 0.9")
    tilt = last.R_world_imu.T @ [0, 0, 1] - motion.R(out[-1][0]).T @ [0, 0, 1]
    assert np.linalg.norm(tilt) < np.radians(0.4), "the estimate is of the imu, not of the rig"


@pytest.mark.parametrize("shift, seen", [([0.0, 0.05, -0.02], True), ([0.0, 0.0, 0.02], False)])
def test_shifted_imu_is_found_and_named_if_it_is_far(shift, seen):
    robot = moved_rig(np.zeros(3), np.array(shift))
    _, out, _ = fly(10.0, speed=3.0, robot=robot)
    last = out[-1][1]
    assert ("shifted 5" in last.notice) == seen and (last.notice != "") == seen
    found = last.calibration[4:]
    assert np.linalg.norm(found - shift) < 0.006 if seen else not found.any()
    assert last.status == Status.TRACKING


def test_cameras_that_do_not_fit_are_named():
    doubt = Suspicion(HealthConfig(), Signs(np.zeros(28), np.zeros(14), np.zeros(7)))
    for _ in range(20):
        doubt.count(100, 5)
    assert not doubt.cameras and doubt.words(np.zeros(1), 1) == ""
    for _ in range(40):
        doubt.count(100, 80)
    assert doubt.cameras
    assert "cam1 against cam0" in doubt.words(np.zeros(1), 1)
    doubt.reset()
    assert not doubt.cameras


@pytest.mark.parametrize("wrong", [True, False])
def test_turned_imu_is_named_without_being_estimated(wrong):
    config = Config(window=WindowConfig(estimate_extrinsics=False))
    robot = moved_rig() if wrong else None
    _, out, back = fly(14.0, speed=2.0, config=config, robot=robot)
    assert (out[-1][1].notice == "calibration suspect: imu turned against the cameras") == wrong
    assert out[-1][1].status == Status.TRACKING
    assert back.suspicion.turned.present == wrong and not back.suspicion.cameras


@pytest.mark.parametrize(
    "turn, shift", [(0, 0), (0, [0, 0.01, 0]), (0, [0, 0, -0.01]), ([0, 0, 1], 0)]
)
def test_displaced_right_camera_is_named(turn, shift):
    wrong = bool(np.any(turn) or np.any(shift))
    robot, step = rig(), np.eye(4)
    step[:3, :3], step[:3, 3] = exp(np.radians(turn) * np.ones(3)), shift
    said = replace(robot, cam1=replace(robot.cam1, T_imu_cam=robot.cam1.T_imu_cam @ step))
    _, out, back = fly(14.0, speed=2.0, robot=said)
    found = back.suspicion.displaced
    assert (found.share > 0.1) == wrong and (found.share < 0.02) != wrong
    assert back.suspicion.cameras == wrong
    assert ("at least" in out[-1][1].notice) == wrong
    assert (out[-1][1].status == Status.DEGRADED) == wrong
    if wrong:
        away = -np.concatenate([np.radians(turn) * np.ones(3), np.zeros(3) + shift])
        assert found.pose @ away > 0.1 * (away @ away), "the way back to where it is"


def test_residuals_of_the_right_camera_elsewhere():
    """Their Jacobian against differences, and a change of what was seen comes back as it is."""
    _, _, back = fly(3.0, quiet=True)
    window, cam1 = back.window, back.window.rig.cam1
    newest = window.newest
    off, J = residuals(window, newest)
    ext, kept = window.ext, (window.ext.R_imu_cam[1].copy(), window.ext.p_imu_cam[1].copy())
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6
        ext.R_imu_cam[1] = kept[0] @ exp(step[:3])
        ext.p_imu_cam[1] = kept[1] + kept[0] @ step[3:]
        moved = (residuals(window, newest)[0] - off) / 1e-6
        np.testing.assert_allclose(moved, -J[:, :, k], rtol=1e-3, atol=1e-2)
        ext.R_imu_cam[1], ext.p_imu_cam[1] = kept
    seen = window.landmarks.weight[:, window.newest, 1] > 0
    window.landmarks.xy[seen, window.newest, 1] += np.array([10, -20], np.int16)
    px = cam1.params[0] * ext.step[0]
    moved = np.median(residuals(window, newest)[0] - off, axis=0)
    np.testing.assert_allclose(moved, [-10 * px, 20 * px], rtol=0.2)  # less by distortion


@pytest.mark.parametrize("offset_s", [0.0, 0.034, -0.05])
def test_coarse_offset(offset_s):
    """From exact rays of a turning camera, with a gyro bias in the way."""
    rng, motion, step, bias = (
        np.random.default_rng(1),
        Motion(4.0),
        0.12,
        np.array([0.02, -0.03, 0.01]),
    )
    stamps, points = 1.0 + step * np.arange(8), rng.normal(size=(150, 3)) + [0, 0, 8.0]
    R_imu_cam = rig().cam0.T_imu_cam[:3, :3]

    def seen(t):
        R = motion.R(t) @ R_imu_cam
        away = points - (motion.p(t) - motion.p(1.0)) @ motion.R(1.0) @ R_imu_cam
        rays = away @ (motion.R(1.0) @ R_imu_cam).T @ R
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)

    rays = [(seen(a + offset_s), seen(a + step + offset_s)) for a in stamps]

    def integrate(offset):
        R = [
            motion.R(a + offset).T @ motion.R(a + step + offset) @ exp(step * bias) for a in stamps
        ]
        return np.array(R), np.tile(-step * np.eye(3), (len(R), 1, 1))

    found = turning.coarse_offset(rays, integrate, R_imu_cam, 8e-4, 0.06)
    assert abs(found - offset_s) < 2e-3


def test_no_offset_is_read_from_noise():
    """A camera that hardly turns says nothing of the clock."""
    rng = np.random.default_rng(2)
    points = rng.normal(size=(60, 3)) + [0, 0, 8.0]

    def seen(shift):
        rays = points + [shift, 0, 0] + 8e-3 * rng.normal(size=points.shape)
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)

    rays = [(seen(0.1 * k), seen(0.1 * k + 0.1)) for k in range(5)]

    def integrate(offset):
        R = Rotation.from_rotvec(1e-3 * rng.normal(size=(5, 3))).as_matrix()
        return R, np.tile(-0.1 * np.eye(3), (5, 1, 1))

    assert turning.coarse_offset(rays, integrate, np.eye(3), 1e-3, 0.06) == 0.0


def test_scatter_of_normals_by_hand():
    rng = np.random.default_rng(0)
    w, weight = rng.normal(size=(1, 5, 3)), rng.uniform(size=9)
    R = turning.rotations(w)
    np.testing.assert_allclose(R[0], Rotation.from_rotvec(w[0]).as_matrix(), atol=1e-12)
    a, b = rng.normal(size=(2, 9, 3))
    found = turning.normals_scatter(turning.scatter(a, b, weight)[None], R)
    for turned, value in zip(R[0], found[0]):
        normals = np.cross(a, b @ turned.T)
        np.testing.assert_allclose(value, normals.T @ (normals * weight[:, None]))
