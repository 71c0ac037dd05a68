"""Ray casting kernels: what a ray hits, where on it, and how it is lit.

Rays start inside the room and outside all objects. `render` finds the objects that a
tile of the image can see, casts one ray per pixel, then four more wherever neighbouring
pixels hit different surfaces, so that outlines move smoothly between pixels.
"""

from math import acos, asin, atan2, ceil, cos, inf, pi, sqrt

import numpy as np

from vio._jit import kernel
from vio.sim.sample import sample_picture

TILE = 16


@kernel
def hit_room(o, dx, dy, dz, lo, hi):
    """Distance to and face 0..5 of the room's walls from o (3,) within, along unit d."""
    t, face = inf, 0
    for axis in range(3):
        d = dx if axis == 0 else (dy if axis == 1 else dz)
        if d > 0.0:
            s = (hi[axis] - o[axis]) / d
            if s < t:
                t, face = s, 2 * axis + 1
        elif d < 0.0:
            s = (lo[axis] - o[axis]) / d
            if s < t:
                t, face = s, 2 * axis
    return t, face


@kernel
def hit_box(o, dx, dy, dz, half):
    """Distance to and face 0..5 of the box |x| <= half (3,), from o (3,) outside; inf = miss."""
    near, far, face = -inf, inf, 0
    for axis in range(3):
        d = dx if axis == 0 else (dy if axis == 1 else dz)
        if d == 0.0:
            if abs(o[axis]) > half[axis]:
                return inf, 0
            continue
        enter = (-half[axis] - o[axis]) / d
        leave = (half[axis] - o[axis]) / d
        side = 0
        if enter > leave:
            enter, leave, side = leave, enter, 1
        if enter > near:
            near, face = enter, 2 * axis + side
        if leave < far:
            far = leave
    if near > far or near <= 0.0:
        return inf, 0
    return near, face


@kernel
def hit_cylinder(o, dx, dy, dz, half):
    """Distance to and face (0 side, 4 bottom, 5 top) of an upright cylinder; inf = miss.

    half: (3,) radius, radius, half height. o: (3,) outside.
    """
    if dz != 0.0:
        end = half[2] if o[2] > 0.0 else -half[2]
        t = (end - o[2]) / dz
        x, y = o[0] + t * dx, o[1] + t * dy
        if t > 0.0 and abs(o[2]) > half[2] and x * x + y * y <= half[0] * half[0]:
            return t, 5 if end > 0.0 else 4
    a = dx * dx + dy * dy
    b = o[0] * dx + o[1] * dy
    c = o[0] * o[0] + o[1] * o[1] - half[0] * half[0]
    inner = b * b - a * c
    if a == 0.0 or inner <= 0.0:
        return inf, 0
    t = (-b - sqrt(inner)) / a
    if t <= 0.0 or abs(o[2] + t * dz) > half[2]:
        return inf, 0
    return t, 0


