"""The prior as a dense quadratic in full coordinates."""

import numpy as np
from naive.imu_factor import minus, size, state, state_lin


def full_index(pose_at, motion_at, calibration_at=0, n=0):
    """Full coordinate of every row of a system, in row order; n elements of calibration."""
    rows = {int(calibration_at) + k: 15 * len(pose_at) + k for k in range(n)}
    for s in range(len(pose_at)):
        if pose_at[s] >= 0:
            rows |= {int(pose_at[s]) + k: 15 * s + k for k in range(6)}
        if motion_at[s] >= 0:
            rows |= {int(motion_at[s]) + k: 15 * s + 6 + k for k in range(9)}
    assert sorted(rows) == list(range(len(rows))), "rows overlap or leave holes"
    return np.array([rows[k] for k in range(len(rows))], int)


def offset_from_lin(slots):
    """x - lin of every slot in full coordinates."""
    parts = [
        minus(state(slots, s), state_lin(slots, s)) if slots.t_ns[s] else np.zeros(15)
        for s in range(slots.t_ns.size)
    ]
    return np.concatenate([*parts, slots.calibration])


def linearise_prior(slots, L, r, at):
    """(H, b, cost) in full coordinates of |L^T (x - lin)[at] + r|^2."""
    n = size(slots)
    H, b = np.zeros((n, n)), np.zeros(n)
    e = L.T @ offset_from_lin(slots)[at] + r
    H[np.ix_(at, at)] = L @ L.T
    b[at] = L @ e
    return H, b, e @ e
