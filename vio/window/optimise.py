"""Levenberg-Marquardt over the window: one kernel, no allocation."""

from vio._jit import kernel
from vio.events import AT
from vio.geometry import so3
from vio.window.residual_imu import linearise_motion, misfit
from vio.window.residual_prior import linearise_prior
from vio.window.residual_vision import linearise, relax
from vio.window.solve import solve


@kernel
def full_layout(slots, order, system):
    """Rows of all poses and motions and the calibration; returns their number.

    Older motions, poses in time order, the newest motion: poses stand side by side, and the
    newest state and the calibration are last, where their covariance is read from the factor.
    """
    n = 0
    for s in range(slots.t_ns.shape[0]):
        system.pose_at[s] = -1
        system.motion_at[s] = -1
    last = order.shape[0] - 1
    for k in range(last):
        if slots.motion[order[k]]:
            system.motion_at[order[k]] = n
            n += 9
    for s in order:
        system.pose_at[s] = n
        n += 6
    if slots.motion[order[last]]:
        system.motion_at[order[last]] = n
        n += 9
    system.calibration_at[0] = n
    return n + slots.calibration.shape[0]


@kernel
def sync_lin(slots):
    """Slots that are not in the prior are linearised where they are; returns (slots, of them)."""
    used, free = 0, 0
    for s in range(slots.t_ns.shape[0]):
        if slots.t_ns[s] == 0:
            continue
        used += 1
        if slots.fixed[s]:
            continue
        free += 1
        so3.copy(slots.R[s], slots.R_lin[s])
        for k in range(3):
            slots.p_lin[s, k] = slots.p[s, k]
            slots.v_lin[s, k] = slots.v[s, k]
        for k in range(6):
            slots.bias_lin[s, k] = slots.bias[s, k]
    return used, free


@kernel
def retract(slots, system, small):
    """Apply the step d; returns the largest rotation [rad] and position [m] change."""
    A, B, d = small[15:18, 0:3], small[15:18, 3:6], system.d
    turn, move = 0.0, 0.0
    for s in range(slots.t_ns.shape[0]):
        at = system.pose_at[s]
        if at >= 0:
            so3.exp(d[at : at + 3], A)
            so3.multiply(slots.R[s], A, B)
            so3.normalise(B)
            so3.copy(B, slots.R[s])
            for k in range(3):
                slots.p[s, k] += d[at + 3 + k]
                turn = max(turn, abs(d[at + k]))
                move = max(move, abs(d[at + 3 + k]))
        at = system.motion_at[s]
        if at >= 0:
            for k in range(3):
                slots.v[s, k] += d[at + k]
            for k in range(6):
                slots.bias[s, k] += d[at + 3 + k]
    for k in range(slots.calibration.shape[0] - slots.held[0]):
        slots.calibration[k] += d[system.calibration_at[0] + k]
    return turn, move


@kernel
def copy_state(slots, landmarks, work, back):
    """Save states and points to the backup, or bring them back."""
    for s in range(slots.t_ns.shape[0]):
        row = work.backup[s]
        for k in range(9):
            i, j = k // 3, k % 3
            if back:
                slots.R[s, i, j] = row[k]
            else:
                row[k] = slots.R[s, i, j]
        for k in range(3):
            if back:
                slots.p[s, k], slots.v[s, k] = row[9 + k], row[12 + k]
            else:
                row[9 + k], row[12 + k] = slots.p[s, k], slots.v[s, k]
        for k in range(6):
            if back:
                slots.bias[s, k] = row[15 + k]
            else:
                row[15 + k] = slots.bias[s, k]
    for k in range(slots.calibration.shape[0]):
        if back:
            slots.calibration[k] = work.backup_calibration[k]
        else:
            work.backup_calibration[k] = slots.calibration[k]
    for m in range(landmarks.id.shape[0]):
        for k in range(3):
            if back:
                landmarks.point[m, k] = work.backup_points[m, k]
            else:
                work.backup_points[m, k] = landmarks.point[m, k]


