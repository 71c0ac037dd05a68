"""The table of features against lists of dictionaries."""

import numpy as np
import pytest
from naive import features as naive

from vio.frontend import features

N = 12
FIELDS = {"id": (), "age": (), "uv0": (2,), "uv1": (2,), "ray_key": (2,), "warp": (2, 2)}


def table(seed):
    """(arrays by name, the same as rows); some rows are empty."""
    rng = np.random.default_rng(seed)
    kinds = {"id": np.int32, "age": np.int16}
    t = {
        name: rng.uniform(0, 90, (N, *shape)).astype(kinds.get(name, np.float32))
        for name, shape in (FIELDS | {"score": ()}).items()
    }
    t["age"][3] = 2**15 - 1
    for k in (2, 7):
        features.free(k, *places(t))
    return t, rows(t)


def places(t):
    return t["id"], t["uv0"], t["uv1"], t["ray_key"]


def rows(t):
    return [{name: t[name][k].tolist() for name in t} for k in range(N)]


def same(t, expected):
    for k, (mine, theirs) in enumerate(zip(rows(t), expected)):
        for name in t:
            np.testing.assert_array_equal(mine[name], np.float32(theirs[name]), f"{name} of {k}")


def test_a_freed_row_is_empty():
    t, then = table(0)
    features.free(5, *places(t))
    then[5] = naive.free(then[5])
    same(t, then)
    assert t["id"][5] == -1 and t["age"][5] == then[5]["age"]


@pytest.mark.parametrize("n", [0, 1, 30])
def test_take_depths_against_twin(n):
    rng = np.random.default_rng(n)
    ids = rng.permutation(50)[:N].astype(np.int32)
    ids[4] = -1
    known, depths = rng.permutation(50)[:n], rng.random(n).astype(np.float32)
    before = rng.random(N).astype(np.float32)
    out = before.copy()
    taken = features.take_depths(ids, known, depths, out)
    twin = naive.take_depths(ids.tolist(), dict(zip(known.tolist(), depths)), before)
    np.testing.assert_array_equal(out, twin)
    assert taken == np.isin(ids, known).sum() and (taken > 0) == (n == 30)


def test_settle_against_twin():
    t, then = table(1)
    rng = np.random.default_rng(2)
    uv, warp = (rng.uniform(0, 9, (N, *s)).astype(np.float32) for s in ((2,), (2, 2)))
    found = rng.uniform(size=N) < 0.6
    t["score"][:] = np.where(found, 0.9, 0.0)
    then = rows(t)
    features.settle(t["score"], uv, warp, *places(t), t["warp"])
    same(t, naive.settle(then, [(uv[k], warp[k]) if found[k] else None for k in range(N)]))


def test_retain_against_twin():
    t, then = table(3)
    inlier = (np.random.default_rng(4).uniform(size=N) < 0.5).astype(np.uint8)
    features.retain(inlier, *places(t))
    same(t, naive.retain(then, inlier))


def test_renew_against_twin():
    t, then = table(5)
    wanted = np.random.default_rng(6).integers(0, 3, N).astype(np.uint8)
    features.renew(wanted, *places(t), t["warp"], t["score"])
    same(t, naive.renew(then, wanted))


@pytest.mark.parametrize("factor", [1, 4])
def test_hand_on_against_twin(factor):
    t, then = table(7)
    ids, ages = np.zeros(N, np.int64), np.zeros(N, np.int32)
    uv0, uv1 = np.zeros((N, 2), np.float32), np.zeros((N, 2), np.float32)
    n = features.hand_on(t["id"], t["age"], t["uv0"], t["uv1"], factor, ids, ages, uv0, uv1)
    left, out = naive.hand_on(then, factor)
    same(t, left)
    assert n == len(out) == N - 2
    for k, (i, age, p, q) in enumerate(out):
        assert (ids[k], ages[k]) == (i, age)
        np.testing.assert_allclose([uv0[k], uv1[k]], [p, q], rtol=1e-6)
