"""Painted surfaces: every face of the world gets a picture of its own, never a repeat.

A picture is value noise of many sizes under shapes of many sizes (cards, discs, text,
random checks), so that there are corners to track from any distance. It is stored with
its averaged halves (a mip map), from which a ray reads the size of detail it can resolve.
"""

import string

import cv2
import numpy as np

LEVELS = 6
SHAPES = ((0.9, 0.35), (0.4, 2.2), (0.16, 11.0), (0.06, 40.0))
"""(size [m], number per m^2), large ones first: they lie below."""
MIN_SHAPE_TEXELS = 4
NOISE = ((1.1, 24.0), (0.45, 18.0), (0.18, 13.0), (0.07, 10.0), (0.028, 9.0), (0.011, 8.0))
"""(size [m], amplitude [grey levels])."""


def picture_size(width_m: float, height_m: float, texel_m: float) -> tuple[int, int]:
    """Texels (w, h) of a picture: multiples of the coarsest texel, at least two of it."""
    block = 2 ** (LEVELS - 1)
    return tuple(max(2, round(side / texel_m / block)) * block for side in (width_m, height_m))


def paint(rng, width_m: float, height_m: float, size: tuple[int, int]) -> np.ndarray:
    """A picture (h, w) uint8 of albedo for a face of width_m by height_m metres."""
    w, h = size
    per_m = w / width_m
    image = np.full((h, w), rng.uniform(70, 170), np.float32)
    for size_m, amplitude in NOISE[:3]:
        add_noise(image, rng, size_m * per_m, amplitude)
    image = np.clip(image, 25, 230).astype(np.uint8)
    for size_m, density in SHAPES:
        if size_m * per_m < MIN_SHAPE_TEXELS:
            break
        for _ in range(rng.poisson(density * width_m * height_m)):
            centre = rng.uniform(0, 1, 2) * [w, h]
            draw_shape(image, rng, centre, size_m * per_m * rng.uniform(0.5, 1.3))
    out = image.astype(np.float32)
    for size_m, amplitude in NOISE[3:]:
        add_noise(out, rng, size_m * per_m, amplitude)
    return np.clip(out, 8, 250).astype(np.uint8)


def add_noise(image, rng, cell: float, amplitude: float) -> None:
    """Add smooth random values, one per cell of `cell` texels, to image (h, w) float32."""
    h, w = image.shape
    grid = rng.normal(size=(int(h / cell) + 3, int(w / cell) + 3)).astype(np.float32)
    zoom = np.array([[1 / cell, 0, rng.uniform(0, 1)], [0, 1 / cell, rng.uniform(0, 1)]])
    image += amplitude * cv2.warpAffine(
        grid,
        zoom,
        (w, h),
        borderMode=cv2.BORDER_REFLECT,
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
    )


def draw_shape(image, rng, centre, size: float) -> None:
    """One random shape of about `size` texels, in place."""
    grey = float(rng.integers(10, 245))
    kind = rng.choice(("card", "disc", "polygon", "text", "checks"), p=(0.3, 0.12, 0.2, 0.2, 0.18))
    angle = rng.uniform(0, 2 * np.pi)
    x, y = (int(round(c)) for c in centre)
    if kind == "card":
        sides = size * rng.uniform([0.5, 0.2], 1.0)
        corners = cv2.boxPoints(((x, y), tuple(sides), np.degrees(angle)))
        fill(image, corners, grey)
        inner = (corners - centre) * rng.uniform(0.5, 0.85) + centre
        fill(image, inner, float(rng.integers(10, 245)))
    elif kind == "disc":
        axes = size * rng.uniform(0.15, 0.5, 2)
        cv2.ellipse(image, ((x, y), tuple(axes * 2), np.degrees(angle)), grey, -1, cv2.LINE_AA)
    elif kind == "polygon":
        turns = angle + np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        reach = size * rng.uniform(0.3, 0.6, len(turns))
        fill(image, centre + reach[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1), grey)
    elif kind == "text":
        letters = "".join(rng.choice(list(string.ascii_letters + string.digits), 5))
        cv2.putText(
            image,
            letters,
            (x, y),
            int(rng.integers(0, 5)),
            size / 60,
            grey,
            max(1, int(size / 18)),
            cv2.LINE_AA,
        )
    else:
        draw_checks(image, rng, (x, y), size)


def fill(image, corners, grey: float) -> None:
    """Filled polygon with corners (N, 2) in texels, to a sixteenth of a texel."""
    cv2.fillPoly(image, [np.round(corners * 16).astype(np.int32)], grey, cv2.LINE_AA, 4)


def draw_checks(image, rng, corner, size: float) -> None:
    """A card of random black and white fields, each card different."""
    n = int(rng.integers(3, 8))
    side = max(n, int(0.6 * size))
    fields = np.where(rng.integers(0, 2, (n, n)) == 1, *rng.integers([10, 130], [110, 245]))
    card = cv2.resize(fields.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    x, y = corner
    room = image[max(y, 0) : y + side, max(x, 0) : x + side]
    room[:] = card[: room.shape[0], : room.shape[1]]


def mip_map(picture: np.ndarray) -> list[np.ndarray]:
    """The picture and its successive halves, LEVELS in all, each (h, w) uint8."""
    levels = [picture]
    while len(levels) < LEVELS:
        h, w = levels[-1].shape
        levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
    return levels
