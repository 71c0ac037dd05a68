"""Block-compressed image pyramid: written once as rows arrive, read patch by patch.

Blocks are 4x4. A level above the finest holds per block its darkest value (8 bit) and range
(4 bit, logarithmic) and per pixel a code of 1, 2 or 4 bits between the two: block truncation
coding (Delp & Mitchell, 1979) with more levels. The finest level holds what its pixels differ
from the level above, decoded and interpolated: per block a mean magnitude (4 bit), per pixel the
sign (1 bit) or sign and size (2 bit): one step of a Laplacian pyramid (Burt & Adelson, 1983).
At 1.25 bit per pixel it errs 0.6 times as much as one-bit truncation at 1.75. Codes of
8 bit stand for raw pixels: the uncompressed build runs the same kernels.

A frame is one byte array and a table with a row per level: see `COLUMNS`.
"""

import numpy as np

from vio._jit import kernel

BLOCK = 4
REGION = 24  # px, side of the square that is decoded at once; its corner is on the block grid
LINES = 16  # rows of the finest level that must be at hand while it is written
COLUMNS = ("height", "width", "bits", "code", "stride", "base", "range", "blocks")
HEIGHT, WIDTH, BITS, CODE, STRIDE, BASE, RANGE, BLOCKS = range(8)

MAGNITUDE = np.array([0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72, 92], np.int16)
SPREAD = np.array([1, 3, 5, 8, 11, 15, 20, 27, 36, 48, 62, 82, 106, 135, 173, 221], np.int16)


def nearest_index(table) -> np.ndarray:
    """For every value 0..255 the index of the table's nearest entry, (256,) uint8."""
    return np.abs(np.arange(256)[:, None] - table[None]).argmin(axis=1).astype(np.uint8)


TO_MAGNITUDE, TO_SPREAD = nearest_index(MAGNITUDE), nearest_index(SPREAD)


