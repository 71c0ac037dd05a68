"""Packed-lower Cholesky, row by row (Cholesky-Banachiewicz): only dot products of rows."""

import math

import numpy as np

from vio._jit import kernel


@kernel
def dot(a, at_a, b, at_b, n):
    """Sum of a[at_a + k] b[at_b + k] in double; four partial sums, always in this order."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    k = 0
    while k + 4 <= n:
        s0 += np.float64(a[at_a + k]) * np.float64(b[at_b + k])
        s1 += np.float64(a[at_a + k + 1]) * np.float64(b[at_b + k + 1])
        s2 += np.float64(a[at_a + k + 2]) * np.float64(b[at_b + k + 2])
        s3 += np.float64(a[at_a + k + 3]) * np.float64(b[at_b + k + 3])
        k += 4
    while k < n:
        s0 += np.float64(a[at_a + k]) * np.float64(b[at_b + k])
        k += 1
    return (s0 + s1) + (s2 + s3)


@kernel
def cholesky(A, n, floor):
    """A = L L^T in place, packed lower; a pivot below `floor` of its diagonal empties its column.

    An emptied column stands for a direction nothing is known about.

    Returns:
        columns emptied.
    """
    empty = 0
    for i in range(n):
        at_i = i * (i + 1) // 2
        scale = A[at_i + i]
        for j in range(i):
            at_j = j * (j + 1) // 2
            pivot = A[at_j + j]
            if pivot == 0.0:
                A[at_i + j] = 0.0
            else:
                A[at_i + j] = (A[at_i + j] - dot(A, at_i, A, at_j, j)) / pivot
        d = scale - dot(A, at_i, A, at_i, i)
        if d > floor * scale and d > 0.0:
            A[at_i + i] = math.sqrt(d)
        else:
            A[at_i + i] = 0.0
            empty += 1
    return empty


@kernel
def forward(L, n, x):
    """Solve L y = x in place; rows of emptied columns give 0."""
    for i in range(n):
        at_i = i * (i + 1) // 2
        pivot = L[at_i + i]
        x[i] = 0.0 if pivot == 0.0 else (x[i] - dot(L, at_i, x, 0, i)) / pivot


@kernel
def backward(L, n, x):
    """Solve L^T y = x in place; emptied columns give 0."""
    for i in range(n - 1, -1, -1):
        at_i = i * (i + 1) // 2
        pivot = L[at_i + i]
        if pivot == 0.0:
            x[i] = 0.0
            continue
        x[i] /= pivot
        for k in range(i):
            x[k] -= L[at_i + k] * x[i]


@kernel
def solve(system, n, damping):
    """Factor H + damping diag(H) in place and write d = -H^-1 b; returns emptied columns."""
    H, b, d = system.H, system.b, system.d
    for i in range(n):
        H[i * (i + 1) // 2 + i] *= 1.0 + damping
        d[i] = -b[i]
    empty = cholesky(H, n, 1e-14)
    forward(H, n, d)
    backward(H, n, d)
    return empty


@kernel
def covariance(L, at, size, out):
    """Marginal covariance of the last `size` rows, which start at `at`.

    The factor's last diagonal block is the factor of their Schur complement.

    Args:
        out: (size, size) float64.
    """
    # out = inverse of the block, column by column: L_b L_b^T x = e
    for c in range(size):
        for i in range(size):
            s = 1.0 if i == c else 0.0
            row = (at + i) * (at + i + 1) // 2 + at
            for k in range(i):
                s -= L[row + k] * out[k, c]
            out[i, c] = s / L[row + i] if L[row + i] != 0.0 else 0.0
        for i in range(size - 1, -1, -1):
            s = out[i, c]
            for k in range(i + 1, size):
                s -= L[(at + k) * (at + k + 1) // 2 + at + i] * out[k, c]
            diagonal = L[(at + i) * (at + i + 1) // 2 + at + i]
            out[i, c] = s / diagonal if diagonal != 0.0 else 0.0
