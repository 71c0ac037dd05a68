"""What of the calibration is estimated in flight, and how a preintegrated interval depends on it.

The state of a frame is where the *rig* is, the imu frame as calibrated, when the image was taken;
the imu's clock and its true place on the rig then touch inertial factors only. The vector x is

    [time offset (1) s, turn (3) rad, shift (3) m]    or its first element, or nothing

t_imu = t_image + offset (beyond the rig's own `time_offset_s`); the imu stands at R_rig_imu =
Exp(turn), p_rig_imu = shift. All elements are additive and zero when the calibration is right.
An interval is integrated at one x, as at one bias, and corrected to first order. Source of the
time derivative: Qin & Shen, "Online Temporal Calibration", IROS 2018, moved from the features to
the preintegrated motion.
"""

import numpy as np

from vio._jit import kernel
from vio.geometry import so3
from vio.types import POS, ROT

OFFSET, TURN, SHIFT = slice(0, 1), slice(1, 4), slice(4, 7)
LINEAR = np.array([5e-4, *[5e-3] * 3, *[1e-2] * 3])
"""Change of x up to which an interval is corrected to first order: s, rad, m."""


def size(config) -> int:
    """Length of x for a WindowConfig."""
    return 7 if config.estimate_extrinsics else int(config.estimate_time_offset)


def sigmas(config) -> np.ndarray:
    """(size,) standard deviations of x before anything is known."""
    offset = config.time_offset_sigma if config.estimate_time_offset else 1e-7
    each = [offset, *[config.turn_sigma] * 3, *[config.shift_sigma] * 3]
    return np.array(each[: size(config)])


def imu_on_rig(x):
    """(R_rig_imu (3, 3), p_rig_imu (3,)) of x."""
    R, p = np.eye(3), np.zeros(3)
    if len(x) == 7:
        so3.exp(np.array(x[TURN]), R)
        p = np.array(x[SHIFT])
    return R, p


def imu_from_rig(R_world_rig, p_world_rig, x, cov):
    """State of the imu from that of the rig.

    Args:
        cov: (15 + n, 15 + n) of [rotation, position, velocity, biases] of the rig, and of x.

    Returns:
        (R_world_imu, p_world_imu, (15, 15) covariance), all copies.
    """
    if not np.count_nonzero(x[1:]):
        return R_world_rig.copy(), p_world_rig.copy(), cov[:15, :15].copy()
    C, arm = imu_on_rig(x)
    J, L = np.eye(15, 22), np.empty((3, 3))
    so3.right_jacobian(np.array(x[TURN]), L)
    J[ROT, ROT], J[ROT, 16:19] = C.T, L
    J[POS, ROT], J[POS, 19:22] = -R_world_rig @ skew(arm), R_world_rig
    return R_world_rig @ C, p_world_rig + R_world_rig @ arm, J @ cov @ J.T


def rig_from_imu(R_world_imu, p_world_imu, x):
    """(R_world_rig, p_world_rig) of a state of the imu."""
    if not np.count_nonzero(x[1:]):
        return R_world_imu, p_world_imu
    C, arm = imu_on_rig(x)
    R = R_world_imu @ C.T
    return R, p_world_imu - R @ arm


def skew(w) -> np.ndarray:
    """[w]x."""
    return np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])


