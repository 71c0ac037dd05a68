"""Slow readable twins of vio/sim/sample.py."""

import math

import numpy as np


def bilinear(picture, x, y):
    """Read a picture (h, w) at x, y with texel centres at integers."""
    h, w = picture.shape
    x, y = np.clip(x, 0, w - 1.001), np.clip(y, 0, h - 1.001)
    i, j = int(x), int(y)
    weights = np.outer([1 - (y - j), y - j], [1 - (x - i), x - i])
    return (weights * picture[j : j + 2, i : i + 2]).sum()


def trilinear(levels, x, y, level, fraction):
    """Between two pictures of a mip map, x and y in texels of the first."""

    def read(k):
        return bilinear(levels[k], x / 2**k - 0.5, y / 2**k - 0.5)

    if fraction == 0:
        return read(level)
    return (1 - fraction) * read(level) + fraction * read(level + 1)


def mip_level(width, n_levels):
    """Level and fraction by the logarithm."""
    level = int(max(math.log2(width), 0.0))
    if level >= n_levels - 1:
        return n_levels - 1, 0.0
    return level, max(width / 2**level - 1.0, 0.0)


def lattice(i, j, key):
    """The hash of an integer point, in Python's long integers."""
    h = (i * 0x9E3779B1 + j * 0x85EBCA77 + key * 0xC2B2AE3D) % 2**32
    h = (h ^ h >> 15) * 0x2C1B3C6D % 2**32
    h = (h ^ h >> 12) * 0x297A2D39 % 2**32
    return (h ^ h >> 15) / 2**31 - 1


def value_noise(x, y, key):
    """Blend of the four corners' values by 3 f^2 - 2 f^3."""
    i, j = math.floor(x), math.floor(y)
    total = 0.0
    for a in (0, 1):
        for b in (0, 1):
            fx, fy = 1 - abs(x - i - a), 1 - abs(y - j - b)
            weight = (3 * fx**2 - 2 * fx**3) * (3 * fy**2 - 2 * fy**3)
            total += weight * lattice(i + a, j + b, key)
    return total


def sample_picture(world, surface, uv, duv, footprint, facing):
    """Mean of up to four readings along the ray's course, and grain when close."""
    levels = []
    for k, begin in enumerate(world.offset[surface]):
        w, h = world.size[surface] >> k
        levels.append(world.texels[begin : begin + w * h].reshape(h, w).astype(float))
    xy = uv * world.per_m[surface]
    short = footprint * world.per_m[surface, 0]
    taps = min(math.ceil(0.6 / facing), 4)
    width = max(short, short / facing / taps)
    way = duv / max(np.linalg.norm(duv), 1e-9) * short / facing
    shifts = (np.arange(taps) + 0.5) / taps - 0.5
    level, fraction = mip_level(width, len(levels))
    grey = np.mean([trilinear(levels, *(xy + s * way), level, fraction) for s in shifts])
    grain = np.clip(1 / width - 2, 0, 1) * value_noise(*abs(xy), surface)
    grain += np.clip(0.5 / width - 2, 0, 1) * value_noise(*abs(2 * xy), surface + 7919)
    return grey * (1 + 0.3 * grain)
