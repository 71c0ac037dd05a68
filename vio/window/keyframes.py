"""Which keyframe leaves the window.

One whose landmarks are hardly seen any more; else the one that makes the rest most evenly
spread: the distance score of Engel et al., "Direct Sparse Odometry", PAMI 2018, sec. 3.1.
"""

import numpy as np


def choose_keyframe(slots, landmarks, keys, newest, keep_ratio) -> int:
    """Slot of the keyframe to marginalise.

    Args:
        keys: keyframe slots that may leave, oldest first; the newest of them stays.
        newest: slot of the current frame. keep_ratio: share of a keyframe's landmarks that must
            be in view for it to stay.
    """
    candidates = keys[:-1] if len(keys) > 1 else keys
    alive = (landmarks.id >= 0) & (landmarks.active == 1)
    in_view = alive & (landmarks.weight[:, newest, 0] > 0)
    for s in candidates:
        hosted = landmarks.host == s
        if (in_view & hosted).sum() < keep_ratio * max((alive & hosted).sum(), 1):
            return s
    p = slots.p[keys]
    apart = np.linalg.norm(p[:, None] - p[None], axis=2) + 1e-5
    to_newest = np.linalg.norm(p - slots.p[newest], axis=1)
    score = np.sqrt(to_newest) * ((1.0 / apart).sum(axis=1) - 1.0 / 1e-5)
    return keys[int(np.argmax(score[: len(candidates)]))]
