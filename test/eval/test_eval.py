"""Laws of alignment and metrics on trajectories whose errors are known."""

import numpy as np
import pytest

from vio.eval import align as al
from vio.eval import metrics as me
from vio.eval.trajectory import (
    Trajectory,
    associate,
    log_so3,
    nearest,
    quaternion,
    quaternions,
    rotations,
)
from vio.types import VioError


def flight(n=400, rate_hz=20.0, t0_ns=1_403_636_579_763_555_584):
    t = np.arange(n) / rate_hz
    p = np.stack([3 * np.sin(0.4 * t), 2 * np.cos(0.3 * t), 0.5 * np.sin(0.9 * t)], axis=1)
    q = np.stack([0.2 * np.sin(t), 0.1 * np.cos(t), np.sin(0.2 * t), np.cos(0.2 * t)], axis=1)
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    return Trajectory(t0_ns + np.round(t * 1e9).astype(np.int64), p, q)


def random_rotation(rng):
    return rotations(rng.normal(size=(1, 4)))[0]


def test_rotations_and_quaternions_are_inverse_also_at_pi():
    rng = np.random.default_rng(0)
    q = rng.normal(size=(200, 4))
    q[:4] = np.eye(4)
    R = rotations(q)
    np.testing.assert_allclose(
        R @ np.swapaxes(R, 1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-14
    )
    np.testing.assert_allclose(rotations(quaternions(R)), R, atol=1e-14)
    assert np.array_equal([quaternion(one) for one in R], quaternions(R))


def test_log_recovers_small_and_large_angles():
    axis = np.array([0.6, 0.0, 0.8])
    for angle in (0.0, 1e-9, 1e-4, 1.0, 3.1):
        half = angle / 2
        q = np.append(axis * np.sin(half), np.cos(half))[None]
        np.testing.assert_allclose(log_so3(rotations(q))[0], axis * angle, atol=1e-12, rtol=1e-7)


def test_nearest_prefers_the_earlier_and_respects_the_lower_bound():
    values = np.array([0, 10, 10, 20])
    assert nearest(values, np.array([-5, 5, 10, 15, 99])).tolist() == [0, 0, 1, 1, 3]
    assert nearest(values, np.array([0, 10]), np.array([2, 2])).tolist() == [2, 2]


@pytest.mark.parametrize("mode, scale", [("se3", 1.0), ("yaw", 1.0), ("sim3", 1.7)])
def test_align_recovers_the_transform(mode, scale):
    rng = np.random.default_rng(1)
    p = rng.normal(size=(50, 3))
    R = al.rotation_z(2.5) if mode == "yaw" else random_rotation(rng)
    t = rng.normal(size=3)
    found = al.align(p, scale * p @ R.T + t, mode)
    np.testing.assert_allclose(found.R, R, atol=1e-12)
    np.testing.assert_allclose(found.t, t, atol=1e-12)
    assert found.scale == pytest.approx(scale)


def test_align_never_mirrors():
    rng = np.random.default_rng(2)
    p = rng.normal(size=(30, 3))
    assert np.linalg.det(al.align(p, p * [1, 1, -1], "se3").R) == pytest.approx(1)


def test_align_refuses_what_it_cannot_do():
    with pytest.raises(VioError, match="se3"):
        al.align(np.zeros((5, 3)), np.zeros((5, 3)), "so3")
    with pytest.raises(VioError, match="3 poses"):
        al.align(np.zeros((2, 3)), np.zeros((2, 3)), "se3")


def test_perfect_estimate_in_another_world_has_no_error():
    truth = flight()
    moved = al.Alignment(random_rotation(np.random.default_rng(3)), np.array([1.0, 2, 3])).apply(
        truth
    )
    found = me.evaluate(moved, truth)
    assert found["ate_rmse_m"] < 1e-9
    assert found["rpe_1s_rmse_m"] < 1e-9 and found["rpe_1m_rmse_deg"] < 1e-6
    assert found["coverage"] == 1.0 and abs(found["scale_error_percent"]) < 1e-9
    assert found["ate_yaw_rmse_m"] > 0.1  # the other world is tilted


def test_drift_of_a_scaled_straight_line_is_the_scale_error():
    truth = flight()
    straight = truth._replace(p=np.linspace(0, 20, 400)[:, None] * [1.0, 0, 0])
    straight = straight._replace(quat_xyzw=np.tile([0.0, 0, 0, 1], (400, 1)))
    longer = straight._replace(p=1.02 * straight.p)
    found = me.evaluate(longer, straight)
    assert found["drift_percent"] == pytest.approx(2.0, rel=0.02)
    assert found["end_drift_percent"] == pytest.approx(2.0)
    assert found["scale_error_percent"] == pytest.approx(2.0)


def test_percentages_are_undefined_at_rest():
    truth = flight()
    rest = truth._replace(p=np.zeros((400, 3)))
    found = me.evaluate(rest, rest)
    assert found["drift_percent"] is None and found["rpe_1m_rmse_m"] is None
    assert found["scale_error_percent"] is None and found["ate_rmse_m"] == 0


def test_coverage_counts_a_gap():
    truth = flight()
    holes = truth.take(np.r_[0:100, 200:400])
    assert me.coverage(holes, truth) == pytest.approx(0.75, abs=0.01)


def test_association_respects_tolerance_and_interpolates():
    truth = flight(rate_hz=200.0)
    shifted = truth.take(slice(1, -1, 10))
    shifted = shifted._replace(t_ns=shifted.t_ns + 2_000_000)
    assert len(associate(shifted, truth, 0.001)[0].t_ns) == 0
    assert len(associate(shifted, truth, 0.002)[0].t_ns) == len(shifted.t_ns)
    _, reference = associate(shifted, truth, 0.002, interpolate=True)
    exact = flight(4000, 2000.0)
    index = np.searchsorted(exact.t_ns, reference.t_ns)
    np.testing.assert_allclose(reference.p, exact.p[index], atol=1e-5)
    np.testing.assert_allclose(
        rotations(reference.quat_xyzw), rotations(exact.quat_xyzw[index]), atol=1e-5
    )


def test_clocks_without_overlap_are_an_error():
    truth = flight()
    with pytest.raises(VioError, match="same clock"):
        me.evaluate(truth._replace(t_ns=truth.t_ns + 10**12), truth)


def test_nees_has_the_mean_of_its_degrees_of_freedom():
    rng = np.random.default_rng(4)
    truth = flight(4000)
    root = 0.01 * rng.normal(size=(6, 6))
    cov = root @ root.T + 1e-6 * np.eye(6)
    noise = rng.multivariate_normal(np.zeros(6), cov, size=4000)
    noise[0] = 0
    half = noise[:, :3] / 2
    small = np.concatenate([half, np.sqrt(1 - np.sum(half**2, axis=1, keepdims=True))], axis=1)
    R = rotations(truth.quat_xyzw) @ rotations(small)
    world = al.Alignment(al.rotation_z(1.0), np.array([1.0, -2, 3]))
    estimate = world.apply(Trajectory(truth.t_ns, truth.p + noise[:, 3:], quaternions(R)))
    turned = np.tile(cov, (4000, 1, 1))
    turned[:, 3:, 3:] = world.R @ cov[3:, 3:] @ world.R.T
    position, yaw = me.nees(estimate, truth, turned)
    assert len(position) == 3999
    assert position.mean() == pytest.approx(3, rel=0.1)
    assert yaw.mean() == pytest.approx(1, rel=0.1)


def test_evaluation_is_fast():
    import time

    truth = flight(40_000, 200.0)
    start = time.perf_counter()
    me.evaluate(truth.take(slice(None, None, 10)), truth)
    assert time.perf_counter() - start < 1.0
