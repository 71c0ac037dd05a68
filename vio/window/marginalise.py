"""Turn what leaves the window into the new prior, at fixed linearisation points.

The leaving rows are put first; one Cholesky factorisation of the assembled system then holds the
square root of their Schur complement in its last rows: no inverse, no second factorisation.
Source: Demmel et al. / Demmel, Schubert et al., "Square Root Marginalization", ICCV 2021, for
the prior's form; here it is reached through the normal equations.
"""

from vio._jit import kernel
from vio.window.residual_imu import linearise_motion
from vio.window.residual_prior import linearise_prior, offset_from_lin
from vio.window.residual_vision import linearise
from vio.window.solve import cholesky, forward
from vio.window.state import (
    LAYOUT_HELD,
    LAYOUT_LEFT,
    LAYOUT_MOTIONS,
    LAYOUT_POSES,
    LAYOUT_RIGHT,
    LAYOUT_TESTS,
    LAYOUT_USED,
)


@kernel
def layout(slots, order, prior, leave_pose, leave_motion, factor, landmarks, use, system, counts):
    """Rows of the marginalisation system: leaving first, then the kept that are touched.

    Args:
        order: (n,) int64 slots in time order. leave_pose, leave_motion: (S,) uint8.
        factor: (S,) uint8 inertial factors that take part, by the slot they end in.
        use: (M,) uint8 landmarks that take part.
        system: pose_at and motion_at are written. counts: `Work.counts`.

    Returns:
        (leaving rows, all rows).
    """
    for s in range(slots.t_ns.shape[0]):
        system.pose_at[s] = -1
        system.motion_at[s] = -1
    n = 0
    for s in order:
        if leave_pose[s]:
            system.pose_at[s] = n
            n += 6
        if leave_motion[s]:
            system.motion_at[s] = n
            n += 9
    leaving = n
    tests, used, left, right, poses, motions, held = 0, 0, 0, 0, 0, 0, 0
    for k in range(order.shape[0]):
        s = order[k]
        pose = prior.pose_at[s] >= 0
        motion = prior.motion_at[s] >= 0
        if factor[s]:
            pose = motion = True
        if k + 1 < order.shape[0] and factor[order[k + 1]]:
            pose = motion = True
        if not pose:
            for m in range(landmarks.id.shape[0]):
                tests += 1
                if use[m] == 0:
                    continue
                used += 1
                seen = landmarks.weight[m, s]
                pose = landmarks.host[m] == s
                if not pose:
                    left += 1
                    pose = seen[0] > 0
                    if not pose:
                        right += 1
                        pose = seen[1] > 0
                if pose:
                    break
        poses += pose
        if pose and system.pose_at[s] < 0:
            system.pose_at[s] = n
            n += 6
        motions += motion
        if motion and slots.motion[s]:
            held += 1
            if system.motion_at[s] < 0:
                system.motion_at[s] = n
                n += 9
    counts[LAYOUT_TESTS] += tests
    counts[LAYOUT_USED] += used
    counts[LAYOUT_LEFT] += left
    counts[LAYOUT_RIGHT] += right
    counts[LAYOUT_POSES] += poses
    counts[LAYOUT_MOTIONS] += motions
    counts[LAYOUT_HELD] += held
    return leaving, n


@kernel
def marginalise(
    slots,
    order,
    landmarks,
    pre,
    ext,
    prior,
    leave_pose,
    leave_motion,
    factor,
    use,
    inv_sigma,
    limit,
    gravity,
    walk,
    still_sigma,
    system,
    work,
    rows,
):
    """Replace `prior` by the prior that remains when the leaving rows are eliminated.

    Args: as `layout`, `residual_vision.linearise` and `residual_imu.linearise_motion`.
        rows: (D,) int64 scratch.

    Returns:
        (rows of the system, landmarks folded in, residuals, blocks, rows kept).
    """
    leaving, n = layout(
        slots,
        order,
        prior,
        leave_pose,
        leave_motion,
        factor,
        landmarks,
        use,
        system,
        work.counts,
    )
    system.H[: n * (n + 1) // 2] = 0.0
    system.b[:n] = 0.0
    linearise_prior(slots, prior, system, rows, work.delta, work.small)
    linearise_motion(slots, pre, order, gravity, walk, still_sigma, factor, system, work.small)
    _, points, residuals, blocks = linearise(
        slots, landmarks, ext, use, inv_sigma, limit, system, work
    )
    cholesky(system.H, n, 1e-12)
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
    # r is about the current state; shift it to the linearisation points of older slots.
    offset_from_lin(slots, prior.pose_at, prior.motion_at, work.small, work.delta)
    for k in range(kept):
        s = 0.0
        for i in range(k, kept):
            s += prior.L[i * (i + 1) // 2 + k] * work.delta[i]
        prior.r[k] -= s
    return n, points, residuals, blocks, kept
