"""Patch alignment: kernels against their twins, and known motions of a smooth texture."""

import numpy as np
import pytest
from images import PACKED, RAW, align, compress, pixels, regions, template, unpack
from naive import klt as naive
from naive import patch as naive_patch
from naive.codec import halve
from textures import texture, warped

from vio.frontend import klt

TEXTURE = texture(256, 2.0, seed=2)
SHAPE = (200, 224)
PARAMS = np.array([10, 0.02, 0.8, 100.0], np.float32)
LEVELS = 3
IMAGE = warped(TEXTURE, np.eye(2), (0, 0), SHAPE)


def corners(image, n=25):
    """The random places with the strongest texture in both directions, sub-pixel."""
    uv = np.random.default_rng(0).uniform([50, 50], [170, 150], (300, 2))
    strength = []
    for x, y in uv:
        _, gram, _ = naive_patch.steepest_descent(naive.take_template(image, x, y))
        strength.append(np.linalg.eigvalsh(gram)[0])
    return uv[np.argsort(strength)[-n:]].astype(np.float32)


UV = corners(IMAGE)


def templates(frame, uv, bits=8):
    """Stored templates (N, L, B) of every level."""
    at = lambda uv, level: (uv + np.float32(0.5)) / 2**level - np.float32(0.5)  # noqa: E731
    return np.array([[template(frame, k, *at(p, k), bits) for k in range(LEVELS)] for p in uv])


def track(image, start, warp=None, first=LEVELS - 1, bits=RAW, template_bits=8):
    """(uv, score, counts) of all features, from IMAGE to `image`."""
    warps = np.tile(np.eye(2) if warp is None else warp, (len(UV), 1, 1))
    stored = templates(compress(IMAGE, bits), UV, template_bits)
    return align(compress(image, bits), stored, warps, start, first, PARAMS, template_bits)


@pytest.mark.parametrize("bits, worst", [(8, 0.51), (4, 8.0)])
def test_template_against_twin(bits, worst):
    frame = compress(IMAGE)
    for x, y in [(30.0, 40.0), (30.3, 40.7), (4.5, 4.5), (218.4, 194.4)]:
        stored = template(frame, 0, x, y, bits)
        expected = naive.take_template(IMAGE, x, y)
        got = unpack(stored, bits)
        np.testing.assert_allclose(got, naive_patch.unpack_template(stored, bits), atol=1e-4)
        step = 1.0 if bits == 8 else float(stored[1])
        # rounded to the nearest code
        assert np.abs(got - expected).max() <= 0.51 * step <= worst
    for x, y in [(4.4, 40), (40, 4.4), (218.6, 40), (40, 195), (-5, 40), (500, 40)]:
        assert naive.take_template(IMAGE, x, y) is None
        assert template(frame, 0, x, y, bits) is None


def test_templates_of_many_features():
    """Of the wanted ones; cleared where they leave a level; 2 where they leave the image."""
    frame, wanted = compress(IMAGE), np.array([1, 0, 1, 1], np.uint8)
    uv = np.array([[60, 70], [80, 90], [12, 100], [3, 100]], np.float32)
    out = np.full((4, LEVELS, 100), 7, np.uint8)
    stored, cleared, left, blocks, blocks0, blocks1 = klt.take_templates(
        *frame[:2], uv, wanted, 8, regions(), pixels(), out
    )
    np.testing.assert_array_equal(wanted, [1, 0, 1, 2])
    np.testing.assert_array_equal(out[0], templates(frame, uv[:1])[0])
    assert (out[1] == 7).all() and (out[2, 2] == 0).all() and (out[3] == 0).all()
    assert out[2, :2].any(axis=1).all() and (stored, cleared, left) == (5, 4, 1)
    assert blocks0 > 0 and blocks1 > 0 and blocks > blocks0 + blocks1


def test_taken_templates_against_twin():
    frame, levels = compress(IMAGE), [IMAGE, halve(IMAGE), halve(halve(IMAGE))]
    for stored, patches in zip(templates(frame, UV[:5]), naive.take_templates(levels, UV[:5])):
        for got, expected in zip(stored, patches):
            assert np.abs(got.reshape(10, 10) - expected).max() < 0.51


def test_boxes_against_twin():
    _, table, _ = compress(IMAGE)
    rng = np.random.default_rng(1)
    hits = []
    for x, y, rx, ry in rng.uniform([-4, -4, 1, 1], [227, 203, 9.5, 9.5], (200, 4)).astype("f4"):
        box = klt.box_around(table, 0, x, y, rx, ry)
        assert box == naive.box_around(x, y, rx, ry, 224, 200)
        hits.append(klt.inside(box, x, y, rx, ry))
        assert hits[-1] == naive.inside(box, x, y, rx, ry)
        assert hits[-1] == naive.inside((0, 0, 224, 200), x, y, rx, ry), "a box holds its point"
    assert 0 < sum(hits) < 200


