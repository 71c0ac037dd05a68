"""The transform that lays an estimate onto the ground truth: closed forms.

Source: S. Umeyama, "Least-squares estimation of transformation parameters between two
point patterns", PAMI 1991, eq. 40-43; yaw only: Zhang and Scaramuzza, "A tutorial on
quantitative trajectory evaluation for visual(-inertial) odometry", IROS 2018, sec. IV.
"""

from typing import NamedTuple

import numpy as np

from vio.eval.trajectory import Trajectory, quaternions, rotations
from vio.types import VioError

MODES = ("se3", "yaw", "sim3", "none")


class Alignment(NamedTuple):
    """p_truth ~ scale * R @ p_estimate + t. R (3, 3), t (3,) [m]."""

    R: np.ndarray
    t: np.ndarray
    scale: float = 1.0

    def apply(self, trajectory: Trajectory) -> Trajectory:
        """The trajectory in the coordinates of the truth."""
        p = self.scale * trajectory.p @ self.R.T + self.t
        return Trajectory(trajectory.t_ns, p, quaternions(self.R @ rotations(trajectory.quat_xyzw)))


def align(p_estimate, p_truth, mode: str = "se3") -> Alignment:
    """Least-squares alignment of paired positions.

    Args:
        p_estimate, p_truth: (N, 3) float64 [m], paired.
        mode: `se3` rotation and translation; `yaw` rotation about world z and translation,
            the four directions a visual-inertial system cannot observe; `sim3` also scale;
            `none` identity.

    Raises:
        VioError: unknown mode, or fewer than three pairs.
    """
    if mode not in MODES:
        raise VioError(f"alignment '{mode}' is unknown; choose one of {', '.join(MODES)}")
    if mode == "none":
        return Alignment(np.eye(3), np.zeros(3))
    if len(p_estimate) < 3:
        raise VioError(f"alignment needs 3 poses with ground truth, there are {len(p_estimate)}")
    mean_e, mean_t = p_estimate.mean(axis=0), p_truth.mean(axis=0)
    centred = p_estimate - mean_e
    covariance = (p_truth - mean_t).T @ centred / len(centred)
    if mode == "yaw":
        sine, cosine = covariance[1, 0] - covariance[0, 1], covariance[0, 0] + covariance[1, 1]
        R, scale = rotation_z(np.arctan2(sine, cosine)), 1.0
    else:
        U, singular, Vt = np.linalg.svd(covariance)
        signs = np.array([1.0, 1.0, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
        R, scale = (U * signs) @ Vt, 1.0
        if mode == "sim3":
            spread = np.mean(np.sum(centred**2, axis=1))
            scale = float(singular @ signs / spread) if spread > 0 else 1.0
    return Alignment(R, mean_t - scale * R @ mean_e, scale)


def align_first(estimate: Trajectory, truth: Trajectory) -> Alignment:
    """Position and yaw of the first pair made equal: the gauge of a run as it was flown."""
    R = rotations(truth.quat_xyzw[:1])[0] @ rotations(estimate.quat_xyzw[:1])[0].T
    Rz = rotation_z(np.arctan2(R[1, 0] - R[0, 1], R[0, 0] + R[1, 1]))
    return Alignment(Rz, truth.p[0] - Rz @ estimate.p[0])


def rotation_z(angle: float) -> np.ndarray:
    """(3, 3) rotation by `angle` [rad] about z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
