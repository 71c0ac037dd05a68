"""Preintegration against fine steps, numeric Jacobians, re-integration and Monte Carlo."""

import numpy as np
import pytest
from naive import preintegrate as naive
from tables import unpack
from world import IMU_NS, T0_NS, Motion, imu_samples

from vio.imu.preintegrate import (
    Preintegrated,
    _step,
    _whitening,
    preintegrate,
    preintegrated_array,
)

NOISE = np.array([1.7e-4, 2e-3, 0.5, 5.0])
LIMITS = np.array([2.5 / 200, 34.0, 156.0])
BIAS = np.array([0.02, -0.01, 0.03, 0.1, -0.2, 0.05])
SAMPLES, _ = imu_samples(Motion(), 1.0)
START, END = T0_NS + 12_345_678, T0_NS + 262_345_679  # between samples at both ends


def columns(rows):
    return tuple(np.ascontiguousarray(rows[name]) for name in ("t_ns", "gyro", "accel"))


def run(rows=SAMPLES, t0=START, t1=END, bias=BIAS, first=0, last=None, noise=NOISE):
    out = preintegrated_array(2)
    last = len(rows) - 1 if last is None else last
    counts = preintegrate(
        *columns(rows), first, last, t0, t1, bias, noise, LIMITS, np.zeros((6, 9, 9)), out, 1
    )
    assert not out.R[0].any(), "another slot was written"
    return out, counts


def whitening(out):
    """Dense (9, 9) whitening matrix of slot 1."""
    return unpack(out.whiten[1], 9)


def covariance(out):
    """Of [rot, pos, vel], from its whitening."""
    back = np.linalg.inv(whitening(out))
    return back @ back.T


def same_covariance(out, cov, tolerance):
    """Whitened by ours, theirs must be the identity: every direction counts alike."""
    W = whitening(out)
    np.testing.assert_allclose(W @ cov @ W.T, np.eye(9), atol=tolerance)


def test_against_twin():
    out, counts = run()
    twin = naive.preintegrate(*columns(SAMPLES), START, END, BIAS, NOISE, LIMITS)
    R, p, v, cov, J, *tallies = twin
    assert counts == tuple(tallies) and counts[1:] == (0, 0)
    assert out.dt[1] == pytest.approx(0.250000001, abs=1e-12)
    np.testing.assert_allclose(out.R[1], R, atol=1e-12)
    np.testing.assert_allclose(out.p[1], p, atol=1e-12)
    np.testing.assert_allclose(out.v[1], v, atol=1e-12)
    # the kernel leaves out how a gyro bias bends the force at second order in the step
    np.testing.assert_allclose(out.J[1], J, atol=1e-5)
    same_covariance(out, cov, 1e-3)
    np.testing.assert_array_equal(out.bias[1], BIAS)
    work = np.zeros((6, 9, 9))  # the covariance stays in the scratch
    preintegrate(
        *columns(SAMPLES), 0, len(SAMPLES) - 1, START, END, BIAS, NOISE, LIMITS, work, out, 1
    )
    W, cov = whitening(out), work[4]
    np.testing.assert_allclose(W, naive._whitening(cov), rtol=1e-7, atol=1e-6)
    np.testing.assert_allclose(W @ cov @ W.T, np.eye(9), atol=1e-8)


def test_single_precision_is_enough():
    """As flown: samples, Jacobian and whitening in single precision, the sums in double."""
    exact, _ = run()
    flown = Preintegrated(
        *(a.astype(np.float32) if n in ("J", "whiten") else a.copy()
          for n, a in zip(Preintegrated._fields, preintegrated_array(2)))
    )  # fmt: skip
    t_ns, gyro, accel = columns(SAMPLES)
    preintegrate(
        t_ns, gyro.astype(np.float32), accel.astype(np.float32), 0, len(SAMPLES) - 1, START, END,
        BIAS, NOISE, LIMITS, np.zeros((6, 9, 9)), flown, 1,
    )  # fmt: skip
    assert np.linalg.norm(naive.log(exact.R[1].T @ flown.R[1])) < 1e-6
    np.testing.assert_allclose(flown.p[1], exact.p[1], atol=1e-6)
    np.testing.assert_allclose(flown.v[1], exact.v[1], atol=1e-6)
    np.testing.assert_allclose(flown.J[1], exact.J[1], atol=1e-6)
    same_covariance(flown, covariance(exact), 1e-4)


def test_one_step_against_twin():
    rng = np.random.default_rng(2)
    R, p, v = naive.exp(rng.normal(size=3)), rng.normal(size=3), rng.normal(size=3)
    w, f, dt = rng.normal(size=3), rng.normal(0, 9, 3), 0.005
    expected = naive._step((R, p, v), w, f, dt)
    got = R.copy(), p.copy(), v.copy()
    _step(*got, np.zeros((9, 9)), np.zeros((9, 6)), w, f, dt, 1.0, 1.0, np.zeros((6, 9, 9)))
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_whitening_against_twin():
    A = np.random.default_rng(3).normal(size=(9, 9))
    cov, out = A @ A.T + np.eye(9), np.zeros(45)
    _whitening(cov, np.zeros((9, 9)), out)
    np.testing.assert_allclose(unpack(out, 9), naive._whitening(cov), atol=1e-10)


