"""RANSAC on the direction of translation, and its random numbers."""

import numpy as np
import pytest
from naive import outliers as naive
from naive.preintegrate import exp

from vio.frontend import outliers

LIMIT = 1.0 / 460


def scene(n=120, planted=30, seed=0, t=(0.3, -0.1, 0.05), noise=0.2 / 460):
    """(rays_a, rays_b, R_b_a, wrong): points in front of two cameras, some matches wrong."""
    rng = np.random.default_rng(seed)
    R = exp(rng.normal(0, 0.1, 3))
    points = rng.uniform([-2, -1.5, 2], [2, 1.5, 7], (n, 3))
    there = points @ R.T + np.array(t)
    a, b = points[:, :2] / points[:, 2:], there[:, :2] / there[:, 2:]
    b = b + rng.normal(0, noise, b.shape)
    wrong = rng.permutation(n)[:planted]
    b[wrong] += rng.uniform(20, 60, (planted, 2)) / 460 * rng.choice([-1, 1], (planted, 2))
    return a, b, R, wrong


def run(a, b, R, seed=1, hypotheses=60, limit=LIMIT):
    n = len(a)
    inlier, rng = np.full(n, 7, np.uint8), np.array([seed], np.uint64)
    counts = outliers.ransac_translation(a, b, R, limit, hypotheses, rng, np.zeros((n, 4)), inlier)
    seen = ~np.isnan(a[:, 0]), ~np.isnan(a[:, 0] + b[:, 0])
    assert counts[4:] == tuple(int(np.count_nonzero(each)) for each in seen)
    return inlier, counts[:2], int(rng[0])


def test_random_numbers_against_twin():
    ours, twin = np.array([88172645463325252], np.uint64), [88172645463325252]
    draws = [outliers.next_random(ours) for _ in range(1000)]
    assert draws == [naive.next_random(twin) for _ in range(1000)]
    assert int(ours[0]) == twin[0]
    assert min(draws) >= 0 and max(draws) < 2**31
    assert np.bincount(np.array(draws) % 10, minlength=10).min() > 60


@pytest.mark.parametrize("seed", range(4))
def test_against_twin(seed):
    a, b, R, _ = scene(seed=seed)
    a[3], b[5] = np.nan, np.nan
    inlier, (tried, inliers), _ = run(a, b, R, seed + 1)
    twin, tried_twin = naive.ransac_translation(a, b, R, LIMIT, 60, [seed + 1])
    assert tried == tried_twin and inliers == twin.sum()
    np.testing.assert_array_equal(inlier, twin.astype(np.uint8))


def test_distance_against_twin():
    a, b, R, _ = scene(10, 0)
    turned = naive.homogeneous(a) @ R.T
    turned = turned[:, :2] / turned[:, 2:]
    normals = np.zeros((10, 4))
    normals[:, :3] = np.cross(naive.homogeneous(turned), naive.homogeneous(b))
    normals[:, 3] = np.arange(10)
    t = np.array([0.6, 0.0, 0.8])
    ours = [outliers._off_line(normals, b, k, *t) for k in range(10)]
    np.testing.assert_allclose(ours, naive._off_line(a, b, R, t), rtol=1e-9)


def test_planted_outliers_are_rejected():
    a, b, R, wrong = scene()
    inlier, (_, inliers), _ = run(a, b, R)
    right = np.setdiff1d(np.arange(len(a)), wrong)
    assert inlier[right].mean() > 0.95
    # a wrong match along its epipolar line cannot be told: few
    assert inlier[wrong].mean() < 0.15
    assert inliers == inlier.sum() and set(np.unique(inlier)) <= {0, 1}


def test_same_seed_same_answer():
    a, b, R, _ = scene()
    first, again = run(a, b, R), run(a, b, R)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1:] == again[1:]
    assert run(a, b, R, seed=2)[2] != first[2]


def test_rest_and_far_points_agree_with_any_translation():
    a, b, R, wrong = scene(t=(0, 0, 0), planted=0)
    inlier, (tried, inliers), _ = run(a, b, R)
    assert inliers == len(a)
    moving = scene(t=(0.3, 0, 0))
    a, b = moving[0], moving[1]
    turned = naive.homogeneous(a[:5]) @ moving[2].T
    b[:5] = turned[:, :2] / turned[:, 2:]  # at infinity
    assert run(a, b, moving[2])[0][:5].all()


def test_nothing_to_test():
    nan = np.full((5, 2), np.nan)
    inlier, counts, _ = run(nan, nan, np.eye(3))
    assert counts == (0, 0) and not inlier.any()
    a, b, R, _ = scene(1, 0)
    inlier, counts, _ = run(a, b + 0.3, R)
    assert counts == (0, 1) and inlier[0], "one feature alone is not called wrong"
