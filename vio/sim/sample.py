"""Reading a picture through the footprint of a ray, without shimmer near or far."""

from math import ceil, log2, sqrt

from vio._jit import kernel

MAX_TAPS = 4
DETAIL = 0.16


@kernel
def bilinear(texels, begin, w, h, x, y):
    """Interpolate a (h, w) picture that starts at `begin`; texel centres at integer x, y."""
    x = min(max(x, 0.0), w - 1.0)
    y = min(max(y, 0.0), h - 1.0)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    i1 = i + 1 if i + 1 < w else i
    j1 = j + 1 if j + 1 < h else j
    row, row1 = begin + j * w, begin + j1 * w
    top = texels[row + i] * (1.0 - fx) + texels[row + i1] * fx
    low = texels[row1 + i] * (1.0 - fx) + texels[row1 + i1] * fx
    return top * (1.0 - fy) + low * fy


@kernel
def trilinear(texels, offset, w, h, x, y, level):
    """Interpolate within and between the halves of a picture; x, y in full-size texels."""
    level = min(max(level, 0.0), offset.size - 1.0)
    k = int(level)
    scale = 1.0 / (1 << k)
    value = bilinear(texels, offset[k], w >> k, h >> k, x * scale - 0.5, y * scale - 0.5)
    f = level - k
    if f > 0.0:
        k, scale = k + 1, scale / 2
        coarse = bilinear(texels, offset[k], w >> k, h >> k, x * scale - 0.5, y * scale - 0.5)
        value += f * (coarse - value)
    return value


@kernel
def lattice(i, j, key):
    """A random number in [-1, 1) that belongs to the integer point (i, j)."""
    h = (i * 0x9E3779B1 + j * 0x85EBCA77 + key * 0xC2B2AE3D) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    h = ((h ^ (h >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    return (h ^ (h >> 15)) / 2147483648.0 - 1.0


@kernel
def value_noise(x, y, key):
    """Smooth random function of the plane in [-1, 1), one free value per unit square."""
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    top = lattice(i, j, key) * (1.0 - fx) + lattice(i + 1, j, key) * fx
    low = lattice(i, j + 1, key) * (1.0 - fx) + lattice(i + 1, j + 1, key) * fx
    return top * (1.0 - fy) + low * fy


@kernel
def sample_picture(texels, offset, size, per_m, u, v, du, dv, footprint, facing):
    """Grey level of a picture as seen by one ray.

    A slanting face stretches the footprint along the ray's course: up to MAX_TAPS readings
    cover the long side, the mip level the short one. Closer than the texels, noise that
    only near views resolve is multiplied in.

    Args:
        texels, offset, size, per_m: of World, the last three for one surface.
        u, v: point [m], not negative. du, dv: course of the ray along u and v.
        footprint: width of the ray at the surface [m]. facing: |cos| of incidence.
    """
    w, h = size[0], size[1]
    x, y = u * per_m[0], v * per_m[1]
    short = footprint * per_m[0]
    long = short / facing
    taps = min(int(ceil(0.75 / facing)), MAX_TAPS)
    level = log2(max(short, long / taps))
    if taps == 1:
        grey = trilinear(texels, offset, w, h, x, y, level)
    else:
        step = long / taps / max(sqrt(du * du + dv * dv), 1e-9)
        grey = 0.0
        for k in range(taps):
            along = (k - 0.5 * (taps - 1)) * step
            grey += trilinear(texels, offset, w, h, x + along * du, y + along * dv, level)
        grey /= taps
    if level < -1.0:
        grain = min(-1.0 - level, 1.0) * value_noise(abs(x), abs(y), offset[0])
        if level < -2.0:
            grain += min(-2.0 - level, 1.0) * value_noise(2.0 * abs(x), 2.0 * abs(y), offset[0] + 1)
        grey *= 1.0 + DETAIL * grain
    return grey
