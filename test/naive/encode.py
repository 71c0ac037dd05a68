"""Rows of blocks, written one number at a time."""

import numpy as np
from naive.codec import MAGNITUDE, nearest


def grey(low, spread, code, bits):
    """The middle of a code's step, rounded down."""
    return int(min(np.floor(low + (code + 0.5) * spread / 2**bits), 255))


def column_ranges(rows, size):
    """(least, greatest) of each column; 255 and 0 where there is no column."""
    low = [min(r[x] for r in rows) if x < len(rows[0]) else 255 for x in range(size)]
    high = [max(r[x] for r in rows) if x < len(rows[0]) else 0 for x in range(size)]
    return low, high


def quantise(line, low, spread, bits, size):
    """Which of 2^bits equal steps above `low` a pixel is in; the last pixel repeats."""
    most = 2**bits - 1
    codes = [min((int(v) - int(a)) * 2**bits // int(s), most) for v, a, s in zip(line, low, spread)]
    return codes + codes[-1:] * (size - len(codes))


def expand(codes, low, spread, bits):
    return [grey(int(a), int(s), int(c), bits) for c, a, s in zip(codes, low, spread)]


def pack(codes, bits):
    """Codes side by side, the first in the lowest bits."""
    number = sum(int(c) << (bits * k) for k, c in enumerate(codes))
    return list(number.to_bytes(-(-len(codes) * bits // 8), "little"))


def column_sums(rows):
    return np.abs(np.asarray(rows, int)).sum(axis=0)


def magnitude_index(sums, x):
    return nearest(MAGNITUDE, min(int(sum(sums[x : x + 4])) // 16, 255))


def pack_signs(line):
    return pack([int(v >= 0) for v in line], 1)


def pack_sizes(line, sums):
    """Per pixel a bit for the sign and a bit for a size above 9/8 of the block's mean."""
    codes = []
    for x, value in enumerate(line):
        mean = MAGNITUDE[magnitude_index(sums, x // 4 * 4)]
        codes.append(int(value >= 0) + 2 * int(abs(int(value)) > 9 * int(mean) / 8))
    return pack(codes, 2)
