"""From the imu in the world to what ROS wants: the base, its twist, covariances in ROS' order.

ROS: [x y z rotX rotY rotZ], rotation about the fixed axes of the header's frame; the twist and
its covariance are in the child frame. Ours: [rotation (imu frame), position, velocity, biases].
"""

from typing import NamedTuple

import numpy as np

from vio.imu.calibration import skew
from vio.ros.settings import NodeSettings, numbers
from vio.types import BIAS_GYRO, VEL, Estimate, ImuModel, VioError

KNOWN_VARIANCE = 1e6
"""Above this [m^2] a pose is not known: the covariance says 1e8 then."""


class BaseState(NamedTuple):
    """Pose of the base in odom, twist in the base, their (6, 6) covariances in ROS' order."""

    t_ns: int
    p: np.ndarray
    R: np.ndarray
    linear: np.ndarray
    angular: np.ndarray
    pose_cov: np.ndarray
    twist_cov: np.ndarray


def base_from_imu(settings: NodeSettings) -> np.ndarray:
    """T_base_imu (4, 4) of the parameters."""
    T = np.eye(4)
    T[:3, 3] = numbers(settings.base_imu_xyz_m, 3, "base_imu_xyz_m")
    quat = np.array(numbers(settings.base_imu_quat_xyzw, 4, "base_imu_quat_xyzw"))
    length = np.linalg.norm(quat)
    if abs(length - 1) > 1e-3:
        raise VioError("parameter base_imu_quat_xyzw: not of length 1; write x y z w")
    x, y, z, w = quat / length
    T[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return T


class BasePose:
    """Estimates of the imu to states of the base."""

    def __init__(self, T_base_imu, imu: ImuModel):
        T_imu_base = np.linalg.inv(T_base_imu)
        self.R_ib, self.p_ib = T_imu_base[:3, :3], T_imu_base[:3, 3]
        self.gyro_variance = imu.gyro_noise_density**2 * imu.rate_hz
        self.lever = skew(self.p_ib)

    def of(self, e: Estimate, gyro) -> BaseState:
        """State of the base.

        Args:
            gyro: (3,) rate measured at the time of the estimate [rad/s], imu frame, or None.
        """
        R, R_bi = e.R_world_imu, self.R_ib.T
        rate = np.zeros(3) if gyro is None else gyro - e.bias_gyro
        v_imu = R.T @ e.v_world_imu
        linear = v_imu - self.lever @ rate
        # pose: p_b = p + R p_ib; the rotation error seen from odom is R times the imu's
        J = np.zeros((6, 15))
        J[:3, :3] = -R @ self.lever
        J[:3, 3:6] = np.eye(3)
        J[3:, :3] = R
        pose_cov = J @ e.cov @ J.T
        # twist: R_bi (R^T v + (gyro - bias) x p_ib)
        K = np.zeros((6, 15))
        K[:3, :3] = R_bi @ skew(v_imu)
        K[:3, VEL] = R_bi @ R.T
        K[:3, BIAS_GYRO] = R_bi @ self.lever
        K[3:, BIAS_GYRO] = -R_bi
        twist_cov = K @ e.cov @ K.T
        noise = np.vstack([R_bi @ -self.lever, R_bi])
        twist_cov += noise @ noise.T * self.gyro_variance
        return BaseState(
            e.t_ns, e.p_world_imu + R @ self.p_ib, R @ self.R_ib, R_bi @ linear, R_bi @ rate,
            pose_cov, twist_cov,
        )  # fmt: skip
