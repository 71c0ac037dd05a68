"""The compressed pyramid against whole-image computation, level by level and kernel by kernel."""

import numpy as np
import pytest
from images import PACKED, RAW, compress, decode, load, regions
from naive import codec as naive
from textures import texture, to_u8

from vio.frontend import blocks, codec, encode
from vio.frontend.klt import box_around

TEXTURE = to_u8(texture(128, 1.5, seed=1))
SHAPES = [(64, 80), (48, 52), (72, 56), (44, 60)]


def image(shape, noisy=False):
    out = TEXTURE[: shape[0], : shape[1]].copy()
    if noisy:
        out = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    return out


@pytest.mark.parametrize("noisy", [False, True], ids=["smooth", "noise"])
@pytest.mark.parametrize("bits", [RAW, PACKED, (2, 2, 4), (1, 1, 8), (2, 4, 2)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pyramid_against_twin(shape, bits, noisy):
    data, table, counts = compress(image(shape, noisy), bits)
    for level, expected in enumerate(naive.receive(image(shape, noisy), bits)):
        got = decode(data, table, level)
        h, w = expected.shape
        np.testing.assert_allclose(got[:h, :w], expected, atol=1e-3, err_msg=f"level {level}")


@pytest.mark.parametrize("bits", [RAW, PACKED, (1, 2, 4, 4), (1, 2, 4, 4, 4, 4)], ids=str)
@pytest.mark.parametrize("shape", [(48, 50), (48, 66), (46, 64), (49, 64), (50, 71), (54, 64)])
def test_odd_sizes_are_cut(shape, bits):
    data, table, _ = compress(image(shape), bits)
    whole = 2 ** (len(bits) - 1)
    for level, expected in enumerate(naive.receive(image(shape), bits)):
        h, w = table[level, codec.HEIGHT], table[level, codec.WIDTH]
        assert expected.shape == (h, w)
        assert 0 <= shape[0] - (h << level) < whole and 0 <= shape[1] - (w << level) < max(whole, 8)
        if h >= 24 and w >= 24:
            np.testing.assert_allclose(decode(data, table, level), expected, atol=1e-3)


def test_counts_of_receive():
    data, table, (received, above, blocks) = compress(image((64, 80)), PACKED)
    assert received == 64 * 80
    assert above == 32 * 40 + 16 * 20
    assert blocks == 16 * 20 + 8 * 10 + 4 * 5
    assert data.size < 64 * 80 * 0.4, "it is compressed"


def test_raw_is_lossless_and_packed_is_close():
    data, table, _ = compress(TEXTURE, RAW)
    np.testing.assert_array_equal(decode(data, table, 0), TEXTURE)
    data, table, _ = compress(TEXTURE, PACKED)
    error = decode(data, table, 0) - TEXTURE
    assert np.sqrt(np.mean(error**2)) < 5 and abs(error.mean()) < 0.5


def test_level_sees_the_same_place():
    """Pixel x of a level lies at 2 x + 0.5 of the one below: a ramp stays a ramp."""
    ramp = np.tile(2 * np.arange(96), (40, 1)).astype(np.uint8)
    data, table, _ = compress(ramp, RAW)
    expected = 2 * (2 * np.arange(48) + 0.5)
    np.testing.assert_array_equal(decode(data, table, 1)[5, 1:-1], expected[1:-1])


def test_nibbles_against_twin():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, 16).astype(np.uint8)
    for _ in range(50):
        at, index = rng.integers(0, 8), rng.integers(0, 16)
        assert codec.get_nibble(data, at, index) == naive.get_nibble(data, at, index)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_codes_side_by_side_against_twin(bits):
    data = np.random.default_rng(4).integers(0, 256, 20).astype(np.uint8)
    for at, k in [(0, 0), (3, 0), (3, 1), (5, 6)]:
        assert codec.four_codes(data, at, k, bits) == naive.four_codes(data, at, k, bits)


def test_halve_row_against_twin():
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 256, (4, 40)).astype(np.uint8)
    out = np.zeros(20, np.uint8)
    encode.halve_row(*rows, np.zeros(42, np.uint16), out)
    np.testing.assert_array_equal(out, naive.halve_row(*rows))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_row_of_blocks_against_twin(bits):
    """encode_rows, then load_blocks and decode_line of what it wrote."""
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 256, (8, 40)).astype(np.uint8)
    table, size = codec.layout(16, 80, (8, bits))
    data, seen = np.zeros(size, np.uint8), np.zeros((8, 40), np.uint8)
    table[0, codec.BITS] = 1  # so that level 1 is decoded for it
    for row in range(2):
        blocks.encode_rows(rows, 4 * row, row, data, table, 1, *scratch(40), seen)
    low, spread, codes = naive.encode_rows(rows, bits)
    for row, col in [(0, 0), (0, 9), (1, 4)]:
        box = 4 * col, 4 * row, 4 * col + 4, 4 * row + 4
        out, counts = load(data, table, 1, box)
        expected = naive.decode_block(low[row, col], spread[row, col], codes[row, col], bits)
        np.testing.assert_allclose(out[:4, :4], expected, atol=1e-4)
        assert np.isnan(out[4:]).all() and np.isnan(out[:, 4:]).all() and counts == (1, 0, box)
    line, level = np.zeros(40, np.uint8), naive.decode_level(rows, bits)
    for y in range(8):
        codec.decode_line(data, table, 1, y, line)
        np.testing.assert_array_equal(line, naive.decode_line(level, y))
    np.testing.assert_array_equal(seen, [naive.decode_line(level, y) for y in range(8)])