@kernel
def cast(world, o, o_obj, dx, dy, dz, near, n_near, ray_angle):
    """Follow one ray.

    Args:
        world: World. o: (3,) start, world [m]. o_obj: (M, 3) start in each object's frame.
        dx, dy, dz: unit direction, world.
        near, n_near: (>= n_near,) objects that can be hit.
        ray_angle: angle between neighbouring rays [rad].

    Returns:
        Radiance (about 0..1), distance [m], surface number.
    """
    t, face = hit_room(o, dx, dy, dz, world.lo, world.hi)
    hit = -1
    for i in range(n_near):
        m = near[i]
        R = world.R_world_obj[m]
        lx = R[0, 0] * dx + R[1, 0] * dy + R[2, 0] * dz
        ly = R[0, 1] * dx + R[1, 1] * dy + R[2, 1] * dz
        lz = R[0, 2] * dx + R[1, 2] * dy + R[2, 2] * dz
        if world.kind[m] == 0:
            s, f = hit_box(o_obj[m], lx, ly, lz, world.half[m])
        else:
            s, f = hit_cylinder(o_obj[m], lx, ly, lz, world.half[m])
        if s < t:
            t, face, hit = s, f, m

    # The point and the ray in the frame of what was hit, its low corner as origin.
    if hit < 0:
        qx, qy, qz = o[0] + t * dx, o[1] + t * dy, o[2] + t * dz
        qx, qy, qz = qx - world.lo[0], qy - world.lo[1], qz - world.lo[2]
        lx, ly, lz = dx, dy, dz
    else:
        R, h = world.R_world_obj[hit], world.half[hit]
        lx = R[0, 0] * dx + R[1, 0] * dy + R[2, 0] * dz
        ly = R[0, 1] * dx + R[1, 1] * dy + R[2, 1] * dz
        lz = R[0, 2] * dx + R[1, 2] * dy + R[2, 2] * dz
        qx = o_obj[hit, 0] + t * lx + h[0]
        qy = o_obj[hit, 1] + t * ly + h[1]
        qz = o_obj[hit, 2] + t * lz + h[2]

    # Picture coordinates [m], the ray's course along them, and the face's normal.
    nx, ny, nz = 0.0, 0.0, 0.0
    if hit >= 0 and world.kind[hit] == 1 and face == 0:
        r = world.half[hit, 0]
        nx, ny = (qx - r) / r, (qy - r) / r
        u, v = r * (atan2(ny, nx) + pi), qz
        du, dv = nx * ly - ny * lx, lz
    elif face < 2:
        nx = 1.0 if face == 1 else -1.0
        u, v, du, dv = qy, qz, ly, lz
    elif face < 4:
        ny = 1.0 if face == 3 else -1.0
        u, v, du, dv = qx, qz, lx, lz
    else:
        nz = 1.0 if face == 5 else -1.0
        u, v, du, dv = qx, qy, lx, ly
    if hit >= 0:
        R = world.R_world_obj[hit]
        nx, ny, nz = (
            R[0, 0] * nx + R[0, 1] * ny + R[0, 2] * nz,
            R[1, 0] * nx + R[1, 1] * ny + R[1, 2] * nz,
            R[2, 0] * nx + R[2, 1] * ny + R[2, 2] * nz,
        )
    surface = 6 * (hit + 1) + face
    facing = max(abs(nx * dx + ny * dy + nz * dz), 0.02)
    grey = sample_picture(world.texels, world.offset[surface], world.size[surface],
                          world.per_m[surface], u, v, du, dv, t * ray_angle, facing)

    # Lambert's law for the lamp, over even light from everywhere.
    ex = world.light[0] - (o[0] + t * dx)
    ey = world.light[1] - (o[1] + t * dy)
    ez = world.light[2] - (o[2] + t * dz)
    square = ex * ex + ey * ey + ez * ez
    lit = (nx * ex + ny * ey + nz * ez) / sqrt(square)
    lit = abs(lit) if hit < 0 else max(lit, 0.0)
    return grey / 255.0 * (0.4 + 0.9 * lit / (1.0 + 0.05 * square)), t, surface


@kernel
def objects_in_view(world, o, R_world_cam, corners, span, out_near):
    """Objects whose bounding sphere touches the cone around the rays of a tile.

    Args:
        o: (3,) ray start, world. corners: (4, 3) unit rays of the tile's corners, camera.
        span: (M, 4) per object: unit direction from o (world) and half angle [rad].
        out_near: (M,) int64, their numbers.

    Returns:
        Their count, and the tile's diagonal [rad].
    """
    ax = corners[0, 0] + corners[1, 0] + corners[2, 0] + corners[3, 0]
    ay = corners[0, 1] + corners[1, 1] + corners[2, 1] + corners[3, 1]
    az = corners[0, 2] + corners[1, 2] + corners[2, 2] + corners[3, 2]
    length = sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / length, ay / length, az / length
    lowest = 1.0
    for i in range(4):
        c = corners[i]
        lowest = min(lowest, ax * c[0] + ay * c[1] + az * c[2])
    half_angle = acos(min(lowest, 1.0))
    R = R_world_cam
    wx = R[0, 0] * ax + R[0, 1] * ay + R[0, 2] * az
    wy = R[1, 0] * ax + R[1, 1] * ay + R[1, 2] * az
    wz = R[2, 0] * ax + R[2, 1] * ay + R[2, 2] * az
    n = 0
    for m in range(world.kind.size):
        reach = span[m, 3] + 1.1 * half_angle  # curved tile edges bulge a little
        along = wx * span[m, 0] + wy * span[m, 1] + wz * span[m, 2]
        if reach >= pi or along > cos(reach):
            out_near[n] = m
            n += 1
    return n, 2.0 * half_angle


@kernel
def prepare(world, o, out_o_obj, out_span):
    """Ray start o (3,) in each object's frame (M, 3), and `span` of `objects_in_view`."""
    for m in range(world.kind.size):
        R, p = world.R_world_obj[m], world.p_world_obj[m]
        ex, ey, ez = p[0] - o[0], p[1] - o[1], p[2] - o[2]
        for i in range(3):
            out_o_obj[m, i] = -(R[0, i] * ex + R[1, i] * ey + R[2, i] * ez)
        distance = sqrt(ex * ex + ey * ey + ez * ez)
        out_span[m, 0], out_span[m, 1], out_span[m, 2] = ex / distance, ey / distance, ez / distance
        out_span[m, 3] = asin(world.radius[m] / distance) if distance > world.radius[m] else pi


