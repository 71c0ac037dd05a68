"""Two-point RANSAC on the direction of translation, with the rotation from the gyro.

Source: Troiani et al., "2-Point-based Outlier Rejection for Camera-IMU Systems", ICRA 2014.
"""

import math

import numpy as np

from vio._jit import kernel


@kernel
def next_random(rng):
    """xorshift64* on rng (1,) uint64, nonzero; returns a non-negative int64."""
    x = rng[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    rng[0] = x
    return np.int64((x * np.uint64(2685821657736338717)) >> np.uint64(33))


@kernel
def ransac_translation(rays_a, rays_b, R_b_a, limit, hypotheses, rng, normals, inlier):
    """Which features agree with one translation between two views of known rotation.

    A feature's epipolar normal n = (R a) x b must be orthogonal to the translation; one whose
    rotated ray moved less than `limit` agrees with any (it is far away, or nothing moves).

    Args:
        rays_a, rays_b: (N, 2) float64 normalised points; NaN is passed over (inlier 0).
        R_b_a: (3, 3). limit: distance from the epipolar line [normalised plane].
        hypotheses: how many pairs are drawn. rng: (1,) uint64 state.
        normals: (N, 4) float64 scratch. inlier: (N,) uint8 out.

    Returns:
        (hypotheses tried, inliers, features that moved, distances computed, features in the
        first view, features in both).
    """
    n = rays_a.shape[0]
    given, both, moving = 0, 0, 0
    for k in range(n):
        inlier[k] = 0
        if not (rays_a[k, 0] == rays_a[k, 0]):
            continue
        given += 1
        if not (rays_b[k, 0] == rays_b[k, 0]):
            continue
        both += 1
        x, y = rays_a[k, 0], rays_a[k, 1]
        X = R_b_a[0, 0] * x + R_b_a[0, 1] * y + R_b_a[0, 2]
        Y = R_b_a[1, 0] * x + R_b_a[1, 1] * y + R_b_a[1, 2]
        Z = R_b_a[2, 0] * x + R_b_a[2, 1] * y + R_b_a[2, 2]
        X, Y = X / Z, Y / Z
        u, v = rays_b[k, 0], rays_b[k, 1]
        if (X - u) ** 2 + (Y - v) ** 2 <= limit * limit:
            inlier[k] = 2
            continue
        # (X, Y, 1) x (u, v, 1)
        normals[moving, 0] = Y - v
        normals[moving, 1] = u - X
        normals[moving, 2] = X * v - Y * u
        normals[moving, 3] = k
        moving += 1
    best_count, bx, by, bz = -1, 0.0, 0.0, 0.0
    tried, tests = 0, 0
    if moving >= 2:
        for _ in range(hypotheses):
            i = next_random(rng) % moving
            j = next_random(rng) % moving
            if i == j:
                continue
            tried += 1
            a, b = normals[i], normals[j]
            tx = a[1] * b[2] - a[2] * b[1]
            ty = a[2] * b[0] - a[0] * b[2]
            tz = a[0] * b[1] - a[1] * b[0]
            norm = math.sqrt(tx * tx + ty * ty + tz * tz)
            if norm < 1e-12:
                continue
            tx, ty, tz = tx / norm, ty / norm, tz / norm
            count = 0
            tests += moving
            for k in range(moving):
                if _off_line(normals, rays_b, k, tx, ty, tz) <= limit:
                    count += 1
            if count > best_count:
                best_count, bx, by, bz = count, tx, ty, tz
    inliers = 0
    if best_count >= 0:
        tests += moving
    for k in range(moving):
        if best_count < 0 or _off_line(normals, rays_b, k, bx, by, bz) <= limit:
            inlier[int(normals[k, 3])] = 1
    for k in range(n):
        if inlier[k]:
            inlier[k] = 1
            inliers += 1
    return tried, inliers, moving, tests, given, both


@kernel
def _off_line(normals, rays_b, k, tx, ty, tz):
    """Distance of b from the epipolar line t x (R a) on the normalised plane.

    t . (Ra x b) = (t x Ra) . b, and the line's normal (t x Ra) is scaled by its first two
    entries; Ra = b - (the moved part), which the stored normal n = Ra x b gives back.
    """
    at = int(normals[k, 3])
    n0, n1, n2 = normals[k, 0], normals[k, 1], normals[k, 2]
    u, v = rays_b[at, 0], rays_b[at, 1]
    X, Y = u - n1, v + n0
    lx = ty - tz * Y
    ly = tz * X - tx
    return abs(tx * n0 + ty * n1 + tz * n2) / math.sqrt(lx * lx + ly * ly + 1e-18)
