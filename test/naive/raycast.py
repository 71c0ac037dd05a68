"""Slow readable twins of vio/sim/hits.py and raycast.py: no tiles, no culling, no batches."""

import math

import numpy as np
from naive.sample import sample_picture


def slab(o, d, half):
    """Where a line is within |x| <= half, by trying both planes."""
    if d == 0:
        return (-math.inf, math.inf) if abs(o) <= half else (math.inf, -math.inf)
    return tuple(sorted([(-half - o) / d, (half - o) / d]))


def hit_room(o, d, lo, hi):
    """The nearest of the six planes that the ray runs towards."""
    hits = []
    for axis in range(3):
        for side, bound in enumerate((lo[axis], hi[axis])):
            if d[axis] * (2 * side - 1) > 0:
                hits.append(((bound - o[axis]) / d[axis], 2 * axis + side))
    return min(hits)


def hit_box(o, d, half):
    """All six planes one by one: the nearest hit that lies on a face."""
    best, face = math.inf, 0
    for axis in range(3):
        for side, sign in enumerate((-1.0, 1.0)):
            if d[axis] * sign >= 0:
                continue  # leaves through this face
            t = (sign * half[axis] - o[axis]) / d[axis]
            others = [i for i in range(3) if i != axis]
            q = o + t * d
            if 0 < t < best and all(abs(q[i]) <= half[i] for i in others):
                best, face = t, 2 * axis + side
    return best, face


def hit_cylinder(o, d, radius, half):
    hits = []
    roots = np.roots(
        [d[0] ** 2 + d[1] ** 2, 2 * (o[0] * d[0] + o[1] * d[1]), o[0] ** 2 + o[1] ** 2 - radius**2]
    )
    for t in roots:
        if np.isreal(t) and t.real > 0 and abs(o[2] + t.real * d[2]) <= half:
            hits.append((t.real, 0))
    for face, z in ((4, -half), (5, half)):
        t = (z - o[2]) / d[2]
        if t > 0 and np.hypot(*(o + t * d)[:2]) <= radius:
            hits.append((t, face))
    return min(hits, default=(math.inf, 0))


def prepare(world, o):
    """The point o (3,) in the frame of every object (M, 3)."""
    return np.array([R.T @ (o - p) for R, p in zip(world.R_world_obj, world.p_world_obj)])


def objects_in_view(world, R_world_cam, o, rays):
    """Objects whose bounding sphere some ray of a tile (h, w, 3) meets."""
    seen = []
    for m, (p, radius) in enumerate(zip(world.p_world_obj, world.radius)):
        to = R_world_cam.T @ (p - o)
        along = rays @ to
        miss = np.linalg.norm(to - along[..., None] * rays, axis=-1)
        if ((miss < radius) & (along > 0)).any():
            seen.append(m)
    return seen


def cast(world, o, d, ray_angle):
    """Radiance, distance and surface of one ray d (3,) in the world, all objects tried."""
    t, face = hit_room(o, d, world.lo, world.hi)
    hit = -1
    for m in range(len(world.kind)):
        R, half = world.R_world_obj[m], world.half[m]
        local_o, local_d = R.T @ (o - world.p_world_obj[m]), R.T @ d
        if world.kind[m] == 0:
            s, f = hit_box(local_o, local_d, half)
        else:
            s, f = hit_cylinder(local_o, local_d, half[0], half[2])
        if s < t:
            t, face, hit = s, f, m
    R, origin = np.eye(3), world.lo
    if hit >= 0:
        R = world.R_world_obj[hit]
        origin = world.p_world_obj[hit] - R @ world.half[hit]
    point, course = R.T @ (o + t * d - origin), R.T @ d
    if hit >= 0 and world.kind[hit] == 1 and face == 0:
        radius = world.half[hit, 0]
        normal = np.array([point[0] / radius - 1, point[1] / radius - 1, 0])
        uv = np.array([radius * (np.arctan2(normal[1], normal[0]) + np.pi), point[2]])
        duv = np.array([np.cross(normal, course)[2], course[2]])
    else:
        axes = [axis for axis in range(3) if axis != face // 2]
        normal = np.zeros(3)
        normal[face // 2] = 2 * (face % 2) - 1
        uv, duv = point[axes], course[axes]
    surface = 6 * (hit + 1) + face
    facing = max(abs(normal @ course), 0.02)
    grey = sample_picture(world, surface, uv, duv, t * ray_angle, facing)
    to_light = world.light - (o + t * d)
    lit = (R @ normal) @ to_light / np.linalg.norm(to_light)
    lit = abs(lit) if hit < 0 else max(lit, 0)
    return grey / 255 * (0.4 + 0.9 * lit / (1 + 0.05 * to_light @ to_light)), t, surface


def quarter_steps(rays, u, v):
    """The pixel's ray, and four a quarter to three eighths of a step away in a turned square."""
    across = (rays[v, u + 1] - rays[v, u - 1]) / 2
    down = (rays[v + 1, u] - rays[v - 1, u]) / 2
    steps = [(0, 0), (-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125)]
    out = np.array([rays[v, u] + a * across + b * down for a, b in steps])
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def render(world, rays, R_world_cam, o, tile):
    """Radiance, distance and surface (H, W), with the ray angle of tiles of `tile` pixels."""
    h, w = rays.shape[:2]
    radiance, distance = np.empty((h, w)), np.empty((h, w))
    surface, angle = np.empty((h, w), int), np.empty((h, w))
    for top in range(0, h, tile):
        for left in range(0, w, tile):
            block = rays[top : top + tile, left : left + tile]
            corners = block[[0, 0, -1, -1], [0, -1, 0, -1]]
            axis = corners.sum(0) / np.linalg.norm(corners.sum(0))
            steps = np.hypot(block.shape[0] - 1, block.shape[1] - 1)
            widest = 2 * np.arccos(min((corners @ axis).min(), 1.0))
            angle[top : top + tile, left : left + tile] = widest / max(steps, 1)
    for v in range(h):
        for u in range(w):
            radiance[v, u], distance[v, u], surface[v, u] = cast(
                world, o, R_world_cam @ rays[v, u], angle[v, u]
            )
    for v in range(1, h - 1):
        for u in range(1, w - 1):
            cross = [surface[v, u - 1], surface[v, u + 1], surface[v - 1, u], surface[v + 1, u]]
            if any(s != surface[v, u] for s in cross):
                around = quarter_steps(rays, u, v)[1:]
                radiance[v, u] = np.mean(
                    [cast(world, o, R_world_cam @ ray, angle[v, u])[0] for ray in around]
                )
    return radiance, distance, surface
