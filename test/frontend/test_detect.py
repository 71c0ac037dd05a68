"""Corner detection against direct computation."""

import numpy as np
import pytest
from images import compress, decode
from naive import detect as naive_detect
from textures import texture, to_u8

from vio.frontend import detect as module
from vio.frontend.detect import WINDOW, choose, detect, occupy

TEXTURE = to_u8(texture(128, 1.0, seed=1))


def run_detect(image, cell, occupied, threshold=50.0, border=6, bits=8):
    """Level 1 of a frame is scanned: `image` is put there by repeating its pixels."""
    data, table, _ = compress(np.repeat(np.repeat(image, 2, 0), 2, 1), (8, bits))
    seen = decode(data, table, 1)
    n, width = occupied.size, image.shape[1]
    xy, score = np.full((n, 2), -1, np.float32), np.zeros(n, np.float32)
    ring, sums = np.ones((WINDOW, 2, width), np.int16), np.ones((3, width), np.int32)
    counts = detect(
        data, table, 1, cell, occupied, threshold, border, np.zeros((3, width), np.uint8), ring,
        sums, np.zeros(width, np.float32), xy, score,
    )  # fmt: skip
    return xy, score, counts, np.floor(seen).astype(np.uint8)


@pytest.mark.parametrize("threshold", [1.0, 50.0, 2000.0])
@pytest.mark.parametrize("shape, cell", [((60, 80), 20), ((61, 83), 17)])
@pytest.mark.parametrize("bits", [8, 2])
def test_detect_against_twin(shape, cell, threshold, bits):
    image = np.ascontiguousarray(TEXTURE[: shape[0], : shape[1]])
    occupied = np.zeros((-(-shape[0] // cell), -(-shape[1] // cell)), np.uint8)
    occupied[1, 2] = 1
    xy, score, counts, seen = run_detect(image, cell, occupied, threshold, bits=bits)
    xy_twin, score_twin, scored, found = naive_detect.detect(seen, cell, occupied, threshold, 6)
    assert counts == (scored, found)
    np.testing.assert_allclose(score, score_twin, rtol=1e-4)
    hit = score > 0
    np.testing.assert_array_equal(xy[hit], xy_twin[hit])
    assert score.reshape(occupied.shape)[1, 2] == 0


def test_corners_spread_over_the_grid():
    occupied = np.zeros((6, 6), np.uint8)
    xy, score, (_, found), _ = run_detect(TEXTURE, 21, occupied, 10.0)
    assert found == 36
    cells = {tuple(c) for c in (xy // 21).astype(int)}
    assert len(cells) == 36, "one corner a cell"
    assert xy.min() >= 6 and xy.max() < 128 - 6


def test_flat_and_edge_have_no_corner():
    ramp = np.tile(np.arange(64) * 3, (64, 1)).astype(np.uint8)
    for image in (np.full((64, 64), 90, np.uint8), ramp):
        _, score, (_, found), _ = run_detect(image, 16, np.zeros((4, 4), np.uint8))
        assert found == 0 and not score.any()


def test_a_planted_corner_is_found_where_it_is():
    image = np.full((64, 64), 50, np.uint8)
    image[20:40, 30:50] = 200
    xy, score, *_ = run_detect(image, 64, np.zeros((1, 1), np.uint8))
    corners = np.array([[29.5, 19.5], [49.5, 19.5], [29.5, 39.5], [49.5, 39.5]])
    assert np.abs(corners - xy[0]).max(axis=1).min() <= 2.0 and score[0] > 1000


def features(rng, n, alive):
    uv = np.full((n, 2), np.nan, np.float32)
    uv[rng.permutation(n)[:alive]] = rng.uniform(0, [200, 150], (alive, 2))
    return uv


def test_occupied_cells_against_twin():
    uv = features(np.random.default_rng(0), 40, 25)
    uv[np.isnan(uv)[:, 0].argmin()] = [-3.0, 900.0]  # outside: the nearest cell
    got = np.full((5, 6), 7, np.uint8)
    occupy(uv, 17, got)
    np.testing.assert_array_equal(got, naive_detect.occupy(uv, 17, got.shape))


@pytest.mark.parametrize("alive", [0, 20, 38, 40])
def test_chosen_corners_against_twin(alive):
    rng = np.random.default_rng(alive)
    uv = features(rng, 40, alive)
    xy = rng.uniform(0, [100, 75], (30, 2)).astype(np.float32)
    score = np.where(rng.random(30) < 0.8, rng.uniform(1, 9, 30), 0).astype(np.float32)
    order = np.argsort(-score, kind="stable")
    expected = naive_detect.choose(xy, score, order, 12, uv)
    wanted, got = np.full(40, 9, np.uint8), uv.copy()
    added, looked, held, tests, used = choose(xy, score, order, 12, got, wanted)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(wanted == 1, np.isnan(uv[:, 0]) & ~np.isnan(expected[:, 0]))
    assert added == wanted.sum() and added <= held <= looked and tests <= 40 * held
    assert (added > 0) == (alive < 40) and used <= 40


def test_rows_against_twins():
    rng = np.random.default_rng(2)
    up, here, down = rng.integers(0, 256, (3, 40)).astype(np.uint8)
    gx, gy = np.zeros((2, 40), np.int16)
    module.gradient_row(up, here, down, gx, gy)
    np.testing.assert_array_equal([gx[1:-1], gy[1:-1]], naive_detect.gradient_row(up, here, down))
    sums = rng.integers(0, 10**6, (3, 40)).astype(np.int32)
    for name in ("add_products", "take_products"):
        got = sums[0].copy()
        getattr(module, name)(gx, gy, got)
        np.testing.assert_array_equal(got, getattr(naive_detect, name)(gx, gy, sums[0]))
    score = np.zeros(36, np.float32)
    module.score_row(*sums, score)
    np.testing.assert_allclose(score, naive_detect.score_row(*sums), rtol=1e-4, atol=1.0)
