"""Inertial and standstill factors: residuals by the formula, Jacobians by differences.

States are (R, p, v, bias); full coordinates hold 15 entries per slot, then the calibration.
"""

import numpy as np
from naive.derivative import jacobian
from naive.preintegrate import exp, log


def size(slots):
    """Full coordinates of slots and calibration."""
    return 15 * slots.t_ns.size + slots.calibration.size


def state(slots, s):
    """Where slot s is."""
    return slots.R[s], slots.p[s], slots.v[s], slots.bias[s]


def state_lin(slots, s):
    """Where slot s is linearised."""
    return slots.R_lin[s], slots.p_lin[s], slots.v_lin[s], slots.bias_lin[s]


def plus(x, d):
    return x[0] @ exp(d[:3]), x[1] + d[3:6], x[2] + d[6:9], x[3] + d[9:15]


def minus(x, y):
    """d with y + d = x."""
    return np.concatenate([log(y[0].T @ x[0]), x[1] - y[1], x[2] - y[2], x[3] - y[3]])


def raw_residual(x, y, c, pre, j, gravity):
    """Unwhitened residual (9,) of preintegrated interval j between states x and y.

    c: (n,) calibration.
    """
    g, dt = np.array([0, 0, -gravity]), pre.dt[j]
    bent = pre.J[j] @ (np.append(x[3], c) - pre.bias[j])
    return np.concatenate(
        [
            log((pre.R[j] @ exp(bent[:3])).T @ x[0].T @ y[0]),
            x[0].T @ (y[1] - x[1] - x[2] * dt - 0.5 * g * dt**2) - pre.p[j] - bent[3:6],
            x[0].T @ (y[2] - x[2] - g * dt) - pre.v[j] - bent[6:9],
        ]
    )


def imu_rows(x, y, c, pre, j, gravity, walk, doubt=0.0):
    """Whitened residual (15,); a doubted interval has larger deviations, and biases may jump."""
    W = np.zeros((9, 9))
    W[np.tril_indices(9)] = pre.whiten[j]
    white = W @ raw_residual(x, y, c, pre, j, gravity) / (1.0 + doubt)
    variance = walk[0] ** 2 * pre.dt[j] + (walk[1] ** 2 if doubt > 0 else 0.0)
    sigma = np.repeat(np.sqrt(variance), 3)
    return np.concatenate([white, (y[3] - x[3]) / sigma])


def two_slots(rows, slots, i, j):
    """(r now, J at the linearisation points) of a residual of two states and the calibration."""
    x, y, c = state_lin(slots, i), state_lin(slots, j), slots.calibration
    moved = lambda d: rows(plus(x, d[:15]), plus(y, d[15:30]), c + d[30:])  # noqa: E731
    return rows(state(slots, i), state(slots, j), c), jacobian(moved, 30 + c.size)


def imu_residual(slots, pre, i, j, gravity, walk):
    row, doubt = slots.motion[j] - 1, slots.doubt[j]
    rows = lambda x, y, c: imu_rows(x, y, c, pre, row, gravity, walk, doubt)  # noqa: E731
    return two_slots(rows, slots, i, j)


def misfit(slots, pre, order, gravity, walk):
    """Chi-square per row of the nine of every interval, at the present states."""
    pairs = [(i, j) for i, j in zip(order, order[1:]) if slots.motion[i] and slots.motion[j]]
    rows = [imu_residual(slots, pre, i, j, gravity, walk)[0][:9] for i, j in pairs]
    return np.array([r @ r / 9 for r in rows])


def still_residual(slots, i, j, sigma):
    def rows(x, y, c):
        turned = log(x[0].T @ y[0]) / sigma[0]
        moved = (y[1] - x[1]) / sigma[1]
        return np.concatenate([turned, moved, y[2] / sigma[2], x[2] / sigma[2], np.zeros(3)])

    return two_slots(rows, slots, i, j)


def add_factor(H, b, i, j, r, J):
    """Add J^T J and J^T r in full coordinates; returns the cost."""
    last = 15 * (len(b) // 15)
    at = np.concatenate(
        [*(np.arange(15 * s, 15 * s + 15) for s in (i, j)), np.arange(last, len(b))]
    )
    H[np.ix_(at, at)] += J.T @ J
    b[at] += J.T @ r
    return r @ r


def linearise_motion(slots, pre, order, gravity, walk, still_sigma, use, H, b):
    """(cost, factors) of all factors between neighbours that both have motion."""
    cost, count = 0.0, 0
    for i, j in zip(order, order[1:]):
        if slots.motion[i] and slots.motion[j] and use[j]:
            cost += add_factor(H, b, i, j, *imu_residual(slots, pre, i, j, gravity, walk))
            count += 1
            if slots.still[j]:
                cost += add_factor(H, b, i, j, *still_residual(slots, i, j, still_sigma))
    return cost, count
