"""Compressed frames for tests: the one place that knows how an image is handed to the kernels."""

import numpy as np

from vio.frontend import codec, encode, klt, patch

RAW = 8, 8, 8
PACKED = 1, 2, 4


def regions():
    return np.zeros((2, codec.ROWS, codec.COLS), np.float32)


def pixels():
    return np.zeros(patch.TEMPLATE**2, np.float32)


def basis():
    return np.zeros(3 * patch.SIZE, np.float32)


def lanes():
    return np.zeros(patch.LANES, np.float32)


def compress(image, bits=RAW, reduce=1):
    """(data, table, counts) of an image."""
    height, width = image.shape
    table, size = codec.layout(height // reduce, width // reduce, bits)
    width = int(table[0, codec.WIDTH])
    data = np.zeros(size, np.uint8)
    counts = encode.receive(
        np.ascontiguousarray(image), reduce, data, table,
        np.zeros((codec.LINES, width), np.uint8),
        np.zeros((len(bits) - 1, 8, width // 2), np.uint8), np.zeros((8, width // 2), np.uint8),
        np.zeros(width + 2, np.uint16), np.zeros((5, width), np.int16),
        np.zeros(width // 2 + 2, np.int16), np.zeros((6, width // 2), np.uint8),
        np.zeros(width // 2, np.uint32),
    )  # fmt: skip
    return data, table, counts


def decode(data, table, level):
    """A whole level as floats, region by region."""
    height, width = table[level, codec.HEIGHT], table[level, codec.WIDTH]
    out = np.full((height + 24, width + 24), np.nan)
    for y in range(0, height, 24):
        for x in range(0, width, 24):
            down, right = (-(-n // 4) * 4 for n in (height, width))
            box = x, y, min(x + 24, right), min(y + 24, down)
            out[y : y + 24, x : x + 24] = load(data, table, level, box)[0]
    return out[:height, :width]


def load(data, table, level, box, held=codec.NOTHING):
    """(24, 24) of a box, NaN beyond it; what `load_region` returns."""
    both = regions()
    both[:] = np.nan
    counts = codec.load_region(data, table, level, box, held, both)
    return both[min(level, 1), :-1, 1:-1], counts


def template(frame, level, x, y, bits=8):
    """Stored template bytes, or None where it leaves the image."""
    out = np.zeros((1, level + 1, patch.template_bytes(bits)), np.uint8)
    uv = np.array([[(x + 0.5) * 2**level - 0.5, (y + 0.5) * 2**level - 0.5]], np.float32)
    wanted = np.ones(1, np.uint8)
    klt.take_templates(*frame[:2], uv, wanted, bits, regions(), pixels(), out)
    return out[0, level] if out[0, level].any() else None


def unpack(stored, bits=8):
    """(10, 10) of a stored template."""
    out = pixels()
    patch.unpack_template(stored, bits, out)
    return out.reshape(patch.TEMPLATE, patch.TEMPLATE)


def align(frame, templates, warps, uv, first_level, params, bits=8):
    """(uv, score, counts by name) of `klt.align`."""
    got, n = np.array(uv, np.float32), len(uv)
    score = np.zeros(n, np.float32)
    counts = klt.align(
        *frame[:2], templates, bits, np.asarray(warps, np.float32), got,
        np.full(n, first_level, np.int8), 0, params, regions(), pixels(), basis(), lanes(), score,
    )  # fmt: skip
    names = (
        "loads",
        "blocks",
        "blocks0",
        "blocks1",
        "levels",
        "iterations",
        "bent",
        "found",
        "given",
    )
    return got, score, dict(zip(names, counts))
