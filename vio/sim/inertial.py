"""What the IMU measures along a trajectory: exact motion, walking biases, white noise."""

import numpy as np

from vio.sim.trajectory import Trajectory
from vio.types import IMU_DTYPE, ImuModel

GRAVITY_WORLD = np.array([0.0, 0.0, -9.81])
START_BIAS_GYRO, START_BIAS_ACCEL = 0.03, 0.1
"""Standard deviation of the biases at the start [rad/s], [m/s^2]."""


def ideal_imu(trajectory: Trajectory, t_ns: np.ndarray) -> np.ndarray:
    """Angular rate and specific force at stamps (N,), (N,) IMU_DTYPE without any error."""
    motion = trajectory.at(t_ns)
    imu = np.empty(len(t_ns), IMU_DTYPE)
    imu["t_ns"], imu["gyro"] = t_ns, motion.omega_imu
    force_world = motion.a_world_imu - GRAVITY_WORLD
    imu["accel"] = np.einsum("nji,nj->ni", motion.R_world_imu, force_world)
    return imu


def measured_imu(ideal: np.ndarray, model: ImuModel, rng):
    """Add errors to ideal samples (N,).

    Returns:
        Samples (N,) IMU_DTYPE and true biases (N, 6): gyro [rad/s], accel [m/s^2].
    """
    n, dt_s = len(ideal), 1.0 / model.rate_hz
    start = rng.normal(size=6) * np.repeat([START_BIAS_GYRO, START_BIAS_ACCEL], 3)
    walk = np.repeat([model.gyro_random_walk, model.accel_random_walk], 3) * np.sqrt(dt_s)
    steps = rng.normal(size=(n, 6)) * walk
    steps[0] = start
    bias = np.cumsum(steps, 0)
    density = np.repeat([model.gyro_noise_density, model.accel_noise_density], 3)
    error = bias + rng.normal(size=(n, 6)) * density * np.sqrt(model.rate_hz)
    imu = ideal.copy()
    imu["gyro"] += error[:, :3]
    imu["accel"] += error[:, 3:]
    return imu, bias
