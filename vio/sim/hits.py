"""Where a ray meets the room, a box, a cylinder. Kernels on scalars: the innermost loop."""

from math import inf, sqrt

from vio._jit import kernel


@kernel
def hit_room(ox, oy, oz, dx, dy, dz, lo, hi):
    """Distance to and face 0..5 of the room's walls from a point within, along a unit ray."""
    t = (hi[0] - ox) / dx if dx > 0.0 else (lo[0] - ox) / dx if dx < 0.0 else inf
    ty = (hi[1] - oy) / dy if dy > 0.0 else (lo[1] - oy) / dy if dy < 0.0 else inf
    tz = (hi[2] - oz) / dz if dz > 0.0 else (lo[2] - oz) / dz if dz < 0.0 else inf
    face = 1 if dx > 0.0 else 0
    if ty < t:
        t, face = ty, 3 if dy > 0.0 else 2
    if tz < t:
        t, face = tz, 5 if dz > 0.0 else 4
    return t, face


@kernel
def slab(o, d, half):
    """Distances at which the line o + t d enters and leaves |x| <= half."""
    if d == 0.0:
        return (-inf, inf) if abs(o) <= half else (inf, -inf)
    a, b = (-half - o) / d, (half - o) / d
    return (a, b) if a < b else (b, a)


@kernel
def hit_box(ox, oy, oz, dx, dy, dz, hx, hy, hz):
    """Distance to and face 0..5 of the box |x| <= hx, ..., from outside; inf = miss."""
    near, far = slab(ox, dx, hx)
    face = 0 if dx > 0.0 else 1
    enter, leave = slab(oy, dy, hy)
    if enter > near:
        near, face = enter, 2 if dy > 0.0 else 3
    far = min(far, leave)
    enter, leave = slab(oz, dz, hz)
    if enter > near:
        near, face = enter, 4 if dz > 0.0 else 5
    far = min(far, leave)
    if near > far or near <= 0.0:
        return inf, 0
    return near, face


@kernel
def hit_cylinder(ox, oy, oz, dx, dy, dz, radius, half):
    """Distance to and face (0 side, 4 bottom, 5 top) of an upright cylinder; inf = miss."""
    if abs(oz) > half and oz * dz < 0.0:
        end = half if oz > 0.0 else -half
        t = (end - oz) / dz
        x, y = ox + t * dx, oy + t * dy
        if x * x + y * y <= radius * radius:
            return t, 5 if oz > 0.0 else 4
    a = dx * dx + dy * dy
    b = ox * dx + oy * dy
    c = ox * ox + oy * oy - radius * radius
    inner = b * b - a * c
    if a == 0.0 or inner <= 0.0:
        return inf, 0
    t = (-b - sqrt(inner)) / a
    if t <= 0.0 or abs(oz + t * dz) > half:
        return inf, 0
    return t, 0