def scratch(width):
    return np.zeros((6, width), np.uint8), np.zeros(width, np.uint32)


def test_codes_are_exact_quotients():
    """Every difference, range and number of bits: multiplication in place of division."""
    above = np.arange(256, dtype=np.uint8)
    for bits in (1, 2, 4):
        for index, spread in enumerate(codec.SPREAD):
            codes, scale = (
                np.zeros(256, np.uint8),
                np.full(256, codec.SCALE[bits, index], np.uint32),
            )
            blocks.quantise(above, np.zeros(256, np.uint8), scale, (1 << bits) - 1, codes)
            expected = np.minimum((above.astype(int) << bits) // spread, (1 << bits) - 1)
            np.testing.assert_array_equal(codes, expected)


def test_difference_to_the_level_above_against_twin():
    rng = np.random.default_rng(3)
    line = rng.integers(0, 256, 40).astype(np.uint8)
    near, far = rng.integers(0, 256, (2, 20)).astype(np.uint8)
    out = np.zeros(40, np.int16)
    blocks.subtract_above(line, near, far, np.zeros(22, np.int16), out)
    np.testing.assert_array_equal(out, naive.subtract_above(line, near, far))


@pytest.mark.parametrize("bits", [1, 2])
def test_finest_row_of_blocks_against_twin(bits):
    shape = 16, 48
    picture, above = image(shape), naive.halve(image(shape))
    table, size = codec.layout(*shape, (bits, 4))
    data = np.zeros(size, np.uint8)
    scratch = np.zeros((5, 48), np.int16), np.zeros(26, np.int16), np.zeros(50, np.uint16)
    scratch = *scratch, np.zeros((6, 24), np.uint8)
    for row in range(4):
        blocks.encode_finest(picture, above, row, data, table, *scratch)
    mean, size = naive.encode_finest(picture, above, bits)
    for row in range(4):
        for col in range(12):
            index = codec.get_nibble(data, table[0, codec.RANGE], 12 * row + col)
            assert codec.MAGNITUDE[index] == mean[row, col]
            block = data[table[0, codec.CODE] + 2 * bits * (12 * row + col) :][: 2 * bits]
            signs = np.unpackbits(block, bitorder="little")[::bits].reshape(4, 4)
            np.testing.assert_array_equal(signs == 1, size[row, col] > 0)


@pytest.mark.parametrize("bits", [RAW, PACKED, (2, 4, 1)], ids=str)
def test_boxes_everywhere(bits):
    """Pixels of a box, also at the borders, and with the level above at hand."""
    data, table, _ = compress(TEXTURE, bits)
    levels = naive.receive(TEXTURE, bits)
    for level in range(3):
        n = 128 >> level
        places = [(0, 0), (n - 1, 0), (0, n - 1), (n - 1, n - 1), (n // 2, n // 2), (n // 3, 9)]
        for (x, y), reach in zip(places, (3.0, 9.5, 5.5, 9.5, 9.5, 1.0)):
            x, y, r = np.float32(x), np.float32(y), np.float32(reach)
            x0, y0, x1, y1 = box = box_around(table, level, x, y, r, r)
            assert x0 % 4 == y0 % 4 == x1 % 4 == y1 % 4 == 0 and x1 - x0 <= 24 and y1 - y0 <= 24
            assert x0 <= max(x - r, 0) and x1 - 1 >= min(x + r, n - 1)
            assert y0 <= max(y - r, 0) and y1 - 1 >= min(y + r, n - 1)
            assert x0 > x - r - 4 and y1 < y + r + 6, "no more than that"
            out, (own, extra, held) = load(data, table, level, box)
            np.testing.assert_allclose(
                out[: y1 - y0, : x1 - x0], naive.load_region(levels[level], box), atol=1e-3
            )
            assert own == (x1 - x0) * (y1 - y0) // 16
            assert (extra > 0) == (level == 0 and bits[0] != 8)


@pytest.mark.parametrize("fine", [1, 2])
def test_level_above_at_hand_is_not_decoded_again(fine):
    data, table, _ = compress(TEXTURE, (fine, 2, 2))
    both, wide, box = regions(), (8, 8, 28, 32), (24, 24, 44, 48)
    assert codec.load_region(data, table, 1, wide, codec.NOTHING, both) == (30, 0, wide)
    assert codec.load_region(data, table, 0, box, wide, both) == (30, 0, wide)
    np.testing.assert_array_equal(both[0, :24, 1:21], load(data, table, 0, box)[0][:24, :20])
    own, extra, held = codec.load_region(data, table, 0, (12, 24, 32, 48), wide, both)
    assert own == 30 and extra > 0 and held != wide, "column 5 of level 1 is missing"


def test_reduced_rows_are_rounded_means():
    image = np.random.default_rng(5).integers(0, 256, (12, 50)).astype(np.uint8)
    for factor in (1, 2, 4):
        out = np.zeros(48 // factor, np.uint8)
        encode.reduce_rows(image, 4, factor, np.zeros(50, np.uint16), out)
        twin = naive.reduce_rows(image, 4, factor)
        np.testing.assert_array_equal(out, twin[: out.size])


def test_a_reduced_image_is_received_as_its_small_self():
    image = np.random.default_rng(6).integers(0, 256, (128, 192)).astype(np.uint8)
    small = np.array([naive.reduce_rows(image, y, 2) for y in range(0, 128, 2)])
    np.testing.assert_array_equal(compress(image, PACKED, 2)[0], compress(small, PACKED)[0])