@kernel
def render(world, rays, R_world_cam, o, weight, out_radiance, out_distance, out_surface):
    """Cast all pixels of one camera.

    Args:
        rays: (H, W, 3) unit rays, camera. R_world_cam: (3, 3). o: (3,) camera, world [m].
        weight: the image is added to `out_radiance` with this weight.
        out_radiance: (H, W) float32. out_distance: (H, W) float32 [m] along the ray.
        out_surface: (H, W) int32 surface numbers.
    """
    height, width = out_surface.shape
    n_objects = world.kind.size
    o_obj, span = np.empty((n_objects, 3)), np.empty((n_objects, 4))
    prepare(world, o, o_obj, span)
    n_rows, n_columns = ceil(height / TILE), ceil(width / TILE)
    near = np.empty((n_rows * n_columns, max(n_objects, 1)), np.int64)
    n_near = np.empty(n_rows * n_columns, np.int64)
    angle = np.empty(n_rows * n_columns)
    corners = np.empty((4, 3))
    R = R_world_cam
    for tile in range(n_rows * n_columns):
        top, left = tile // n_columns * TILE, tile % n_columns * TILE
        bottom, right = min(top + TILE, height), min(left + TILE, width)
        corners[0], corners[1] = rays[top, left], rays[top, right - 1]
        corners[2], corners[3] = rays[bottom - 1, left], rays[bottom - 1, right - 1]
        n, diagonal = objects_in_view(world, o, R, corners, span, near[tile])
        steps = sqrt((bottom - top - 1.0) ** 2 + (right - left - 1.0) ** 2)
        n_near[tile], angle[tile] = n, diagonal / max(steps, 1.0)
        for v in range(top, bottom):
            for u in range(left, right):
                x, y, z = rays[v, u, 0], rays[v, u, 1], rays[v, u, 2]
                radiance, t, surface = cast(
                    world, o, o_obj, R[0, 0] * x + R[0, 1] * y + R[0, 2] * z,
                    R[1, 0] * x + R[1, 1] * y + R[1, 2] * z,
                    R[2, 0] * x + R[2, 1] * y + R[2, 2] * z, near[tile], n, angle[tile])
                out_radiance[v, u] += np.float32(weight * radiance)
                out_distance[v, u] = t
                out_surface[v, u] = surface

    # Outlines: replace the one ray by the mean of four around the pixel's centre.
    for v in range(1, height - 1):
        for u in range(1, width - 1):
            s = out_surface[v, u]
            if (s == out_surface[v, u - 1] and s == out_surface[v, u + 1]
                    and s == out_surface[v - 1, u] and s == out_surface[v + 1, u]):
                continue
            tile = v // TILE * n_columns + u // TILE
            centre, mean = 0.0, 0.0
            for i in range(5):
                across, down = 0.0, 0.0  # a turned square of quarter steps
                if i > 0:
                    across = (-0.125, 0.375, 0.125, -0.375)[i - 1]
                    down = (-0.375, -0.125, 0.375, 0.125)[i - 1]
                x = rays[v, u, 0] + across / 2 * (rays[v, u + 1, 0] - rays[v, u - 1, 0])
                x += down / 2 * (rays[v + 1, u, 0] - rays[v - 1, u, 0])
                y = rays[v, u, 1] + across / 2 * (rays[v, u + 1, 1] - rays[v, u - 1, 1])
                y += down / 2 * (rays[v + 1, u, 1] - rays[v - 1, u, 1])
                z = rays[v, u, 2] + across / 2 * (rays[v, u + 1, 2] - rays[v, u - 1, 2])
                z += down / 2 * (rays[v + 1, u, 2] - rays[v - 1, u, 2])
                length = sqrt(x * x + y * y + z * z)
                x, y, z = x / length, y / length, z / length
                radiance, _, _ = cast(
                    world, o, o_obj, R[0, 0] * x + R[0, 1] * y + R[0, 2] * z,
                    R[1, 0] * x + R[1, 1] * y + R[1, 2] * z,
                    R[2, 0] * x + R[2, 1] * y + R[2, 2] * z, near[tile], n_near[tile], angle[tile])
                if i == 0:
                    centre = radiance
                else:
                    mean += radiance / 4.0
            out_radiance[v, u] += np.float32(weight * (mean - centre))