def test_straight_lines_are_integrated_to_second_order():
    out, _ = run()
    R, p, v = naive.fine(*columns(SAMPLES), START, END, BIAS)
    assert np.linalg.norm(naive.log(R.T @ out.R[1])) < 1e-6
    np.testing.assert_allclose(out.v[1], v, atol=1e-5)
    np.testing.assert_allclose(out.p[1], p, atol=1e-5)


def test_gives_the_true_motion():
    motion, zero = Motion(), np.zeros(6)
    out, _ = run(bias=zero)
    t0, t1 = (START - T0_NS) * 1e-9, (END - T0_NS) * 1e-9
    dt, g = t1 - t0, np.array([0, 0, -9.81])
    R0 = motion.R(t0)
    np.testing.assert_allclose(R0 @ out.R[1], motion.R(t1), atol=1e-5)
    np.testing.assert_allclose(motion.v(t0) + g * dt + R0 @ out.v[1], motion.v(t1), atol=1e-4)
    p = motion.p(t0) + motion.v(t0) * dt + 0.5 * g * dt**2 + R0 @ out.p[1]
    np.testing.assert_allclose(p, motion.p(t1), atol=1e-4)


@pytest.mark.parametrize("k", range(6))
def test_bias_jacobian_against_integrating_again(k):
    def state(bias):
        out, _ = run(bias=bias)
        return out.R[1], out.p[1], out.v[1]

    h = np.zeros(6)
    h[k] = 1e-4
    mid, _ = run()
    base = state(BIAS)
    slope = (naive.minus(state(BIAS + h), base) - naive.minus(state(BIAS - h), base)) / 2e-4
    np.testing.assert_allclose(mid.J[1][:, k], slope, atol=1e-5, rtol=1e-4)


def test_covariance_against_monte_carlo():
    rng, noise = np.random.default_rng(4), NOISE * 10
    rows = SAMPLES[20:72]
    # whole samples: each step's noise is that of the mean of two, so draw it per step
    mid, _ = run(rows, rows["t_ns"][0], rows["t_ns"][-1], np.zeros(6), noise=noise)
    base = mid.R[1], mid.p[1], mid.v[1]
    dt, errors = 0.005, []
    gyro = 0.5 * (rows["gyro"][1:] + rows["gyro"][:-1])
    accel = 0.5 * (rows["accel"][1:] + rows["accel"][:-1])
    for _ in range(400):
        w = gyro + rng.normal(0, noise[0] / np.sqrt(dt), gyro.shape)
        f = accel + rng.normal(0, noise[1] / np.sqrt(dt), accel.shape)
        state = np.eye(3), np.zeros(3), np.zeros(3)
        for k in range(len(w)):
            state = naive._step(state, w[k], f[k], dt)
        errors.append(naive.minus(state, base))
    white = np.array(errors) @ whitening(mid).T
    # 400 draws: the deviation of a sample variance is 7 %, of a correlation 5 %
    np.testing.assert_allclose(np.cov(white.T), np.eye(9), atol=0.25)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.2)


def test_ends_beyond_the_samples_are_held():
    rows = SAMPLES[30:50]
    t0, t1 = rows["t_ns"][0] - 3_000_000, rows["t_ns"][-1] + 4_000_000
    out, counts = run(rows, t0, t1)
    R, p, v, cov, _, *tallies = naive.preintegrate(*columns(rows), t0, t1, BIAS, NOISE, LIMITS)
    assert counts == tuple(tallies) == (21, 0, 0)
    np.testing.assert_allclose(out.R[1], R, atol=1e-12)
    np.testing.assert_allclose(out.p[1], p, atol=1e-12)
    same_covariance(out, cov, 1e-3)


def test_gaps_and_saturation_are_tallied_and_distrusted():
    rows = np.delete(SAMPLES[20:80], slice(20, 30)).copy()
    plain, _ = run(SAMPLES[20:80], rows["t_ns"][0], rows["t_ns"][-1])
    out, counts = run(rows, rows["t_ns"][0], rows["t_ns"][-1])
    assert counts == (49, 1, 0)
    assert covariance(out).trace() > 100 * covariance(plain).trace()
    rows = SAMPLES[20:80].copy()
    rows["gyro"][10, 1] = -34.0  # both steps that touch it
    rows["accel"][40:42, 2] = 156.0  # three steps
    out, counts = run(rows, rows["t_ns"][0], rows["t_ns"][-1])
    assert counts == (59, 0, 5)
    twin = naive.preintegrate(
        *columns(rows), rows["t_ns"][0], rows["t_ns"][-1], BIAS, NOISE, LIMITS
    )
    assert counts == tuple(twin[5:])
    same_covariance(out, twin[3], 1e-2)


def test_two_halves_make_a_whole():
    cut = START + 25 * IMU_NS
    whole, (a, b) = run()[0], (run(t1=cut)[0], run(t0=cut)[0])
    np.testing.assert_allclose(a.R[1] @ b.R[1], whole.R[1], atol=1e-6)
    np.testing.assert_allclose(a.v[1] + a.R[1] @ b.v[1], whole.v[1], atol=1e-5)
    p = a.p[1] + a.v[1] * b.dt[1] + a.R[1] @ b.p[1]
    np.testing.assert_allclose(p, whole.p[1], atol=1e-5)
