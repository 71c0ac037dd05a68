"""The room around a trajectory: six walls and clutter, all painted.

Surfaces are numbered: 0..5 the room's faces (-x +x -y +y -z +z), then six per object in
the same order; a cylinder uses 0 for its side and 4, 5 for its ends.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vio.sim.texture import LEVELS, mip_map, paint, picture_size

BOX, CYLINDER = 0, 1
MIN_SIDE_M, MIN_HEIGHT_M, MARGIN_M = 9.0, 4.0, 2.0
CLEARANCE_M = 0.6
TEXEL_M, MAX_TEXELS = 0.004, 24e6


class World(NamedTuple):
    """Geometry and pictures, as arrays a kernel can read. M objects, S = 6 + 6 M surfaces.

    Attributes:
        lo, hi: (3,) corners of the room [m]. light: (3,) the lamp [m].
        kind: (M,) int64 BOX or CYLINDER (axis z). half: (M, 3) half sizes [m].
        R_world_obj: (M, 3, 3). p_world_obj: (M, 3) centres [m]. radius: (M,) around them [m].
        texels: uint8, all pictures with their halves, flat.
        offset: (S, LEVELS) int64, where each begins in `texels`.
        size: (S, 2) int64 texels (w, h) of the full picture; 0 for an unused surface.
        per_m: (S, 2) texels per metre.
    """

    lo: np.ndarray
    hi: np.ndarray
    light: np.ndarray
    kind: np.ndarray
    half: np.ndarray
    R_world_obj: np.ndarray
    p_world_obj: np.ndarray
    radius: np.ndarray
    texels: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    per_m: np.ndarray


def build_world(
    path_p: np.ndarray, seed: int, floor: float | None, *, texel: float = TEXEL_M, workers: int = 1
) -> World:
    """The room around imu positions path_p (N, 3) [m].

    Args:
        seed: of clutter and pictures.
        floor: its height [m], or None for 0.8 m below the lowest position.
        texel: size of the pictures' texels [m]; larger in a very large room.
        workers: threads that paint; no influence on the result.
    """
    rng = np.random.default_rng([seed, 2])
    lo, hi = room(path_p, floor)
    kind, half, R, p = clutter(rng, lo, hi, path_p)
    light = np.array([*(lo + (hi - lo) * rng.uniform(0.35, 0.65, 3))[:2], hi[2] - 0.3])
    sides = surface_sides(hi - lo, kind, half)
    texel = max(texel, np.sqrt(sides.prod(1).sum() / MAX_TEXELS))
    texels, offset, size, per_m = pictures(sides, texel, seed, workers)
    radius = np.linalg.norm(half, axis=1)
    return World(lo, hi, light, kind, half, R, p, radius, texels, offset, size, per_m)


def room(path_p, floor):
    """Corners (3,), (3,) of a room that leaves MARGIN_M around the path."""
    lo, hi = path_p.min(0), path_p.max(0)
    grow = np.maximum(MARGIN_M, (MIN_SIDE_M - (hi - lo)) / 2)
    bottom = lo[2] - 0.8 if floor is None else floor
    top = max(bottom + MIN_HEIGHT_M, hi[2] + 1.2)
    return np.array([*(lo - grow)[:2], bottom]), np.array([*(hi + grow)[:2], top])


def clutter(rng, lo, hi, path_p):
    """Boxes and cylinders off the path: kind (M,), half (M, 3), R (M, 3, 3), p (M, 3)."""
    extent = hi - lo
    wanted = int(np.clip(0.45 * extent[0] * extent[1], 24, 60))
    path = path_p[:: max(1, len(path_p) // 2000)]
    kinds, halves, rotations, centres = [], [], [], []
    for _ in range(50 * wanted):
        if len(kinds) == wanted:
            break
        half = rng.uniform(0.1, 0.5, 3) * rng.choice([0.6, 1.0, 1.3])
        kind = rng.choice([BOX, BOX, CYLINDER])
        if kind == CYLINDER:
            half[1] = half[0]
        tilt = rng.choice([0.0, 0.0, 0.5])
        turn = Rotation.from_euler("ZYX", rng.uniform(-1, 1, 3) * [np.pi, tilt, tilt])
        reach = np.abs(turn.as_matrix()) @ half
        centre = lo + reach + rng.uniform(0, 1, 3) * (extent - 2 * reach)
        place = rng.uniform()
        if place < 0.5:  # on the floor
            centre[2] = lo[2] + reach[2]
        elif place < 0.62:  # under the ceiling
            centre[2] = hi[2] - reach[2]
        elif place < 0.9:  # on a wall
            axis = rng.integers(0, 2)
            centre[axis] = lo[axis] + reach[axis] if rng.uniform() < 0.5 else hi[axis] - reach[axis]
        radius = np.linalg.norm(half)
        near_path = np.linalg.norm(path - centre, axis=1).min() < radius + CLEARANCE_M
        if near_path or any(
            np.linalg.norm(centre - c) < 0.7 * (radius + np.linalg.norm(h))
            for c, h in zip(centres, halves)
        ):
            continue
        kinds.append(kind), halves.append(half), centres.append(centre)
        rotations.append(turn.as_matrix())
    return (
        np.array(kinds, np.int64),
        np.array(halves).reshape(-1, 3),
        np.array(rotations).reshape(-1, 3, 3),
        np.array(centres).reshape(-1, 3),
    )


def surface_sides(extent, kind, half) -> np.ndarray:
    """Width and height (S, 2) [m] of every surface, along the axes its picture follows."""
    sides = []
    for size, form in zip(np.vstack([extent, 2 * half]), [BOX, *kind]):
        x, y, z = size
        if form == BOX:
            sides += [(y, z), (y, z), (x, z), (x, z), (x, y), (x, y)]
        else:
            sides += [(np.pi * x, z), (0, 0), (0, 0), (0, 0), (x, x), (x, x)]
    return np.array(sides)


def pictures(sides, texel: float, seed: int, workers: int):
    """Paint all surfaces: `texels`, `offset`, `size`, `per_m` of World."""

    def paint_one(surface):
        width, height = sides[surface]
        if width == 0:
            return []
        rng = np.random.default_rng([seed, 3, surface])
        picture = paint(rng, width, height, picture_size(width, height, texel))
        return mip_map(cv2.flip(picture, 0))  # its rows run down, the surface's v axis up

    with ThreadPoolExecutor(workers) as pool:
        painted = list(pool.map(paint_one, range(len(sides))))
    offset = np.zeros((len(sides), LEVELS), np.int64)
    size = np.zeros((len(sides), 2), np.int64)
    end = 0
    for surface, levels in enumerate(painted):
        for level, picture in enumerate(levels):
            offset[surface, level] = end
            end += picture.size
        if levels:
            size[surface] = levels[0].shape[::-1]
    texels = np.concatenate([picture.ravel() for levels in painted for picture in levels])
    per_m = size / np.where(sides > 0, sides, 1.0)
    return texels, offset, size, per_m
