"""Inertial and standstill factors: residuals and 15x30 Jacobians against differences."""

import numpy as np
import pytest
import tables
from naive import imu_factor as naive
from naive.advance import advance as naive_advance
from naive.imu_factor import size, state, state_lin
from tables import MODEL, STILL, WALK

from vio.events import AT
from vio.window import residual_imu
from vio.window.advance import advance


def case(fej):
    t = tables.window(seed=4, n_points=0)
    tables.perturb(t, t.rng, 0.05, 0.1, 0.2, (0.01, 0.05), calibration=1.0)
    if fej:
        t.slots.fixed[:] = 1  # all keep their linearisation points at the truth
    tables.sync_lin(t.slots)
    moving = [s for s in t.order if t.slots.motion[s]]
    # integrated at biases of its own
    stamps = t.slots.t_ns
    i, j = moving[0], moving[1]
    tables.integrate(t, t.samples, stamps[i], stamps[j], np.full(6, 0.01), j)
    return t, i, j


@pytest.mark.parametrize("doubt", [0.0, 3.0])
@pytest.mark.parametrize("fej", [True, False], ids=["fej", "free"])
def test_imu_residual_against_twin(fej, doubt):
    t, i, j = case(fej)
    t.slots.doubt[j] = doubt
    r, J = np.zeros(15), np.zeros((15, 37))
    residual_imu.imu_residual(t.slots, t.pre, i, j, 9.81, WALK, t.work.small[15:19], r, J)
    r_twin, J_twin = naive.imu_residual(t.slots, t.pre, i, j, 9.81, WALK)
    np.testing.assert_allclose(r, r_twin, rtol=1e-6, atol=1e-6)
    for row in range(15):  # rows differ by orders of magnitude after whitening
        np.testing.assert_allclose(J[row], J_twin[row], atol=2e-6 * np.abs(J_twin[row]).max())


@pytest.mark.parametrize("fej", [True, False], ids=["fej", "free"])
def test_still_residual_against_twin(fej):
    t, i, j = case(fej)
    r, J = np.zeros(15), np.zeros((15, 37))
    residual_imu.still_residual(t.slots, i, j, STILL, t.work.small[15:19], r, J)
    r_twin, J_twin = naive.still_residual(t.slots, i, j, STILL)
    np.testing.assert_allclose(r, r_twin, atol=1e-9)
    np.testing.assert_allclose(J, J_twin, atol=1e-5)
    assert not J[:, 30:].any()


def test_true_states_leave_no_residual():
    t = tables.window(seed=4, n_points=0)
    moving = [s for s in t.order if t.slots.motion[s]]
    x, y = (state(t.slots, s) for s in moving[:2])
    raw = naive.raw_residual(x, y, t.slots.calibration, t.pre, t.slots.motion[moving[1]] - 1, 9.81)
    assert np.abs(raw).max() < 1e-4


def test_advance_against_twin():
    t, i, j = case(True)
    bias = t.slots.bias[i].copy()
    before = [a[i].copy() for a in (t.slots.R, t.slots.p, t.slots.v)]
    advance(t.slots, t.pre, t.work.counts, i, j, 9.81)
    interval = (a[t.slots.motion[j] - 1] for a in (t.pre.dt, t.pre.R, t.pre.p, t.pre.v))
    expected = naive_advance(*before, *interval, 9.81)
    for ours, theirs in zip((t.slots.R[j], t.slots.p[j], t.slots.v[j]), expected):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    np.testing.assert_array_equal(t.slots.bias[j], bias)
    assert tables.counted(t, "advances") == 1


def test_add_factor_and_linearise_motion_against_twin():
    t, i, j = case(True)
    t.slots.still[j] = 1
    t.factor[:] = 0
    t.factor[t.order[1:-1]] = 1  # the last factor is left out
    H, b, cost = tables.linearise_motion(t)
    n = size(t.slots)
    H_twin, b_twin = np.zeros((n, n)), np.zeros(n)
    cost_twin, count_twin = naive.linearise_motion(
        t.slots, t.pre, t.order, 9.81, WALK, STILL, t.factor, H_twin, b_twin
    )
    at = tables.full_index(t)
    H_twin, b_twin = H_twin[np.ix_(at, at)], b_twin[at]
    scale = np.sqrt(np.diag(H_twin)) + 1e-3
    S = np.outer(scale, scale)
    np.testing.assert_allclose(H / S, H_twin / S, atol=1e-5)
    np.testing.assert_allclose(b / scale, b_twin / scale, atol=1e-5 * np.abs(b_twin / scale).max())
    assert cost == pytest.approx(cost_twin, rel=1e-6)
    assert tables.counted(t, "imu_factors") == count_twin == 2


def test_misfit_against_twin():
    t, i, j = case(True)
    t.slots.doubt[j] = 2.0
    mean = residual_imu.misfit(t.tables, t.order, MODEL)
    twin = naive.misfit(t.slots, t.pre, t.order, 9.81, WALK)
    assert mean == pytest.approx(twin.mean(), rel=1e-6)
    np.testing.assert_allclose(t.work.delta[:3], twin, rtol=1e-6)
    assert t.work.counts[AT.misfits] == 3


def test_factor_between_held_states_only_costs():
    t, i, j = case(False)
    rng = np.random.default_rng(0)
    r, J, rows = rng.normal(size=15), rng.normal(size=(15, 37)), np.zeros(37, np.int64)
    t.system.pose_at[i] = t.system.motion_at[i] = -1
    at_j = [t.system.pose_at[j] + k for k in range(6)]
    at_j += [t.system.motion_at[j] + k for k in range(9)]
    n = tables.dim(t) + 15  # the rows of `i` stay empty
    t.system.H[: n * (n + 1) // 2] = 0
    t.system.b[:n] = 0
    assert residual_imu.add_factor(t.system, i, j, r, J, rows, np.zeros(37)) == pytest.approx(r @ r)
    H = tables.symmetric(t.system.H, n)
    np.testing.assert_allclose(H[np.ix_(at_j, at_j)], J[:, 15:30].T @ J[:, 15:30], atol=1e-12)
    np.testing.assert_allclose(t.system.b[at_j], J[:, 15:30].T @ r, atol=1e-12)
    others = np.setdiff1d(np.arange(n), [*at_j, *range(t.system.calibration_at[0], n)])
    assert not H[others].any()
    n_full = size(t.slots)
    H_twin, b_twin = np.zeros((n_full, n_full)), np.zeros(n_full)
    assert naive.add_factor(H_twin, b_twin, i, j, r, J) == pytest.approx(r @ r)
    at = np.arange(15 * j, 15 * j + 15)
    np.testing.assert_allclose(H[np.ix_(at_j, at_j)], H_twin[np.ix_(at, at)], atol=1e-12)


def test_fixed_points_are_used():
    """The Jacobian must not follow the state when the linearisation point stays."""
    t, i, j = case(True)
    r, J, again = np.zeros(15), np.zeros((15, 37)), np.zeros((15, 37))
    residual_imu.imu_residual(t.slots, t.pre, i, j, 9.81, WALK, t.work.small[15:19], r, J)
    assert not np.allclose(state(t.slots, i)[1], state_lin(t.slots, i)[1])
    tables.perturb(t, t.rng)
    residual_imu.imu_residual(t.slots, t.pre, i, j, 9.81, WALK, t.work.small[15:19], r, again)
    np.testing.assert_array_equal(J, again)
