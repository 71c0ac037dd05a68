"""Tallies of the window that follow from the sizes of its tables: taken around the kernels' calls.

What only a kernel can know it adds to `Work.counts`; here that joins the frame's tally, together
with what is plain from the number of frames, motions and landmarks.
"""

import numpy as np

from vio.events import INDEX, WINDOW_COUNTS
from vio.window.state import STEPS

FIRST = INDEX[WINDOW_COUNTS[0]]


def flush(tally, work):
    """Move the kernels' counts to the tally."""
    c = work.counts
    tally.add_row(FIRST, c)
    c[:] = 0


def pairs(slots, order, factor):
    """Consecutive frames: (first has motion, both have, with a factor, with a still one)."""
    motion, still, use = slots.motion.tolist(), slots.still.tolist(), factor.tolist()
    first = both = factors = at_rest = 0
    at = order.tolist()
    for i, j in zip(at, at[1:]):
        if motion[i]:
            first += 1
            if motion[j]:
                both += 1
                if use[j]:
                    factors += 1
                    at_rest += still[j] != 0
    return first, both, factors, at_rest


def assembled(tally, slots, order, prior, factor, times, dim) -> int:
    """`times` systems of `dim` rows: sync, clear, prior and inertial factors; returns factors."""
    first, both, factors, at_rest = pairs(slots, order, factor)
    rows, poses = int(prior.dim[0]), int(np.count_nonzero(prior.pose_at >= 0))
    tally.add(
        assembled=times, linearised_slots=times * order.size,
        linearised_dim=times * dim, linearised_dim2=times * dim**2,
        prior_calls=times * (rows > 0), prior_poses=times * poses,
        prior_rows2=times * rows**2, prior_rows3=times * rows**3,
        pairs_first=times * first, pairs_both=times * both, still_factors=times * at_rest,
    )  # fmt: skip
    return factors


def synced(tally, slots, times):
    """Calls of `sync_lin`."""
    used = [fixed for t, fixed in zip(slots.t_ns.tolist(), slots.fixed.tolist()) if t]
    tally.add(syncs=times, synced_slots=times * len(used), synced_free=times * used.count(0))


def optimised(tally, slots, order, prior, factor, work, done):
    """A run of the optimiser; `done` are the tallies it returned. Call before `flush`."""
    n_slots, n_motions = order.size, int(np.count_nonzero(slots.motion[order]))
    keys = int(np.count_nonzero(slots.key[order]))
    times, points, solves, dim = (
        int(done[0]),
        int(done[1]),
        int(done[6]),
        6 * n_slots + 9 * n_motions + slots.calibration.size,
    )
    n_calibration, held = slots.calibration.size, int(slots.held[0])
    free = dim - held
    steps = int(work.counts[STEPS])
    relaxed = points // times * steps
    assembled(tally, slots, order, prior, factor, times, dim)
    synced(tally, slots, times)
    tally.add(
        optimisations=1, laid_slots=n_slots, laid_motions=n_motions,
        hosts_scanned=times * keys, host_tests=keys * points,
        relaxed=relaxed,
        step_poses=steps * n_slots, step_motions=steps * n_motions,
        solve_dim2=solves * dim**2, solve_dim3=solves * dim**3, solve_free=solves * free,
        solve_free2=solves * free**2, step_calibration=steps * (n_calibration - held),
    )  # fmt: skip


def marginalised(tally, slots, order, prior, factor, use):
    """Before the leaving slots are marginalised: what enters the system."""
    keys = int(np.count_nonzero(slots.key[order]))
    synced(tally, slots, 1)
    factors = assembled(tally, slots, order, prior, factor, 1, 0)
    tally.add(
        hosts_scanned=keys, host_tests=keys * int(np.count_nonzero(use)),
        prior_rows=int(prior.dim[0]), imu_factors=factors, layout_slots=order.size,
    )  # fmt: skip


def reduced(tally, prior, system, dim, kept):
    """After: a system of `dim` rows left a prior of `kept`."""
    laid = int((system.pose_at >= 0).sum())
    motions = (int(system.calibration_at[0]) - 6 * laid) // 9
    tally.add(layout_all_poses=laid, layout_all_motions=motions)
    poses = int((prior.pose_at >= 0).sum())
    tally.add(
        linearised_dim=dim, linearised_dim2=dim**2, marginalised=1, marginalise_dim=dim,
        marginalise_dim2=dim**2, marginalise_dim3=dim**3, marginalise_kept=kept,
        marginalise_kept2=kept**2, marginalise_poses=poses,
    )  # fmt: skip


def observed(tally, n, known, tests, written, right):
    """`n` tracks matched with landmarks; the rest as `landmarks.observe` returns it."""
    tally.add(
        observations=1, tracks=n, track_tests=tests, tracks_known=written, tracks_right=right,
        scans_known=known,
    )  # fmt: skip


def started(tally, n, started, refused, looked, right):
    """Landmarks started from `n` tracks; the rest as `landmarks.start` returns it."""
    tally.add(starts=1, start_tracks=n, started=started, started_right=right, start_scan=looked)
