"""What the front end remembers and works in: fixed-capacity tables and their ledger."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vio.frontend import codec, detect, patch
from vio.memory.arena import Buffer


class TrackTable(NamedTuple):
    """One row per feature slot; a free slot has id -1 and uv0 NaN."""

    id: np.ndarray  # (N,) int64
    age: np.ndarray  # (N,) int16 frames
    uv0: np.ndarray  # (N, 2) float32 px
    uv1: np.ndarray  # (N, 2) float32 px, NaN without a match
    inv_depth: np.ndarray  # (N,) float32 1/m in cam0, 0 = unknown
    warp: np.ndarray  # (N, 2, 2) float32 template to cam0
    score: np.ndarray  # (N,) float32 correlation in cam0
    ray_key: np.ndarray  # (N, 2) float32 bearing at the last keyframe, NaN if younger
    template: np.ndarray  # (N, L, B) uint8


class Stream(NamedTuple):
    """Line buffers through which an image passes once."""

    lines: np.ndarray
    rings: np.ndarray
    decoded: np.ndarray
    line: np.ndarray
    residual: np.ndarray
    mixed: np.ndarray
    ranges: np.ndarray
    scale: np.ndarray


class Scratch(NamedTuple):
    """Work space of one call."""

    uv_next: np.ndarray
    warp_next: np.ndarray
    score1: np.ndarray
    rays_a: np.ndarray
    rays_b: np.ndarray
    weights: np.ndarray
    normals: np.ndarray
    inlier: np.ndarray
    wanted: np.ndarray
    first_level: np.ndarray
    regions: np.ndarray
    patch: np.ndarray
    basis: np.ndarray
    lanes: np.ndarray
    ring: np.ndarray
    sums: np.ndarray
    rows: np.ndarray
    cell_xy: np.ndarray
    cell_score: np.ndarray
    occupied: np.ndarray


def reduced(rig, factor: int):
    """The rig with images `factor` times smaller: pixel u becomes (u + 0.5) / factor - 0.5."""
    if factor == 1:
        return rig
    cameras = []
    for camera in (rig.cam0, rig.cam1):
        if camera is not None:
            params = camera.params.copy()
            params[:2] /= factor
            params[2:4] = (params[2:4] + 0.5) / factor - 0.5
            width, height = camera.width // factor, camera.height // factor
            camera = replace(camera, width=width, height=height, params=params)
        cameras.append(camera)
    return replace(rig, cam0=cameras[0], cam1=cameras[1])


def level_bits(config) -> tuple:
    """Bits per pixel of the codes of every level of a FrontendConfig."""
    coarse = config.levels - 2
    return (config.finest_bits, config.second_bits, *[config.coarse_bits] * coarse)


def grid_shape(rig, config) -> tuple[int, int, int]:
    """(rows, cols, cell side) of the detection grid, px of level 1: about one cell a feature."""
    width, height = rig.cam0.width // 2, rig.cam0.height // 2
    cell = max(8, int((width * height / (1.15 * config.max_features)) ** 0.5))
    return -(-height // cell), -(-width // cell), cell


def buffers(rig, config) -> list[Buffer]:
    """Ledger of the front end for a rig and a FrontendConfig."""
    rig = reduced(rig, config.reduce)
    n, levels = config.max_features, config.levels
    out = []

    def add(*line):
        out.append(Buffer(*line))

    table, size = codec.layout(rig.cam0.height, rig.cam0.width, level_bits(config))
    width = int(table[0, codec.WIDTH])
    pixels = int((table[:, codec.HEIGHT] * table[:, codec.WIDTH]).sum())
    codes = "pixel codes of " + ", ".join(map(str, level_bits(config))) + " bit and block ranges"
    note = "compressed pyramid of one image: cam0's, then cam1's"
    add("frame", (size,), "u1", "front", note, codes, pixels)
    for name, shape, dtype in (
        ("lines", (codec.LINES, width), "u1"),
        ("rings", (levels - 1, 8, width // 2), "u1"),
        ("decoded", (8, width // 2), "u1"),
        ("line", (width + 2,), "u2"),
        ("residual", (5, width), "i2"),
        ("mixed", (width // 2 + 2,), "i2"),
        ("ranges", (6, width // 2), "u1"),
        ("scale", (width // 2,), "u4"),
    ):
        add(f"stream.{name}", shape, dtype, "front", "line buffers of the image stream")
    add("track.id", (n,), "i4", "run", "identity of a feature")
    add("track.age", (n,), "i2", "run", "frames seen")
    add("track.uv0", (n, 2), "f4", "run", "pixel in cam0")
    add("track.uv1", (n, 2), "f4", "run", "pixel in cam1")
    add("track.inv_depth", (n,), "f4", "run", "inverse depth in cam0")
    add("track.warp", (n, 2, 2), "f4", "run", "template to image")
    add("track.score", (n,), "f4", "run", "correlation")
    add("track.ray_key", (n, 2), "f4", "run", "bearing at the last keyframe")
    size, bits = patch.template_bytes(config.template_bits), config.template_bits
    form = f"{bits}-bit pixels" + (", base and step" if bits < 8 else "")
    pixels = n * levels * patch.TEMPLATE**2
    add("track.template", (n, levels, size), "u1", "run", "patch by level", form, pixels)
    rows, cols, _ = grid_shape(rig, config)
    for name, shape, dtype in (
        ("uv_next", (n, 2), "f4"),
        ("warp_next", (n, 2, 2), "f4"),
        ("score1", (n,), "f4"),
        ("rays_a", (n, 2), "f4"),
        ("rays_b", (n, 2), "f4"),
        ("weights", (n,), "f4"),
        ("normals", (n, 4), "f4"),
        ("inlier", (n,), "u1"),
        ("wanted", (n,), "u1"),
        ("first_level", (n,), "i1"),
        ("regions", (2, codec.ROWS, codec.COLS), "f4"),
        ("patch", (patch.TEMPLATE**2,), "f4"),
        ("basis", (3 * patch.SIZE,), "f4"),
        ("lanes", (patch.LANES,), "f4"),
        ("ring", (detect.WINDOW, 2, width // 2), "i2"),
        ("sums", (3, width // 2), "i4"),
        ("rows", (3, width // 2), "u1"),
        ("cell_xy", (rows * cols, 2), "f4"),
        ("cell_score", (rows * cols,), "f4"),
        ("occupied", (rows, cols), "u1"),
    ):
        add(f"front.{name}", shape, dtype, "front", "front end scratch")
    return out
