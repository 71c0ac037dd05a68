"""Linear algebra by numpy and scipy on dense matrices."""

import numpy as np
from scipy.linalg import solve_triangular


def dot(a, b):
    return float(np.dot(a, b))


def cholesky(A):
    return np.linalg.cholesky(A)


def _pivot(d, least):
    return (d**0.5, d**-0.5) if d > max(least, 0.0) else (0.0, 0.0)


def forward(L, x):
    return solve_triangular(L, x, lower=True)


def backward(L, x):
    return solve_triangular(L.T, x, lower=False)


def solve(H, b, damping):
    return np.linalg.solve(H + damping * np.diag(np.diag(H)), -b)


def covariance(H, at, size):
    return np.linalg.inv(H)[at : at + size, at : at + size]


def held_back(H, b, held):
    return np.linalg.solve(H, -b)[-held:]
