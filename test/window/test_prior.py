"""Prior and marginalisation against dense Schur complements; the null space they must keep."""

import numpy as np
import pytest
import tables
from naive import marginalise as naive
from naive import prior as naive_prior
from naive.derivative import jacobian, skew
from naive.imu_factor import plus, size, state, state_lin
from tables import P

from vio.window.marginalise import layout
from vio.window.optimise import full_layout, sync_lin
from vio.window.residual_prior import offset_from_lin


def random_prior(t, seed=0):
    """A full-rank prior over the two oldest poses and the oldest motion, off its point."""
    rng = np.random.default_rng(seed)
    moving = [s for s in t.order if t.slots.motion[s]]
    poses = [t.order[1], t.order[0], moving[0]]
    n = 6 * len(poses) + 9
    L = np.tril(rng.normal(size=(n, n))) + 10 * np.eye(n)
    tables.set_prior(t, poses, moving[:1], L, rng.normal(size=n))
    return poses, moving


def case(seed=7, stereo=True, **kw):
    t = tables.window(seed=seed, stereo=stereo, **kw)
    poses, moving = random_prior(t)
    tables.perturb(t, t.rng)
    sync_lin(t.slots)
    return t, poses, moving


def test_offset_against_twin():
    t, *_ = case()
    delta = np.zeros(tables.dim(t))
    last = t.system.calibration_at[0]
    offset_from_lin(t.slots, t.system.pose_at, t.system.motion_at, last, t.work.small, delta)
    at = tables.full_index(t)
    np.testing.assert_allclose(delta, naive_prior.offset_from_lin(t.slots)[at], atol=1e-12)
    assert np.abs(delta).max() > 1e-3


def test_prior_against_twin():
    t, *_ = case()
    H, b, cost = tables.linearise_prior(t)
    twin = naive_prior.linearise_prior(t.slots, *tables.dense_prior(t))
    at = tables.full_index(t)
    np.testing.assert_allclose(H, twin[0][np.ix_(at, at)], atol=1e-9)
    np.testing.assert_allclose(b, twin[1][at], atol=1e-9)
    assert cost == pytest.approx(twin[2])
    assert tables.counted(t, "prior_rows") == t.prior.dim[0]


def test_prior_gradient_against_differences():
    """At the linearisation points b is half the slope of the cost."""
    t, *_ = case()
    for now, lin in ("R", "R_lin"), ("p", "p_lin"), ("v", "v_lin"), ("bias", "bias_lin"):
        getattr(t.slots, now)[:] = getattr(t.slots, lin)
    L, r, at = tables.dense_prior(t)
    _, b, _ = tables.linearise_prior(t)
    rows = tables.full_index(t)
    full = np.zeros(size(t.slots))
    full[rows] = b
    for s in t.order[:2]:
        home = state(t.slots, s)
        home = tuple(a.copy() for a in home)

        def cost(d, s=s, home=home):
            t.slots.R[s], t.slots.p[s], t.slots.v[s], t.slots.bias[s] = plus(home, d)
            value = tables.linearise_prior(t)[2]
            t.slots.R[s], t.slots.p[s], t.slots.v[s], t.slots.bias[s] = home
            return np.array([value])

        slope = jacobian(cost, 15)[0]
        np.testing.assert_allclose(2 * full[15 * s : 15 * s + 15], slope, rtol=1e-4, atol=1e-3)


def test_no_prior_adds_nothing():
    t = tables.window(n_points=0)
    H, b, out = tables.linearise_prior(t)
    assert out == 0.0 and not H.any() and not b.any()


def leave(t, kind):
    """Mark what leaves, as the estimator would; returns (leave flags are set in t)."""
    moving = [s for s in t.order if t.slots.motion[s]]
    t.leave_pose[:], t.leave_motion[:], t.factor[:], t.use[:] = 0, 0, 0, 0
    if kind in ("motion", "both"):
        t.leave_motion[moving[0]] = 1
        t.factor[moving[1]] = 1
        t.leave_pose[moving[0]] = not t.slots.key[moving[0]]
    if kind in ("keyframe", "both"):
        victim = t.order[1]
        t.leave_pose[victim] = 1
        t.use[:] = (t.landmarks.host == victim) & (t.landmarks.id >= 0)


KINDS = ["motion", "keyframe", "both"]


def sets(t):
    prior_slots = np.flatnonzero(t.prior.pose_at >= 0), np.flatnonzero(t.prior.motion_at >= 0)
    return naive.layout(
        t.slots, t.order, prior_slots, t.leave_pose, t.leave_motion, t.factor, t.landmarks, t.use
    )


