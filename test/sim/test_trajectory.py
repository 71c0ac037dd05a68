import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vio.sim.inertial import GRAVITY_WORLD, ideal_imu, measured_imu
from vio.sim.profiles import R_VIEW_CAM, profile_trajectory
from vio.sim.rig import euroc_rig
from vio.sim.spec import PROFILES
from vio.types import ImuModel

T0 = 1_600_000_000_000_000_000


@pytest.mark.parametrize("profile", PROFILES)
def test_derivatives_are_those_of_the_pose(profile):
    trajectory = profile_trajectory(profile, 8.0, 3, 1.0, T0)
    t, h = np.linspace(0.1, 7.9, 200), 1e-4
    here, before, after = (trajectory.at_s(t + d) for d in (0.0, -h, h))
    v = (after.p_world_imu - before.p_world_imu) / (2 * h)
    a = (after.v_world_imu - before.v_world_imu) / (2 * h)
    turn = Rotation.from_matrix(before.R_world_imu.transpose(0, 2, 1) @ after.R_world_imu)
    np.testing.assert_allclose(here.v_world_imu, v, atol=1e-4)
    np.testing.assert_allclose(here.a_world_imu, a, atol=1e-3)
    np.testing.assert_allclose(here.omega_imu, turn.as_rotvec() / (2 * h), atol=1e-4)


@pytest.mark.parametrize("profile", PROFILES)
def test_starts_at_rest_with_a_level_view(profile):
    trajectory = profile_trajectory(profile, 4.0, 1, 1.0, T0)
    motion = trajectory.at_s(np.linspace(0.0, 0.9, 50))
    assert np.abs(motion.v_world_imu).max() < 1e-3
    assert np.abs(motion.omega_imu).max() < 1e-3
    R_world_cam = motion.R_world_imu[0] @ euroc_rig().cam0.T_imu_cam[:3, :3]
    view = R_world_cam @ R_VIEW_CAM.T  # columns: forward, left, up
    assert abs(view[2, 0]) < 0.5 and view[2, 2] > 0.85
    np.testing.assert_allclose(R_world_cam @ [0, 0, 1], view[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    "profile, low, high, fastest_deg",
    [("gentle", 0.5, 0.8, 60), ("aggressive", 2.0, 3.0, 400), ("hover", 0.0, 0.4, 20)],
)
def test_profiles_move_as_advertised(profile, low, high, fastest_deg):
    for seed in range(4):
        motion = profile_trajectory(profile, 20.0, seed, 1.0, T0).at_s(np.linspace(3, 20, 999))
        speed = np.linalg.norm(motion.v_world_imu, axis=1)
        rate = np.degrees(np.linalg.norm(motion.omega_imu, axis=1))
        assert low <= np.median(speed) <= high
        assert rate.max() < fastest_deg
        assert profile != "aggressive" or rate.max() > 100


def test_rover_keeps_to_the_ground_and_drives_ahead():
    motion = profile_trajectory("rover", 20.0, 2, 1.0, T0).at_s(np.linspace(0, 20, 2000))
    np.testing.assert_allclose(motion.p_world_imu[:, 2], 0.3, atol=1e-3)
    forward = motion.R_world_imu @ euroc_rig().cam0.T_imu_cam[:3, 2]
    np.testing.assert_allclose(forward[:, 2], 0.0, atol=5e-3)
    sideways = motion.v_world_imu[:, 0] * forward[:, 1] - motion.v_world_imu[:, 1] * forward[:, 0]
    assert np.abs(sideways).max() < 0.01


def test_speed_zero_stands_still():
    motion = profile_trajectory("hover", 5.0, 0, 0.0, T0).at_s(np.linspace(0, 5, 100))
    assert np.abs(motion.v_world_imu).max() < 1e-9
    assert np.abs(motion.omega_imu).max() < 1e-9
    assert np.ptp(motion.p_world_imu, axis=0).max() < 1e-12


def test_ideal_imu_integrates_back_to_the_truth():
    trajectory = profile_trajectory("aggressive", 5.0, 4, 1.0, T0)
    step_ns = 1_000_000
    t_ns = T0 + np.arange(0, 5_000_000_000, step_ns)
    imu, dt = ideal_imu(trajectory, t_ns), step_ns * 1e-9
    truth = trajectory.at(t_ns)
    R, v, p = truth.R_world_imu[0], truth.v_world_imu[0], truth.p_world_imu[0]
    for k in range(len(t_ns) - 1):
        gyro = (imu["gyro"][k] + imu["gyro"][k + 1]) / 2
        R_next = R @ Rotation.from_rotvec(gyro * dt).as_matrix()
        a = (R @ imu["accel"][k] + R_next @ imu["accel"][k + 1]) / 2 + GRAVITY_WORLD
        p = p + v * dt + a * dt * dt / 2
        v, R = v + a * dt, R_next
    np.testing.assert_allclose(p, truth.p_world_imu[-1], atol=1e-3)
    np.testing.assert_allclose(v, truth.v_world_imu[-1], atol=1e-3)
    np.testing.assert_allclose(R, truth.R_world_imu[-1], atol=1e-4)


def test_imu_errors_have_the_modelled_size():
    model = ImuModel()
    trajectory = profile_trajectory("hover", 60.0, 0, 0.0, T0)
    ideal = ideal_imu(trajectory, T0 + np.arange(0, 60_000_000_000, 5_000_000))
    imu, bias = measured_imu(ideal, model, np.random.default_rng(1))
    noise = imu["gyro"] - ideal["gyro"] - bias[:, :3]
    sigma = model.gyro_noise_density * np.sqrt(model.rate_hz)
    assert noise.std() == pytest.approx(sigma, rel=0.05)
    steps = np.diff(bias[:, 3:], axis=0)
    sigma = model.accel_random_walk / np.sqrt(model.rate_hz)
    assert steps.std() == pytest.approx(sigma, rel=0.05)
