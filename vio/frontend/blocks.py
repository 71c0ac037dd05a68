"""A row of blocks, from pixels to codes and from codes to bytes (see codec.py).

Arithmetic is as narrow as the numbers allow, each result by name: left alone numba widens to 64
bits, and an eighth as many pixels go through one instruction.
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
    MAGNITUDE,
    MAGNITUDE_EDGES,
    PAIRS,
    RANGE,
    SCALE,
    SPREAD,
    SPREAD_EDGES,
    WIDTH,
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
def block_ranges(low, high, darkest, spread):
    """Least value and range of every block from those of its columns; (4 n,), (n,) uint8."""
    for b in range(darkest.size):
        x = BLOCK * b
        least = min(min(low[x], low[x + 1]), min(low[x + 2], low[x + 3]))
        most = max(max(high[x], high[x + 1]), max(high[x + 2], high[x + 3]))
        darkest[b], spread[b] = least, most - least


@kernel
def nearest(values, edges, index):
    """Index of the table's entry nearest to each value: of its `edges` those reached; uint8."""
    one, none = np.uint8(1), np.uint8(0)
    for x in range(index.size):
        value, reached = values[x], none
        for k in range(15):
            reached = np.uint8(reached + (one if value >= edges[k] else none))
        index[x] = reached


