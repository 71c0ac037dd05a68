"""The steps of writing a row of blocks against their twins."""

import numpy as np
import pytest
from naive import blocks as naive
from naive.codec import nearest

from vio.frontend import blocks, codec

RNG = np.random.default_rng(7)
GREYS = RNG.integers(0, 256, (4, 22)).astype(np.uint8)
DIFFERENCES = RNG.integers(-255, 256, (4, 32)).astype(np.int16)


def u8(n):
    return np.full(n, 77, np.uint8)


def test_grey():
    for bits in (1, 2, 4):
        for low, spread in [(0, 1), (10, 221), (255, 8), (200, 106)]:
            for code in range(1 << bits):
                index = list(codec.SPREAD).index(spread)
                got = min(low + codec.GREY[bits, index, code], 255)
                assert got == naive.grey(low, spread, code, bits)


def test_column_ranges():
    low, high = u8(24), u8(24)
    blocks.column_ranges(*GREYS, low, high)
    np.testing.assert_array_equal([low, high], naive.column_ranges(GREYS, 24))
    darkest, spread = u8(5), u8(5)
    blocks.block_ranges(low, high, darkest, spread)
    np.testing.assert_array_equal([darkest, spread], naive.block_ranges(GREYS[:, :20]))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_codes_there_and_back(bits):
    low = np.minimum(GREYS[0], GREYS[1])
    index = RNG.integers(0, 16, 22)
    spread = codec.SPREAD[index].astype(np.uint8)
    line, codes = np.maximum(GREYS[0], low), u8(24)
    scale = codec.SCALE[bits, index]
    blocks.quantise(line, low, scale, (1 << bits) - 1, codes)
    np.testing.assert_array_equal(codes, naive.quantise(line, low, spread, bits, 24))
    seen = u8(22)
    blocks.expand(codes, low, spread, bits, seen)
    np.testing.assert_array_equal(seen, naive.expand(codes, low, spread, bits))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_blocks_of_codes(bits):
    rows, packed = RNG.integers(0, 1 << bits, (4, 24)).astype(np.uint8), u8(6 * 2 * bits)
    blocks.pack(np.pad(rows, ((0, 0), (0, 5))), bits, packed)
    np.testing.assert_array_equal(packed, naive.pack(rows, bits))
    name = {1: "four_ones", 2: "four_twos", 4: "two_fours"}[bits]
    for x in (0, 4, 8):
        assert getattr(blocks, name)(rows[2], x) == getattr(naive, name)(rows[2], x)


def test_differences():
    sums, folded = np.zeros(32, np.int16), np.zeros(32, np.uint16)
    blocks.fold_columns(*DIFFERENCES, sums, folded)
    np.testing.assert_array_equal([sums, folded], naive.fold_columns(DIFFERENCES))
    means, index = u8(8), RNG.integers(0, 16, 8).astype(np.uint8)
    for wide in (sums, 2 * sums):
        blocks.block_means(wide, np.zeros(16, np.int16), means)
        np.testing.assert_array_equal(means, naive.block_means(wide))
    assert means.max() == 255 > means.min()
    signs, sizes = u8(16), u8(32)
    blocks.pack_signs(folded, signs)
    blocks.pack_sizes(DIFFERENCES // 9, index, sizes)
    np.testing.assert_array_equal(signs, naive.pack_signs(DIFFERENCES))
    np.testing.assert_array_equal(sizes, naive.pack_sizes(DIFFERENCES // 9, index))


@pytest.mark.parametrize("name", ["MAGNITUDE", "SPREAD"])
def test_nearest(name):
    values, index = np.arange(256, dtype=np.uint8), np.zeros(256, np.uint8)
    blocks.nearest(values, getattr(codec, f"{name}_EDGES"), index)
    table = getattr(codec, name)
    np.testing.assert_array_equal(index, [nearest(table, v) for v in range(256)])


@pytest.mark.parametrize("n", [1, 6, 47])
def test_what_a_row_of_blocks_repeats_and_stores(n):
    index, columns, stored = RNG.integers(0, 16, n).astype(np.uint8), u8(4 * n), u8(n // 2 + 1)
    blocks.repeat(index, columns)
    np.testing.assert_array_equal(columns, naive.repeat(index))
    scale = np.zeros(4 * n, np.uint32)
    blocks.repeat_scale(index, codec.SCALE[2], scale)
    np.testing.assert_array_equal(scale, naive.repeat_scale(index, codec.SCALE[2]))
    blocks.pack_indices(index, stored)
    half = -(-n // 2)
    np.testing.assert_array_equal(stored[:half], naive.pack_indices(index))
    assert (stored[half:] == 77).all()