@pytest.mark.parametrize("kind", KINDS)
def test_layout_against_twin(kind):
    t, *_ = case()
    leave(t, kind)
    leaving, kept = sets(t)
    n_leaving, n = layout(t.tables, t.order)
    at = tables.full_index(t)
    assert len(at) == n
    assert set(at[:n_leaving]) == leaving and set(at[n_leaving:]) == kept


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
@pytest.mark.parametrize("kind", KINDS)
def test_marginalise_against_twin(kind, stereo):
    t, *_ = case(stereo=stereo)
    leave(t, kind)
    leaving, kept = sets(t)
    sync_lin(t.slots)
    points = int(np.count_nonzero(t.use))
    expected_rows = len(leaving) + len(kept)
    # the twin needs the order of the kept rows, which is only known afterwards
    twin_input = (
        t.slots, t.order, t.landmarks, t.pre, t.ext, tables.dense_prior(t), leaving,
    )  # fmt: skip
    fixed = t.slots.fixed.copy()
    kept = sorted(kept)
    H, b = naive.marginalise(*twin_input, kept, t.factor, t.use, P)
    rows, folded, left = tables.run_marginalise(t)
    assert (rows, folded, left) == (expected_rows, points, len(kept))
    L, r, at = tables.dense_prior(t)
    assert sorted(at) == kept
    place = np.searchsorted(kept, at)
    scale = np.sqrt(np.diag(H)) + 1e-6
    S = np.outer(scale, scale)
    ours = np.zeros_like(H)
    ours[np.ix_(place, place)] = L @ L.T
    np.testing.assert_allclose(ours / S, H / S, atol=2e-5)
    # the same gradient at the present state, though r is about the linearisation points
    delta = naive_prior.offset_from_lin(t.slots)[at]
    gradient = np.zeros_like(b)
    gradient[place] = L @ (L.T @ delta + r)
    np.testing.assert_allclose(gradient / scale, b / scale, atol=1e-5 * np.abs(b / scale).max())
    touched = np.unique(at[at < 15 * t.slots.t_ns.size] // 15)
    assert t.slots.fixed[touched].all(), "slots in the prior keep their points"
    others = np.setdiff1d(t.order, touched)
    np.testing.assert_array_equal(t.slots.fixed[others], fixed[others])


def free_directions(t):
    """(rows, 4): global position and yaw at the linearisation points."""
    n = size(t.slots)
    N = np.zeros((n, 4))
    up = np.array([0, 0, 1.0])
    for s in t.order:
        R, p, v, _ = state_lin(t.slots, s)
        N[15 * s + 3 : 15 * s + 6, :3] = np.eye(3)
        N[15 * s : 15 * s + 3, 3] = R.T @ up
        N[15 * s + 3 : 15 * s + 6, 3] = skew(up) @ p
        N[15 * s + 6 : 15 * s + 9, 3] = skew(up) @ v
    at = tables.full_index(t)
    return N[at] / np.linalg.norm(N[at], axis=0)


def observability(t):
    """(largest |H n| of a free direction, least of a random one), scaled by H's diagonal."""
    sync_lin(t.slots)
    full_layout(t.slots, t.order, t.system)
    H = sum(
        part(t)[0]
        for part in (tables.linearise_vision, tables.linearise_motion, tables.linearise_prior)
    )
    N = free_directions(t)
    others = np.random.default_rng(0).normal(size=(len(H), 20))
    others /= np.linalg.norm(others, axis=0)
    size = np.linalg.norm(H, 2)
    energy = np.einsum("ik,ij,jk->k", N, H, N) / size
    return np.linalg.norm(H @ N, axis=0) / size, energy, np.linalg.norm(H @ others, axis=0) / size


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
def test_position_and_yaw_stay_free(stereo):
    t = tables.window(seed=9, stereo=stereo, n_points=40)
    tables.perturb(t, t.rng)
    free, energy, others = observability(t)
    assert free.max() < 1e-9 and np.abs(energy).max() < 1e-12
    assert others.min() > 1e-4, "other directions are seen"
    for kind in ("motion", "keyframe"):
        leave(t, kind)
        hosted = t.use.copy()
        gone = np.flatnonzero(t.leave_pose)
        sync_lin(t.slots)
        tables.run_marginalise(t)
        assert t.prior.dim[0] > 0
        t.landmarks.id[hosted == 1] = -1
        t.landmarks.active[hosted == 1] = 0
        t.slots.motion[t.leave_motion == 1] = 0
        t.slots.t_ns[gone] = 0
        t.landmarks.weight[:, gone] = 0
        t.order = np.array([s for s in t.order if s not in gone])
        # later states differ from those of the prior: only fixed points keep the directions free
        tables.perturb(t, t.rng, 0.005, 0.02, 0.02, (1e-4, 1e-3), 0.0)
        t.use[:] = t.landmarks.id >= 0
        t.factor[:] = 1
        t.factor[[s for s in t.order if not t.slots.motion[s]]] = 0
        free, energy, _ = observability(t)
        assert free.max() < 1e-7, kind
        assert np.abs(energy).max() < 1e-9, kind


def test_without_fixed_points_yaw_would_be_lost():
    """The test above can fail: linearising anew after marginalisation makes yaw observable."""
    t = tables.window(seed=9, n_points=40)
    leave(t, "motion")
    sync_lin(t.slots)
    tables.run_marginalise(t)
    t.slots.motion[t.leave_motion == 1] = 0
    tables.perturb(t, t.rng, 0.005, 0.02, 0.02, (1e-4, 1e-3), 0.0)
    t.slots.fixed[:] = 0
    t.use[:] = t.landmarks.id >= 0
    t.factor[:] = 1
    _, energy, _ = observability(t)
    assert np.abs(energy).max() > 1e-9


def test_twins_agree_with_themselves():
    """The dense optimum does not move when part of the problem is marginalised first."""
    t, *_ = case(n_points=12)
    leave(t, "motion")
    leaving, kept = sets(t)
    args = t.slots, t.order, t.landmarks, t.pre, t.ext, tables.dense_prior(t)
    H, b = naive.marginalise(*args, leaving, sorted(kept), t.factor, t.use, P)
    every = sorted(leaving | kept)
    H_all, b_all = naive.marginalise(*args, set(), every, t.factor, t.use, P)
    d = np.linalg.solve(H_all, -b_all)[np.isin(every, sorted(kept))]
    np.testing.assert_allclose(np.linalg.solve(H, -b), d, atol=1e-6 * np.abs(d).max())
