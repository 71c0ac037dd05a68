"""An image passes once, row by row, and leaves its compressed pyramid behind (see codec.py).

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
    SPREAD,
    STRIDE,
    TO_MAGNITUDE,
    TO_SPREAD,
    WIDTH,
    decode_line,
    set_nibble,
)


@kernel
def encode_rows(rows, first, row, data, table, level):
    """Write one row of blocks of a level >= 1 from its four rows in the ring `rows`.

    Args:
        rows: (8, W) uint8, image row y in ring row y % 8. first: its first image row.
        row: which row of blocks. data, table: of the frame.
    """
    width, bits = table[level, WIDTH], table[level, BITS]
    code, stride, blocks = table[level, CODE], table[level, STRIDE], table[level, BLOCKS]
    height = table[level, HEIGHT]
    if bits == 8:
        for r in range(BLOCK):
            if first + r < height:
                for x in range(width):
                    data[code + (first + r) * stride + x] = rows[(first + r) % 8, x]
        return
    steps = 1 << bits
    r0, r1 = rows[first % 8], rows[min(first + 1, height - 1) % 8]
    r2, r3 = rows[min(first + 2, height - 1) % 8], rows[min(first + 3, height - 1) % 8]
    for b in range(blocks):
        low, high = np.int32(255), np.int32(0)
        for k in range(BLOCK):
            x = min(BLOCK * b + k, width - 1)
            a, c = (
                min(min(r0[x], r1[x]), min(r2[x], r3[x])),
                max(max(r0[x], r1[x]), max(r2[x], r3[x])),
            )
            low, high = min(low, a), max(high, c)
        index = TO_SPREAD[high - low]
        spread = np.int32(SPREAD[index])
        at = row * blocks + b
        data[table[level, BASE] + at] = low
        set_nibble(data, table[level, RANGE], at, index)
        for r in range(BLOCK):
            line = r0 if r == 0 else (r1 if r == 1 else (r2 if r == 2 else r3))
            packed = np.int32(0)
            for k in range(BLOCK):
                value = np.int32(line[min(BLOCK * b + k, width - 1)]) - low
                q = min((value * steps) // spread, steps - 1)
                packed |= q << (bits * k)
            where = code + (first + r) * stride
            if bits == 1:
                set_nibble(data, where, b, packed)
            elif bits == 2:
                data[where + b] = packed
            else:
                data[where + 2 * b] = packed & 255
                data[where + 2 * b + 1] = packed >> 8


@kernel
def subtract_above(line, near, far, mixed, out):
    """out = line minus the level above interpolated: 3/4 nearer, 1/4 farther row and column.

    Args:
        line: (W,) uint8. near, far: (W // 2,) uint8 rows of level 1.
        mixed: (W // 2 + 2,) int16 scratch. out: (W,) int16.
    """
    n = near.size
    for x in range(n):
        mixed[x + 1] = 3 * np.int16(near[x]) + np.int16(far[x])
    mixed[0], mixed[n + 1] = mixed[1], mixed[n]
    for x in range(n):
        out[2 * x] = np.int16(line[2 * x]) - ((3 * mixed[x + 1] + mixed[x] + 8) >> 4)
        out[2 * x + 1] = np.int16(line[2 * x + 1]) - ((3 * mixed[x + 1] + mixed[x + 2] + 8) >> 4)


@kernel
def encode_finest(lines, above, row, data, table, residual, mixed):
    """Write one row of blocks of level 0: what its four rows differ from the level above.

    Args:
        lines: (16, W) uint8, image row y in ring row y % 16.
        above: (8, W // 2) uint8, decoded row y of level 1 in ring row y % 8.
        row: which row of blocks. residual: (4, W) int16, mixed: (W // 2 + 2,) int16 scratch.
    """
    height, h1 = table[0, HEIGHT], table[1, HEIGHT]
    bits, stride, blocks = table[0, BITS], table[0, STRIDE], table[0, BLOCKS]
    for r in range(BLOCK):
        y = min(BLOCK * row + r, height - 1)
        near = above[min(y >> 1, h1 - 1) % 8]
        far = above[min(max((y >> 1) - 1 + 2 * (y & 1), 0), h1 - 1) % 8]
        subtract_above(lines[y % 16], near, far, mixed, residual[r])
    where = table[0, CODE] + BLOCK * row * stride
    r0, r1, r2, r3 = residual[0], residual[1], residual[2], residual[3]
    for b in range(blocks):
        x = BLOCK * b
        total = np.int32(0)
        for k in range(BLOCK):
            total += abs(r0[x + k]) + abs(r1[x + k]) + abs(r2[x + k]) + abs(r3[x + k])
        index = TO_MAGNITUDE[min(total >> 4, 255)]
        set_nibble(data, table[0, RANGE], row * blocks + b, index)
        if bits == 2:
            limit = 9 * np.int32(MAGNITUDE[index])
            for r in range(BLOCK):
                line = residual[r]
                packed = np.int32(0)
                for k in range(BLOCK):
                    value = np.int32(line[x + k])
                    large = np.int32(8 * abs(value) > limit)
                    packed |= (np.int32(value >= 0) | (large << 1)) << (2 * k)
                data[where + r * stride + b] = packed
    if bits == 1:
        for r in range(BLOCK):
            line = residual[r]
            for b in range(stride):
                packed = np.int32(0)
                for k in range(8):
                    packed |= np.int32(line[8 * b + k] >= 0) << k
                data[where + r * stride + b] = packed


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
        for x in range(width):
            for k in range(reduce):
                line[x] += image[y, reduce * x + k]
    area = reduce * reduce
    for x in range(width):
        out[x] = (line[x] + area // 2) // area


@kernel
def receive(image, reduce, data, table, lines, rings, decoded, line, residual, mixed, block):
    """Take one image in, row by row, and write every level of its compressed pyramid.

    Rows of `image` are read once and in order, as from a sensor; what is needed of them later
    stands in line buffers.

    Args:
        image: (H, W) uint8. reduce: level 0 is the mean of squares of so many pixels.
        data: (n,) uint8, table: its layout.
        lines: (16, W) uint8. rings: (L - 1, 8, W // 2) uint8 raw rows of the levels above.
        decoded: (8, W // 2) uint8 decoded rows of level 1. line: (W + 2,) uint16.
        residual: (4, W) int16. mixed: (W // 2 + 2,) int16. block: (4, 4) float32.

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
                data[y * width : (y + 1) * width] = lines[y % LINES]
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
                encode_rows(rings[level - 1], BLOCK * row, row, data, table, level)
                blocks += table[level, BLOCKS]
                if level == 1 and not raw:
                    for k in range(BLOCK * row, r + 1):
                        decode_line(data, table, 1, k, block, decoded[k % 8])
                    # Level 0 rows 4b .. 4b + 3 need rows up to 2b + 2 of level 1.
                    last = -(-height // BLOCK)
                    while finest < last and (2 * finest + 2 <= r or r == h - 1):
                        encode_finest(lines, decoded, finest, data, table, residual, mixed)
                        blocks += table[0, BLOCKS]
                        finest += 1
            newest = r
    return height * width * reduce * reduce, above_px, blocks
