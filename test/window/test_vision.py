"""Reprojection: the reduced system against the dense one, numeric Jacobians included."""

import numpy as np
import pytest
import tables
from naive import vision as naive
from naive.imu_factor import state, state_lin
from tables import P

from vio.window import sight

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
    kept = tables.full_index(t)
    twin = naive.linearise(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"], kept)
    close(H, twin[0])
    close(b, twin[1])
    assert cost == pytest.approx(twin[2], rel=1e-9)
    assert (points, residuals) == twin[3:]
    assert blocks == naive.blocks(t.landmarks, t.use, t.system.pose_at)


def test_held_poses_are_constants():
    t = case(WINDOWS[0])
    at = t.system.pose_at
    gone = t.order[2]
    at[at > at[gone]] -= 6
    t.system.motion_at[t.system.motion_at > at[gone]] -= 6
    at[gone], t.system.calibration_at[0] = -1, t.system.calibration_at[0] - 6
    H, b, (_, _, _, blocks) = tables.linearise_vision(t)
    kept = tables.full_index(t)
    twin = naive.linearise(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"], kept)
    close(H, twin[0])
    close(b, twin[1])
    assert blocks == naive.blocks(t.landmarks, t.use, at)


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
    points = tables.relax(t)
    rows = np.flatnonzero(t.use)
    assert points == rows.size
    assert tables.counted(t, "cost_residuals") == sum(len(seen(t, m)) for m in rows)
    np.testing.assert_allclose(t.landmarks.point[rows], expected[rows], atol=1e-6)


def test_reduced_step_and_relax_are_the_dense_step():
    """To first order: the rest shrinks with the square of the offset."""
    from naive.imu_factor import size
    from naive.optimise import retract

    rests = []
    for scale in (1e-3, 1e-4):
        t = tables.window(seed=5, noise_px=0.0)
        tables.perturb(t, t.rng, scale, scale, 0, (0, 0), scale)
        tables.sync_lin(t.slots)
        tables.anchor(t)
        H, b, *_ = naive.build(t.slots, t.landmarks, t.ext, t.use, P["inv_sigma"], P["limit"])
        n = size(t.slots)
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


def cameras(t):
    """Twins of `work.cams`: {slot: (cameras now, cameras at lin)}."""
    origin = t.slots.p[np.flatnonzero(t.slots.t_ns)[0]]
    places = {int(s): (state(t.slots, s), state_lin(t.slots, s)) for s in t.order}
    return {s: [naive.camera_poses(x, t.ext, origin) for x in p] for s, p in places.items()}


def test_cameras_and_what_they_see_against_twins():
    t = case(WINDOWS[0])
    first = sight.camera_poses(t.slots, t.ext, 2, t.work.cams)
    assert first == np.flatnonzero(t.slots.t_ns)[0]
    twins, host, point = cameras(t), int(t.order[0]), (0.2, -0.3, 0.4)
    for k in range(2):
        Y = sight.stand(t.work.cams, host, k, *point)
        np.testing.assert_allclose(Y, naive.stand(twins[host][k][0], point), atol=1e-13)
        for s, twin in twins.items():
            for c in range(2):
                R, p = twin[k][c]
                np.testing.assert_allclose(t.work.cams[s, k, c], [*R.ravel(), *p], atol=1e-13)
                q = sight.view(t.work.cams, s, k, c, Y, 0.4)
                np.testing.assert_allclose(q, naive.view(twin[k][c], np.array(Y), 0.4), atol=1e-13)
    t.slots.t_ns[:] = 0
    assert sight.camera_poses(t.slots, t.ext, 2, t.work.cams) == -1


def form(folded):
    """(M, c) dense of a folded frame."""
    M = np.zeros((4, 4))
    M[np.triu_indices(4)] = folded[:10]
    return M + np.triu(M, 1).T, folded[10:]


def fold_one(t, which, lin, now_Y, lin_Y, rho):
    """What `gather` makes of landmark 0 in the last frame, seen by the cameras in `which`."""
    w, s = t.work, t.order[-1]
    weights = np.zeros_like(t.landmarks.weight[0])
    weights[s] = t.landmarks.weight[0, s] * np.array(which, np.uint8)
    xy = t.landmarks.xy[0]
    out = sight.gather(
        weights, xy, w.cams, lin, now_Y, lin_Y, rho, t.ext.step, 2.0, 2.0, w.folds, w.seen
    )
    obs = np.column_stack([xy[s] * t.ext.step[0], weights[s] * t.ext.step[1]])
    return out, obs


@pytest.mark.parametrize("lin", [0, 1])
def test_gather_and_root_against_twin(lin):
    t = case(WINDOWS[0])
    tables.perturb(t, t.rng, 0.01, 0.02, fixed=True)
    sight.camera_poses(t.slots, t.ext, 2, t.work.cams)
    host, s, point = int(t.order[0]), int(t.order[-1]), (0.1, -0.2, 0.3)
    Y = [sight.stand(t.work.cams, host, k, *point) for k in range(2)]
    twin = cameras(t)[s]
    for c in range(2):
        q = naive.view(twin[0][c], np.array(Y[0]), 0.3)
        tables.set_observation(t, 0, s, c, q[:2] / q[2] + t.rng.normal(0, 2 / 450, 2), 440)
    for which in ([1, 1], [1, 0], [0, 1]):
        (cost, count, frames), obs = fold_one(t, which, lin, Y[0], Y[lin], 0.3)
        M, c = form(t.work.folds[1])
        expected = naive.gather(twin[0], twin[lin], obs, Y[0], Y[lin], 0.3, 2.0, 2.0)
        np.testing.assert_allclose(M, expected[0], atol=1e-6 * np.abs(expected[0]).max())
        np.testing.assert_allclose(c, expected[1], atol=1e-6 * np.abs(expected[1]).max())
        assert cost == pytest.approx(expected[2], rel=1e-6) and count == expected[3]
        assert frames == 1 and t.work.seen[0] == s
        np.testing.assert_array_equal(t.work.folds[0], t.work.folds[1])
    assert fold_one(t, [0, 0], lin, Y[0], Y[lin], 0.3)[0] == (0.0, 0, 0)
    assert fold_one(t, [1, 1], lin, tuple(-np.array(Y[0])), Y[lin], 0.3)[0] == (0.0, 0, 0)
    fold_one(t, [1, 1], lin, Y[0], Y[lin], 0.3)
    M, c = form(t.work.folds[0])
    assert sight.root(t.work.cams, host, lin, t.work.folds[0], t.work.root)
    R, p = cameras(t)[host][lin][0]
    D = np.vstack([np.column_stack([R[0], R[1], p]), [0, 0, 1]])
    F, z, L = naive.root(M, c, D)
    ours = t.work.root
    np.testing.assert_allclose(ours[:9].reshape(3, 3).T, F[:3], rtol=1e-6, atol=1e-9)
    assert ours[9] == pytest.approx(F[3, 2]) and not F[3, :2].any()
    np.testing.assert_allclose(ours[10:13], z, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours[13:], L[np.tril_indices(3)], rtol=1e-6, atol=1e-9)
    nothing = np.full(14, np.nan)
    assert not sight.root(t.work.cams, host, lin, nothing, t.work.root)


@pytest.mark.parametrize("squared", [0.0, 1.0, 3.9999, 4.0001, 100.0])
def test_huber_against_twin(squared):
    np.testing.assert_allclose(sight.huber(squared, 2.0), naive.huber(squared, 2.0), atol=1e-12)
    h = 1e-6  # the weight is the slope of the cost over the squared residual
    if squared:
        slope = (sight.huber(squared + h, 2.0)[1] - sight.huber(squared - h, 2.0)[1]) / (2 * h)
        assert sight.huber(squared, 2.0)[0] == pytest.approx(slope, rel=1e-4)


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
