"""On-manifold preintegration of IMU samples between two instants.

Source: Forster et al., "On-Manifold Preintegration for Real-Time Visual-Inertial Odometry",
TRO 2017, eq. 35-37 (deltas), 44 (bias Jacobians), 63 (noise). Samples are joined by straight
lines, interpolated at both ends, and each step uses the value and the attitude at its middle.
Error order: [rotation, position, velocity].
"""

import math
from typing import NamedTuple

import numpy as np

from vio._jit import kernel
from vio.geometry import so3


class Preintegrated(NamedTuple):
    """Preintegrated intervals, one per slot; arrays whose first axis is the slot."""

    dt: np.ndarray  # (S,) s
    R: np.ndarray  # (S, 3, 3) R_imu0_imu1
    p: np.ndarray  # (S, 3) m, in imu0, without gravity and initial velocity
    v: np.ndarray  # (S, 3) m/s, in imu0, without gravity
    J: np.ndarray  # (S, 9, 6 + n) d[rot, pos, vel] / d[gyro bias, accel bias, calibration]
    bias: np.ndarray  # (S, 6 + n) where it was integrated: gyro, accel, calibration
    whiten: np.ndarray  # (S, 45) packed lower W, W^T W = inverse covariance of [rot, pos, vel]


def shapes(n: int, real: str, calibration: int = 0) -> dict:
    """Field -> (shape, dtype) of n intervals; `real` is the type of Jacobians and whitening."""
    width = 6 + calibration
    return {
        "dt": ((n,), "f8"), "R": ((n, 3, 3), "f8"), "p": ((n, 3), "f8"), "v": ((n, 3), "f8"),
        "J": ((n, 9, width), real), "bias": ((n, width), "f8"), "whiten": ((n, 45), real),
    }  # fmt: skip


def preintegrated_array(n: int, real: str = "f4", calibration: int = 0) -> Preintegrated:
    """Room for n intervals outside the arena; `real` as the arena's, or kernels compile twice."""
    return Preintegrated(*(np.zeros(*each) for each in shapes(n, real, calibration).values()))


@kernel
def preintegrate(
    t_ns, gyro, accel, first, last, t0_ns, t1_ns, bias, noise, limits, work, out, slot
):
    """Integrate the samples `first..last` (inclusive) over [t0_ns, t1_ns] into slot `slot`.

    Args:
        t_ns, gyro, accel: (N,) int64 increasing, (N, 3) rad/s, (N, 3) m/s^2. Where no sample
            lies beyond an end of the interval the nearest one is held.
        bias: (6,) gyro [rad/s], accel [m/s^2].
        noise: (4,) densities of gyro [rad/s/sqrt(Hz)] and accel [m/s^2/sqrt(Hz)], then how far
            the truth may stray from the straight line in a gap [rad/s], [m/s^2].
        limits: (3,) longest normal step [s], gyro range [rad/s], accel range [m/s^2]; a sample
            at the end of its range counts as saturated and may be wrong by as much.
        work: (6, 9, 9) float64 scratch; work[4] holds the covariance at the end.
        out: Preintegrated.

    Returns:
        (steps, gap steps, saturated steps).
    """
    R, p, v, cov, J = out.R[slot], out.p[slot], out.v[slot], work[4], work[5, :, :6]
    out.dt[slot] = (t1_ns - t0_ns) * 1e-9
    R[:] = 0.0
    cov[:] = 0.0
    J[:] = 0.0
    for i in range(3):
        R[i, i] = 1.0
        p[i] = 0.0
        v[i] = 0.0
    for i in range(6):
        out.bias[slot, i] = bias[i]
    w, f = work[5, 6, 6:], work[5, 7, 6:]
    steps, gaps, saturated = 0, 0, 0
    for k in range(first - 1, last + 1):
        left, right = max(k, first), min(k + 1, last)
        ta = t_ns[left] if k >= first else t0_ns
        tb = t_ns[right] if k < last else t1_ns
        a, b = max(ta, t0_ns), min(tb, t1_ns)
        if b <= a:
            continue
        dt = (b - a) * 1e-9
        s = 0.0 if left == right else (0.5 * ((a - ta) + (b - ta))) / (tb - ta)
        gyro_over = accel_over = False
        for i in range(3):
            w[i] = gyro[left, i] * (1.0 - s) + gyro[right, i] * s - bias[i]
            f[i] = accel[left, i] * (1.0 - s) + accel[right, i] * s - bias[3 + i]
            gyro_over |= max(abs(gyro[left, i]), abs(gyro[right, i])) >= limits[1]
            accel_over |= max(abs(accel[left, i]), abs(accel[right, i])) >= limits[2]
        gap = (tb - ta) * 1e-9 > limits[0]
        # What a sensor at its end did not show is of the order of its range.
        stray_gyro = gap * noise[2] + gyro_over * limits[1]
        stray_accel = gap * noise[3] + accel_over * limits[2]
        var_gyro = noise[0] * noise[0] / dt + stray_gyro * stray_gyro
        var_accel = noise[1] * noise[1] / dt + stray_accel * stray_accel
        steps += 1
        gaps += gap
        saturated += gyro_over or accel_over
        _step(R, p, v, cov, J, w, f, dt, var_gyro, var_accel, work[:4])
    so3.normalise(R)
    for i in range(9):
        for j in range(6):
            out.J[slot, i, j] = J[i, j]
    _whitening(cov, work[0], out.whiten[slot])
    return steps, gaps, saturated


