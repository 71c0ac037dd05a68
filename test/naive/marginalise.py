"""Marginalisation: the dense system of everything that leaves, and its Schur complement."""

import numpy as np
from naive.imu_factor import linearise_motion, size
from naive.prior import linearise_prior
from naive.vision import TINY, build, eliminate, seen_in


def touched(order, factor):
    """Slots in which a factor that takes part begins or ends."""
    return {int(s) for i, j in zip(order, order[1:]) if factor[j] for s in (i, j)}


def layout(slots, order, prior_slots, leave_pose, leave_motion, factor, landmarks, use):
    """(leaving, kept): sets of full coordinates."""
    pose = lambda s: {15 * int(s) + k for k in range(6)}  # noqa: E731
    motion = lambda s: {15 * int(s) + 6 + k for k in range(9)}  # noqa: E731
    leaving, kept = set(), set(range(15 * slots.t_ns.size, size(slots)))
    for s in order:
        leaving |= pose(s) if leave_pose[s] else set()
        leaving |= motion(s) if leave_motion[s] else set()
    for s in prior_slots[0]:
        kept |= pose(s)
    for s in prior_slots[1]:
        kept |= motion(s)
    for s in touched(order, factor):
        kept |= pose(s) | motion(s)
    for m in np.flatnonzero(use):
        for s in {int(landmarks.host[m])} | seen_in(landmarks, m):
            kept |= pose(s)
    return leaving, kept - leaving


def marginalise(slots, order, landmarks, pre, ext, prior, leaving, kept, factor, use, p):
    """(H, b) over `kept` (list) about the current state.

    Args:
        prior: (L, r, full index) dense. p: dict of inv_sigma, limit, gravity, walk, still_sigma.
    """
    H, b, _, _, _ = build(slots, landmarks, ext, use, p["inv_sigma"], p["limit"])
    n = size(slots)
    H_prior, b_prior, _ = linearise_prior(slots, *prior)
    H[:n, :n] += H_prior
    b[:n] += b_prior
    Hm, bm = np.zeros((n, n)), np.zeros(n)
    linearise_motion(slots, pre, order, p["gravity"], p["walk"], p["still_sigma"], factor, Hm, bm)
    H[:n, :n] += Hm
    b[:n] += bm
    points = [n + 3 * m + k for m in np.flatnonzero(use) for k in range(3)]
    H[points, points] += TINY
    return eliminate(H, b, sorted(leaving) + points, kept)
