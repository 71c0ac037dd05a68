"""What leaves a window, with lists and sets."""

import numpy as np


def mark_leaving(slots, landmarks, order, newest, max_states, max_keyframes, keep_ratio):
    """(slot whose motion leaves, slots whose pose leaves): None and empty if the window fits."""
    motions = [s for s in order if slots.motion[s]]
    keys = [s for s in order if slots.key[s]]
    motion, poses = None, set()
    if len(motions) > max_states:
        motion = motions[0]
        if not slots.key[motion]:
            poses.add(motion)
    if len(keys) > max_keyframes:
        may = [s for s in keys if not slots.motion[s] or s == motion]
        if may:
            poses.add(choose_keyframe(slots, landmarks, may, newest, keep_ratio))
    return motion, poses


def choose_keyframe(slots, landmarks, keys, newest, keep_ratio):
    """The keyframe that leaves of `keys`, oldest first: the last stays if it can."""
    candidates = keys[:-1] if len(keys) > 1 else keys
    for s in candidates:
        hosted = np.flatnonzero((landmarks.active == 1) & (landmarks.host == s))
        seen = landmarks.weight[hosted, newest, 0] > 0
        if seen.sum() < keep_ratio * max(len(hosted), 1):
            return s

    def score(s):
        others = [np.linalg.norm(slots.p[s] - slots.p[o]) for o in keys if o != s]
        crowd = sum(1.0 / (d + 1e-5) for d in others)
        return np.sqrt(np.linalg.norm(slots.p[s] - slots.p[newest])) * crowd

    return max(candidates, key=score)


def clear_left(slots, landmarks, newest, poses):
    """Rows of the landmarks that stay when the poses of some slots have left."""
    return {
        m
        for m in np.flatnonzero(landmarks.id >= 0)
        if landmarks.host[m] not in poses
        and (landmarks.active[m] or landmarks.weight[m, newest, 0] > 0)
    }


def mark_stale_intervals(slots, pre, order, limits):
    """Slots at the end of inertial intervals integrated too far from the bias of now."""
    motions = [s for s in order if slots.motion[s]]
    out = set()
    for i, j in zip(motions, motions[1:]):
        now = np.concatenate([slots.bias[i], slots.calibration])
        if (np.abs(now - pre.bias[slots.motion[j] - 1]) > limits).any():
            out.add(j)
    return out
