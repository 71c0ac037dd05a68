"""The interval as the rig sees it: value and Jacobian against integrating anew, and the frames."""

import numpy as np
import pytest
from naive import calibration as twin
from naive.derivative import jacobian
from naive.preintegrate import exp, log
from world import T0_NS, Motion, imu_samples

from vio.imu import calibration
from vio.imu.preintegrate import preintegrate, preintegrated_array

NOISE = np.array([1.7e-4, 2e-3, 0.5, 5.0])
LIMITS = np.array([2.5 / 200, 34.0, 156.0])
BIAS = np.array([0.02, -0.01, 0.03, 0.1, -0.2, 0.05])
ROWS, _ = imu_samples(Motion(), 1.0)
T, GYRO, ACCEL = (np.ascontiguousarray(ROWS[name]) for name in ("t_ns", "gyro", "accel"))
START, END = T0_NS + 300_000_000, T0_NS + 350_000_000
X = np.array([0.0, 0.02, -0.01, 0.015, 0.01, -0.02, 0.008])


def run(x, near=1, n=7):
    out, late = preintegrated_array(2, np.float64, n), round(x[0] * 1e9)
    t0, t1 = START + late, END + late
    first, last = np.searchsorted(T, t0, "right") - 1, np.searchsorted(T, t1)
    work = np.zeros((6, 9, 9))
    preintegrate(T, GYRO, ACCEL, first, last, t0, t1, BIAS, NOISE, LIMITS, work, out, 1)
    begin, end = (int(np.abs(T - t).argmin()) for t in (t0, t1))
    used = calibration.calibrate(GYRO, ACCEL, T.size, begin, end, near, x, work, out, 1)
    return out, used


@pytest.mark.parametrize("offset_s", [0.0, 0.0123, -0.05])
def test_against_twin(offset_s):
    x = X.copy()
    x[0] = offset_s
    out, used = run(x)
    assert used == 2
    R, p, v, J = twin.calibrate(T, GYRO, ACCEL, START, END, NOISE, LIMITS, x=x, bias=BIAS)
    np.testing.assert_allclose(out.R[1], R, atol=1e-12)
    np.testing.assert_allclose(out.p[1], p, atol=1e-12)
    np.testing.assert_allclose(out.v[1], v, atol=1e-12)
    np.testing.assert_array_equal(out.bias[1], np.append(BIAS, x))
    others = np.delete(np.arange(13), 6)
    np.testing.assert_allclose(out.J[1][:, others], J[:, others], atol=2e-6)
    # By time: of the samples nearest to the ends, half a period off at the most.
    size = np.repeat(np.abs(J[:, 6]).reshape(3, 3).max(axis=1), 3)
    np.testing.assert_array_less(np.abs(out.J[1][:, 6] - J[:, 6]), 0.1 * size)


def test_offset_alone():
    out, _ = run(np.array([0.0123]), n=1)
    same, _ = run(np.array([0.0123, 0, 0, 0, 0, 0, 0]))
    np.testing.assert_array_equal(out.R[1], same.R[1])
    np.testing.assert_array_equal(out.J[1], same.J[1][:, :7])


def test_ends_are_means_of_what_is_there():
    """Vibration goes away under a longer mean, and nothing is read beyond the samples."""
    out, used = run(np.zeros(7), near=4)
    k = int(np.searchsorted(T, START))
    rate = twin._mean(GYRO, k - 3, k + 3) - BIAS[:3]
    force = twin._mean(ACCEL, k - 3, k + 3) - BIAS[3:]
    k = int(np.searchsorted(T, END))
    after = twin._mean(GYRO, k - 3, k + 3) - BIAS[:3]
    np.testing.assert_allclose(out.J[1][:3, 6], after - out.R[1].T @ rate, atol=1e-12)
    slow = out.v[1] - 0.05 * force - np.cross(rate, out.p[1])
    np.testing.assert_allclose(out.J[1][3:6, 6], slow, atol=1e-12)
    assert used == 14
    assert run(np.zeros(7), near=1000)[1] == 2 * T.size


def test_states_of_imu_and_rig():
    rng = np.random.default_rng(0)
    R, p = exp(rng.normal(size=3)), rng.normal(size=3)
    L = rng.normal(size=(22, 22)) * 1e-3
    R_imu, p_imu, cov = calibration.imu_from_rig(R, p, X, L @ L.T)
    np.testing.assert_allclose(R_imu, R @ exp(X[1:4]), atol=1e-12)
    np.testing.assert_allclose(p_imu, p + R @ X[4:], atol=1e-12)
    back = calibration.rig_from_imu(R_imu, p_imu, X)
    np.testing.assert_allclose(back[0], R, atol=1e-12)
    np.testing.assert_allclose(back[1], p, atol=1e-12)

    def moved(d):
        x = X + d[15:]
        R_there, p_there = R @ exp(d[:3]), p + d[3:6]
        turned = log(R_imu.T @ R_there @ exp(x[1:4]))
        return np.concatenate([turned, p_there + R_there @ x[4:] - p_imu, d[6:15]])

    J = jacobian(moved, 22)
    np.testing.assert_allclose(cov, J @ (L @ L.T) @ J.T, atol=1e-9)


def test_without_turn_and_shift_imu_and_rig_are_one():
    R, p, cov = np.eye(3), np.ones(3), np.eye(16)
    same = calibration.imu_from_rig(R, p, np.array([0.01]), cov)
    np.testing.assert_array_equal(same[0], R)
    np.testing.assert_array_equal(same[2], np.eye(15))
    assert calibration.rig_from_imu(R, p, np.zeros(0))[1] is p
