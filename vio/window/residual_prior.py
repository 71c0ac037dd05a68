"""The marginalisation prior |L^T (x - lin) + r|^2, in square-root form, L packed lower."""

import numpy as np

from vio._jit import kernel
from vio.events import AT
from vio.geometry import so3
from vio.window.solve import dot


@kernel
def offset_from_lin(slots, pose_at, motion_at, calibration_at, small, delta):
    """delta = x - lin over the rows of `pose_at`, `motion_at`: Log(R_lin^T R), and differences.

    The calibration is always last, from row `calibration_at`; its point is zero.
    """
    A, w = small[15:18, 0:3], small[18, 0:3]
    for s in range(slots.t_ns.shape[0]):
        at = pose_at[s]
        if at >= 0:
            so3.multiply_tn(slots.R_lin[s], slots.R[s], A)
            so3.log(A, w)
            for k in range(3):
                delta[at + k] = w[k]
                delta[at + 3 + k] = slots.p[s, k] - slots.p_lin[s, k]
        at = motion_at[s]
        if at >= 0:
            for k in range(3):
                delta[at + k] = slots.v[s, k] - slots.v_lin[s, k]
            for k in range(6):
                delta[at + 3 + k] = slots.bias[s, k] - slots.bias_lin[s, k]
    for k in range(slots.calibration.shape[0]):
        delta[calibration_at + k] = slots.calibration[k]


@kernel
def linearise_prior(tables):
    """Add the prior to the system: H += L L^T, b += L (L^T delta + r).

    Returns:
        cost.
    """
    slots, prior, system, work = tables.slots, tables.prior, tables.system, tables.work
    n, poses = prior.dim[0], 0
    if n == 0:
        return 0.0
    L, H, b, delta, panel = prior.L, system.H, system.b, work.delta, work.panel
    rows, runs = work.rows[0], work.rows[1]
    last = n - slots.calibration.shape[0]
    offset_from_lin(slots, prior.pose_at, prior.motion_at, last, work.small, delta)
    for s in range(slots.t_ns.shape[0]):
        if prior.pose_at[s] >= 0:
            poses += 1
            for k in range(6):
                rows[prior.pose_at[s] + k] = system.pose_at[s] + k
        if prior.motion_at[s] >= 0:
            for k in range(9):
                rows[prior.motion_at[s] + k] = system.motion_at[s] + k
    for k in range(last, n):
        rows[k] = system.calibration_at[0] + k - last
    runs[0], begin, n_runs = 0, 0, 0
    for i in range(1, n):
        begin = begin if rows[i] == rows[i - 1] + 1 else i
        runs[i] = begin
    e = panel[:n]  # L^T delta + r
    for i in range(n):
        row, d = L[i * (i + 1) // 2 : (i + 1) * (i + 2) // 2], delta[i]
        e[i] = prior.r[i]
        for k in range(i + 1):
            e[k] += row[k] * d
    cost = 0.0
    for i in range(n):
        cost += e[i] * e[i]
        b[rows[i]] += dot(L[i * (i + 1) // 2 : (i + 1) * (i + 2) // 2], e, i + 1)
    for k in range(0, n, 3):  # as in `cholesky`: three columns at a time
        rest = n - k
        c0, c1, c2 = panel[:rest], panel[rest : 2 * rest], panel[2 * rest : 3 * rest]
        for i in range(rest):
            at, row = (k + i) * (k + i + 1) // 2 + k, rows[k + i]
            x = np.float64(L[at])
            y = np.float64(L[at + 1]) if i > 0 else 0.0
            z = np.float64(L[at + 2]) if i > 1 else 0.0
            c0[i], c1[i], c2[i] = x, y, z
            end = i + 1
            while end > 0:  # run after run of rows that stand side by side in the system too
                n_runs += 1
                begin = max(runs[k + end - 1] - k, 0)
                col = rows[k + begin]
                if col <= row:
                    h = H[row * (row + 1) // 2 + col : row * (row + 1) // 2 + col + end - begin]
                    d0, d1, d2 = c0[begin:end], c1[begin:end], c2[begin:end]
                    for e in range(end - begin):
                        h[e] += x * d0[e] + y * d1[e] + z * d2[e]
                else:
                    for e in range(end - begin):
                        high = col + e
                        s = x * c0[begin + e] + y * c1[begin + e] + z * c2[begin + e]
                        H[high * (high + 1) // 2 + row] += s
                end = begin
    work.counts[AT.prior_calls] += 1
    work.counts[AT.prior_poses] += poses
    work.counts[AT.prior_rows] += n
    work.counts[AT.prior_rows2] += n**2
    work.counts[AT.prior_rows3] += n**3
    work.counts[AT.prior_runs] += n_runs
    return cost
