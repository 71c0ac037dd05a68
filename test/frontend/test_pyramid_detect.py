"""Pyramid and corner detection against direct computation."""

import numpy as np
import pytest
from naive import detect as naive_detect
from naive import pyramid as naive_pyramid
from textures import texture, to_u8

from vio.frontend.detect import WINDOW, detect
from vio.frontend.pyramid import halve

TEXTURE = to_u8(texture(128, 1.0, seed=1))


@pytest.mark.parametrize("shape", [(48, 64), (49, 64), (48, 65), (31, 33)])
def test_halve_against_twin(shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    out = np.zeros((shape[0] // 2, shape[1] // 2), np.uint8)
    assert halve(image, np.zeros(shape[1] + 2, np.uint16), out) == out.size
    np.testing.assert_array_equal(out, naive_pyramid.halve(image))


def test_level_sees_the_same_place():
    """Pixel x of a level lies at 2 x + 0.5 of the one below: a ramp stays a ramp."""
    x = np.arange(100)
    image = np.tile(2 * x, (40, 1)).astype(np.uint8)
    out = np.zeros((20, 50), np.uint8)
    halve(image, np.zeros(102, np.uint16), out)
    expected = 2 * (2 * np.arange(50) + 0.5)
    np.testing.assert_array_equal(out[5, 1:-1], expected[1:-1])


def run_detect(image, cell, occupied, threshold=50.0, border=6):
    n = occupied.size
    xy, score = np.full((n, 2), -1, np.float32), np.zeros(n, np.float32)
    width = image.shape[1]
    ring, sums = np.ones((WINDOW, 3, width), np.int32), np.ones((3, width), np.int32)
    counts = detect(image, cell, occupied, threshold, border, ring, sums, xy, score)
    return xy, score, counts


@pytest.mark.parametrize("threshold", [1.0, 50.0, 2000.0])
@pytest.mark.parametrize("shape, cell", [((60, 80), 20), ((61, 83), 17)])
def test_detect_against_twin(shape, cell, threshold):
    image = np.ascontiguousarray(TEXTURE[: shape[0], : shape[1]])
    occupied = np.zeros((-(-shape[0] // cell), -(-shape[1] // cell)), np.uint8)
    occupied[1, 2] = 1
    xy, score, counts = run_detect(image, cell, occupied, threshold)
    xy_twin, score_twin, scored, found = naive_detect.detect(image, cell, occupied, threshold, 6)
    assert counts == (scored, found)
    np.testing.assert_allclose(score, score_twin, rtol=1e-4)
    hit = score > 0
    np.testing.assert_array_equal(xy[hit], xy_twin[hit])
    assert score.reshape(occupied.shape)[1, 2] == 0


def test_corners_spread_over_the_grid():
    occupied = np.zeros((6, 6), np.uint8)
    xy, score, (_, found) = run_detect(TEXTURE, 21, occupied, 10.0)
    assert found == 36
    cells = {tuple(c) for c in (xy // 21).astype(int)}
    assert len(cells) == 36, "one corner a cell"
    assert xy.min() >= 6 and xy.max() < 128 - 6


def test_flat_and_edge_have_no_corner():
    for image in (np.full((64, 64), 90, np.uint8), np.tile(np.arange(64) * 3, (64, 1)).astype("u1")):
        _, score, (_, found) = run_detect(image, 16, np.zeros((4, 4), np.uint8))
        assert found == 0 and not score.any()


def test_a_planted_corner_is_found_where_it_is():
    image = np.full((64, 64), 50, np.uint8)
    image[20:40, 30:50] = 200
    xy, score, _ = run_detect(image, 64, np.zeros((1, 1), np.uint8))
    corners = np.array([[29.5, 19.5], [49.5, 19.5], [29.5, 39.5], [49.5, 39.5]])
    assert np.abs(corners - xy[0]).max(axis=1).min() <= 2.0 and score[0] > 1000
