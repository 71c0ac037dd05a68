"""A smooth motion through poses, with the derivatives an IMU feels.

Position and the quaternion's four components are quintic splines, so everything down to
the jerk of the acceleration is continuous. The quaternion is normalised on evaluation;
its length cancels in the angular rate 2 vec(conj(q) * dq) / |q|^2, which makes the rate
the exact derivative of the attitude.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline, make_lsq_spline
from scipy.spatial.transform import Rotation

DEGREE = 5


@dataclass(frozen=True)
class Motion:
    """States of the imu at N times.

    Attributes:
        R_world_imu: (N, 3, 3). p_world_imu: (N, 3) [m]. v_world_imu: (N, 3) [m/s].
        a_world_imu: (N, 3) [m/s^2], without gravity. omega_imu: (N, 3) [rad/s], imu frame.
    """

    R_world_imu: np.ndarray
    p_world_imu: np.ndarray
    v_world_imu: np.ndarray
    a_world_imu: np.ndarray
    omega_imu: np.ndarray


class Trajectory:
    """Imu poses in the world as a function of time [s] since `t0_ns`.

    Args:
        t0_ns: stamp of t = 0.
        start_s, end_s: span in which it is defined.
        spline: quintic spline of [p_world_imu (3), quat_xyzw (4)] over phase [s].
        rate: phase per second; 0 stands still.
        start_phase: phase at t = 0.
    """

    def __init__(
        self,
        t0_ns: int,
        start_s: float,
        end_s: float,
        spline: BSpline,
        rate: float = 1.0,
        start_phase: float = 0.0,
    ):
        self.t0_ns, self.start_s, self.end_s = t0_ns, start_s, end_s
        self.rate, self.start_phase = rate, start_phase
        self.splines = [spline, spline.derivative(1), spline.derivative(2)]

    def at(self, t_ns) -> Motion:
        """Motion at int64 stamps (N,) [ns]; fractions come from integer differences only."""
        return self.at_s((np.asarray(t_ns, np.int64) - self.t0_ns) * 1e-9)

    def at_s(self, t_s) -> Motion:
        """Motion at times (N,) [s] since `t0_ns`."""
        phase = self.start_phase + self.rate * np.atleast_1d(t_s)
        value, first, second = (spline(phase) for spline in self.splines)
        q, dq = value[:, 3:], first[:, 3:]
        xyz, w, dxyz, dw = q[:, :3], q[:, 3:], dq[:, :3], dq[:, 3:]
        vector = w * dxyz - dw * xyz - np.cross(xyz, dxyz)
        omega = 2 * vector / (q * q).sum(1, keepdims=True)
        return Motion(
            R_world_imu=Rotation.from_quat(q).as_matrix(),
            p_world_imu=value[:, :3],
            v_world_imu=first[:, :3] * self.rate,
            a_world_imu=second[:, :3] * self.rate**2,
            omega_imu=omega * self.rate,
        )


def continuous(quat_xyzw: np.ndarray) -> np.ndarray:
    """Unit quaternions (N, 4) with signs chosen so that neighbours are close."""
    quat = quat_xyzw / np.linalg.norm(quat_xyzw, axis=1, keepdims=True)
    flips = np.where((quat[1:] * quat[:-1]).sum(1) < 0, -1.0, 1.0)
    quat[1:] *= np.cumprod(flips)[:, None]
    return quat


def interpolate(t_s, p_world_imu, quat_xyzw) -> BSpline:
    """Spline through every pose. Shapes (N,) [s], (N, 3) [m], (N, 4); N >= 6."""
    return make_interp_spline(t_s, np.hstack([p_world_imu, continuous(quat_xyzw)]), k=DEGREE)


def smooth(t_s, p_world_imu, quat_xyzw) -> BSpline:
    """Least-squares spline with a knot at every second pose.

    Recorded poses are rounded; a spline through each of them would turn the rounding
    into acceleration. Half the freedom keeps all motion below a quarter of their rate.
    """
    inner = t_s[3:-3:2]
    knots = np.r_[[t_s[0]] * (DEGREE + 1), inner, [t_s[-1]] * (DEGREE + 1)]
    return make_lsq_spline(t_s, np.hstack([p_world_imu, continuous(quat_xyzw)]), knots, DEGREE)