@kernel
def optimise(tables, order, model, iterations, small_turn, small_move):
    """Minimise prior + inertial + vision cost over the slots in `order`.

    Args:
        tables: Tables. `work.factor` says which inertial factors take part.
        order: (n,) int64 slots in time order. model: Model. iterations: most.
        small_turn, small_move: steps below these end it [rad], [m].

    Returns:
        (cost, residuals, misfit): of the last linearisation, whose Cholesky factor is in H, and
        of the inertial intervals after the last step, one by one in `work.delta`;
        the residual of the newest is left in `work.small[19]`.
    """
    slots, landmarks, system, work = tables.slots, tables.landmarks, tables.system, tables.work
    counts = work.counts
    n = full_layout(slots, order, system)
    counts[AT.optimisations] += 1
    counts[AT.laid_slots] += order.shape[0]
    motions = (n - slots.calibration.shape[0] - 6 * order.shape[0]) // 9
    counts[AT.laid_motions] += motions
    for m in range(landmarks.id.shape[0]):
        known = landmarks.id[m] >= 0
        counts[AT.known_landmarks] += known
        work.use[m] = 1 if known and landmarks.active[m] else 0
    damping, before, tried = 0.0, 1e300, 0
    exact, settled = False, False
    while True:
        cost, points, residuals, blocks = assemble(tables, order, model, n)
        counts[AT.linearisations] += 1
        counts[AT.landmarks] += points
        counts[AT.residuals] += residuals
        counts[AT.schur_blocks] += blocks
        if settled:  # the covariance is read from the factor: no damping in it, and at this state
            solve_all(tables, n, 0.0)
            break
        tried += 1
        if cost > before * (1.0 + 1e-6):
            copy_state(slots, landmarks, work, True)
            damping = max(damping * 100.0, 1e-4)
            before = 1e300  # linearise here once more, with more damping
            exact = False
        else:
            copy_state(slots, landmarks, work, False)
            gain = before - cost
            before = cost
            free = solve_all(tables, n, damping)
            exact = damping == 0.0
            turn, move = retract(slots, system, work.small)
            relax(tables, model.inv_sigma, model.limit)
            counts[AT.steps] += 1
            counts[AT.step_poses] += order.shape[0]
            counts[AT.step_motions] += motions
            counts[AT.step_calibration] += slots.calibration.shape[0] - (n - free)
            damping = damping * 0.1 if damping > 1e-6 else 0.0
            settled = (turn < small_turn and move < small_move) or gain < 1e-3 * cost
        settled |= tried == iterations
        if settled and exact:
            break
    return cost, residuals, misfit(tables, order, model)


@kernel
def solve_all(tables, n, damping):
    """Solve the system of the optimiser for its step; returns how many rows it moves."""
    counts, held = tables.work.counts, tables.slots.held[0]
    solve(tables.system, n, held, damping, tables.work.panel)
    counts[AT.solves] += 1
    counts[AT.solve_dim] += n
    counts[AT.solve_dim2] += n**2
    counts[AT.solve_dim3] += n**3
    counts[AT.solve_free] += n - held
    counts[AT.solve_free2] += (n - held) ** 2
    return n - held


@kernel
def assemble(tables, order, model, n):
    """Normal equations of all terms at the current state, `n` rows laid out before.

    Returns:
        (cost, landmarks, vision residuals, 6x6 blocks of their elimination).
    """
    system, counts = tables.system, tables.work.counts
    used, free = sync_lin(tables.slots)
    system.H[: n * (n + 1) // 2] = 0.0
    system.b[:n] = 0.0
    cost, points, residuals, blocks = linearise(tables, model.inv_sigma, model.limit)
    cost += linearise_prior(tables)
    cost += linearise_motion(tables, order, model)
    counts[AT.assembled] += 1
    counts[AT.linearised_slots] += order.shape[0]
    counts[AT.linearised_dim] += n
    counts[AT.linearised_dim2] += n**2
    counts[AT.syncs] += 1
    counts[AT.synced_slots] += used
    counts[AT.synced_free] += free
    return cost, points, residuals, blocks
