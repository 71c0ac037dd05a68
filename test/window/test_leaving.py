"""What leaves the window, what is freed with it, and which intervals are integrated anew."""

import numpy as np
import pytest
import tables
from naive import leaving as naive

from vio.window import leaving
from vio.window.marginalise import shrink
from vio.window.stale import mark_stale_intervals


def line_of_keyframes(x):
    """Five keyframes and two frames with motion at places on a line; each keyframe hosts two."""
    t = tables.window(n_points=0, n_keys=5, n_motion=2)
    for s, at in zip(t.order, x):
        t.slots.p[s] = at, 0, 0
    t.slots.motion[t.order[4]] = 0
    keys = [int(s) for s in t.order[:5]]
    newest = int(t.order[-1])
    for k, s in enumerate(keys):
        for m in (2 * k, 2 * k + 1):
            t.landmarks.id[m], t.landmarks.host[m], t.landmarks.active[m] = m, s, 1
            tables.set_observation(t, m, newest, 0, (0.1, 0.1), 450.0)
    return t, keys, newest


def chosen(t, newest):
    t.leave_motion[:] = 0
    return leaving.choose_keyframe(t.tables, t.order, newest, 0.1)


def test_keyframe_out_of_view_leaves_first():
    t, keys, newest = line_of_keyframes([0, 1, 2, 3, 4, 5, 6])
    for m in (4, 5):
        tables.set_observation(t, m, newest, 0, (0, 0), 0.0)
    assert chosen(t, newest) == keys[2]


def test_crowded_keyframe_leaves_and_the_newest_stays():
    # the third is as close to the second as can be, and farther from the present than the fourth
    t, keys, newest = line_of_keyframes([0, 2, 2.1, 5, 7, 8, 8.2])
    assert chosen(t, newest) in keys[1:3]
    t, keys, newest = line_of_keyframes([0, 2, 4, 6, 6.01, 8, 8.2])
    assert chosen(t, newest) == keys[3]


def test_one_keyframe_is_the_choice_and_none_is_none():
    t, keys, newest = line_of_keyframes([0, 1, 2, 3, 4, 5, 6])
    t.slots.key[keys[1:]] = 0
    assert chosen(t, newest) == keys[0]
    t.slots.key[keys[0]] = 0
    assert chosen(t, newest) == -1


def full(seed):
    """A window with motion and keyframes too many, some landmarks unknown or out of view."""
    t = tables.window(seed=seed, n_keys=5, n_motion=3, n_points=30)
    rng = t.rng
    t.slots.key[t.order[5]] = seed % 2
    t.landmarks.active[rng.integers(0, 30, 8)] = 0
    for m in rng.integers(0, 30, 8):
        tables.set_observation(t, m, t.order[-1], 0, (0, 0), 0.0)
    return t


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [(2, 5), (4, 4), (2, 4), (9, 9)])
def test_marked_and_cleared_against_twin(seed, most):
    t = full(seed)
    slots, lm, newest = t.slots, t.landmarks, int(t.order[-1])
    motion, poses = naive.mark_leaving(slots, lm, t.order, newest, *most, 0.3)
    rows = naive.clear_left(slots, lm, newest, poses)
    before = lm.active.copy(), lm.host.copy(), slots.key.copy()
    some = leaving.mark_leaving(t.tables, t.order, newest, *most, 0.3)
    assert some == (motion is not None or bool(poses)) == (most != (9, 9))
    if not some:
        return
    assert set(np.flatnonzero(t.leave_pose)) == poses
    assert set(np.flatnonzero(t.leave_motion)) == {motion} - {None}
    ends = [s for s in t.order if slots.motion[s]][1:2] if motion is not None else []
    assert list(np.flatnonzero(t.factor)) == ends
    victims = [s for s in poses if before[2][s]]
    np.testing.assert_array_equal(t.use, (before[0] == 1) & np.isin(before[1], victims))
    dropped = [s for s in poses if not before[2][s]]
    assert not lm.weight[:, dropped].any(), "its observations are not used"
    leaving.clear_left(t.tables, newest)
    assert set(np.flatnonzero(lm.id >= 0)) == rows
    assert not lm.active[lm.id < 0].any()
    assert not slots.t_ns[list(poses)].any() and not slots.key[list(poses)].any()
    assert not lm.weight[:, list(poses)].any()
    assert slots.t_ns[[s for s in t.order if s not in poses]].all()
    assert motion is None or slots.motion[motion] == 0


@pytest.mark.parametrize("seed", range(3))
def test_shrunk_in_one_as_step_by_step(seed):
    one, two = full(seed), full(seed)
    newest = int(one.order[-1])
    for t in (one, two):
        tables.anchor(t)
        t.landmarks.active[:] = t.landmarks.id >= 0
    left = shrink(one.tables, one.order, newest, 1, 3, 0.3, tables.MODEL)
    while leaving.mark_leaving(two.tables, two.order, newest, 1, 3, 0.3):
        tables.run_marginalise(two)
        leaving.clear_left(two.tables, newest)
        two.order = two.order[two.slots.t_ns[two.order] > 0]
    order = two.order
    np.testing.assert_array_equal(one.order[:left], order)
    assert (one.slots.motion[order] > 0).sum() == 1 and one.slots.key[order].sum() == 3
    for a, b in ((one.slots, two.slots), (one.prior, two.prior), (one.landmarks, two.landmarks)):
        for x, y in zip(a, b):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("seed", range(4))
def test_stale_intervals_against_twin(seed):
    t = tables.window(seed=seed, n_keys=3, n_motion=4)
    rng, n = t.rng, t.slots.calibration.size
    for s in t.order:
        t.slots.bias[s] = rng.normal(0, 0.01, 6)
    t.slots.calibration[:] = rng.normal(0, 0.001, n)
    limits = np.concatenate([np.full(6, 0.018), np.full(n, 0.0022)])
    expected = naive.mark_stale_intervals(t.slots, t.pre, t.order, limits)
    t.factor[:] = 0
    state = t.slots.motion, t.slots.bias, t.slots.calibration, t.pre.bias
    marked = mark_stale_intervals(*state, t.order, limits, t.factor, t.work.counts)
    assert marked == len(expected)
    assert set(np.flatnonzero(t.factor)) == expected
