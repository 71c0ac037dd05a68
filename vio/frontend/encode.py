"""An image passes once, row by row, and leaves its compressed pyramid behind (see codec.py).

Arithmetic is as narrow as the numbers allow, each result by name: left alone numba widens to 64
bits, and an eighth as many pixels go through one instruction.

Level l + 1 is filtered from four rows of level l that stand in a ring; a level's blocks are
written when four of its rows are there; the finest level waits for the level above it.
"""

import numpy as np

from vio._jit import kernel
from vio.frontend.codec import (
    BASE,
    BITS,
    BLOCK,
    BLOCKS,
    CODE,
    HEIGHT,
    LINES,
    MAGNITUDE,
    RANGE,
    SCALE,
    SPREAD,
    STRIDE,
    TO_MAGNITUDE,
    TO_SPREAD,
    WIDTH,
    set_nibble,
)


@kernel
def column_ranges(r0, r1, r2, r3, low, high):
    """Least and greatest of four rows, column by column; columns beyond the rows are neutral."""
    width = r0.size
    for x in range(width):
        low[x] = min(min(r0[x], r1[x]), min(r2[x], r3[x]))
    for x in range(width):
        high[x] = max(max(r0[x], r1[x]), max(r2[x], r3[x]))
    for x in range(width, low.size):
        low[x], high[x] = 255, 0


@kernel
def quantise(line, low, scale, most, codes):
    """Codes of a row of pixels: floor((pixel - low) scale / 2^16), at most `most`.

    Unsigned 32-bit arithmetic throughout, so that many pixels go through one instruction.
    """
    shift, most = np.uint32(16), np.uint32(most)
    for x in range(line.size):
        above = np.uint32(np.uint32(line[x]) - np.uint32(low[x]))
        codes[x] = min(np.uint32(np.uint32(above * np.uint32(scale[x])) >> shift), most)
    for x in range(line.size, codes.size):
        codes[x] = codes[line.size - 1]


@kernel
def expand(codes, low, spread, bits, out):
    """Pixels that codes stand for, see `codec.grey`; (W,) uint8 each."""
    one, shift, white = np.int16(1), np.int16(bits + 1), np.int16(255)
    for x in range(out.size):
        code = np.int16(codes[x])
        step = np.int16(np.int16(np.int16(code + code) + one) * np.int16(spread[x]))
        out[x] = min(np.int16(np.int16(low[x]) + np.int16(step >> shift)), white)