def test_stale_templates_against_twin():
    rng = np.random.default_rng(4)
    ids = np.where(rng.random(200) < 0.8, np.arange(200), -1).astype(np.int32)
    warps = (np.eye(2) + rng.normal(0, 0.3, (200, 2, 2))).astype(np.float32)
    score, wanted = rng.uniform(0.7, 1.0, 200).astype(np.float32), np.full(200, 9, np.uint8)
    klt.mark_stale(ids, warps, score, 0.8, wanted)
    twin = naive.mark_stale(warps, score, 0.8) & (ids >= 0)
    np.testing.assert_array_equal(wanted == 1, twin)
    assert 20 < twin.sum() < 180


def within_a_twentieth(error):
    """Two bilinear samplings blur: a patch or two may be a little farther off."""
    assert np.quantile(error, 0.9) < 0.05 and error.max() < 0.08 and np.median(error) < 0.03


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.7), (5.3, 3.6), (-6.2, 4.7)])
@pytest.mark.parametrize("gain, offset", [(1.0, 0.0), (0.7, 30.0)])
def test_known_shifts_are_found(shift, gain, offset):
    image = warped(TEXTURE, np.eye(2), -np.array(shift), SHAPE, gain, offset)
    got, score, counts = track(image, UV)
    assert counts["found"] == len(UV) and score.min() > 0.9
    within_a_twentieth(np.hypot(*(got - UV - shift).T))


@pytest.mark.parametrize("degrees, zoom", [(12.0, 1.0), (0.0, 1.2), (-20.0, 0.85)])
def test_known_warps_are_found(degrees, zoom):
    """About the middle of the image, from a prediction that is 2 px off."""
    a = np.radians(degrees)
    A = zoom * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # template to image
    centre = np.array([110.0, 100.0])
    back = np.linalg.inv(A)
    image = warped(TEXTURE, back, centre - back @ centre, SHAPE)
    there = (UV - centre) @ A.T + centre
    near = (np.abs(there - centre) < (85, 75)).all(axis=1)
    got, score, _ = track(image, there + [1.4, -1.4], A)
    assert (score[near] > 0).all()
    within_a_twentieth(np.hypot(*(got - there)[near].T))


def test_compressed_frames_and_templates_are_close():
    """As flown: 1, 2 and 4 bits per pixel, templates of 4 bits."""
    shift = np.array([2.6, -1.7])
    image = warped(TEXTURE, np.eye(2), -shift, SHAPE)
    got, score, counts = track(image, UV, bits=PACKED, template_bits=4)
    assert counts["found"] > 0.9 * len(UV)
    error = np.hypot(*(got - UV - shift)[score > 0].T)
    assert np.median(error) < 0.25 and np.quantile(error, 0.9) < 0.6


def test_against_twin():
    shift = np.array([2.6, -1.7])
    image = warped(TEXTURE, np.eye(2), -shift, SHAPE, 0.8, 20.0)
    got, score, counts = track(image, UV)
    pyramid = [image]
    while len(pyramid) < LEVELS:
        pyramid.append(halve(pyramid[-1]))
    stack = templates(compress(IMAGE), UV).reshape(-1, LEVELS, 10, 10)
    twins = [
        naive.align(pyramid, stack[k], np.eye(2), UV[k], LEVELS - 1, 0, PARAMS)
        for k in range(len(UV))
    ]
    assert counts["found"] == sum(s > 0 for _, s, _ in twins)
    assert counts["levels"] == LEVELS * len(UV)
    np.testing.assert_allclose(got, [uv for uv, _, _ in twins], atol=5e-3)
    np.testing.assert_allclose(score, [s for _, s, _ in twins], atol=1e-3)
    # single precision may need an iteration more or less where the last step is 0.02 px
    assert counts["iterations"] == pytest.approx(sum(n for _, _, n in twins), rel=0.02)


def test_a_region_is_loaded_once_per_level_when_nothing_moves():
    _, _, counts = track(IMAGE, UV)
    assert counts["found"] == len(UV)
    assert counts["loads"] == counts["levels"] == LEVELS * len(UV)
    assert 9 <= counts["blocks"] / counts["loads"] <= 25, "not much more than the patch"
    assert counts["iterations"] >= counts["loads"]


def test_another_scene_is_not_found():
    other = warped(texture(256, 2.0, seed=77), np.eye(2), (0, 0), SHAPE)
    _, score, counts = track(other, UV)
    assert counts["found"] < 0.3 * len(UV) and counts["found"] == np.count_nonzero(score)


def test_flat_ground_nan_and_outside_are_not_found():
    start = UV.copy()
    start[0] = np.nan
    start[1] = -30, 50
    start[2] = 500, 50
    got, score, _ = track(IMAGE, start)
    assert not score[:3].any() and (score[3:] > 0).all()
    assert np.isnan(got[:3]).all() and np.isfinite(got[3:]).all()
    _, score, counts = track(np.full(SHAPE, 128, np.uint8), UV)
    assert counts["found"] == 0 and not score.any()
