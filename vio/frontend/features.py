"""The table of features: where they were found, who leaves it, what the window gets of it."""

import math

import numpy as np

from vio._jit import kernel

OLDEST = 2**15 - 1


@kernel
def free(k, ids, uv0, uv1, ray_key):
    """Empty row k of the table."""
    ids[k] = -1
    for c in range(2):
        uv0[k, c] = math.nan
        uv1[k, c] = math.nan
        ray_key[k, c] = math.nan


@kernel
def take_depths(ids, known, depths, inv_depth):
    """Give features the inverse depth of the landmark that follows them, where there is one.

    Args:
        ids: (N,) int32, -1 = free. known: (n,) int64 ids of landmarks, each once; depths: (n,)
            float32 1/m. inv_depth: (N,) float32 out where the id is known.

    Returns:
        features that have one.
    """
    taken = 0
    for k in range(ids.shape[0]):
        after, mine = 0, ids[k]
        for m in range(known.shape[0]):  # to the end: a sum takes many at a time
            after += (m + 1) * (known[m] == mine)
        if after > 0:
            inv_depth[k] = depths[after - 1]
            taken += 1
    return taken


@kernel
def settle(score, uv_next, warp_next, ids, uv0, uv1, ray_key, warp):
    """Move the features that were found again to their new place; the others leave.

    Args:
        score: (N,) float32, 0 = not found. uv_next: (N, 2), warp_next: (N, 2, 2) float32.
        ids: (N,) int32, uv0, uv1, ray_key: (N, 2), warp: (N, 2, 2) float32, the table.
    """
    for k in range(ids.shape[0]):
        if score[k] > 0.0:
            for a in range(2):
                uv0[k, a] = uv_next[k, a]
                for b in range(2):
                    warp[k, a, b] = warp_next[k, a, b]
        else:
            free(k, ids, uv0, uv1, ray_key)


@kernel
def retain(inlier, ids, uv0, uv1, ray_key):
    """Features that are no inlier (N,) uint8 leave the table."""
    for k in range(ids.shape[0]):
        if inlier[k] == 0:
            free(k, ids, uv0, uv1, ray_key)


@kernel
def renew(wanted, ids, uv0, uv1, ray_key, warp, score):
    """After new templates: the warp is one where `wanted` is 1; where it is 2 features leave."""
    for k in range(ids.shape[0]):
        if wanted[k] == 1:
            for a in range(2):
                for b in range(2):
                    warp[k, a, b] = 1.0 if a == b else 0.0
            score[k] = 1.0
        elif wanted[k] == 2:
            free(k, ids, uv0, uv1, ray_key)


@kernel
def hand_on(ids, age, uv0, uv1, factor, ids_out, ages_out, uv0_out, uv1_out):
    """Copy the live features, in pixels of the full image, and make them a frame older.

    Args:
        ids: (N,) int32, age: (N,) int16, uv0, uv1: (N, 2) float32, the table.
        factor: sensor's pixels along the side of a pixel here.
        ids_out: (N,) int64, ages_out: (N,) int32, uv0_out, uv1_out: (N, 2) float32, out.

    Returns:
        features copied.
    """
    n, half, side = 0, np.float32(0.5), np.float32(factor)
    for k in range(ids.shape[0]):
        if ids[k] < 0:
            continue
        ids_out[n], ages_out[n] = ids[k], age[k]
        if age[k] < OLDEST:
            age[k] += 1
        for c in range(2):
            uv0_out[n, c] = side * (uv0[k, c] + half) - half
            uv1_out[n, c] = side * (uv1[k, c] + half) - half
        n += 1
    return n