@kernel
def pack(codes, bits, out):
    """Four codes of 2 bits to a byte, of 4 bits to two bytes, of 1 bit to a nibble."""
    if bits == 2:
        two, four, six = np.uint8(2), np.uint8(4), np.uint8(6)
        for b in range(out.size):
            low = codes[4 * b] | np.uint8(codes[4 * b + 1] << two)
            out[b] = low | np.uint8(codes[4 * b + 2] << four) | np.uint8(codes[4 * b + 3] << six)
    elif bits == 4:
        for b in range(out.size):
            out[b] = codes[2 * b] | (codes[2 * b + 1] << 4)
    else:
        for b in range(codes.size // BLOCK):
            c = codes[4 * b : 4 * b + 4]
            set_nibble(out, 0, b, c[0] | (c[1] << 1) | (c[2] << 2) | (c[3] << 3))


@kernel
def copy_row(line, out):
    """The begin of `out` = line. A slice assigned would bring numba's error messages along."""
    for x in range(line.size):
        out[x] = line[x]


@kernel
def encode_rows(rows, first, row, data, table, level, ranges, scale, decoded):
    """Write one row of blocks of a level >= 1 from its four rows in the ring `rows`.

    Args:
        rows: (8, W) uint8, image row y in ring row y % 8. first: its first image row.
        row: which row of blocks. data, table: of the frame.
        ranges: (3, W) uint8, scale: (W,) uint32, scratch.
        decoded: (8, W) uint8 ring, written for level 1: what a reader of the frame will see.
    """
    width, bits, height = table[level, WIDTH], table[level, BITS], table[level, HEIGHT]
    code, stride, blocks = table[level, CODE], table[level, STRIDE], table[level, BLOCKS]
    if bits == 8:
        for y in range(first, min(first + BLOCK, height)):
            copy_row(rows[y % 8][:width], data[code + y * stride :])
            if level == 1 and table[0, BITS] < 8:
                copy_row(rows[y % 8][:width], decoded[y % 8])
        return
    r0, r1 = rows[first % 8][:width], rows[min(first + 1, height - 1) % 8][:width]
    r2, r3 = rows[min(first + 2, height - 1) % 8][:width], rows[min(first + 3, height - 1) % 8]
    padded = BLOCK * blocks
    low, spread, codes = ranges[0][:padded], ranges[1][:padded], ranges[2][:padded]
    column_ranges(r0, r1, r2, r3, low, spread)
    at, base, nibbles = row * blocks, table[level, BASE] + row * blocks, table[level, RANGE]
    for b in range(blocks):
        x = BLOCK * b
        darkest = min(min(low[x], low[x + 1]), min(low[x + 2], low[x + 3]))
        lightest = max(max(spread[x], spread[x + 1]), max(spread[x + 2], spread[x + 3]))
        index = TO_SPREAD[lightest - darkest]
        data[base + b] = darkest
        set_nibble(data, nibbles, at + b, index)
        for k in range(BLOCK):
            low[x + k], spread[x + k], scale[x + k] = darkest, SPREAD[index], SCALE[bits, index]
    for r in range(BLOCK):
        y = first + r
        quantise(rows[min(y, height - 1) % 8][:width], low, scale, (1 << bits) - 1, codes)
        pack(codes, bits, data[code + y * stride : code + (y + 1) * stride])
        if level == 1:
            expand(codes, low, spread, bits, decoded[y % 8][:width])


@kernel
def subtract_above(line, near, far, mixed, out):
    """out = line minus the level above interpolated: 3/4 nearer, 1/4 farther row and column.

    Args:
        line: (W,) uint8. near, far: (W // 2,) uint8 rows of level 1.
        mixed: (W // 2 + 2,) int16 scratch. out: (W,) int16.
    """
    n, three, four, eight = near.size, np.int16(3), np.int16(4), np.int16(8)
    for x in range(n):
        mixed[x + 1] = np.int16(three * np.int16(near[x])) + np.int16(far[x])
    mixed[0], mixed[n + 1] = mixed[1], mixed[n]
    for x in range(n):
        left = np.int16(np.int16(three * mixed[x + 1]) + np.int16(mixed[x] + eight))
        right = np.int16(np.int16(three * mixed[x + 1]) + np.int16(mixed[x + 2] + eight))
        out[2 * x] = np.int16(line[2 * x]) - np.int16(left >> four)
        out[2 * x + 1] = np.int16(line[2 * x + 1]) - np.int16(right >> four)


@kernel
def column_sums(r0, r1, r2, r3, out):
    """Sum of the magnitudes of four rows, column by column; (W,) int16."""
    for x in range(out.size):
        out[x] = abs(r0[x]) + abs(r1[x]) + abs(r2[x]) + abs(r3[x])


@kernel
def magnitude_index(sums, x):
    """Index of a block's mean magnitude from its four column sums."""
    left = np.uint32(np.uint32(sums[x]) + np.uint32(sums[x + 1]))
    right = np.uint32(np.uint32(sums[x + 2]) + np.uint32(sums[x + 3]))
    mean = np.uint32(np.uint32(left + right) >> np.uint32(4))
    return np.int64(TO_MAGNITUDE[min(mean, np.uint32(255))])


@kernel
def pack_signs(line, out):
    """Signs of (8 n,) int16 in (n,) bytes: 1 = not negative, the first pixel lowest."""
    for b in range(out.size):
        packed = np.uint8(0)
        for k in range(8):
            packed |= np.uint8(line[8 * b + k] >= 0) << np.uint8(k)
        out[b] = packed


@kernel
def pack_sizes(line, sums, out):
    """Signs and sizes of (4 n,) int16 in (n,) bytes: bit 0 the sign, bit 1 set if large."""
    for b in range(out.size):
        limit = 9 * np.int64(MAGNITUDE[magnitude_index(sums, BLOCK * b)])
        packed = np.int64(0)
        for k in range(BLOCK):
            value = np.int64(line[BLOCK * b + k])
            large = np.int64(8 * abs(value) > limit)
            packed |= (np.int64(value >= 0) | (large << 1)) << (2 * k)
        out[b] = packed


@kernel
def encode_finest(lines, above, row, data, table, residual, mixed):
    """Write one row of blocks of level 0: what its four rows differ from the level above.

    Args:
        lines: (16, W) uint8, image row y in ring row y % 16.
        above: (8, W // 2) uint8, decoded row y of level 1 in ring row y % 8.
        row: which row of blocks. residual: (5, W) int16, mixed: (W // 2 + 2,) int16 scratch.
    """
    height, h1 = table[0, HEIGHT], table[1, HEIGHT]
    bits, stride, blocks = table[0, BITS], table[0, STRIDE], table[0, BLOCKS]
    for r in range(BLOCK):
        y = min(BLOCK * row + r, height - 1)
        near = above[min(y >> 1, h1 - 1) % 8]
        far = above[min(max((y >> 1) - 1 + 2 * (y & 1), 0), h1 - 1) % 8]
        subtract_above(lines[y % 16], near, far, mixed, residual[r])
    sums = residual[4]
    column_sums(residual[0], residual[1], residual[2], residual[3], sums)
    where = table[0, RANGE] + row * blocks // 2
    for b in range(blocks // 2):  # a width is whole bytes: blocks come in pairs
        pair = magnitude_index(sums, 8 * b) | (magnitude_index(sums, 8 * b + 4) << 4)
        data[where + b] = pair
    for r in range(BLOCK):
        where = table[0, CODE] + (BLOCK * row + r) * stride
        if bits == 1:
            pack_signs(residual[r], data[where : where + stride])
        else:
            pack_sizes(residual[r], sums, data[where : where + stride])


@kernel
def halve_row(up, a, b, down, line, out):
    """One row of the next level from four rows of this one, filter [1 3 3 1] / 8 both ways.

    The even filter puts pixel x of level l at (x + 0.5) 2^l - 0.5 of level 0.

    Args:
        up, a, b, down: (W,) uint8 rows 2y - 1 .. 2y + 2. line: (W + 2,) uint16 scratch.
        out: (W // 2,) uint8.
    """
    width, half = line.size - 2, out.size
    n = min(width, up.size)
    for x in range(n):
        line[x + 1] = (
            np.uint16(up[x]) + 3 * (np.uint16(a[x]) + np.uint16(b[x])) + np.uint16(down[x])
        )
    line[0] = line[1]
    line[n + 1] = line[n]
    for x in range(min(half, n // 2)):
        total = line[2 * x] + 3 * (line[2 * x + 1] + line[2 * x + 2]) + line[2 * x + 3]
        out[x] = (total + 32) >> 6


@kernel
def add_squares(row, reduce, line):
    """Add to every pixel of `line` (w + 2,) uint16 the `reduce` pixels of `row` it stands for."""
    width = line.size - 2
    if reduce == 2:  # two and four by name, so that many pixels go through one instruction
        for x in range(width):
            line[x] += np.uint16(row[2 * x]) + np.uint16(row[2 * x + 1])
    elif reduce == 4:
        for x in range(width):
            left = np.uint16(row[4 * x]) + np.uint16(row[4 * x + 1])
            line[x] += left + np.uint16(row[4 * x + 2]) + np.uint16(row[4 * x + 3])
    else:
        for x in range(width):
            total = np.uint16(0)
            for k in range(reduce):
                total += np.uint16(row[reduce * x + k])
            line[x] += total


@kernel
def reduce_rows(image, first, reduce, line, out):
    """One row of level 0: the mean of `reduce` x `reduce` pixels of the rows from `first` on.

    Args:
        image: (H, W) uint8. line: (w + 2,) uint16 scratch. out: (w,) uint8.
    """
    width = out.size
    if reduce == 1:
        for x in range(width):
            out[x] = image[first, x]
        return
    for x in range(width):
        line[x] = 0
    for y in range(first, first + reduce):
        add_squares(image[y], reduce, line)
    area = np.uint16(reduce * reduce)
    if reduce == 2 or reduce == 4:  # a division by a variable does not go through one instruction
        half, shift = np.uint16(area >> 1), np.uint16(reduce)  # 2^2 = 4, 2^4 = 16
        for x in range(width):
            out[x] = np.uint16(line[x] + half) >> shift
    else:
        for x in range(width):
            out[x] = (line[x] + area // 2) // area


@kernel
def receive(
    image, reduce, data, table, lines, rings, decoded, line, residual, mixed, ranges, scale
):
    """Take one image in, row by row, and write every level of its compressed pyramid.

    Rows of `image` are read once and in order, as from a sensor; what is needed of them later
    stands in line buffers.

    Args:
        image: (H, W) uint8. reduce: level 0 is the mean of squares of so many pixels.
        data: (n,) uint8, table: its layout.
        lines: (16, W) uint8. rings: (L - 1, 8, W // 2) uint8 raw rows of the levels above.
        decoded: (8, W // 2) uint8 decoded rows of level 1. line: (W + 2,) uint16.
        residual: (5, W) int16. mixed: (W // 2 + 2,) int16. ranges: (3, W // 2) uint8.
        scale: (W // 2,) uint32.

    Returns:
        (pixels received, pixels of the levels above, blocks encoded).
    """
    height, width, levels = table[0, HEIGHT], table[0, WIDTH], table.shape[0]
    raw = table[0, BITS] == 8
    blocks, above_px = 0, 0
    finest = 0  # rows of blocks of level 0 written
    for y in range(height + 1):
        if y < height:
            reduce_rows(image, y * reduce, reduce, line, lines[y % LINES])
            if raw:
                copy_row(lines[y % LINES][:width], data[y * width :])
        # Row r of level l + 1 is due when row 2r + 2 of level l is in, or that level has ended.
        newest = min(y, height - 1)
        for level in range(1, levels):
            h = table[level, HEIGHT]
            below = table[level - 1, HEIGHT]
            r = (newest - 2) >> 1
            due = newest >= 2 and (newest & 1) == 0 and r < h
            if y == height:
                # The last row repeats its lower neighbour.
                r, due = h - 1, newest < 2 * (h - 1) + 2
            if not due or r < 0:
                break
            out = rings[level - 1, r % 8]
            y0, y3 = max(2 * r - 1, 0), min(2 * r + 2, below - 1)
            if level == 1:
                halve_row(
                    lines[y0 % 16], lines[2 * r % 16], lines[min(2 * r + 1, below - 1) % 16],
                    lines[y3 % 16], line, out[: table[level, WIDTH]],
                )  # fmt: skip
            else:
                ring, w = rings[level - 2], table[level - 1, WIDTH]
                halve_row(
                    ring[y0 % 8][:w], ring[2 * r % 8][:w], ring[min(2 * r + 1, below - 1) % 8][:w],
                    ring[y3 % 8][:w], line, out[: table[level, WIDTH]],
                )  # fmt: skip
            above_px += table[level, WIDTH]
            if (r & 3) == 3 or r == h - 1:
                row = r >> 2
                encode_rows(
                    rings[level - 1], BLOCK * row, row, data, table, level, ranges, scale, decoded
                )
                blocks += table[level, BLOCKS]
                if level == 1 and not raw:
                    # Level 0 rows 4b .. 4b + 3 need rows up to 2b + 2 of level 1.
                    last = -(-height // BLOCK)
                    while finest < last and (2 * finest + 2 <= r or r == h - 1):
                        encode_finest(lines, decoded, finest, data, table, residual, mixed)
                        blocks += table[0, BLOCKS]
                        finest += 1
            newest = r
    return height * width * reduce * reduce, above_px, blocks
