"""Ray casting kernels: what a ray hits, where on it, and how it is lit.

Rays start inside the room and outside all objects. `render` finds the objects that a
tile of the image can see, casts one ray per pixel, then four more wherever neighbouring
pixels hit different surfaces, so that outlines move smoothly between pixels.
"""

from math import acos, asin, atan2, ceil, cos, pi, sqrt
from typing import NamedTuple

import numpy as np

from vio._jit import kernel
from vio.sim.hits import hit_box, hit_cylinder, hit_room
from vio.sim.sample import sample_picture

TILE = 16


class Scratch(NamedTuple):
    """Work space of `render`."""

    o_obj: np.ndarray  # (M, 3) camera in each object's frame
    span: np.ndarray  # (M, 4) direction of each object and half the angle it takes up
    near: np.ndarray  # (tiles, M) objects a tile may see
    n_near: np.ndarray  # (tiles,) how many
    angle: np.ndarray  # (tiles,) between neighbouring rays
    corners: np.ndarray  # (4, 3)
    batch: np.ndarray  # (n, 3) rays, and what they hit:
    grey: np.ndarray  # (n,)
    distance: np.ndarray  # (n,)
    surface: np.ndarray  # (n,)


def scratch(n_objects: int, height: int, width: int) -> Scratch:
    """Work space for images of one size."""
    tiles, n = ceil(height / TILE) * ceil(width / TILE), 4 * TILE * TILE
    return Scratch(
        np.empty((n_objects, 3)), np.empty((n_objects, 4)),
        np.empty((tiles, max(n_objects, 1)), np.int64), np.empty(tiles, np.int64),
        np.empty(tiles), np.empty((4, 3)), np.empty((n, 3)), np.empty(n), np.empty(n),
        np.empty(n, np.int64),
    )  # fmt: skip


@kernel
def cast(world, o, o_obj, rays, n, R, near, n_near, ray_angle, out_grey, out_t, out_surface):
    """Follow a batch of rays: one call for many, since a call costs as much as a ray.

    Args:
        world: World. o: (3,) start, world [m]. o_obj: (M, 3) start in each object's frame.
        rays: (>= n, 3) unit directions, camera. R: (3, 3) R_world_cam.
        near, n_near: (>= n_near,) objects that can be hit.
        ray_angle: angle between neighbouring rays [rad].
        out_grey: (>= n,) radiance, about 0..1. out_t: (>= n,) distance [m].
        out_surface: (>= n,) int64 surface number.
    """
    turn, half, kind = world.R_world_obj, world.half, world.kind
    lo, hi, light = world.lo, world.hi, world.light
    ox, oy, oz = o[0], o[1], o[2]
    for k in range(n):
        x, y, z = rays[k, 0], rays[k, 1], rays[k, 2]
        dx = R[0, 0] * x + R[0, 1] * y + R[0, 2] * z
        dy = R[1, 0] * x + R[1, 1] * y + R[1, 2] * z
        dz = R[2, 0] * x + R[2, 1] * y + R[2, 2] * z
        t, face = hit_room(ox, oy, oz, dx, dy, dz, lo, hi)
        lx, ly, lz, hit = dx, dy, dz, -1
        for i in range(n_near):
            m = near[i]
            x = turn[m, 0, 0] * dx + turn[m, 1, 0] * dy + turn[m, 2, 0] * dz
            y = turn[m, 0, 1] * dx + turn[m, 1, 1] * dy + turn[m, 2, 1] * dz
            z = turn[m, 0, 2] * dx + turn[m, 1, 2] * dy + turn[m, 2, 2] * dz
            a, b, c = o_obj[m, 0], o_obj[m, 1], o_obj[m, 2]
            if kind[m] == 0:
                s, f = hit_box(a, b, c, x, y, z, half[m, 0], half[m, 1], half[m, 2])
            else:
                s, f = hit_cylinder(a, b, c, x, y, z, half[m, 0], half[m, 2])
            if s < t:
                t, face, hit = s, f, m
                lx, ly, lz = x, y, z

        # The point in the frame of what was hit, counted from its low corner.
        px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
        if hit < 0:
            qx, qy, qz = px - lo[0], py - lo[1], pz - lo[2]
        else:
            qx = o_obj[hit, 0] + t * lx + half[hit, 0]
            qy = o_obj[hit, 1] + t * ly + half[hit, 1]
            qz = o_obj[hit, 2] + t * lz + half[hit, 2]

        # Picture coordinates [m], the ray's course along them, and the face's normal.
        nx, ny, nz = 0.0, 0.0, 0.0
        if face == 0 and hit >= 0 and kind[hit] == 1:
            r = half[hit, 0]
            nx, ny = (qx - r) / r, (qy - r) / r
            u, v, du, dv = r * (atan2(ny, nx) + pi), qz, nx * ly - ny * lx, lz
        elif face < 2:
            nx = 2.0 * face - 1.0
            u, v, du, dv = qy, qz, ly, lz
        elif face < 4:
            ny = 2.0 * face - 5.0
            u, v, du, dv = qx, qz, lx, lz
        else:
            nz = 2.0 * face - 9.0
            u, v, du, dv = qx, qy, lx, ly
        facing = max(abs(nx * lx + ny * ly + nz * lz), 0.02)
        surface = 6 * (hit + 1) + face
        grey = sample_picture(
            world.texels,
            world.offset,
            world.size,
            world.per_m,
            surface,
            u,
            v,
            du,
            dv,
            t * ray_angle,
            facing,
        )

        # Lambert's law for the lamp, over even light from everywhere.
        if hit >= 0:
            x, y, z = nx, ny, nz
            nx = turn[hit, 0, 0] * x + turn[hit, 0, 1] * y + turn[hit, 0, 2] * z
            ny = turn[hit, 1, 0] * x + turn[hit, 1, 1] * y + turn[hit, 1, 2] * z
            nz = turn[hit, 2, 0] * x + turn[hit, 2, 1] * y + turn[hit, 2, 2] * z
        ex, ey, ez = light[0] - px, light[1] - py, light[2] - pz
        square = ex * ex + ey * ey + ez * ez
        lit = (nx * ex + ny * ey + nz * ez) / sqrt(square)
        lit = abs(lit) if hit < 0 else max(lit, 0.0)  # the room's faces are seen from within
        out_grey[k] = grey / 255.0 * (0.4 + 0.9 * lit / (1.0 + 0.05 * square))
        out_t[k] = t
        out_surface[k] = surface


