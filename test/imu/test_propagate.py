import numpy as np
import pytest
from naive import propagate as naive
from naive.so3 import exp

from vio.imu.propagate import propagate

rng = np.random.default_rng(4)


@pytest.mark.parametrize("rate", [np.zeros(3), np.array([0.4, -2.0, 1.1])])
def test_one_step_equals_the_twin(rate):
    R, p, v = exp(rng.normal(size=3)), rng.normal(size=3), rng.normal(size=3)
    A = rng.normal(size=(15, 15))
    cov, variance = A @ A.T, np.array([0.3, 0.7])
    force, dt = np.array([0.5, -1.0, 9.0]), 0.005
    expected = naive.propagate(R, p, v, cov, rate, force, dt, 9.81, variance)
    work, small = np.full((2, 15, 15), np.nan), np.full((4, 3, 3), np.nan)
    propagate(R, p, v, cov, rate, force, dt, 9.81, variance, work, small)
    for got, wanted in zip((R, p, v), expected):
        assert np.allclose(got, wanted, atol=1e-12)
    # terms of dt^2 are left out of the derivatives
    assert np.allclose(cov, expected[3], atol=2 * dt**2 * 10 * np.abs(cov).max())
    assert np.allclose(cov - A @ A.T, expected[3] - A @ A.T, atol=0.02)
