"""Life of a landmark."""

import numpy as np
import pytest
import tables
from naive import landmarks as naive
from naive.vision import observations

from vio.window import landmarks as life

F32 = np.float32


def seen(t, m):
    """(slot, camera, x, y, weight) of landmark m."""
    return observations(t.landmarks, m, t.ext.step)


def tracks(rng, ids):
    """(ids, rays0, rays1, weight0, weight1, row_of); every third has no right image."""
    n = len(ids)
    rays = rng.uniform(-0.5, 0.5, (2, n, 2)).astype(F32)
    rays[1, ::3] = np.nan
    weight = rng.uniform(300, 460, (2, n)).astype(F32)
    weight[1, ::3] = 0
    return np.array(ids, np.int64), rays[0], rays[1], weight[0], weight[1], np.zeros(n, np.int64)


def expected_observations(t, k, slot, rays0, rays1, w0, w1):
    both = (rays0[k], w0[k]), (rays1[k], w1[k])
    kept = [naive._write(*each, t.ext.step) for each in both]
    return [(slot, c, *stored) for c, stored in enumerate(kept) if stored]


RAYS = [(0.3, -0.2), (np.nan, np.nan), (1.9999, -1.99), (2.01, 0.1), (0.1, -2.01), (50.0, -50.0)]


@pytest.mark.parametrize("exact", [False, True], ids=["fixed", "float"])
def test_write_against_twin(exact):
    t = tables.tables(exact=exact)
    step = t.ext.step
    if not exact:
        assert t.landmarks.xy.dtype == np.int16 and step[0] == 2.0**-14
    for ray in np.array(RAYS, F32):
        for weight in (0.1, 1.0, 300.0, 458.0, 580.0, 1e4):
            life._write(t.landmarks, step, 3, 2, 1, ray, F32(weight))
            expected = naive._write(ray, weight, step)
            got = seen(t, 3)
            assert len(got) == (expected is not None), ray
            if expected:
                np.testing.assert_allclose(got[0], (2, 1, *expected), rtol=1e-7)
                assert np.abs(np.array(got[0][2:4]) - ray).max() <= 0.5 * step[0] + 1e-7


def test_observe_against_twin():
    t = tables.window(n_points=20)
    rng = np.random.default_rng(0)
    slot = t.order[-1]
    known = {int(i): m for m, i in enumerate(t.landmarks.id) if i >= 0}
    track = tracks(rng, [1003, 7, 1019, 1000, 8, 1011])
    *inputs, row_of = track
    before = {m: [o for o in seen(t, m) if o[0] != slot] for m in known.values()}
    done = life.observe(t.landmarks, t.ext.step, slot, *inputs, row_of)
    assert done[0] == len(known) and done[2] == 4 and done[3] <= 4
    np.testing.assert_array_equal(row_of, naive.observe(known, inputs[0]))
    track_of = {int(m): k for k, m in enumerate(row_of) if m >= 0}
    for m in known.values():
        new = expected_observations(t, track_of[m], slot, *inputs[1:]) if m in track_of else []
        got = seen(t, m)
        assert [o for o in got if o[0] != slot] == before[m], "other slots are left alone"
        np.testing.assert_allclose(
            np.array([o for o in got if o[0] == slot]).reshape(-1, 5),
            np.array(new).reshape(-1, 5), rtol=2e-7, atol=1e-7,
        )  # fmt: skip


def test_start_against_twin():
    t = tables.window(n_points=20)
    rng = np.random.default_rng(1)
    slot = t.order[-1]
    size = t.landmarks.id.size
    t.landmarks.id[20 : size - 2] = 5  # two rows are free, at the end
    t.landmarks.id[4] = -1  # and one in between
    *inputs, row_of = tracks(rng, [2001, 1003, 2002, 2003, 2004])
    row_of[:] = -1
    row_of[1] = 3
    free = np.flatnonzero(t.landmarks.id < 0)
    expected, refused = naive.start(free, inputs[0], row_of)
    done = life.start(t.landmarks, t.ext.step, slot, *inputs, row_of)
    assert done[:2] == (3, refused) == (3, 1)
    np.testing.assert_array_equal(row_of, expected)
    for k in np.flatnonzero((row_of >= 0) & (inputs[0] > 2000)):
        m = row_of[k]
        assert t.landmarks.id[m] == inputs[0][k] and t.landmarks.host[m] == slot
        assert not t.landmarks.active[m]
        np.testing.assert_allclose(t.landmarks.point[m, :2], inputs[1][k], atol=1e-7)
        np.testing.assert_allclose(
            seen(t, m), expected_observations(t, k, slot, *inputs[1:]),
            rtol=2e-7, atol=1e-7,
        )  # fmt: skip