@kernel
def calibrate(gyro, accel, count, begin, end, near, x, work, out, slot):
    """Bring a preintegrated interval of the imu into the frame of the rig; Jacobians by x.

    The whitening is left as it is: turned noise is the same noise to a hundredth.

    Args:
        gyro, accel: (N, 3) rad/s, (N, 3) m/s^2, of which `count` are there. begin, end: samples
            nearest to the ends of the interval.
        near: rate and force at an end are the mean of so many samples to either side, counted
            with the one there: while the offset is hardly known, vibration says nothing of it.
        x: (n,) n = 1 or 7. work: (6, 9, 9) float64 scratch.
        out: Preintegrated, its slot integrated over the interval; R, p, v, J and bias[6:] change.

    Returns:
        samples read.
    """
    n, dt = x.shape[0], out.dt[slot]
    R, p, v, J = out.R[slot], out.p[slot], out.v[slot], out.J[slot]
    w0, w1, f0, f1 = work[0, 0, :3], work[0, 1, :3], work[0, 2, :3], work[0, 3, :3]
    used = _mean(gyro, accel, begin - near + 1, begin + near - 1, count, out.bias[slot], w0, f0)
    used += _mean(gyro, accel, end - near + 1, end + near - 1, count, out.bias[slot], w1, f1)
    for k in range(n):
        out.bias[slot, 6 + k] = x[k]
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        J[a, 6] = w1[a] - (R[0, a] * w0[0] + R[1, a] * w0[1] + R[2, a] * w0[2])
        J[3 + a, 6] = v[a] - dt * f0[a] - (w0[b] * p[c] - w0[c] * p[b])
        J[6 + a, 6] = R[a, 0] * f1[0] + R[a, 1] * f1[1] + R[a, 2] * f1[2] - f0[a]
        J[6 + a, 6] -= w0[b] * v[c] - w0[c] * v[b]
    if n == 1:
        return used
    C, A, L, row = work[1, 0:3, 0:3], work[1, 3:6, 0:3], work[1, 6:9, 0:3], work[0, 4, :3]
    so3.exp(x[1:4], C)
    for k in range(3):
        row[k] = -x[1 + k]
    so3.right_jacobian(row, L)  # the left one of the turn
    # Seen in the axes of the rig: C R C^T, C p, C v.
    so3.multiply(C, R, A)
    for a in range(3):
        for b in range(3):
            R[a, b] = A[a, 0] * C[b, 0] + A[a, 1] * C[b, 1] + A[a, 2] * C[b, 2]
    for u in (p, v):
        x0, x1, x2 = u[0], u[1], u[2]
        for a in range(3):
            u[a] = C[a, 0] * x0 + C[a, 1] * x1 + C[a, 2] * x2
    for k in range(7):
        for at in range(0, 9, 3):
            x0, x1, x2 = J[at, k], J[at + 1, k], J[at + 2, k]
            for a in range(3):
                J[at + a, k] = C[a, 0] * x0 + C[a, 1] * x1 + C[a, 2] * x2
    for k in range(3):
        lx, ly, lz = L[0, k], L[1, k], L[2, k]
        for a in range(3):
            J[a, 7 + k] = R[0, a] * lx + R[1, a] * ly + R[2, a] * lz - L[a, k]
            J[a, 10 + k] = 0.0
            J[3 + a, 10 + k] = (1.0 if a == k else 0.0) - R[a, k]
            J[6 + a, 10 + k] = 0.0
        for at, u in ((3, p), (6, v)):
            J[at, 7 + k] = lz * -u[1] + ly * u[2]
            J[at + 1, 7 + k] = lx * -u[2] + lz * u[0]
            J[at + 2, 7 + k] = ly * -u[0] + lx * u[1]
    # The imu swings about the rig's origin: p += shift - R shift.
    sx, sy, sz = x[4], x[5], x[6]
    for a in range(3):
        p[a] += x[4 + a] - (R[a, 0] * sx + R[a, 1] * sy + R[a, 2] * sz)
    for k in range(10):
        rx, ry, rz = J[0, k], J[1, k], J[2, k]
        ux, uy, uz = sy * rz - sz * ry, sz * rx - sx * rz, sx * ry - sy * rx
        for a in range(3):
            J[3 + a, k] += R[a, 0] * ux + R[a, 1] * uy + R[a, 2] * uz
    return used


@kernel
def _mean(gyro, accel, first, last, count, bias, w, f):
    """Mean rate and force of the samples first..last that are there, less the bias."""
    a, b = max(first, 0), min(last, count - 1)
    share = 1.0 / (b - a + 1)
    for k in range(3):
        rate, force = 0.0, 0.0
        for i in range(a, b + 1):
            rate += gyro[i, k]
            force += accel[i, k]
        w[k] = rate * share - bias[k]
        f[k] = force * share - bias[3 + k]
    return b - a + 1
