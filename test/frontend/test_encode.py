"""The steps of writing a row of blocks against their twins."""

import numpy as np
import pytest
from naive import encode as naive

from vio.frontend import codec, encode

RNG = np.random.default_rng(7)
GREYS = RNG.integers(0, 256, (4, 22)).astype(np.uint8)
DIFFERENCES = RNG.integers(-255, 256, (4, 32)).astype(np.int16)


def u8(n):
    return np.full(n, 77, np.uint8)


def test_grey():
    for bits in (1, 2, 4):
        for low, spread in [(0, 1), (10, 221), (255, 8), (200, 106)]:
            for code in range(1 << bits):
                assert codec.grey(low, spread, code, bits) == naive.grey(low, spread, code, bits)


def test_column_ranges():
    low, high = u8(24), u8(24)
    encode.column_ranges(*GREYS, low, high)
    np.testing.assert_array_equal([low, high], naive.column_ranges(GREYS, 24))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_codes_there_and_back(bits):
    low = np.minimum(GREYS[0], GREYS[1])
    index = RNG.integers(0, 16, 22)
    spread = codec.SPREAD[index].astype(np.uint8)
    line, codes = np.maximum(GREYS[0], low), u8(24)
    scale = codec.SCALE[bits, index].astype(np.uint32)
    encode.quantise(line, low, scale, (1 << bits) - 1, codes)
    np.testing.assert_array_equal(codes, naive.quantise(line, low, spread, bits, 24))
    seen = u8(22)
    encode.expand(codes, low, spread, bits, seen)
    np.testing.assert_array_equal(seen, naive.expand(codes, low, spread, bits))
    packed = np.zeros(24 * bits // 8, np.uint8)
    encode.pack(codes, bits, packed)
    np.testing.assert_array_equal(packed, naive.pack(codes, bits))


def test_differences():
    sums = np.zeros(32, np.int16)
    encode.column_sums(*DIFFERENCES, sums)
    np.testing.assert_array_equal(sums, naive.column_sums(DIFFERENCES))
    for x in range(0, 32, 4):
        assert encode.magnitude_index(sums, x) == naive.magnitude_index(sums, x)
    signs, sizes = u8(4), u8(8)
    encode.pack_signs(DIFFERENCES[0], signs)
    encode.pack_sizes(DIFFERENCES[0] // 9, sums // 9, sizes)
    np.testing.assert_array_equal(signs, naive.pack_signs(DIFFERENCES[0]))
    np.testing.assert_array_equal(sizes, naive.pack_sizes(DIFFERENCES[0] // 9, sums // 9))
