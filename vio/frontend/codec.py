"""Block-compressed image pyramid: written once as rows arrive, read patch by patch.

Blocks are 4x4. A level above the finest holds per block its darkest value (8 bit) and range
(4 bit, logarithmic) and per pixel a code of 1, 2 or 4 bits between the two: block truncation
coding (Delp & Mitchell, 1979) with more levels. The finest level holds what its pixels differ
from the level above, decoded and interpolated: per block a mean magnitude (4 bit), per pixel the
sign (1 bit) or sign and size (2 bit): one step of a Laplacian pyramid (Burt & Adelson, 1983).
At 1.25 bit per pixel it errs 0.6 times as much as one-bit truncation at 1.75. Codes of
8 bit stand for raw pixels: the uncompressed build runs the same kernels.

A frame is one byte array and a table with a row per level: see `COLUMNS`. Blocks stand in reading
order, the codes of each together, row after row.
"""

import numpy as np

from vio._jit import kernel

BLOCK = 4
REGION = 24  # px, longest side of what is decoded at once
ROWS, COLS = REGION + 1, REGION + 2  # of its array: rows are read a pixel too far on either side
LINES = 16  # rows of the finest level that must be at hand while it is written
COLUMNS = ("height", "width", "bits", "code", "base", "range", "blocks", "pairs")
HEIGHT, WIDTH, BITS, CODE, BASE, RANGE, BLOCKS, PAIRS = range(8)

MAGNITUDE = np.array([0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72, 92], np.int16)
SPREAD = np.array([1, 3, 5, 8, 11, 15, 20, 27, 36, 48, 62, 82, 106, 135, 173, 221], np.int16)


def edges(table) -> np.ndarray:
    """The least values 0..255 that are nearest to each entry of a table but the first, uint8."""
    nearest = np.abs(np.arange(256)[:, None] - table[None]).argmin(axis=1)
    return np.searchsorted(nearest, np.arange(1, table.size)).astype(np.uint8)


