"""An inertial step written out, and its covariance by numeric derivatives."""

import numpy as np
from naive import so3
from naive.derivative import jacobian


def step(R, p, v, rate, force, dt, gravity):
    """State after a step of constant rate and force."""
    a = R @ so3.exp(0.5 * dt * rate) @ force + np.array([0, 0, -gravity])
    return R @ so3.exp(dt * rate), p + v * dt + 0.5 * a * dt**2, v + a * dt


def propagate(R, p, v, cov, rate, force, dt, gravity, variance):
    """(R, p, v, cov) after a step; noise is that of the rate and force at its end."""
    R1, p1, v1 = step(R, p, v, rate, force, dt, gravity)

    def moved(d):
        start = R @ so3.exp(d[:3]), p + d[3:6], v + d[6:9]
        R2, p2, v2 = step(*start, rate - d[9:12], force - d[12:], dt, gravity)
        return np.concatenate([so3.log(R1.T @ R2), p2 - p1, v2 - v1, d[9:]])

    J = jacobian(moved, 15, 1e-6)
    noise = np.zeros(15)
    noise[:3], noise[6:9] = variance[0] * dt, variance[1] * dt
    return R1, p1, v1, J @ cov @ J.T + np.diag(noise)
