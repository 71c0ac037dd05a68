"""Packed-lower Cholesky, three columns at a time: poses have six rows, motions nine.

Three columns are copied to a panel side by side; what they take off the rest of the matrix then
runs along rows in memory, and each element of the matrix is touched a third as often.
"""

import math

import numpy as np

from vio._jit import kernel


@kernel
def dot(a, b, n):
    """Sum of the products of the first n elements in double; four partial sums, in this order."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    fours = n >> 2
    for q in range(fours):
        k = 4 * q
        s0 += np.float64(a[k]) * np.float64(b[k])
        s1 += np.float64(a[k + 1]) * np.float64(b[k + 1])
        s2 += np.float64(a[k + 2]) * np.float64(b[k + 2])
        s3 += np.float64(a[k + 3]) * np.float64(b[k + 3])
    for k in range(4 * fours, n):
        s0 += np.float64(a[k]) * np.float64(b[k])
    return (s0 + s1) + (s2 + s3)


@kernel
def _pivot(d, least):
    """(square root, its inverse) of a diagonal element, zeros if nothing is known there."""
    if d > least and d > 0.0:
        root = math.sqrt(d)
        return root, 1.0 / root
    return 0.0, 0.0


@kernel
def cholesky(A, n, floor, scale, panel):
    """A = L L^T in place, packed lower; a pivot below `floor` of its diagonal empties its column.

    An emptied column stands for a direction nothing is known about.

    Args:
        n: rows, a multiple of three or one more. scale: (n,) out, the diagonal.
        panel: (3 n,) scratch.

    Returns:
        columns emptied.
    """
    empty = 0
    for i in range(n):
        scale[i] = A[i * (i + 1) // 2 + i]
    for k in range(0, n - n % 3, 3):
        a, b, c = k * (k + 1) // 2 + k, (k + 1) * (k + 2) // 2 + k, (k + 2) * (k + 3) // 2 + k
        p0, r0 = _pivot(A[a], floor * scale[k])
        l10, l20 = A[b] * r0, A[c] * r0
        p1, r1 = _pivot(A[b + 1] - l10 * l10, floor * scale[k + 1])
        l21 = (A[c + 1] - l20 * l10) * r1
        p2, r2 = _pivot(A[c + 2] - l20 * l20 - l21 * l21, floor * scale[k + 2])
        A[a], A[b], A[b + 1], A[c], A[c + 1], A[c + 2] = p0, l10, p1, l20, l21, p2
        empty += (p0 == 0.0) + (p1 == 0.0) + (p2 == 0.0)
        rest = n - k - 3
        c0, c1, c2 = panel[:rest], panel[rest : 2 * rest], panel[2 * rest : 3 * rest]
        for i in range(rest):
            at = (k + 3 + i) * (k + 4 + i) // 2 + k
            x = A[at] * r0
            y = (A[at + 1] - x * l10) * r1
            z = (A[at + 2] - x * l20 - y * l21) * r2
            A[at], A[at + 1], A[at + 2] = x, y, z
            c0[i], c1[i], c2[i] = x, y, z
            row = A[at + 3 : at + 4 + i]
            for e in range(i + 1):
                row[e] -= x * c0[e] + y * c1[e] + z * c2[e]
    if n % 3:
        last = n * (n + 1) // 2 - 1
        A[last], _ = _pivot(A[last], floor * scale[n - 1])
        empty += A[last] == 0.0
    return empty


@kernel
def forward(L, n, x):
    """Solve L y = x in place; rows of emptied columns give 0."""
    for i in range(n):
        at_i = i * (i + 1) // 2
        pivot = L[at_i + i]
        x[i] = 0.0 if pivot == 0.0 else (x[i] - dot(L[at_i : at_i + i], x, i)) / pivot


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
        row, last = L[at_i : at_i + i], x[i]
        for k in range(i):
            x[k] -= row[k] * last


@kernel
def solve(system, n, held, damping, panel):
    """Factor H + damping diag(H) in place and write d = -H^-1 b; returns emptied columns.

    The last `held` rows are taken as they are: d is the step of the others without them, and
    where theirs would be stands y with L^T d = y, from which `held_back` knows what they want.
    """
    H, b, d = system.H, system.b, system.d
    for i in range(n):
        H[i * (i + 1) // 2 + i] *= 1.0 + damping
    empty = cholesky(H, n, 1e-14, d, panel)
    for i in range(n):
        d[i] = -b[i]
    forward(H, n, d)
    backward(H, n - held, d)
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


@kernel
def held_back(system, n, held, step, cov):
    """Step that the last `held` rows of a solved system would take, and its covariance.

    Args:
        step: (held,) float64 out. cov: (held, held) float64 out.
    """
    L, d, first = system.H, system.d, n - held
    covariance(L, first, held, cov)
    for i in range(held - 1, -1, -1):
        s = d[first + i]
        for k in range(i + 1, held):
            s -= L[(first + k) * (first + k + 1) // 2 + first + i] * step[k]
        diagonal = L[(first + i) * (first + i + 3) // 2]
        step[i] = s / diagonal if diagonal != 0.0 else 0.0