@kernel
def objects_in_view(world, R_world_cam, corners, span, out_near):
    """Objects whose bounding sphere touches the cone around the rays of a tile.

    Args:
        R_world_cam: (3, 3). corners: (4, 3) unit rays of the tile's corners, camera.
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
def render(world, rays, R_world_cam, o, weight, scratch, out_radiance, out_distance, out_surface):
    """Cast all pixels of one camera.

    Args:
        rays: (H, W, 3) unit rays, camera. R_world_cam: (3, 3). o: (3,) camera, world [m].
        weight: the image is added to `out_radiance` with this weight. scratch: Scratch.
        out_radiance: (H, W) float32. out_distance: (H, W) float32 [m] along the ray.
        out_surface: (H, W) int32 surface numbers.
    """
    height, width = out_surface.shape
    o_obj, span, near, n_near, angle, corners, batch, grey, distance, surface = scratch
    prepare(world, o, o_obj, span)
    n_rows, n_columns = ceil(height / TILE), ceil(width / TILE)
    for tile in range(n_rows * n_columns):
        top, left = tile // n_columns * TILE, tile % n_columns * TILE
        bottom, right = min(top + TILE, height), min(left + TILE, width)
        for k in range(4):
            v, u = top if k < 2 else bottom - 1, right - 1 if k & 1 else left
            for i in range(3):
                corners[k, i] = rays[v, u, i]
        n_near[tile], diagonal = objects_in_view(world, R_world_cam, corners, span, near[tile])
        steps = sqrt((bottom - top - 1.0) ** 2 + (right - left - 1.0) ** 2)
        angle[tile] = diagonal / max(steps, 1.0)
        n = 0
        for v in range(top, bottom):
            for u in range(left, right):
                for i in range(3):
                    batch[n, i] = rays[v, u, i]
                n += 1
        cast(
            world,
            o,
            o_obj,
            batch,
            n,
            R_world_cam,
            near[tile],
            n_near[tile],
            angle[tile],
            grey,
            distance,
            surface,
        )
        n = 0
        for v in range(top, bottom):
            for u in range(left, right):
                out_radiance[v, u] += np.float32(weight * grey[n])
                out_distance[v, u] = distance[n]
                out_surface[v, u] = surface[n]
                n += 1

    # Outlines: four rays in a turned square instead of the one.
    for tile in range(n_rows * n_columns):
        top, left = tile // n_columns * TILE, tile % n_columns * TILE
        for v in range(max(top, 1), min(top + TILE, height - 1)):
            for u in range(max(left, 1), min(left + TILE, width - 1)):
                s = out_surface[v, u]
                if (
                    s == out_surface[v, u - 1]
                    and s == out_surface[v, u + 1]
                    and s == out_surface[v - 1, u]
                    and s == out_surface[v + 1, u]
                ):
                    continue
                quarter_steps(rays, u, v, batch)
                cast(
                    world,
                    o,
                    o_obj,
                    batch,
                    5,
                    R_world_cam,
                    near[tile],
                    n_near[tile],
                    angle[tile],
                    grey,
                    distance,
                    surface,
                )
                mean = 0.25 * (grey[1] + grey[2] + grey[3] + grey[4])
                out_radiance[v, u] += np.float32(weight * (mean - grey[0]))


@kernel
def quarter_steps(rays, u, v, out):
    """Rays (5, 3) through pixel (u, v) and through four points around its centre."""
    for k in range(5):
        across, down = 0.0, 0.0
        if k == 1:
            across, down = -0.125, -0.375
        elif k == 2:
            across, down = 0.375, -0.125
        elif k == 3:
            across, down = 0.125, 0.375
        elif k == 4:
            across, down = -0.375, 0.125
        square = 0.0
        for i in range(3):
            x = rays[v, u, i] + 0.5 * across * (rays[v, u + 1, i] - rays[v, u - 1, i])
            out[k, i] = x + 0.5 * down * (rays[v + 1, u, i] - rays[v - 1, u, i])
            square += out[k, i] * out[k, i]
        for i in range(3):
            out[k, i] /= sqrt(square)
