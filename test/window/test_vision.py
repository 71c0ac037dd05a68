"""Reprojection: the reduced system against the dense one, numeric Jacobians included."""

import numpy as np
import pytest
import tables
from naive import vision as naive
from naive.imu_factor import state, state_lin
from naive.prior import full_index
from tables import P

from vio.window import residual_vision as vision

WINDOWS = [
    {"seed": 1},
    {"seed": 2, "stereo": False},
    {"seed": 3, "n_points": 6, "noise_px": 3.0},  # past the Huber threshold
]


def case(kw, fej=True):
    """A window off the truth; with `fej` some slots keep linearisation points elsewhere."""
    t = tables.window(**kw)
    tables.perturb(t, t.rng)
    if fej:
        t.slots.fixed[t.order[:3]] = 1
    tables.sync_lin(t.slots)
    return t


def seen(t, m):
    return naive.observations(t.landmarks, m, t.ext.step)


def close(a, b, tolerance=1e-6):
    np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("kw", WINDOWS, ids=["stereo", "mono", "outliers"])
@pytest.mark.parametrize("fej", [True, False], ids=["fej", "free"])
def test_reduced_system_against_twin(kw, fej):
    t = case(kw, fej)
    H, b, (cost, points, residuals, blocks) = tables.linearise_vision(t)
    kept = full_index(t.system.pose_at, t.system.motion_at)
    twin = naive.linearise(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"], kept)
    close(H, twin[0])
    close(b, twin[1])
    assert cost == pytest.approx(twin[2], rel=1e-9)
    assert (points, residuals) == twin[3:]
    assert blocks == naive.blocks(t.landmarks, t.use, t.system.pose_at >= 0)


def test_held_poses_are_constants():
    t = case(WINDOWS[0])
    at = t.system.pose_at
    gone = t.order[2]
    at[at > at[gone]] -= 6
    t.system.motion_at[t.system.motion_at > at[gone]] -= 6
    at[gone] = -1
    H, b, (_, _, _, blocks) = tables.linearise_vision(t)
    kept = full_index(at, t.system.motion_at)
    twin = naive.linearise(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"], kept)
    close(H, twin[0])
    close(b, twin[1])
    assert blocks == naive.blocks(t.landmarks, t.use, at >= 0)


def test_only_landmarks_in_use_take_part():
    t = case(WINDOWS[0])
    t.use[::2] = 0
    _, _, (_, points, residuals, _) = tables.linearise_vision(t)
    rows = np.flatnonzero(t.use)
    assert points == rows.size
    assert residuals == sum(len(seen(t, m)) for m in rows)


def test_gradient_against_differences_of_the_cost():
    """Pose host, pose target and landmark at once: b is half the slope of the cost."""
    t = case(WINDOWS[1], fej=False)
    t.use[:] = 0
    t.use[:4] = 1
    naive_args = t.ext, t.use, P["inv_sigma"], P["limit"]
    _, b, *_ = naive.build(t.slots, t.landmarks, *naive_args)
    # landmarks are held still by a stiff point: compare with the eliminated gradient at optimum
    for _ in range(30):
        t.landmarks.point[:] = naive.relax(t.slots, t.landmarks, *naive_args)
    _, ours, _ = tables.linearise_vision(t)
    for s in t.order[:4]:
        for k in range(3):
            h, costs, p = 1e-5, [], t.slots.p[s, k]
            for step in (h, -h):
                t.slots.p[s, k] = p + step
                tables.sync_lin(t.slots)
                costs.append(tables.linearise_vision(t)[2][0])
            t.slots.p[s, k] = p
            slope = (costs[0] - costs[1]) / (2 * h)
            at = t.system.pose_at[s] + 3 + k
            assert 2 * ours[at] == pytest.approx(slope, abs=1e-4 * np.abs(ours).max())


@pytest.mark.parametrize("kw", WINDOWS, ids=["stereo", "mono", "outliers"])
def test_relax_against_twin(kw):
    t = case(kw)
    expected = naive.relax(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"])
    expected[:, 2] = np.maximum(expected[:, 2], 1e-4)
    points, residuals = tables.relax(t)
    rows = np.flatnonzero(t.use)
    assert points == rows.size
    assert residuals == sum(len(seen(t, m)) for m in rows)
    np.testing.assert_allclose(t.landmarks.point[rows], expected[rows], atol=1e-6)


def test_reduced_step_and_relax_are_the_dense_step():
    """To first order: the rest shrinks with the square of the offset."""
    from naive.optimise import retract

    rests = []
    for scale in (1e-3, 1e-4):
        t = tables.window(seed=5, noise_px=0.0)
        tables.perturb(t, t.rng, scale, scale, 0, (0, 0), scale)
        tables.sync_lin(t.slots)
        tables.anchor(t)
        H, b, *_ = naive.build(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"])
        n = 15 * t.slots.t_ns.size
        kept = [15 * s + k for s in t.order for k in range(6)]
        held = [15 * t.order[0] + k for k in range(6)]
        H[held, held] += 1e6
        points = [n + 3 * m + k for m in np.flatnonzero(t.use) for k in range(3)]
        H[points, points] += naive.TINY
        at = kept + points
        d = np.zeros(len(b))
        d[at] = np.linalg.solve(H[np.ix_(at, at)], -b[at])
        expected = t.landmarks.point + d[n:].reshape(-1, 3)
        reduced, rhs, _ = tables.linearise_vision(t)
        rows = [t.system.pose_at[s] + k for s in t.order for k in range(6)]
        reduced = reduced[np.ix_(rows, rows)]
        reduced[range(6), range(6)] += 1e6
        step = np.linalg.solve(reduced, -rhs[rows])
        np.testing.assert_allclose(step, d[kept], atol=1e-5 * np.abs(d).max())
        retract(t.slots, d)
        before = t.landmarks.point.copy()
        tables.relax(t)
        used = np.flatnonzero(t.use)
        moved = np.abs(expected - before)[used].max()
        rests.append(np.abs(t.landmarks.point - expected)[used].max() / moved)
    assert rests[0] < 0.1 and rests[1] < 0.2 * rests[0]


def test_relative_poses_and_seen_from_against_twin():
    t = case(WINDOWS[0])
    host = int(t.order[1])
    rel = np.zeros_like(t.work.rel)
    vision.relative_poses(t.slots, host, rel)
    for k, pick in enumerate((state, state_lin)):
        states = {int(s): pick(t.slots, s) for s in t.order}
        twin = naive.relative_poses(states, host)
        for s, (R, p) in twin.items():
            np.testing.assert_allclose(rel[s, k], [*R.ravel(), *p], atol=1e-13)
            y, rho = np.array([0.2, -0.3, 1.0]), 0.4
            X = vision.seen_from(rel[s], k, y, rho)
            np.testing.assert_allclose(X, naive.seen_from((R, p), y, rho), atol=1e-13)


def test_fold_against_twin():
    t = case(WINDOWS[0])
    rng = np.random.default_rng(0)
    now = t.ext.R_imu_cam[0] @ [0.1, -0.2, 1.0] + 0.3 * t.ext.p_imu_cam[0]
    lin = now + rng.normal(0, 0.02, 3)
    xy = np.array([[0.1, -0.2], [0.08, -0.19]]) + rng.normal(0, 2 / 450, (2, 2))
    tables.set_observation(t, 0, 0, 0, xy[0], 450)
    tables.set_observation(t, 0, 0, 1, xy[1], 430)
    xy, weight = t.landmarks.xy[0, 0], t.landmarks.weight[0, 0].copy()
    M, c = np.zeros((4, 4)), np.zeros(4)
    for which in ([1, 1], [1, 0], [0, 1], [0, 0]):
        weights = weight * np.array(which, np.uint8)
        cost, count = vision.fold(t.ext, xy, weights, now, lin, 0.3, 2.0, 2.0, M, c)
        obs = np.column_stack([xy * t.ext.step[0], weights * t.ext.step[1]])
        twin = naive.fold(t.ext, obs, now, lin, 0.3, 2.0, 2.0)
        np.testing.assert_allclose(M, twin[0], atol=1e-6 * max(np.abs(twin[0]).max(), 1))
        np.testing.assert_allclose(c, twin[1], atol=1e-6 * max(np.abs(twin[1]).max(), 1))
        assert cost == pytest.approx(twin[2], rel=1e-6, abs=1e-12) and count == twin[3]
    assert vision.fold(t.ext, xy, weight, -now, lin, 0.3, 2.0, 2.0, M, c)[0] == -1.0


@pytest.mark.parametrize("squared", [0.0, 1.0, 3.9999, 4.0001, 100.0])
def test_huber_against_twin(squared):
    np.testing.assert_allclose(vision.huber(squared, 2.0), naive.huber(squared, 2.0), atol=1e-12)
    h = 1e-6  # the weight is the slope of the cost over the squared residual
    if squared:
        slope = (vision.huber(squared + h, 2.0)[1] - vision.huber(squared - h, 2.0)[1]) / (2 * h)
        assert vision.huber(squared, 2.0)[0] == pytest.approx(slope, rel=1e-4)


def test_invert3_against_twin():
    A = np.random.default_rng(1).normal(size=(3, 3))
    A, out = A @ A.T, np.zeros((3, 3))
    assert vision._invert3(A, out)
    np.testing.assert_allclose(out, naive._invert3(A), rtol=1e-9)
    assert not vision._invert3(np.zeros((3, 3)), out)


def test_points_behind_a_camera_are_left_out():
    t = case(WINDOWS[1])
    _, _, (_, _, before, _) = tables.linearise_vision(t)
    m = 0
    other = next(s for s, *_ in seen(t, m) if s != t.landmarks.host[m])
    t.slots.p[other] += 1e3 * t.slots.R[other] @ t.ext.R_imu_cam[0] @ [0, 0, 1.0]
    hidden = sum(
        naive.in_camera(
            state(t.slots, t.landmarks.host[m]), state(t.slots, j), t.ext, c, t.landmarks.point[m]
        )[2]
        < 0
        for m in np.flatnonzero(t.use)
        for j, c, *_ in seen(t, m)
    )
    H, b, (cost, _, after, _) = tables.linearise_vision(t)
    assert hidden > 0 and before - after == hidden
    assert np.isfinite(H).all() and np.isfinite(b).all() and np.isfinite(cost)
