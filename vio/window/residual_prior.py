"""The marginalisation prior |L^T (x - lin) + r|^2, in square-root form, L packed lower."""

from vio._jit import kernel
from vio.geometry import so3
from vio.window.solve import dot


@kernel
def offset_from_lin(slots, pose_at, motion_at, small, delta):
    """delta = x - lin over the rows of `pose_at`, `motion_at`: Log(R_lin^T R), and differences."""
    A, w = small[14:17, 0:3], small[17, 0:3]
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


@kernel
def linearise_prior(slots, prior, system, rows, delta, small):
    """Add the prior to the system: H += L L^T, b += L (L^T delta + r).

    Args:
        rows: (D,) int64 scratch: row of the system of each row of the prior.
        delta: (D,) float64 scratch.

    Returns:
        (cost, rows).
    """
    n = prior.dim[0]
    if n == 0:
        return 0.0, 0
    L, H, b = prior.L, system.H, system.b
    offset_from_lin(slots, prior.pose_at, prior.motion_at, small, delta)
    for s in range(slots.t_ns.shape[0]):
        if prior.pose_at[s] >= 0:
            for k in range(6):
                rows[prior.pose_at[s] + k] = system.pose_at[s] + k
        if prior.motion_at[s] >= 0:
            for k in range(9):
                rows[prior.motion_at[s] + k] = system.motion_at[s] + k
    # e = L^T delta + r, kept in place of delta once delta[k] is no longer needed.
    cost = 0.0
    for k in range(n):
        e = prior.r[k]
        for i in range(k, n):
            e += L[i * (i + 1) // 2 + k] * delta[i]
        delta[k] = e
        cost += e * e
    for i in range(n):
        row, at_i = rows[i], i * (i + 1) // 2
        b[row] += dot(L, at_i, delta, 0, i + 1)
        for j in range(i + 1):
            col = rows[j]
            s = dot(L, at_i, L, j * (j + 1) // 2, j + 1)
            if row >= col:
                H[row * (row + 1) // 2 + col] += s
            else:
                H[col * (col + 1) // 2 + row] += s
    return cost, n