@pytest.mark.parametrize("stereo", [True, False], ids=["stereo", "mono"])
def test_activate_against_twin(stereo):
    t = tables.window(seed=2, n_points=60, stereo=stereo, noise_px=0.5)
    most_sigma, most_px, nearest = 0.02, 0.5, 1.6
    t.landmarks.active[:] = 0
    t.landmarks.active[:5] = 1
    before = t.landmarks.point.copy()
    t.landmarks.point[5:, 2] = 0.0
    expected = {}
    for m in range(5, 60):
        if len(seen(t, m)) < 2:
            continue
        rho, sigma, rms = naive.activate(t.slots, t.landmarks, t.ext, m, 0.5)
        if sigma <= most_sigma and -most_sigma <= rho <= 1 / nearest and rms <= most_px:
            expected[m] = max(rho, 1e-4)
    done = life.activate(t.sight, 0.5, most_sigma, most_px, nearest)
    got = set(np.flatnonzero(t.landmarks.active)) - set(range(5))
    assert got == set(expected) and done == len(expected)
    assert 5 < done < 55, "the limits must matter"
    for m, rho in expected.items():
        assert t.landmarks.point[m, 2] == pytest.approx(rho, abs=1e-6)
    np.testing.assert_array_equal(t.landmarks.point[:5], before[:5])


def test_activate_finds_the_truth_without_noise():
    t = tables.window(seed=2, n_points=30, noise_px=0.0, exact=True)
    truth = t.landmarks.point[:30, 2].copy()
    t.landmarks.active[:] = 0
    t.landmarks.point[:, 2] = 0
    life.activate(t.sight, 0.5, 0.1, 1.0, 0.2)
    found = np.flatnonzero(t.landmarks.active[:30])
    assert found.size > 20
    np.testing.assert_allclose(t.landmarks.point[found, 2], truth[found], atol=1e-4)


def test_reject_against_twin():
    t = tables.window(seed=3, n_points=30, noise_px=0.5)
    rng = np.random.default_rng(2)
    planted = 0
    for m in range(0, 30, 3):
        for s, c, x, y, w in seen(t, m)[1:]:
            if rng.uniform() < 0.5:
                tables.set_observation(t, m, s, c, (x + 20 / 450, y), w)
                planted += 1
    expected = {m: naive.reject(t.slots, t.landmarks, t.ext, m, 3.0) for m in range(30)}
    before = {m: {(s, c) for s, c, *_ in seen(t, m)} for m in range(30)}
    dropped = life.reject(t.sight, 3.0)
    assert dropped == sum(map(len, expected.values())) >= planted > 0
    for m in range(30):
        left = {(s, c) for s, c, *_ in seen(t, m)}
        assert left == before[m] - expected[m]
        assert t.landmarks.active[m] == (len(left) >= 2)
    assert tables.counted(t, "reject_left") == t.landmarks.active.sum()


def test_depths_against_twin():
    t = tables.window(n_points=30, seed=5)
    t.landmarks.active[::4] = 0
    t.landmarks.point[1, :2] = 40.0, 0.0  # far aside: behind the newest frame
    tables.perturb(t, t.rng, turn=0.05, move=0.1)
    newest = int(t.order[-1])
    ids, inverse = np.zeros(30 + 240, np.int64), np.zeros(30 + 240, F32)
    n = life.depths(t.sight, newest, ids, inverse)
    expected = naive.depths(t.slots, t.landmarks, t.ext, newest)
    assert dict(zip(ids[:n].tolist(), inverse[:n])) == pytest.approx(expected, rel=1e-5)
    assert 0 < n == tables.counted(t, "depth_found") <= tables.counted(t, "depth_known")