@kernel
def pack_indices(index, out):
    """Two indices in a byte, the first lowest; (n,) and (ceil(n / 2),) uint8."""
    for b in range(index.size // 2):
        out[b] = index[2 * b] | np.uint8(index[2 * b + 1] << np.uint8(4))
    if index.size & 1:
        out[index.size // 2] = index[index.size - 1]


@kernel
def repeat(values, out):
    """Each of the values of blocks for its four columns; (n,) and (4 n,) uint8."""
    for b in range(values.size):
        x, value = BLOCK * b, values[b]
        out[x], out[x + 1], out[x + 2], out[x + 3] = value, value, value, value


@kernel
def repeat_scale(index, scales, out):
    """Each of the scales of blocks, by their index, for its four columns; (n,), (4 n,) uint32."""
    for b in range(index.size):
        x, scale = BLOCK * b, scales[index[b]]
        out[x], out[x + 1], out[x + 2], out[x + 3] = scale, scale, scale, scale


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
    """Pixels that codes stand for, see `codec.GREY`; (W,) uint8 each."""
    one, white = np.int16(1), np.int16(255)
    two, three, five = np.int16(2), np.int16(3), np.int16(5)
    for x in range(out.size):
        code = np.int16(codes[x])
        step = np.int16(np.int16(np.int16(code + code) + one) * np.int16(spread[x]))
        if bits == 1:  # bits + 1 as a constant: a variable shift would go in 64 bits
            step = np.int16(step >> two)
        elif bits == 2:
            step = np.int16(step >> three)
        else:
            step = np.int16(step >> five)
        out[x] = min(np.int16(np.int16(low[x]) + step), white)


@kernel
def two_fours(codes, x):
    """Codes of 4 bits of two pixels in a byte, the first lowest."""
    return codes[x] | np.uint8(codes[x + 1] << np.uint8(4))


@kernel
def four_twos(codes, x):
    """Codes of 2 bits of four pixels in a byte."""
    left = codes[x] | np.uint8(codes[x + 1] << np.uint8(2))
    return left | np.uint8(codes[x + 2] << np.uint8(4)) | np.uint8(codes[x + 3] << np.uint8(6))


@kernel
def four_ones(codes, x):
    """Codes of 1 bit of four pixels in a nibble."""
    left = codes[x] | np.uint8(codes[x + 1] << np.uint8(1))
    return left | np.uint8(codes[x + 2] << np.uint8(2)) | np.uint8(codes[x + 3] << np.uint8(3))


@kernel
def pack(codes, bits, out):
    """Codes of a row of blocks, four rows (4, W) uint8, block by block; (2 bits n,) uint8."""
    c0, c1, c2, c3, blocks = codes[0], codes[1], codes[2], codes[3], out.size // (2 * bits)
    if bits == 2:
        for b in range(blocks):
            x = BLOCK * b
            out[x], out[x + 1] = four_twos(c0, x), four_twos(c1, x)
            out[x + 2], out[x + 3] = four_twos(c2, x), four_twos(c3, x)
    elif bits == 1:
        high = np.uint8(4)
        for b in range(blocks):
            x = BLOCK * b
            out[2 * b] = four_ones(c0, x) | np.uint8(four_ones(c1, x) << high)
            out[2 * b + 1] = four_ones(c2, x) | np.uint8(four_ones(c3, x) << high)
    else:
        for x in range(0, BLOCK * blocks, BLOCK):
            for r in range(BLOCK):
                out[2 * (x + r)] = two_fours(codes[r], x)
                out[2 * (x + r) + 1] = two_fours(codes[r], x + 2)


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
        ranges: (6, W) uint8, scale: (W,) uint32, scratch.
        decoded: (8, W) uint8 ring, written for level 1: what a reader of the frame will see.
    """
    width, bits, height = table[level, WIDTH], table[level, BITS], table[level, HEIGHT]
    code, blocks = table[level, CODE], table[level, BLOCKS]
    if bits == 8:
        for y in range(first, min(first + BLOCK, height)):
            copy_row(rows[y % 8][:width], data[code + y * width :])
            if level == 1 and table[0, BITS] < 8:
                copy_row(rows[y % 8][:width], decoded[y % 8])
        return
    r0, r1 = rows[first % 8][:width], rows[min(first + 1, height - 1) % 8][:width]
    r2, r3 = rows[min(first + 2, height - 1) % 8][:width], rows[min(first + 3, height - 1) % 8]
    padded = BLOCK * blocks
    low, spread, codes = ranges[0][:padded], ranges[1][:padded], ranges[2:]
    column_ranges(r0, r1, r2, r3, low, spread)
    # Until there are codes, of each block: the darkest pixel, its range, the index of that, and
    # the range which that stands for.
    darkest, reach = codes[0][:blocks], codes[1][:blocks]
    index, wide = codes[2][:blocks], codes[3][:blocks]
    block_ranges(low, spread, darkest, reach)
    nearest(reach, SPREAD_EDGES, index)
    for b in range(blocks):
        wide[b] = SPREAD[index[b]]
    copy_row(darkest, data[table[level, BASE] + row * blocks :])
    pack_indices(index, data[table[level, RANGE] + row * table[level, PAIRS] :])
    repeat(darkest, low)
    repeat(wide, spread)
    repeat_scale(index, SCALE[bits], scale[:padded])
    for r in range(BLOCK):
        y = min(first + r, height - 1) % 8
        quantise(rows[y][:width], low, scale, (1 << bits) - 1, codes[r][:padded])
    code += row * 2 * bits * blocks
    pack(codes, bits, data[code : code + 2 * bits * blocks])
    if level == 1:
        for r in range(BLOCK):
            expand(codes[r], low, spread, bits, decoded[(first + r) % 8][:width])


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
def fold_columns(r0, r1, r2, r3, sums, signs):
    """Four rows in one, column by column: the sum of their magnitudes, and their signs.

    Args:
        r0..r3: (W,) int16. sums: (W,) int16 out. signs: (W,) uint16 out, bits 0, 4, 8, 12: 1 = not
            negative.
    """
    second, third, last = np.uint16(4), np.uint16(8), np.uint16(12)
    for x in range(sums.size):
        a, b, c, d = r0[x], r1[x], r2[x], r3[x]
        sums[x] = abs(a) + abs(b) + abs(c) + abs(d)
        upper = np.uint16(a >= 0) | np.uint16(np.uint16(b >= 0) << second)
        lower = np.uint16(np.uint16(c >= 0) << third) | np.uint16(np.uint16(d >= 0) << last)
        signs[x] = np.uint16(upper | lower)


@kernel
def block_means(sums, halves, means):
    """Mean magnitude of every block from those of its columns, at most 255.

    Args:
        sums: (4 n,) int16. halves: (2 n,) int16 scratch. means: (n,) uint8 out.
    """
    sixteenth, most = np.int16(4), np.int16(255)
    for x in range(halves.size):
        halves[x] = np.int16(sums[2 * x] + sums[2 * x + 1])
    for b in range(means.size):
        whole = np.int16(halves[2 * b] + halves[2 * b + 1])
        means[b] = min(np.int16(whole >> sixteenth), most)


@kernel
def pack_signs(signs, out):
    """Signs of a row of blocks, (4 n,) uint16 of `fold_columns`, block by block: (2 n,) uint8."""
    for b in range(signs.size // BLOCK):
        x = BLOCK * b
        left, right = np.int64(signs[x + 1]) << 1, np.int64(signs[x + 2]) << 2
        both = np.int64(signs[x]) | left | right | (np.int64(signs[x + 3]) << 3)
        out[2 * b] = both
        out[2 * b + 1] = both >> 8


@kernel
def pack_sizes(lines, index, out):
    """Signs and sizes likewise, (4 n,) uint8: bit 0 the sign, bit 1 set if large.

    Args:
        lines: (4, 4 n) int16. index: (n,) uint8 of the blocks' magnitudes.
    """
    for x in range(0, BLOCK * index.size, BLOCK):
        limit = 9 * np.int64(MAGNITUDE[index[x // BLOCK]])
        for r in range(BLOCK):
            packed = np.int64(0)
            for k in range(BLOCK):
                value = np.int64(lines[r, x + k])
                large = np.int64(8 * abs(value) > limit)
                packed |= (np.int64(value >= 0) | (large << 1)) << (2 * k)
            out[x + r] = packed


@kernel
def encode_finest(lines, above, row, data, table, residual, mixed, line, ranges):
    """Write one row of blocks of level 0: what its four rows differ from the level above.

    Args:
        lines: (16, W) uint8, image row y in ring row y % 16.
        above: (8, W // 2) uint8, decoded row y of level 1 in ring row y % 8.
        row: which row of blocks. residual: (5, W) int16, mixed: (W // 2 + 2,) int16,
            line: (W + 2,) uint16, ranges: (6, W // 2) uint8, scratch.
    """
    height, h1 = table[0, HEIGHT], table[1, HEIGHT]
    bits, blocks = table[0, BITS], table[0, BLOCKS]
    for r in range(BLOCK):
        y = min(BLOCK * row + r, height - 1)
        near = above[min(y >> 1, h1 - 1) % 8]
        far = above[min(max((y >> 1) - 1 + 2 * (y & 1), 0), h1 - 1) % 8]
        subtract_above(lines[y % 16], near, far, mixed, residual[r])
    sums, signs = residual[BLOCK], line[: table[0, WIDTH]]
    fold_columns(residual[0], residual[1], residual[2], residual[3], sums, signs)
    means, index = ranges[0][:blocks], ranges[1][:blocks]
    block_means(sums, mixed[: 2 * blocks], means)
    nearest(means, MAGNITUDE_EDGES, index)
    pack_indices(index, data[table[0, RANGE] + row * table[0, PAIRS] :])
    where = table[0, CODE] + row * 2 * bits * blocks
    if bits == 1:
        pack_signs(signs, data[where : where + 2 * blocks])
    else:
        pack_sizes(residual[:BLOCK], index, data[where : where + BLOCK * blocks])
