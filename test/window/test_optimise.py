"""The optimiser against dense Gauss-Newton, and back to the truth without noise."""

import numpy as np
import pytest
import tables
from naive import optimise as naive
from naive.imu_factor import minus, plus, size, state
from tables import P

from vio.window import optimise as kernels
from vio.window.solve import cholesky, covariance


def anchored(seed=3, sigma=1e-3, **kw):
    """One keyframe, held by the prior at the truth, and five frames 0.2 s apart."""
    t = tables.window(seed=seed, n_keys=1, n_motion=5, spread=4, **kw)
    tables.anchor(t, sigma)
    return t


def states(t):
    return {s: tuple(a.copy() for a in state(t.slots, s)) for s in t.order}


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
def test_noise_free_world_comes_back_to_the_truth(stereo):
    t = anchored(noise_px=0.0, stereo=stereo, n_points=40, exact=True)
    truth, points = states(t), t.landmarks.point.copy()
    tables.perturb(t, t.rng, 0.01, 0.05, 0.05, (1e-3, 1e-2), 0.02, fixed=False)
    for _ in range(3):
        cost, *_ = tables.run_optimise(t, 20)
    assert cost < 1e-2  # straight lines between IMU samples leave 1e-4
    used = np.flatnonzero(t.use)
    np.testing.assert_allclose(t.landmarks.point[used], points[used], atol=2e-3)
    for s, x in truth.items():
        error = minus(state(t.slots, s), x)
        assert np.abs(error[:3]).max() < 5e-4 and np.abs(error[3:6]).max() < 2e-3, error
        if t.slots.motion[s]:
            assert np.abs(error[6:9]).max() < 1e-2, error


def test_against_twin():
    t, twin = anchored(n_points=8), anchored(n_points=8)
    for each in (t, twin):
        rng = np.random.default_rng(1)
        tables.perturb(each, rng, 0.003, 0.01, 0.01, (1e-4, 1e-3), 0.01, fixed=False)
    prior = tables.dense_prior(twin)
    cost, residuals, _ = tables.run_optimise(t, 40)
    costs = naive.optimise(
        twin.slots, twin.order, twin.landmarks, twin.pre, twin.ext, prior, twin.factor, twin.use,
        P, 6,
    )  # fmt: skip
    assert costs[-1] == pytest.approx(costs[-2], rel=1e-6), "the twin has converged"
    assert cost == pytest.approx(costs[-1], rel=1e-4)
    for s in t.order:
        error = minus(state(t.slots, s), state(twin.slots, s))
        assert np.abs(error[:6]).max() < 2e-4
    times, solves = tables.counted(t, "linearisations"), tables.counted(t, "solves")
    assert times == tables.counted(t, "assembled") >= solves > 0
    assert tables.counted(t, "solve_dim") == solves * tables.dim(t)
    assert tables.counted(t, "landmarks") == times * np.count_nonzero(t.use)
    factors = np.count_nonzero(t.slots.motion[t.order]) - 1
    assert tables.counted(t, "imu_factors") == times * factors
    assert tables.counted(t, "prior_rows") == times * t.prior.dim[0]


def newest_covariance(t):
    n = 15 + t.slots.calibration.size
    at, out = t.system.pose_at[t.order[-1]], np.zeros((n, n))
    covariance(t.system.H, at, n, out)
    return out


def dense_covariance(t):
    """Of the newest state, from the inverse of the twin's whole system."""
    prior = tables.dense_prior(t)
    H, _, _ = naive.assemble(t.slots, t.order, t.landmarks, t.pre, t.ext, prior, t.factor, t.use, P)
    n = size(t.slots)
    points = [n + 3 * m + k for m in np.flatnonzero(t.use) for k in range(3)]
    at = naive.full_layout(t.slots, t.order) + points
    C = np.linalg.inv(H[np.ix_(at, at)])
    newest = [at.index(15 * t.order[-1] + k) for k in range(15)]
    newest += [at.index(k) for k in range(15 * t.slots.t_ns.size, n)]
    return C[np.ix_(newest, newest)]


def same_covariance(ours, dense, tolerance=0.02):
    sigma = np.sqrt(np.diag(dense))
    scale = np.outer(sigma, sigma)
    np.testing.assert_allclose(ours / scale, dense / scale, atol=tolerance)