@kernel
def _step(R, p, v, cov, J, w, f, dt, var_gyro, var_accel, work):
    """One step of `preintegrate`: rate `w`, specific force `f`, both without bias.

    Errors go on as [A_0; A_1 I dt I; A_2 0 I], of which only the first three columns are kept.
    """
    A, B, small = work[0, :, :3], work[1, :, :6], work[3]
    dR, half, mid = small[0:3, 0:3], small[3:6, 0:3], small[0:3, 3:6]
    Jr, hw = small[3:6, 3:6], small[8, :3]
    h = 0.5 * dt * dt
    for i in range(3):
        hw[i] = 0.5 * w[i] * dt
    so3.exp(hw, half)
    so3.multiply(half, half, dR)
    so3.multiply(R, half, mid)
    for i in range(3):
        hw[i] = w[i] * dt
    so3.right_jacobian(hw, Jr)
    # The force at mid-step, seen from the attitude at the start of the step.
    fx = half[0, 0] * f[0] + half[0, 1] * f[1] + half[0, 2] * f[2]
    fy = half[1, 0] * f[0] + half[1, 1] * f[1] + half[1, 2] * f[2]
    fz = half[2, 0] * f[0] + half[2, 1] * f[1] + half[2, 2] * f[2]
    for i in range(3):
        # -R [f]x, how the rotation error bends the force
        bent = (
            R[i, 2] * fy - R[i, 1] * fz,
            R[i, 0] * fz - R[i, 2] * fx,
            R[i, 1] * fx - R[i, 0] * fy,
        )
        # mid [f]x, how a gyro bias bends it within the step
        bias_bent = (
            mid[i, 1] * f[2] - mid[i, 2] * f[1],
            mid[i, 2] * f[0] - mid[i, 0] * f[2],
            mid[i, 0] * f[1] - mid[i, 1] * f[0],
        )
        for j in range(3):
            A[i, j] = dR[j, i]
            A[3 + i, j] = bent[j] * h
            A[6 + i, j] = bent[j] * dt
            B[i, j] = -Jr[i, j] * dt
            B[3 + i, j] = 0.5 * dt * bias_bent[j] * h
            B[6 + i, j] = 0.5 * dt * bias_bent[j] * dt
            B[3 + i, 3 + j] = -mid[i, j] * h
            B[6 + i, 3 + j] = -mid[i, j] * dt
            B[i, 3 + j] = 0.0
    # J <- A J + B
    for j in range(6):
        a, b, c = J[0, j], J[1, j], J[2, j]
        for i in range(9):
            s = B[i, j] + A[i, 0] * a + A[i, 1] * b + A[i, 2] * c
            if i >= 3:
                s += J[i, j]
                if i < 6:
                    s += dt * J[i + 3, j]
            J[i, j] = s
    # cov <- A cov A^T + B Q B^T
    for j in range(9):
        a, b, c = cov[0, j], cov[1, j], cov[2, j]
        for i in range(9):
            s = A[i, 0] * a + A[i, 1] * b + A[i, 2] * c
            if i >= 3:
                s += cov[i, j]
                if i < 6:
                    s += dt * cov[i + 3, j]
            cov[i, j] = s
    for i in range(9):
        a, b, c = cov[i, 0], cov[i, 1], cov[i, 2]
        for j in range(i + 1):
            s = a * A[j, 0] + b * A[j, 1] + c * A[j, 2]
            if j >= 3:
                s += cov[i, j]
                if j < 6:
                    s += cov[i, j + 3] * dt
            for k in range(3):
                s += B[i, k] * B[j, k] * var_gyro + B[i, 3 + k] * B[j, 3 + k] * var_accel
            if i == j and 3 <= i < 6:
                s += var_accel * dt**4 / 12.0  # what white noise adds within the step
            cov[i, j] = s
            cov[j, i] = s
    for i in range(3):
        a = mid[i, 0] * f[0] + mid[i, 1] * f[1] + mid[i, 2] * f[2]
        p[i] += v[i] * dt + a * h
        v[i] += a * dt
    so3.multiply(R, dR, mid)
    for i in range(3):
        for j in range(3):
            R[i, j] = mid[i, j]


@kernel
def _whitening(cov, L, out):
    """out = L^-1 of the Cholesky factor cov = L L^T, packed lower (45,)."""
    for i in range(9):
        for j in range(i + 1):
            s = cov[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            L[i, j] = math.sqrt(s) if i == j else s / L[j, j]
    for j in range(9):
        for i in range(j, 9):
            s = 1.0 if i == j else 0.0
            for k in range(j, i):
                s -= L[i, k] * out[k * (k + 1) // 2 + j]
            out[i * (i + 1) // 2 + j] = s / L[i, i]