NOTHING = (0, 0, 0, 0)  # an empty box
# What a byte, or a nibble, of codes stands for, pixel by pixel.
ONES = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(np.float32)
TWOS = (np.arange(256)[:, None] >> (2 * np.arange(4)) & 3).astype(np.float32)
FOURS = (np.arange(256)[:, None] >> (4 * np.arange(2)) & 15).astype(np.float32)
SIGNS = 2 * ONES - 1
SIZES = np.array([-0.5, 0.5, -1.75, 1.75], np.float32)[TWOS.astype(int)]
MEANS, RANGES = MAGNITUDE.astype(np.float32), SPREAD.astype(np.float32)
# Codes per grey value in steps of 2^-16, rounded up, [bits, range]: exact for differences <= 255.
SCALE = (-(-(1 << np.arange(5)[:, None] << 16) // SPREAD.astype(np.int64))).astype(np.uint32)
# Grey above a block's darkest, [bits, range, code]: the middle of the code's step, rounded down.
GREY = np.array(
    [[[(2 * code + 1) * int(s) >> (n + 1) for code in range(1 << n)] + [0] * (16 - (1 << n))
      for s in SPREAD] for n in range(5)], np.int16
)  # fmt: skip
MAGNITUDE_EDGES, SPREAD_EDGES = edges(MAGNITUDE), edges(SPREAD)


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
        pairs = -(-cols // 2)
        table[level, [HEIGHT, WIDTH, BITS, CODE, BLOCKS, PAIRS]] = h, w, n, at, cols, pairs
        if n == 8:
            at += h * w
        else:
            at += rows * cols * BLOCK * n // 2
            table[level, RANGE] = at
            at += rows * pairs
            if level > 0:
                table[level, BASE] = at
                at += rows * cols
    return table, at


@kernel
def get_nibble(data, at, index):
    """Nibble `index` of the packed nibbles that start at `at`."""
    return (data[at + (index >> 1)] >> (4 * (index & 1))) & 15


@kernel
def four_codes(data, code, k, bits):
    """Codes of four pixels of a level >= 1: of row k of the rows of all its blocks."""
    if bits == 2:
        four = np.int64(data[code + k])
        return four & 3, (four >> 2) & 3, (four >> 4) & 3, four >> 6
    if bits == 4:
        left, right = np.int64(data[code + 2 * k]), np.int64(data[code + 2 * k + 1])
        return left & 15, left >> 4, right & 15, right >> 4
    four = np.int64(get_nibble(data, code, k))
    return four & 1, (four >> 1) & 1, (four >> 2) & 1, four >> 3


@kernel
def put_pixels(data, code, k, bits, low, step, line, x):
    """Decode four pixels of a level >= 1 into line[x:]: row k of the rows of all its blocks."""
    if bits == 4:
        two, more = FOURS[data[code + 2 * k]], FOURS[data[code + 2 * k + 1]]
        line[x], line[x + 1] = low + step * two[0], low + step * two[1]
        line[x + 2], line[x + 3] = low + step * more[0], low + step * more[1]
        return
    four = TWOS[data[code + k]] if bits == 2 else ONES[get_nibble(data, code, k)]
    line[x], line[x + 1] = low + step * four[0], low + step * four[1]
    line[x + 2], line[x + 3] = low + step * four[2], low + step * four[3]


@kernel
def load_blocks(data, table, level, box, out):
    """Decode a box of a level that stands for itself; pixels beyond the last repeat it.

    Args:
        box: (x0, y0, x1, y1) px on the block grid, the last two excluded.
        out: (ROWS, COLS) float32, pixel (x0, y0) at [0, 1].

    Returns:
        blocks decoded.
    """
    x0, y0, x1, y1 = box
    bits, code, blocks = table[level, BITS], table[level, CODE], table[level, BLOCKS]
    ranges, base = table[level, RANGE], table[level, BASE]
    row, col = y0 // BLOCK, x0 // BLOCK
    rows, cols = y1 // BLOCK - row, x1 // BLOCK - col
    if bits == 8:
        last_y, last_x = table[level, HEIGHT] - 1, table[level, WIDTH] - 1
        for y in range(y0, y1):
            line, where = out[y - y0], code + min(y, last_y) * (last_x + 1)
            for x in range(x0, x1):
                line[x - x0 + 1] = data[where + min(x, last_x)]
        return rows * cols
    middle, share = np.float32(0.5), np.float32(1.0) / np.float32(1 << bits)
    for i in range(rows):
        line0, line1 = out[BLOCK * i], out[BLOCK * i + 1]
        line2, line3 = out[BLOCK * i + 2], out[BLOCK * i + 3]
        first, nibbles = (row + i) * blocks + col, ranges + (row + i) * table[level, PAIRS]
        for j in range(cols):
            step = RANGES[get_nibble(data, nibbles, col + j)] * share
            low = np.float32(data[base + first + j]) + middle * step
            k, x = BLOCK * (first + j), BLOCK * j + 1
            put_pixels(data, code, k, bits, low, step, line0, x)
            put_pixels(data, code, k + 1, bits, low, step, line1, x)
            put_pixels(data, code, k + 2, bits, low, step, line2, x)
            put_pixels(data, code, k + 3, bits, low, step, line3, x)
    return rows * cols


@kernel
def put_details(data, code, k, bits, mean, near, far, columns, line, x):
    """Decode four pixels of level 0 into line[x:]: row k of the rows of all its blocks.

    Args:
        mean: magnitude of the block. near, far: rows of level 1, three parts of one and one of
            the other. columns: of level 1, the two below the pixels and their neighbours.
    """
    much, less = np.float32(0.75), np.float32(0.25)
    before, first, second, after = columns
    m0 = much * near[before] + less * far[before]
    m1 = much * near[first] + less * far[first]
    m2 = much * near[second] + less * far[second]
    m3 = much * near[after] + less * far[after]
    four = SIGNS[get_nibble(data, code, k)] if bits == 1 else SIZES[data[code + k]]
    line[x] = much * m1 + less * m0 + four[0] * mean
    line[x + 1] = much * m1 + less * m2 + four[1] * mean
    line[x + 2] = much * m2 + less * m1 + four[2] * mean
    line[x + 3] = much * m2 + less * m3 + four[3] * mean


@kernel
def load_finest(data, table, box, above, corner, out):
    """Decode a box of level 0: the level above interpolated, and what is kept of the difference.

    Args:
        box: as of `load_blocks`. above: (ROWS, COLS) float32 pixels of level 1, those that the
            box needs among them; corner: (x, y) at its [0, 0].
        out: (ROWS, COLS) float32, pixel (x0, y0) at [0, 1].
    """
    x0, y0, x1, y1 = box
    ax, ay = corner
    bits, code, blocks = table[0, BITS], table[0, CODE], table[0, BLOCKS]
    right, down = table[1, WIDTH] - 1 - ax, table[1, HEIGHT] - 1 - ay
    for i in range(y0 // BLOCK, y1 // BLOCK):
        y, top, nibbles = 2 * i - ay, BLOCK * i - y0, table[0, RANGE] + i * table[0, PAIRS]
        line0, line1, line2, line3 = out[top], out[top + 1], out[top + 2], out[top + 3]
        up, a = above[max(y - 1, -ay)], above[y]  # the border repeats
        b, below = above[min(y + 1, down)], above[min(y + 2, down)]
        for j in range(x0 // BLOCK, x1 // BLOCK):
            mean = MEANS[get_nibble(data, nibbles, j)]
            at, k, x = 2 * j - ax, BLOCK * (i * blocks + j), BLOCK * j - x0 + 1
            columns = max(at - 1, -ax), at, at + 1, min(at + 2, right)
            put_details(data, code, k, bits, mean, a, up, columns, line0, x)
            put_details(data, code, k + 1, bits, mean, a, b, columns, line1, x)
            put_details(data, code, k + 2, bits, mean, b, a, columns, line2, x)
            put_details(data, code, k + 3, bits, mean, b, below, columns, line3, x)


@kernel
def load_region(data, table, level, box, held, regions):
    """Decode a box of a level: into regions[0] if it is level 0, else into regions[1].

    Args:
        box: as of `load_blocks`, sides of REGION at the most. held: box of level 1 that
            regions[1] holds already, so that it need not be decoded again; zeros if none.
        regions: (2, ROWS, COLS) float32.

    Returns:
        (blocks decoded of this level, of level 1 for the sake of level 0, box now held).
    """
    if level > 0:
        blocks = load_blocks(data, table, level, box, regions[1])
        return blocks, 0, (box if level == 1 else NOTHING)
    if table[0, BITS] == 8:
        return load_blocks(data, table, 0, box, regions[0]), 0, held
    x0, y0, x1, y1 = box
    left, top = max(x0 // 2 - 1, 0), max(y0 // 2 - 1, 0)
    right = min(x1 // 2 + 1, table[1, WIDTH])
    down = min(y1 // 2 + 1, table[1, HEIGHT])
    extra = 0
    if held[0] > left or held[1] > top or held[2] < right or held[3] < down:
        left, top = left // BLOCK * BLOCK, top // BLOCK * BLOCK
        held = (left, top, -(-right // BLOCK) * BLOCK, -(-down // BLOCK) * BLOCK)
        extra = load_blocks(data, table, 1, held, regions[1])
    load_finest(data, table, box, regions[1], (held[0] - 1, held[1]), regions[0])
    return (x1 - x0) * (y1 - y0) // BLOCK**2, extra, held


@kernel
def decode_line(data, table, level, y, out):
    """Decode row y of a level >= 1 into out (4 * blocks,) uint8, or (W,) if the level is raw."""
    width, bits, blocks = table[level, WIDTH], table[level, BITS], table[level, BLOCKS]
    code = table[level, CODE]
    if bits == 8:
        for x in range(width):
            out[x] = data[code + y * width + x]
        return
    row = y // BLOCK
    first, nibbles = row * blocks, table[level, RANGE] + row * table[level, PAIRS]
    base, greys = table[level, BASE] + first, GREY[bits]
    for b in range(blocks):
        above, low = greys[get_nibble(data, nibbles, b)], data[base + b]
        c0, c1, c2, c3 = four_codes(data, code, BLOCK * (first + b) + y % BLOCK, bits)
        x = BLOCK * b
        out[x], out[x + 1] = min(low + above[c0], 255), min(low + above[c1], 255)
        out[x + 2], out[x + 3] = min(low + above[c2], 255), min(low + above[c3], 255)
