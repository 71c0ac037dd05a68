"""Turn what leaves the window into the new prior, at fixed linearisation points.

The leaving rows are put first; one Cholesky factorisation of the assembled system then holds the
square root of their Schur complement in its last rows: no inverse, no second factorisation.
Source: Demmel et al. / Demmel, Schubert et al., "Square Root Marginalization", ICCV 2021, for
the prior's form; here it is reached through the normal equations.
"""

from vio._jit import kernel
from vio.events import AT
from vio.window.leaving import clear_left, mark_leaving
from vio.window.optimise import assemble
from vio.window.residual_prior import offset_from_lin
from vio.window.solve import cholesky, forward


@kernel
def layout(tables, order):
    """Rows of the marginalisation system: leaving first, then the kept that are touched.

    Leaving motions and poses, then kept poses and motions: poses stand side by side. The
    calibration is last and stays.

    Args:
        tables: Tables; what leaves, the factors and the landmarks that take part are in `work`.
        order: (n,) int64 slots in time order.

    Returns:
        (leaving rows, all rows).
    """
    slots, landmarks, prior = tables.slots, tables.landmarks, tables.prior
    system, work = tables.system, tables.work
    factor, use, counts = work.factor, work.use, work.counts
    for s in range(slots.t_ns.shape[0]):
        system.pose_at[s] = -1
        system.motion_at[s] = -1
    n, all_poses, all_motions = 0, 0, 0
    for s in order:
        if work.leave_motion[s]:
            system.motion_at[s] = n
            n += 9
            all_motions += 1
    for s in order:
        if work.leave_pose[s]:
            system.pose_at[s] = n
            n += 6
            all_poses += 1
    leaving = n
    tests, used, left, right, poses, motions, held = 0, 0, 0, 0, 0, 0, 0
    for k in range(order.shape[0]):
        s = order[k]
        pose = touched(order, factor, k) | (prior.pose_at[s] >= 0)
        if not pose:
            for m in range(landmarks.id.shape[0]):
                tests += 1
                if use[m] == 0:
                    continue
                used += 1
                pose = landmarks.host[m] == s
                if not pose:
                    left += 1
                    pose = landmarks.weight[m, s, 0] > 0
                    if not pose:
                        right += 1
                        pose = landmarks.weight[m, s, 1] > 0
                if pose:
                    break
        poses += pose
        if pose and system.pose_at[s] < 0:
            system.pose_at[s] = n
            n += 6
            all_poses += 1
    for k in range(order.shape[0]):
        s = order[k]
        motion = touched(order, factor, k) | (prior.motion_at[s] >= 0)
        motions += motion
        if motion and slots.motion[s]:
            held += 1
            if system.motion_at[s] < 0:
                system.motion_at[s] = n
                n += 9
                all_motions += 1
    system.calibration_at[0] = n
    n += slots.calibration.shape[0]
    counts[AT.layout_slots] += order.shape[0]
    counts[AT.layout_all_poses] += all_poses
    counts[AT.layout_all_motions] += all_motions
    counts[AT.layout_tests] += tests
    counts[AT.layout_used] += used
    counts[AT.layout_left] += left
    counts[AT.layout_right] += right
    counts[AT.layout_poses] += poses
    counts[AT.layout_motions] += motions
    counts[AT.layout_held] += held
    return leaving, n


@kernel
def touched(order, factor, k):
    """Whether an inertial factor that takes part begins or ends in frame `order[k]`."""
    after = factor[order[k + 1]] if k + 1 < order.shape[0] else 0
    return after + factor[order[k]] > 0


@kernel
def take_prior(tables, leaving, n):
    """Replace the prior by what remains of the assembled system without its leaving rows.

    Args:
        tables: Tables. leaving, n: as `layout` returned them.
    """
    slots, prior, system, work = tables.slots, tables.prior, tables.system, tables.work
    counts, poses = work.counts, 0
    cholesky(system.H, n, 1e-12, system.d, work.panel)
    forward(system.H, n, system.b)
    kept = n - leaving
    for i in range(kept):
        row = (leaving + i) * (leaving + i + 1) // 2 + leaving
        for j in range(i + 1):
            prior.L[i * (i + 1) // 2 + j] = system.H[row + j]
        prior.r[i] = system.b[leaving + i]
    for s in range(slots.t_ns.shape[0]):
        prior.pose_at[s] = system.pose_at[s] - leaving if system.pose_at[s] >= leaving else -1
        prior.motion_at[s] = system.motion_at[s] - leaving if system.motion_at[s] >= leaving else -1
    prior.dim[0] = kept
    # Slots that enter the prior are linearised here from now on.
    for s in range(slots.t_ns.shape[0]):
        if prior.pose_at[s] >= 0:
            slots.fixed[s] = 1
            poses += 1
    # r is about the current state; shift it to the linearisation points of older slots.
    last = kept - slots.calibration.shape[0]
    offset_from_lin(slots, prior.pose_at, prior.motion_at, last, work.small, work.delta)
    for i in range(kept):
        for k in range(i + 1):
            prior.r[k] -= prior.L[i * (i + 1) // 2 + k] * work.delta[i]
    counts[AT.marginalised] += 1
    counts[AT.marginalise_dim] += n
    counts[AT.marginalise_dim2] += n**2
    counts[AT.marginalise_dim3] += n**3
    counts[AT.marginalise_kept] += kept
    counts[AT.marginalise_kept2] += kept**2
    counts[AT.marginalise_poses] += poses


@kernel
def shrink(tables, order, newest, max_states, max_keyframes, keep_ratio, model):
    """Marginalise until the window fits.

    Args:
        tables, newest, max_states, max_keyframes, keep_ratio: as `leaving.mark_leaving`.
        order: (n,) int64 slots in time order, in/out. model: Model.

    Returns:
        how many slots are left, at the beginning of `order`.
    """
    t_ns, counts, many = tables.slots.t_ns, tables.work.counts, order.shape[0]
    while mark_leaving(tables, order[:many], newest, max_states, max_keyframes, keep_ratio):
        leaving, n = layout(tables, order[:many])
        _, points, _, _ = assemble(tables, order[:many], model, n)
        take_prior(tables, leaving, n)
        clear_left(tables, newest)
        left = 0
        for k in range(many):
            if t_ns[order[k]]:
                order[left] = order[k]
                left += 1
        counts[AT.marginalised_landmarks] += points
        counts[AT.leave_left] += many
        many = left
    return many
