"""An image passes once, row by row, and leaves its compressed pyramid behind (see codec.py).

Level l + 1 is filtered from four rows of level l that stand in a ring; a level's blocks are
written when four of its rows are there; the finest level waits for the level above it.
Arithmetic is as narrow as in blocks.py.
"""

import numpy as np

from vio._jit import kernel
from vio.frontend.blocks import copy_row, encode_finest, encode_rows
from vio.frontend.codec import BITS, BLOCK, BLOCKS, HEIGHT, LINES, WIDTH


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
        residual: (5, W) int16. mixed: (W // 2 + 2,) int16. ranges: (6, W // 2) uint8.
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
                        encode_finest(
                            lines, decoded, finest, data, table, residual, mixed, line, ranges
                        )
                        blocks += table[0, BLOCKS]
                        finest += 1
            newest = r
    return height * width * reduce * reduce, above_px, blocks
