"""Compressed frames for tests: the one place that knows how an image is handed to the kernels."""

import numpy as np

from vio.frontend import codec, encode, klt

RAW = 8, 8, 8
PACKED = 1, 2, 4


def above():
    return np.zeros((codec.REGION, codec.REGION), np.float32)


def region():
    return np.zeros((codec.REGION, codec.REGION), np.float32)


def patch():
    return np.zeros((klt.TEMPLATE, klt.TEMPLATE), np.float32)


def basis():
    return np.zeros((3, klt.PATCH, klt.PATCH), np.float32)


def block():
    return np.zeros((codec.BLOCK, codec.BLOCK), np.float32)


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
        np.zeros(width + 2, np.uint16), np.zeros((4, width), np.int16),
        np.zeros(width // 2 + 2, np.int16), block(),
    )  # fmt: skip
    return data, table, counts


def decode(data, table, level):
    """A whole level as floats, region by region."""
    height, width = table[level, codec.HEIGHT], table[level, codec.WIDTH]
    out = np.full((height + 24, width + 24), np.nan)
    for y in range(0, height, 24):
        for x in range(0, width, 24):
            x0, y0 = klt.place_region(table, level, np.float32(x + 11), np.float32(y + 11))
            square = region()
            codec.load_region(data, table, level, x0, y0, above(), square)
            out[y0 : y0 + 24, x0 : x0 + 24] = square
    return out[:height, :width]


def template(frame, level, x, y, bits=8):
    """Stored template bytes, or None where it leaves the image."""
    out = np.zeros(klt.template_bytes(bits), np.uint8)
    data, table = frame[:2]
    x, y = np.float32(x), np.float32(y)
    taken = klt.take_template(data, table, level, x, y, bits, above(), region(), patch(), out)
    return out if taken else None


def unpack(stored, bits=8):
    """(10, 10) of a stored template."""
    out = patch()
    klt.unpack_template(stored, bits, out)
    return out


def align(frame, templates, warps, uv, first_level, params, bits=8):
    """(uv, score, counts by name) of `klt.align`."""
    got, n = np.array(uv, np.float32), len(uv)
    score = np.zeros(n, np.float32)
    counts = klt.align(
        *frame[:2], templates, bits, np.asarray(warps, np.float32), got,
        np.full(n, first_level, np.int8), 0, params, above(), region(), patch(), basis(), score,
    )  # fmt: skip
    return got, score, dict(zip(("loads", "blocks", "levels", "iterations", "found"), counts))
