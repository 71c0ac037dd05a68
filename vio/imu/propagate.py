"""A state and its covariance carried on by one inertial step: odometry at the IMU's rate."""

from vio._jit import kernel
from vio.geometry import so3

ROT, POS, VEL, GYRO, ACCEL = 0, 3, 6, 9, 12  # rows of the error state
DIM = 15


@kernel
def propagate(R, p, v, cov, rate, force, dt, gravity, variance, work, small):
    """One step of constant rate and force, in place; the covariance to first order.

    Args:
        R: (3, 3), p, v: (3,), cov: (15, 15) of the error state; changed.
        rate, force: (3,) mean of the step less the biases [rad/s], [m/s^2].
        dt: its length [s]. gravity: magnitude, along -z [m/s^2].
        variance: (2,) noise densities of gyro and accelerometer, squared.
        work: (2, 15, 15), small: (4, 3, 3) scratch.
    """
    F, T = work[0], work[1]
    dR, half, Rh, w = small[0], small[1], small[2], small[3, 0]
    for i in range(3):
        w[i] = dt * rate[i]
    so3.exp(w, dR)
    for i in range(3):
        w[i] = 0.5 * dt * rate[i]
    so3.exp(w, half)
    so3.multiply(R, half, Rh)  # attitude in the middle of the step
    ax = Rh[0, 0] * force[0] + Rh[0, 1] * force[1] + Rh[0, 2] * force[2]
    ay = Rh[1, 0] * force[0] + Rh[1, 1] * force[1] + Rh[1, 2] * force[2]
    az = Rh[2, 0] * force[0] + Rh[2, 1] * force[1] + Rh[2, 2] * force[2]
    F[:, :] = 0.0
    for i in range(DIM):
        F[i, i] = 1.0
    for i in range(3):
        F[POS + i, VEL + i] = dt
        F[ROT + i, GYRO + i] = -dt
        for j in range(3):
            F[ROT + i, ROT + j] = dR[j, i]
            F[VEL + i, ACCEL + j] = -dt * Rh[i, j]
    for j in range(3):  # d (R f) / d rotation = -[R f]x R
        F[VEL, ROT + j] = dt * (az * R[1, j] - ay * R[2, j])
        F[VEL + 1, ROT + j] = dt * (ax * R[2, j] - az * R[0, j])
        F[VEL + 2, ROT + j] = dt * (ay * R[0, j] - ax * R[1, j])
    for i in range(DIM):
        for j in range(DIM):
            total = 0.0
            for k in range(DIM):
                total += F[i, k] * cov[k, j]
            T[i, j] = total
    for i in range(DIM):
        for j in range(DIM):
            total = 0.0
            for k in range(DIM):
                total += T[i, k] * F[j, k]
            cov[i, j] = total
    for i in range(3):
        cov[ROT + i, ROT + i] += variance[0] * dt
        cov[VEL + i, VEL + i] += variance[1] * dt
    az -= gravity
    p[0] += v[0] * dt + 0.5 * dt * dt * ax
    p[1] += v[1] * dt + 0.5 * dt * dt * ay
    p[2] += v[2] * dt + 0.5 * dt * dt * az
    v[0] += ax * dt
    v[1] += ay * dt
    v[2] += az * dt
    so3.multiply(R, dR, Rh)
    so3.copy(Rh, R)
