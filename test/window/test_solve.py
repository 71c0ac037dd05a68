"""Packed linear algebra against numpy."""

import numpy as np
import pytest
import tables
from naive import solve as naive

from vio.window import solve

SIZES = [1, 3, 4, 6, 9, 15, 30, 34, 87, 94]


def factor(packed, n, floor):
    return solve.cholesky(packed, n, floor, np.zeros(n), np.zeros(3 * n))


def positive(n, seed=0):
    A = np.random.default_rng(seed).normal(size=(n, n + 3))
    return A @ A.T


@pytest.mark.parametrize("n", range(10))
def test_dot_against_twin(n):
    a, b = np.random.default_rng(n).normal(size=(2, 20))
    expected = naive.dot(a[3 : 3 + n], b[5 : 5 + n])
    assert solve.dot(a[3:], b[5:], n) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("n", SIZES)
def test_factor_and_triangular_solves_against_twin(n):
    A, x = positive(n), np.random.default_rng(1).normal(size=n)
    packed = tables.pack(A)
    assert factor(packed, n, 1e-14) == 0
    L = tables.unpack(packed, n)
    np.testing.assert_allclose(L, naive.cholesky(A), atol=1e-9 * np.abs(L).max())
    y = x.copy()
    solve.forward(packed, n, y)
    np.testing.assert_allclose(y, naive.forward(L, x), rtol=1e-8, atol=1e-10)
    y = x.copy()
    solve.backward(packed, n, y)
    np.testing.assert_allclose(y, naive.backward(L, x), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 7, 11])
def test_unknown_directions_are_emptied(rank):
    n = 12
    B = np.random.default_rng(2).normal(size=(n, rank))
    A = B @ B.T
    packed = tables.pack(A)
    assert factor(packed, n, 1e-10) == n - rank
    L = tables.unpack(packed, n)
    np.testing.assert_allclose(L @ L.T, A, atol=1e-9)
    # a right-hand side within the range is still solved
    b = A @ np.random.default_rng(3).normal(size=n)
    x = b.copy()
    solve.forward(packed, n, x)
    solve.backward(packed, n, x)
    np.testing.assert_allclose(A @ x, b, atol=1e-7)


@pytest.mark.parametrize("d, least", [(4.0, 1.0), (1.0, 1.0), (0.0, -1.0), (-1.0, -2.0)])
def test_pivot_against_twin(d, least):
    assert solve._pivot(d, least) == naive._pivot(d, least)


@pytest.mark.parametrize("damping", [0.0, 1e-2])
def test_solve_against_twin(damping):
    t = tables.tables()
    n = 42
    A, b = positive(n), np.random.default_rng(4).normal(size=n)
    t.system.H[: n * (n + 1) // 2] = tables.pack(A)
    t.system.b[:n] = b
    assert solve.solve(t.system, n, 0, damping, t.work.panel) == 0
    np.testing.assert_allclose(t.system.d[:n], naive.solve(A, b, damping), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(t.system.b[:n], b)


@pytest.mark.parametrize("n, size", [(15, 15), (42, 15), (42, 6), (87, 15)])
def test_covariance_is_the_block_of_the_inverse(n, size):
    A = positive(n)
    packed, out = tables.pack(A), np.zeros((size, size))
    factor(packed, n, 0.0)
    solve.covariance(packed, n - size, size, out)
    np.testing.assert_allclose(out, naive.covariance(A, n - size, size), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("held", [1, 6])
def test_held_rows_stay_and_say_what_they_want(held):
    """Without their step the others are solved as if they were not there; theirs is as in full."""
    rng, n = np.random.default_rng(held), 22
    A = rng.normal(size=(n, n))
    A, b = A @ A.T + n * np.eye(n), rng.normal(size=n)
    t = tables.tables()
    t.system.H[: n * (n + 1) // 2], t.system.b[:n] = tables.pack(A), b
    solve.solve(t.system, n, held, 0.0, t.work.panel)
    free = n - held
    np.testing.assert_allclose(t.system.d[:free], np.linalg.solve(A[:free, :free], -b[:free]))
    step, cov = np.zeros(held), np.zeros((held, held))
    solve.held_back(t.system, n, held, step, cov)
    np.testing.assert_allclose(step, naive.held_back(A, b, held), rtol=1e-9)
    np.testing.assert_allclose(step, np.linalg.solve(A, -b)[free:], rtol=1e-9)
    np.testing.assert_allclose(cov, np.linalg.inv(A)[free:, free:], rtol=1e-9)
