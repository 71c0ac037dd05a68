"""Inertial factor between two consecutive motion slots, and the factor of standing still.

Source: Forster et al., TRO 2017, eq. 45 and appendix C, with positions perturbed in the world.
Row order: [rotation, position, velocity, gyro bias, accel bias]; column order: pose i, motion i,
pose j, motion j, where motion = [velocity, gyro bias, accel bias], then the calibration that is
estimated (vio/imu/calibration.py): to the inertial factor as a bias, but one for all.
"""

import math

from vio._jit import kernel
from vio.events import AT
from vio.geometry import so3


@kernel
def imu_residual(slots, pre, i, j, gravity, walk, small, r, J):
    """Whitened residual (15,) and Jacobian (15, 30 + n) of the factor from slot i to slot j.

    Args:
        pre: Preintegrated, the interval from i to j in the row that slot j names.
        gravity: m/s^2, along world -z. walk: (2, 2) as in Model.
        small: (4, 30 + n) scratch.
        r: (15,), J: (15, 30 + n) out.
    """
    at = slots.motion[j] - 1
    dt, width = pre.dt[at], pre.bias.shape[1]
    A, B, C = small[0:3, 0:3], small[0:3, 3:6], small[0:3, 6:9]
    D, E, w = small[0:3, 9:12], small[0:3, 12:15], small[3, 0:3]
    db, raw = small[3, 3 : 3 + width], small[2, 15:24]
    J[:] = 0.0
    for k in range(6):
        db[k] = slots.bias[i, k] - pre.bias[at, k]
    for k in range(6, width):
        db[k] = slots.calibration[k - 6] - pre.bias[at, k]
    # Residual at the current state.
    for a in range(3):
        w[a] = 0.0
        for k in range(3):
            w[a] += pre.J[at, a, k] * db[k]
        for k in range(6, width):
            w[a] += pre.J[at, a, k] * db[k]
    so3.exp(w, A)
    so3.multiply(pre.R[at], A, B)  # corrected R_i_j
    so3.multiply_tn(slots.R[i], slots.R[j], C)
    so3.multiply_tn(B, C, A)
    so3.log(A, w)
    for a in range(3):
        raw[a] = w[a]
        sp, sv = 0.0, 0.0
        for k in range(3):
            g = -gravity if k == 2 else 0.0
            dp = slots.p[j, k] - slots.p[i, k] - slots.v[i, k] * dt - 0.5 * g * dt * dt
            dv = slots.v[j, k] - slots.v[i, k] - g * dt
            sp += slots.R[i, k, a] * dp
            sv += slots.R[i, k, a] * dv
        for k in range(width):
            sp -= pre.J[at, 3 + a, k] * db[k]
            sv -= pre.J[at, 6 + a, k] * db[k]
        raw[3 + a] = sp - pre.p[at, a]
        raw[6 + a] = sv - pre.v[at, a]
    # Jacobian at the linearisation points.
    for a in range(3):
        w[a] = 0.0
        for k in range(3):
            w[a] += pre.J[at, a, k] * (slots.bias_lin[i, k] - pre.bias[at, k])
        for k in range(6, width):
            w[a] += pre.J[at, a, k] * db[k]
    so3.right_jacobian(w, D)
    so3.exp(w, A)
    so3.multiply(pre.R[at], A, B)
    so3.multiply_tn(slots.R_lin[i], slots.R_lin[j], C)  # R_i_j
    so3.multiply_tn(B, C, A)
    so3.log(A, w)
    so3.right_jacobian_inverse(w, E)
    for a in range(3):
        for k in range(3):
            s = 0.0
            for m in range(3):
                s -= E[a, m] * C[k, m]
            J[a, k] = s
            J[a, 15 + k] = E[a, k]
    so3.multiply_tn(A, D, B)
    so3.multiply(E, B, D)
    for a in range(3):
        for k in range(width):
            if k < 3 or k >= 6:  # no force turns anything
                s = 0.0
                for m in range(3):
                    s -= D[a, m] * pre.J[at, m, k]
                J[a, 9 + k if k < 6 else 24 + k] = s
    Ri = slots.R_lin[i]
    sp, sv = small[0, 15:18], small[1, 15:18]
    for a in range(3):
        sp[a] = 0.0
        sv[a] = 0.0
        for k in range(3):
            g = -gravity if k == 2 else 0.0
            dp = slots.p_lin[j, k] - slots.p_lin[i, k] - slots.v_lin[i, k] * dt - 0.5 * g * dt * dt
            dv = slots.v_lin[j, k] - slots.v_lin[i, k] - g * dt
            sp[a] += Ri[k, a] * dp
            sv[a] += Ri[k, a] * dv
            J[3 + a, 3 + k] = -Ri[k, a]
            J[3 + a, 18 + k] = Ri[k, a]
            J[3 + a, 6 + k] = -Ri[k, a] * dt
            J[6 + a, 6 + k] = -Ri[k, a]
            J[6 + a, 21 + k] = Ri[k, a]
        for k in range(width):
            col = 9 + k if k < 6 else 24 + k
            J[3 + a, col] = -pre.J[at, 3 + a, k]
            J[6 + a, col] = -pre.J[at, 6 + a, k]
    for row in range(2):
        s = sp if row == 0 else sv
        top = 3 + 3 * row
        J[top, 1], J[top, 2] = -s[2], s[1]
        J[top + 1, 0], J[top + 1, 2] = s[2], -s[0]
        J[top + 2, 0], J[top + 2, 1] = -s[1], s[0]
    # Whiten, last row first, so that it can be done in place.
    W, doubt = pre.whiten[at], slots.doubt[j]
    trust = 1.0 / (1.0 + doubt)
    for a in range(8, -1, -1):
        row, own = J[a], W[a * (a + 1) // 2 + a] * trust
        s = own * raw[a]
        for col in range(24 + width):
            row[col] *= own
        for k in range(a):
            other, x = J[k], W[a * (a + 1) // 2 + k] * trust
            s += x * raw[k]
            for col in range(24 + width):
                row[col] += x * other[col]
        r[a] = s
    for k in range(6):
        weight = 1.0 / (walk[0, k // 3] * math.sqrt(dt))
        if doubt > 0.0:
            weight = 1.0 / math.sqrt(1.0 / weight**2 + walk[1, k // 3] ** 2)
        r[9 + k] = weight * (slots.bias[j, k] - slots.bias[i, k])
        J[9 + k, 9 + k] = -weight
        J[9 + k, 24 + k] = weight


@kernel
def still_residual(slots, i, j, sigma, small, r, J):
    """Whitened residual (15,) and Jacobian (15, 30 + n) of not having moved between i and j.

    Rows: rotation, position, velocity of j, velocity of i, and three of zero.

    Args:
        sigma: (3,) rad, m, m/s. small, r, J: as of `imu_residual`.
    """
    A, w, E = small[0:3, 0:3], small[3, 0:3], small[0:3, 3:6]
    J[:] = 0.0
    so3.multiply_tn(slots.R[i], slots.R[j], A)
    so3.log(A, w)
    for a in range(3):
        r[a] = w[a] / sigma[0]
        r[3 + a] = (slots.p[j, a] - slots.p[i, a]) / sigma[1]
        r[6 + a] = slots.v[j, a] / sigma[2]
        r[9 + a] = slots.v[i, a] / sigma[2]
        r[12 + a] = 0.0
        J[3 + a, 3 + a] = -1.0 / sigma[1]
        J[3 + a, 18 + a] = 1.0 / sigma[1]
        J[6 + a, 21 + a] = 1.0 / sigma[2]
        J[9 + a, 6 + a] = 1.0 / sigma[2]
    so3.multiply_tn(slots.R_lin[i], slots.R_lin[j], A)
    so3.log(A, w)
    so3.right_jacobian_inverse(w, E)
    for a in range(3):
        for k in range(3):
            s = 0.0
            for m in range(3):
                s -= E[a, m] * A[k, m]
            J[a, k] = s / sigma[0]
            J[a, 15 + k] = E[a, k] / sigma[0]


@kernel
def add_factor(system, i, j, r, J, rows, sums):
    """Add J^T J and J^T r of a two-slot factor to the system; returns the cost r^T r.

    Args:
        rows: (30 + n,) integer scratch. sums: (30 + n,) scratch.
    """
    H, b = system.H, system.b
    cost = 0.0
    for a in range(15):
        cost += r[a] * r[a]
    for p in range(J.shape[1]):
        rows[p] = _row(system, i, j, p)
        row = rows[p]
        if row < 0:
            continue
        s = 0.0
        for q in range(p + 1):
            sums[q] = 0.0
        for a in range(15):
            line, x = J[a], J[a, p]
            s += x * r[a]
            for q in range(p + 1):
                sums[q] += x * line[q]
        b[row] += s
        for q in range(p + 1):
            col = rows[q]
            if col >= 0:
                high, low = max(row, col), min(row, col)
                H[high * (high + 1) // 2 + low] += sums[q]
    return cost


@kernel
def _row(system, i, j, p):
    """Row of the system for column p of a factor's Jacobian, -1 if it is held."""
    if p >= 30:
        return system.calibration_at[0] + p - 30
    slot = i if p < 15 else j
    q = p % 15
    if q < 6:
        at = system.pose_at[slot]
        return at + q if at >= 0 else -1
    at = system.motion_at[slot]
    return at + q - 6 if at >= 0 else -1


@kernel
def linearise_motion(tables, order, model):
    """Add the inertial and standstill factors between consecutive motion slots in `order`.

    Args:
        tables: Tables; `work.factor` says whether the factor that ends in a slot takes part.
        order: (n,) int64 slots in time order. model: Model.

    Returns:
        cost.
    """
    slots, system, work = tables.slots, tables.system, tables.work
    small, rows = work.small, work.rows[0]
    J, r, rest, sums = small[0:15], small[19, 0:15], small[15:19], small[20]
    cost, first, both, factors, still = 0.0, 0, 0, 0, 0
    for k in range(1, order.shape[0]):
        i, j = order[k - 1], order[k]
        if slots.motion[i] == 0:
            continue
        first += 1
        if slots.motion[j] == 0:
            continue
        both += 1
        if work.factor[j] == 0:
            continue
        imu_residual(slots, tables.pre, i, j, model.gravity, model.walk, rest, r, J)
        cost += add_factor(system, i, j, r, J, rows, sums)
        factors += 1
        if slots.still[j]:
            still += 1
            still_residual(slots, i, j, model.still, rest, r, J)
            cost += add_factor(system, i, j, r, J, rows, sums)
    work.counts[AT.pairs_first] += first
    work.counts[AT.pairs_both] += both
    work.counts[AT.imu_factors] += factors
    work.counts[AT.still_factors] += still
    return cost


@kernel
def misfit(tables, order, model):
    """How badly the inertial intervals fit the present states: chi-square per row of the nine.

    Args: as of `linearise_motion`. That of each interval, in time order, goes to `work.delta`.

    Returns:
        their mean.
    """
    slots, small, chi = tables.slots, tables.work.small, tables.work.delta
    J, r, rest = small[0:15], small[19, 0:15], small[15:19]
    total, count = 0.0, 0
    for k in range(1, order.shape[0]):
        i, j = order[k - 1], order[k]
        if slots.motion[i] * slots.motion[j] == 0:
            continue
        imu_residual(slots, tables.pre, i, j, model.gravity, model.walk, rest, r, J)
        square = 0.0
        for a in range(9):
            square += r[a] * r[a]
        chi[count] = square / 9.0
        total += square / 9.0
        count += 1
    tables.work.counts[AT.misfits] += count
    return total / max(count, 1)