def settled(sigma):
    t = anchored(n_points=12, sigma=sigma)
    tables.perturb(t, t.rng, 1e-4, 1e-4, 1e-4, (1e-6, 1e-5), 1e-4, fixed=False)
    tables.run_optimise(t, 20)
    return t


@pytest.mark.parametrize("sigma", [1e-3, 1e-1, 1.0])
def test_covariance_of_the_undamped_system(sigma):
    """The kernels' sums hold the whole truth, however little is known of position and yaw."""
    t = settled(sigma)
    parts = tables.linearise_vision, tables.linearise_motion, tables.linearise_prior
    H = tables.pack(sum(part(t)[0] for part in parts))
    n = tables.dim(t)
    assert cholesky(H, n, 1e-14, np.zeros(n), np.zeros(3 * n)) == 0
    t.system.H[: len(H)] = H
    same_covariance(newest_covariance(t), dense_covariance(t))


@pytest.mark.parametrize("sigma", [1e-1, 1.0])
def test_covariance_after_optimise(sigma):
    t = settled(sigma)
    same_covariance(newest_covariance(t), dense_covariance(t))


@pytest.mark.parametrize("iterations", [6, 7])
def test_covariance_after_a_refused_step(iterations):
    """The last step is refused, or the one before; both leave damping behind."""
    t = anchored(n_points=12)
    tables.perturb(t, np.random.default_rng(0), 0.6, 1.2, 0.6, (0.01, 0.1), 0.6, fixed=False)
    tables.run_optimise(t, iterations)
    assert tables.counted(t, "linearisations") > tables.counted(t, "solves"), "a step was refused"
    same_covariance(newest_covariance(t), dense_covariance(t))


def test_cost_never_rises():
    t = anchored(n_points=20)
    tables.perturb(t, t.rng, 0.05, 0.2, 0.2, (1e-3, 1e-2), 0.05, fixed=False)
    last = np.inf
    for _ in range(12):
        cost, *_ = tables.run_optimise(t, 4)
        assert cost <= last * (1 + 1e-6)
        last = cost


def test_full_layout_sync_lin_and_retract_against_twin():
    t, twin = anchored(), anchored()
    n = kernels.full_layout(t.slots, t.order, t.system)
    at = naive.full_layout(t.slots, t.order)
    assert n == len(at)
    np.testing.assert_array_equal(tables.full_index(t), at)
    for each in (t, twin):
        tables.perturb(each, np.random.default_rng(2))
    kernels.sync_lin(t.slots)
    naive.sync_lin(twin.slots)
    for name in ("R_lin", "p_lin", "v_lin", "bias_lin"):
        np.testing.assert_array_equal(getattr(t.slots, name), getattr(twin.slots, name))
    d = np.zeros(size(t.slots))
    d[at] = np.random.default_rng(3).normal(0, 0.1, n)
    t.system.d[:n] = d[at]
    turn, move = kernels.retract(t.slots, t.system, t.work.small)
    naive.retract(twin.slots, d)
    for s in t.order:
        if not t.slots.motion[s]:
            twin.slots.v[s], twin.slots.bias[s] = t.slots.v[s], t.slots.bias[s]
        assert np.abs(minus(state(t.slots, s), state(twin.slots, s))).max() < 1e-12
    poses = np.array([d[15 * s : 15 * s + 6] for s in t.order])
    assert turn == np.abs(poses[:, :3]).max() and move == np.abs(poses[:, 3:]).max()


def test_backup_brings_everything_back():
    t = anchored()
    before, points = states(t), t.landmarks.point.copy()
    kernels.copy_state(t.slots, t.landmarks, t.work, False)
    for s in t.order:
        x = plus(state(t.slots, s), np.full(15, 0.1))
        t.slots.R[s], t.slots.p[s], t.slots.v[s], t.slots.bias[s] = x
    t.landmarks.point[:] += 1.0
    kernels.copy_state(t.slots, t.landmarks, t.work, True)
    np.testing.assert_array_equal(t.landmarks.point, points)
    for s, x in before.items():
        for a, b in zip(state(t.slots, s), x):
            np.testing.assert_array_equal(a, b)
