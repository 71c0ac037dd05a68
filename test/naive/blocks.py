"""Rows of blocks, written one number at a time."""

import numpy as np
from naive.codec import MAGNITUDE


def grey(low, spread, code, bits):
    """The middle of a code's step, rounded down."""
    return int(min(np.floor(low + (code + 0.5) * spread / 2**bits), 255))


def column_ranges(rows, size):
    """(least, greatest) of each column; 255 and 0 where there is no column."""
    low = [min(r[x] for r in rows) if x < len(rows[0]) else 255 for x in range(size)]
    high = [max(r[x] for r in rows) if x < len(rows[0]) else 0 for x in range(size)]
    return low, high


def block_ranges(rows):
    """(least, greatest less least) of each block of four rows."""
    blocks = [np.array(rows, int)[:, x : x + 4] for x in range(0, len(rows[0]), 4)]
    return [b.min() for b in blocks], [b.max() - b.min() for b in blocks]


def quantise(line, low, spread, bits, size):
    """Which of 2^bits equal steps above `low` a pixel is in; the last pixel repeats."""
    most = 2**bits - 1
    codes = [min((int(v) - int(a)) * 2**bits // int(s), most) for v, a, s in zip(line, low, spread)]
    return codes + codes[-1:] * (size - len(codes))


def expand(codes, low, spread, bits):
    return [grey(int(a), int(s), int(c), bits) for c, a, s in zip(codes, low, spread)]


def packed(codes, bits):
    """Codes side by side in whole bytes, the first in the lowest bits."""
    number = sum(int(c) << (bits * k) for k, c in enumerate(codes))
    return list(number.to_bytes(-(-len(codes) * bits // 8), "little"))


def two_fours(codes, x):
    return packed(codes[x : x + 2], 4)[0]


def four_twos(codes, x):
    return packed(codes[x : x + 4], 2)[0]


def four_ones(codes, x):
    return packed(codes[x : x + 4], 1)[0]


def pack(rows, bits):
    """Blocks of four rows of codes one after the other, each row by row."""
    blocks = [[c for row in rows for c in row[x : x + 4]] for x in range(0, len(rows[0]), 4)]
    return [byte for block in blocks for byte in packed(block, bits)]


def fold_columns(rows):
    rows = np.asarray(rows, int)
    signs = sum((row >= 0) << 4 * k for k, row in enumerate(rows))
    return np.abs(rows).sum(axis=0), signs


def block_means(sums):
    return [min(int(sum(sums[x : x + 4])) // 16, 255) for x in range(0, len(sums), 4)]


def pack_indices(index):
    return packed(index, 4)


def repeat(values):
    return np.repeat(values, 4)


def repeat_scale(index, scales):
    return np.repeat([scales[k] for k in index], 4)


def pack_signs(lines):
    return pack([[int(v >= 0) for v in line] for line in lines], 1)


def pack_sizes(lines, index):
    """Per pixel a bit for the sign and a bit for a size above 9/8 of the block's mean."""

    def code(x, value):
        mean = MAGNITUDE[index[x // 4]]
        return int(value >= 0) + 2 * int(abs(int(value)) > 9 * int(mean) / 8)

    return pack([[code(x, v) for x, v in enumerate(line)] for line in lines], 2)
