"""Lengths of the cameras against those of the accelerometer."""

from types import SimpleNamespace

import numpy as np
import pytest
import tables
from flight import fly
from naive import scale as naive
from world import GRAVITY, Motion

from vio.config import HealthConfig
from vio.events import AT, WINDOW_COUNTS
from vio.imu.preintegrate import Preintegrated
from vio.window.scale import FEWEST_PAIRS, Scale, fold_motion
from vio.window.state import Signs
from vio.window.suspicion import Suspicion

STEP = 0.05


class Exact:
    """A window that holds two frames of a true motion, its positions too long by a factor."""

    def __init__(self, factor):
        self.factor, self.motion, self.config = factor, Motion(2.0), SimpleNamespace(gravity=9.81)
        self.order, self.newest, self.k = np.array([0, 1]), 1, 0
        self.rng = np.random.default_rng(0)
        self.work = SimpleNamespace(counts=np.zeros(len(WINDOW_COUNTS), np.int64))

    def step(self):
        """The next interval, integrated at another bias than the one in use."""
        self.k += 1
        t = STEP * np.array([self.k - 1, self.k]) + 1.0
        R, p, v = ([f(a) for a in t] for f in (self.motion.R, self.motion.p, self.motion.v))
        off, J = self.rng.normal(size=7), self.rng.normal(size=(9, 7))
        moved = p[1] - p[0] - v[0] * STEP - 0.5 * GRAVITY * STEP**2
        self.slots = SimpleNamespace(
            t_ns=np.round(t * 1e9).astype(np.int64), motion=np.array([1, 2]), R=np.array(R),
            p=self.factor * np.array(p), bias=np.tile(off[:6], (2, 1)), calibration=off[6:],
        )  # fmt: skip
        self.pre = Preintegrated(
            dt=np.full(2, STEP), bias=np.zeros((2, 7)), J=np.tile(J, (2, 1, 1)),
            R=np.zeros((2, 3, 3)), whiten=np.zeros((2, 45)),
            p=np.tile(R[0].T @ moved - J[3:6] @ off, (2, 1)),
            v=np.tile(R[0].T @ (v[1] - v[0] - GRAVITY * STEP) - J[6:] @ off, (2, 1)),
        )  # fmt: skip
        return self


def test_fold_motion_against_twin():
    t, rng = tables.window(seed=6), np.random.default_rng(6)
    slot, row, moved = int(t.order[-2]), 1, rng.normal(size=7)
    R, bias, x = t.slots.R[slot], rng.normal(size=6), rng.normal(size=t.slots.calibration.size)
    interval = [a[row].astype(float) for a in (t.pre.p, t.pre.v, t.pre.J, t.pre.bias, t.pre.dt)]
    expected = naive.fold_motion(R, bias, x, *interval, moved)
    fold_motion(R, bias, x, t.pre, row, moved, t.work.counts)
    np.testing.assert_allclose(moved, expected, rtol=1e-9)
    assert t.work.counts[AT.motions_folded] == 1


@pytest.mark.parametrize("factor", [0.92, 1.0, 1.09])
def test_a_factor_is_found(factor):
    window, scale = Exact(factor), Scale(np.zeros(7))
    for _ in range(600):
        scale.add(window.step())
    assert scale.error == pytest.approx(factor - 1.0, abs=1e-4)


def test_nothing_is_said_too_early_or_across_a_break():
    window, scale = Exact(1.09), Scale(np.zeros(7))
    for k in range(600):
        window.step()
        if k % 8:  # never two spans in a row
            scale.add(window)
    assert scale.n == 0.0 and scale.error == 0.0
    for _ in range(5 * FEWEST_PAIRS):
        scale.add(window.step())
    assert scale.error == 0.0


@pytest.mark.parametrize(
    "factor, size, told", [(1.09, 0.2, 1), (0.92, 0.2, -1), (1, 0.2, 0), (1, 0, 0)]
)
def test_noise_on_either_side_is_no_factor(factor, size, told):
    rng = np.random.default_rng(1)
    doubt = Suspicion(HealthConfig(), Signs(np.zeros(28), np.zeros(14), np.zeros(7)))
    for _ in range(200):
        true = size * rng.normal(size=3)
        doubt.scale.compare(
            factor * true + 0.02 * rng.normal(size=3), true + 0.02 * rng.normal(size=3)
        )
    assert doubt.lengths == bool(told) and np.sign(doubt.scale.error * doubt.lengths) == told
    words = {0: "", 1: "too long", -1: "too short"}[told]
    assert words in doubt.words(np.zeros(1), 1) and bool(doubt.words(np.zeros(1), 1)) == bool(told)


def test_a_right_rig_is_not_suspected():
    _, out, back = fly(14.0, speed=2.0)
    assert back.suspicion.scale.n > FEWEST_PAIRS and abs(back.suspicion.scale.error) < 0.01
    assert out[-1][1].notice == ""
