"""Reading a picture through the footprint of a ray, without shimmer near or far."""

from math import ceil, sqrt

from vio._jit import kernel

MAX_TAPS = 4
DETAIL = 0.3


@kernel
def bilinear(texels, begin, w, h, x, y):
    """Interpolate a (h, w) picture that starts at `begin`; texel centres at integer x, y."""
    x = min(max(x, 0.0), w - 1.001)  # so that the right and lower neighbours exist
    y = min(max(y, 0.0), h - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    k = begin + j * w + i
    top = texels[k] * (1.0 - fx) + texels[k + 1] * fx
    low = texels[k + w] * (1.0 - fx) + texels[k + w + 1] * fx
    return top * (1.0 - fy) + low * fy


@kernel
def trilinear(texels, offset, surface, w, h, x, y, level, fraction):
    """Interpolate within and between the halves of a surface's picture; x, y in its texels."""
    scale = 1.0 / (1 << level)
    value = bilinear(
        texels, offset[surface, level], w >> level, h >> level, x * scale - 0.5, y * scale - 0.5
    )
    if fraction > 0.0:
        level, scale = level + 1, 0.5 * scale
        coarse = bilinear(
            texels, offset[surface, level], w >> level, h >> level, x * scale - 0.5, y * scale - 0.5
        )
        value += fraction * (coarse - value)
    return value


@kernel
def mip_level(width, n_levels):
    """Level whose texels are just below `width` [full-size texels], and fraction to the next.

    Linear instead of logarithmic within an octave: as continuous, and far quicker.
    """
    level = 0
    while width >= 2.0 and level < n_levels - 1:
        width, level = 0.5 * width, level + 1
    if width <= 1.0 or level == n_levels - 1:
        return level, 0.0
    return level, width - 1.0


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
def sample_picture(texels, offset, size, per_m, surface, u, v, du, dv, footprint, facing):
    """Grey level of a picture as seen by one ray.

    A slanting face stretches the footprint along the ray's course: up to MAX_TAPS readings
    cover the long side, the mip level the short one. Closer than the texels, noise that
    only near views resolve is multiplied in.

    Args:
        texels, offset, size, per_m: of World. surface: its number.
        u, v: point [m], not negative. du, dv: course of the ray along u and v.
        footprint: width of the ray at the surface [m]. facing: |cos| of incidence.
    """
    w, h = size[surface, 0], size[surface, 1]
    x, y = u * per_m[surface, 0], v * per_m[surface, 1]
    short = footprint * per_m[surface, 0]
    long = short / facing
    taps = min(int(ceil(0.6 / facing)), MAX_TAPS)
    width = max(short, long / taps)
    level, fraction = mip_level(width, offset.shape[1])
    if taps == 1:
        grey = trilinear(texels, offset, surface, w, h, x, y, level, fraction)
    else:
        step = long / taps / max(sqrt(du * du + dv * dv), 1e-9)
        grey = 0.0
        for k in range(taps):
            along = (k - 0.5 * (taps - 1)) * step
            grey += trilinear(
                texels, offset, surface, w, h, x + along * du, y + along * dv, level, fraction
            )
        grey /= taps
    if width < 0.5:
        grain = min(1.0 / width - 2.0, 1.0) * value_noise(abs(x), abs(y), surface)
        if width < 0.25:
            fine = value_noise(2.0 * abs(x), 2.0 * abs(y), surface + 7919)
            grain += min(0.5 / width - 2.0, 1.0) * fine
        grey *= 1.0 + DETAIL * grain
    return grey
