"""RANSAC on the translation by essential matrices."""

import numpy as np
from naive.derivative import skew

MASK = 2**64 - 1


def next_random(rng):
    """xorshift64* on a list of one Python integer; 31 bits."""
    x = rng[0]
    x ^= x >> 12
    x ^= (x << 25) & MASK
    x ^= x >> 27
    rng[0] = x
    return ((x * 2685821657736338717) & MASK) >> 33


def homogeneous(rays):
    return np.column_stack([rays, np.ones(len(rays))])


def _off_line(rays_a, rays_b, R_b_a, t):
    """Distance of every b from its epipolar line of the translation t."""
    lines = homogeneous(rays_a) @ (skew(t) @ R_b_a).T
    return np.abs(np.sum(lines * homogeneous(rays_b), axis=1)) / np.hypot(lines[:, 0], lines[:, 1])


def ransac_translation(rays_a, rays_b, R_b_a, limit, hypotheses, rng):
    """(inlier (N,) bool, hypotheses tried)."""
    valid = ~np.isnan(rays_a[:, 0]) & ~np.isnan(rays_b[:, 0])
    turned = homogeneous(rays_a) @ R_b_a.T
    turned = turned / turned[:, 2:]
    resting = valid & (np.hypot(*(turned[:, :2] - rays_b).T) <= limit)
    moving = np.flatnonzero(valid & ~resting)
    if len(moving) < 2:
        return valid, 0
    normals = np.cross(turned[moving], homogeneous(rays_b[moving]))
    tried, best = 0, np.zeros(0, bool)
    for _ in range(hypotheses):
        i, j = next_random(rng) % len(moving), next_random(rng) % len(moving)
        if i == j:
            continue
        tried += 1
        t = np.cross(normals[i], normals[j])
        if np.linalg.norm(t) < 1e-12:
            continue
        t /= np.linalg.norm(t)
        agree = _off_line(rays_a[moving], rays_b[moving], R_b_a, t) <= limit
        if not best.size or agree.sum() > best.sum():
            best = agree
    inlier = resting.copy()
    inlier[moving[best]] = True
    return inlier, tried
