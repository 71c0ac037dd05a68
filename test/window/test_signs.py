"""Kernels that add up the signs of a wrong calibration."""

import numpy as np
import pytest
import tables
from naive import displaced as naive

from vio.window.displaced import FEWEST, OUTLIER, fold_displaced, median
from vio.window.state import Bearings
from vio.window.turned import fold_turn


def bearings(room):
    rays, weights = np.zeros((2, room, 2)), np.zeros((2, room))
    return Bearings(*rays, *weights, np.zeros(room, np.int16))


@pytest.mark.parametrize("seed", range(3))
def test_fold_displaced_against_twin(seed):
    t = tables.window(seed=seed, n_points=90, noise_px=0.3)
    slot, sums = int(t.order[2]), t.rng.normal(size=28)
    before = sums.copy()
    wild = np.flatnonzero(t.landmarks.weight[:, slot, 1])[3]
    t.landmarks.xy[wild, slot, 1] += 500  # not to be believed
    off, J = naive.residuals(t, slot)
    rows = np.zeros((2, 6))
    assert fold_displaced(t.sight, bearings(60), slot, 0.9, rows, sums) == len(off)
    assert len(off) >= FEWEST
    H, g, square = naive.fold_displaced(off, J, OUTLIER)
    expected = np.concatenate([H[np.tril_indices(6)], g, [square]])
    np.testing.assert_allclose(sums - 0.9 * before, expected, rtol=1e-6, atol=1e-6)
    assert tables.counted(t, "displaced_near") < tables.counted(t, "displaced_folded")


def test_few_landmarks_change_nothing_and_room_is_kept():
    t = tables.window(seed=1, n_points=90)
    slot, sums = int(t.order[2]), np.ones(28)
    assert fold_displaced(t.sight, bearings(FEWEST - 1), slot, 0.9, np.zeros((2, 6)), sums) == 19
    assert (sums == 1.0).all()


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_median_against_twin(n):
    values = np.random.default_rng(n).normal(0.5, 1.0, (40, 2)).clip(-7.0, 7.0)
    for axis in (0, 1):
        low, high = np.sort(values[:n, axis])[[(n - 1) // 2, n // 2]]
        assert low - 0.004 < median(values, n, axis) < high + 0.004
        assert low <= naive.median(values[:n, axis]) <= high


def test_fold_turn_against_twin():
    rng, t = np.random.default_rng(4), tables.window(seed=4)
    row, residual, sums = 1, rng.normal(size=3), rng.normal(size=14)
    before = sums.copy()
    fold_turn(t.pre.R, t.pre.whiten, row, residual, 0.9, sums, t.work.counts)
    H, g, square = naive.fold_turn(t.pre.R[row], residual / t.pre.whiten[row, 0])
    expected = np.concatenate([H.ravel(), g, [square, 3.0]])
    np.testing.assert_allclose(sums - 0.9 * before, expected, rtol=1e-9, atol=1e-12)
    assert tables.counted(t, "turns_folded") == 1
