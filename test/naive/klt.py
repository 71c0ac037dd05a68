"""Patch alignment in plain double precision."""

import numpy as np
from naive.patch import bilinear, project_patch, steepest_descent


def take_template(image, x, y):
    """(10, 10) of grey values around (x, y), or None if it is not inside."""
    offset = np.arange(10) - 4.5
    left, top = np.floor(x - 4.5), np.floor(y - 4.5)
    if left < 0 or top < 0 or left + 10 >= image.shape[1] or top + 10 >= image.shape[0]:
        return None
    gx, gy = np.meshgrid(x + offset, y + offset)
    return bilinear(image, gx, gy)


def take_templates(levels, uv):
    """Patches of every feature on every level, None where it leaves the level."""
    at = [
        [((u + 0.5) / 2**k - 0.5, (v + 0.5) / 2**k - 0.5) for k in range(len(levels))]
        for u, v in uv
    ]
    return [[take_template(level, *p) for level, p in zip(levels, places)] for places in at]


def box_around(x, y, rx, ry, width, height):
    """Whole 4x4 blocks that cover x +- rx, y +- ry, cut to a level's blocks and to 24 px."""
    out = []
    for at, reach, size in ((x, rx, width), (y, ry, height)):
        first = int(max(np.floor((at - reach) / 4), 0)) * 4
        last = int(np.floor((np.floor(at + reach) + 1) / 4) + 1) * 4
        out.append((first, min(last, -(-size // 4) * 4, first + 24)))
    (x0, x1), (y0, y1) = out
    return x0, y0, x1, y1


def inside(box, x, y, rx, ry):
    x0, y0, x1, y1 = box
    return x0 <= x - rx and x + rx <= x1 - 1 and y0 <= y - ry and y + ry <= y1 - 1


def mark_stale(warps, score, correlation):
    """(N,) whether a warp stretches too much, or the match is poor."""
    area, stretch = np.linalg.det(warps), np.abs(warps).sum(axis=(1, 2))
    return (area < 0.6) | (area > 1.7) | (stretch > 3.4) | (score < correlation)


def align(levels, templates, warp, uv, first_level, last_level, params):
    """(uv, correlation, iterations) of one feature; correlation 0 if it was not found."""
    u, v = (float(a) for a in uv)
    iterations, result = 0, 0.0
    for level in range(first_level, last_level - 1, -1):
        x, y = (u + 0.5) / 2**level - 0.5, (v + 0.5) / 2**level - 0.5
        start = np.array([x, y])
        basis, gram, energy = steepest_descent(templates[level])
        result, converged = 0.0, False
        if np.linalg.det(gram) <= params[3] * np.trace(gram):
            continue
        for _ in range(int(params[0])):
            dx, dy, dt, s1, s2 = project_patch(levels[level], x, y, warp, basis)
            iterations += 1
            result = dt / np.sqrt((s2 - s1 * s1 / 64) * energy)
            if dt <= 0:
                break
            step = np.linalg.solve(gram, [dx, dy]) / (dt / energy)
            step *= min(1.0, 2.0 / max(np.linalg.norm(step), 1e-12))
            x, y = (x, y) - np.asarray(warp, float) @ step
            if np.linalg.norm(step) < params[1] * (1 if level == last_level else 5):
                converged = True
                break
        if result > 0.3 and np.hypot(*(start - (x, y))) < 8:
            u, v = (x + 0.5) * 2**level - 0.5, (y + 0.5) * 2**level - 0.5
        if level == last_level and not converged and result < 0.9:
            result = 0.0
    return np.array([u, v]), (result if result >= params[2] else 0.0), iterations
