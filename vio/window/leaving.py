"""What leaves a full window, and its tables after that has left.

The oldest motion state leaves, with its frame if that is no keyframe. Of the keyframes one leaves
whose landmarks are hardly seen any more; else the one that makes the rest most evenly spread: the
distance score of Engel et al., "Direct Sparse Odometry", PAMI 2018, sec. 3.1.
"""

import math

from vio._jit import kernel
from vio.events import AT


@kernel
def mark_leaving(tables, order, newest, max_states, max_keyframes, keep_ratio):
    """Mark in `work` what leaves: one motion state and one keyframe at the most.

    Args:
        tables: Tables. order: (n,) int64 slots in time order. newest: slot of the current frame.
        max_states, max_keyframes: how many stay. keep_ratio: as of `choose_keyframe`.

    Returns:
        whether anything leaves.
    """
    slots, landmarks, work = tables.slots, tables.landmarks, tables.work
    counts, M = work.counts, landmarks.id.shape[0]
    first, second, motions, keys = -1, -1, 0, 0
    for s in order:
        if slots.motion[s]:
            if motions == 0:
                first = s
            elif motions == 1:
                second = s
            motions += 1
        keys += slots.key[s]
    counts[AT.leave_checks] += 1
    counts[AT.leave_slots] += order.shape[0]
    if motions <= max_states and keys <= max_keyframes:
        return False
    for s in range(slots.t_ns.shape[0]):
        work.leave_pose[s] = 0
        work.leave_motion[s] = 0
        work.factor[s] = 0
    for m in range(M):
        work.use[m] = 0
    counts[AT.leavings] += 1
    if motions > max_states:
        work.leave_motion[first] = 1
        work.factor[second] = 1
        counts[AT.motions_leave] += 1
        if slots.key[first] == 0:
            work.leave_pose[first] = 1
            for m in range(M):
                landmarks.weight[m, first, 0] = 0
                landmarks.weight[m, first, 1] = 0
            counts[AT.frames_leave] += 1
    if keys <= max_keyframes:
        return True
    victim = choose_keyframe(tables, order, newest, keep_ratio)
    if victim < 0:
        return motions > max_states
    hosted = 0
    work.leave_pose[victim] = 1
    for m in range(M):
        if landmarks.active[m] and landmarks.host[m] == victim:
            work.use[m] = 1
            hosted += 1
    counts[AT.choice_hosted] += hosted
    return True


@kernel
def choose_keyframe(tables, order, newest, keep_ratio):
    """The keyframe to leave, of those without motion or whose motion leaves; the last stays.

    Args:
        keep_ratio: share of a keyframe's landmarks that must be in view for it to stay.

    Returns:
        its slot, -1 if there is none.
    """
    slots, landmarks, work = tables.slots, tables.landmarks, tables.work
    may, hosts, views = work.seen, work.rows[0], work.rows[1]
    for s in range(slots.t_ns.shape[0]):
        hosts[s] = 0
        views[s] = 0
    known, seen = 0, 0
    for m in range(landmarks.id.shape[0]):
        if landmarks.active[m]:
            host = landmarks.host[m]
            hosts[host] += 1
            known += 1
            if landmarks.weight[m, newest, 0]:
                views[host] += 1
                seen += 1
    last, many = -1, 0
    for s in order:
        may[s] = slots.key[s] & ((slots.motion[s] == 0) | work.leave_motion[s])
        if may[s]:
            last = s
            many += 1
    best, chosen, hidden, keys, pairs, looks = -1.0, last, -1, 0, 0, order.shape[0]
    for s in order:
        if not may[s] or (s == last and many > 1):
            continue
        if views[s] < keep_ratio * max(hosts[s], 1) and hidden < 0:
            hidden = s
        crowd = 0.0
        for other in order:
            if may[other] and other != s:
                crowd += 1.0 / (apart(slots.p, s, other) + 1e-5)
                pairs += 1
        looks += order.shape[0]
        keys += 1
        score = math.sqrt(apart(slots.p, s, newest)) * crowd
        pairs += 1
        if score > best:
            best, chosen = score, s
    counts = work.counts
    counts[AT.choices] += 1
    counts[AT.choice_known] += known
    counts[AT.choice_seen] += seen
    counts[AT.choice_slots] += order.shape[0]
    counts[AT.choice_looks] += looks
    counts[AT.choice_keys] += keys
    counts[AT.choice_pairs] += pairs
    return chosen if hidden < 0 else hidden


@kernel
def apart(p, i, j):
    """Distance of two points of (S, 3)."""
    x, y, z = p[i, 0] - p[j, 0], p[i, 1] - p[j, 1], p[i, 2] - p[j, 2]
    return math.sqrt(x * x + y * y + z * z)


@kernel
def clear_left(tables, newest):
    """Free what was marked to leave, the landmarks it hosts, and those without depth or track.

    Args: as of `mark_leaving`.
    """
    slots, landmarks, work = tables.slots, tables.landmarks, tables.work
    M, freed, tests, unknown = landmarks.id.shape[0], 0, 0, 0
    for m in range(M):
        if landmarks.id[m] < 0:
            continue
        tests += 1
        gone = work.leave_pose[landmarks.host[m]] > 0
        if landmarks.active[m] == 0:
            gone |= landmarks.weight[m, newest, 0] == 0
            unknown += 1
        if gone:
            landmarks.id[m] = -1
            landmarks.active[m] = 0
            freed += 1
    for s in range(slots.t_ns.shape[0]):
        if work.leave_motion[s]:
            slots.motion[s] = 0
        if work.leave_pose[s] == 0:
            continue
        for m in range(M):
            landmarks.weight[m, s, 0] = 0
            landmarks.weight[m, s, 1] = 0
        slots.t_ns[s] = 0
        slots.key[s] = 0
        slots.motion[s] = 0
        slots.fixed[s] = 0
    work.counts[AT.clear_tests] += tests
    work.counts[AT.clear_unknown] += unknown
    work.counts[AT.cleared] += freed