def layout(height: int, width: int, bits: tuple) -> tuple[np.ndarray, int]:
    """Table (L, 8) int64 of a pyramid and the bytes it takes.

    What does not fill the coarsest level's pixels, or a byte of codes, is cut off at the right
    and at the bottom.

    Args:
        height, width: of the image [px]. bits: code bits per level, 8 = raw.
    """
    whole = 1 << (len(bits) - 1)
    height, width = height // whole * whole, width // max(whole, 8) * max(whole, 8)
    table, at = np.zeros((len(bits), len(COLUMNS)), np.int64), 0
    for level, n in enumerate(bits):
        h, w = height >> level, width >> level
        rows, cols = -(-h // BLOCK), -(-w // BLOCK)
        stride = w if n == 8 else -(-cols * BLOCK * n // 8)
        table[level, [HEIGHT, WIDTH, BITS, CODE, STRIDE, BLOCKS]] = h, w, n, at, stride, cols
        at += rows * BLOCK * stride
        if n < 8:
            table[level, RANGE] = at
            at += -(-rows * cols // 2)
            if level > 0:
                table[level, BASE] = at
                at += rows * cols
    return table, at


@kernel
def get_nibble(data, at, index):
    """Nibble `index` of the packed nibbles that start at `at`."""
    return (data[at + (index >> 1)] >> (4 * (index & 1))) & 15


@kernel
def set_nibble(data, at, index, value):
    """Write nibble `index`, leaving its neighbour."""
    where, shift = at + (index >> 1), 4 * (index & 1)
    data[where] = (data[where] & (240 >> shift)) | (value << shift)


@kernel
def decode_block(data, table, level, row, col, out, y, x):
    """Write block (row, col) of a level >= 1 to out[y:y+4, x:x+4] (float32); outside repeats."""
    rows, blocks = -(-table[level, HEIGHT] // BLOCK), table[level, BLOCKS]
    row, col = min(max(row, 0), rows - 1), min(max(col, 0), blocks - 1)
    bits, code, stride = table[level, BITS], table[level, CODE], table[level, STRIDE]
    if bits == 8:
        height, width = table[level, HEIGHT], table[level, WIDTH]
        for r in range(BLOCK):
            line = code + min(BLOCK * row + r, height - 1) * stride
            for k in range(BLOCK):
                out[y + r, x + k] = data[line + min(BLOCK * col + k, width - 1)]
        return
    at = row * blocks + col
    step = np.float32(SPREAD[get_nibble(data, table[level, RANGE], at)]) / np.float32(1 << bits)
    low = np.float32(data[table[level, BASE] + at]) + np.float32(0.5) * step
    mask = (1 << bits) - 1
    for r in range(BLOCK):
        where = code + (BLOCK * row + r) * stride
        if bits == 1:
            packed = np.int32(get_nibble(data, where, col))
        elif bits == 2:
            packed = np.int32(data[where + col])
        else:
            packed = np.int32(data[where + 2 * col]) | (np.int32(data[where + 2 * col + 1]) << 8)
        for k in range(BLOCK):
            out[y + r, x + k] = low + step * np.float32((packed >> (bits * k)) & mask)


@kernel
def load_region(data, table, level, x0, y0, above, out):
    """Decode the square of side REGION whose corner (x0, y0) is on the block grid, inside.

    Args:
        above: (24, 24) float32 scratch for the level above. out: (24, 24) float32.

    Returns:
        blocks decoded.
    """
    n = REGION // BLOCK
    row0, col0 = y0 // BLOCK, x0 // BLOCK
    if level > 0 or table[0, BITS] == 8:
        for i in range(n):
            for j in range(n):
                decode_block(data, table, level, row0 + i, col0 + j, out, BLOCK * i, BLOCK * j)
        return n * n
    # The 14x14 of the level above that the interpolation needs, in whole blocks.
    top, left = (y0 // 2 - 1) // BLOCK, (x0 // 2 - 1) // BLOCK
    down, right = (y0 // 2 + REGION // 2) // BLOCK, (x0 // 2 + REGION // 2) // BLOCK
    for i in range(top, down + 1):
        for j in range(left, right + 1):
            decode_block(data, table, 1, i, j, above, BLOCK * (i - top), BLOCK * (j - left))
    dy, dx = y0 // 2 - BLOCK * top, x0 // 2 - BLOCK * left
    # The border of the level above repeats: first and last row and column in the scratch.
    y_first, y_last = max(-BLOCK * top, 0), table[1, HEIGHT] - 1 - BLOCK * top
    x_first, x_last = max(-BLOCK * left, 0), table[1, WIDTH] - 1 - BLOCK * left
    heavy, light = np.float32(0.75), np.float32(0.25)
    bits, code, stride = table[0, BITS], table[0, CODE], table[0, STRIDE]
    for i in range(REGION):
        y = dy + (i >> 1)
        near, far = above[y], above[min(max(y - 1 + 2 * (i & 1), y_first), y_last)]
        line = out[i]
        x = max(dx - 1, x_first)
        before = heavy * near[x] + light * far[x]
        here = heavy * near[dx] + light * far[dx]
        for j in range(REGION // 2):
            x = min(dx + j + 1, x_last)
            after = heavy * near[x] + light * far[x]
            line[2 * j] = heavy * here + light * before
            line[2 * j + 1] = heavy * here + light * after
            before, here = here, after
        at = (row0 + (i >> 2)) * table[0, BLOCKS] + col0
        where = code + (y0 + i) * stride
        for j in range(n):
            mean = np.float32(MAGNITUDE[get_nibble(data, table[0, RANGE], at + j)])
            if bits == 1:
                packed = np.int32(get_nibble(data, where, col0 + j))
                for k in range(BLOCK):
                    sign = np.float32(2 * ((packed >> k) & 1) - 1)
                    line[BLOCK * j + k] += sign * mean
            else:
                packed = np.int32(data[where + col0 + j])
                for k in range(BLOCK):
                    sign = np.float32(2 * ((packed >> (2 * k)) & 1) - 1)
                    size = np.float32(0.5) + np.float32(1.25) * np.float32(
                        (packed >> (2 * k + 1)) & 1
                    )
                    line[BLOCK * j + k] += sign * size * mean
    return n * n + (down + 1 - top) * (right + 1 - left)


@kernel
def decode_line(data, table, level, y, block, out):
    """Decode row y of a level >= 1 into out (W,) uint8; `block` (4, 4) float32 is scratch."""
    width, bits = table[level, WIDTH], table[level, BITS]
    code = table[level, CODE] + y * table[level, STRIDE]
    if bits == 8:
        for x in range(width):
            out[x] = data[code + x]
        return
    mask, row = (1 << bits) - 1, (y // BLOCK) * table[level, BLOCKS]
    for b in range(table[level, BLOCKS]):
        spread = np.int32(SPREAD[get_nibble(data, table[level, RANGE], row + b)])
        low = np.int32(data[table[level, BASE] + row + b])
        if bits == 1:
            packed = np.int32(get_nibble(data, code, b))
        elif bits == 2:
            packed = np.int32(data[code + b])
        else:
            packed = np.int32(data[code + 2 * b]) | (np.int32(data[code + 2 * b + 1]) << 8)
        for k in range(min(BLOCK, width - BLOCK * b)):
            q = (packed >> (bits * k)) & mask
            out[BLOCK * b + k] = min(low + ((2 * q + 1) * spread) // (2 << bits), 255)
