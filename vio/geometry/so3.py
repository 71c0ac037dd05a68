"""Rotation group SO(3): exponential, logarithm, right Jacobian and its inverse.

Rotations are (3, 3) float64 matrices, tangent vectors (3,) float64 in radians; all kernels
write into `out`. Source: Forster et al., "On-Manifold Preintegration", TRO 2017, eq. 1-10.
"""

import math

import numpy as np

from vio._jit import kernel

SMALL = 1e-5


@kernel
def exp(w, out):
    """Rotation matrix of the rotation vector `w` (eq. 3), Taylor below 1e-5 rad."""
    x, y, z = w[0], w[1], w[2]
    angle2 = x * x + y * y + z * z
    angle = math.sqrt(angle2)
    if angle < SMALL:
        a = 1.0 - angle2 / 6.0
        b = 0.5 - angle2 / 24.0
    else:
        a = math.sin(angle) / angle
        b = (1.0 - math.cos(angle)) / angle2
    out[0, 0] = 1.0 - b * (y * y + z * z)
    out[0, 1] = b * x * y - a * z
    out[0, 2] = b * x * z + a * y
    out[1, 0] = b * x * y + a * z
    out[1, 1] = 1.0 - b * (x * x + z * z)
    out[1, 2] = b * y * z - a * x
    out[2, 0] = b * x * z - a * y
    out[2, 1] = b * y * z + a * x
    out[2, 2] = 1.0 - b * (x * x + y * y)


@kernel
def log(R, out):
    """Rotation vector of `R` (eq. 5), angle in [0, pi]."""
    x, y, z = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    sin2 = math.sqrt(x * x + y * y + z * z)
    cos2 = R[0, 0] + R[1, 1] + R[2, 2] - 1.0
    angle = math.atan2(sin2, cos2)
    if sin2 < 1e-6 and cos2 < 0.0:
        # Half a turn: the axis is the column of (R + I) with the largest diagonal.
        k = 0
        if R[1, 1] > R[k, k]:
            k = 1
        if R[2, 2] > R[k, k]:
            k = 2
        norm = 0.0
        for i in range(3):
            out[i] = R[i, k]
            if i == k:
                out[i] += 1.0
            norm += out[i] * out[i]
        for i in range(3):
            out[i] *= angle / math.sqrt(norm)
        return
    factor = 0.5 + angle * angle / 12.0 if angle < SMALL else angle / sin2
    out[0] = factor * x
    out[1] = factor * y
    out[2] = factor * z


@kernel
def right_jacobian(w, out):
    """Jr with Exp(w + d) ~ Exp(w) Exp(Jr d) (eq. 8)."""
    x, y, z = w[0], w[1], w[2]
    angle2 = x * x + y * y + z * z
    angle = math.sqrt(angle2)
    if angle < SMALL:
        a = 0.5 - angle2 / 24.0
        b = 1.0 / 6.0 - angle2 / 120.0
    else:
        a = (1.0 - math.cos(angle)) / angle2
        b = (angle - math.sin(angle)) / (angle2 * angle)
    _jacobian(x, y, z, -a, b, out)


@kernel
def right_jacobian_inverse(w, out):
    """Inverse of `right_jacobian` (eq. 9): Log(Exp(w) Exp(d)) ~ w + Jr^-1 d."""
    x, y, z = w[0], w[1], w[2]
    angle2 = x * x + y * y + z * z
    angle = math.sqrt(angle2)
    if angle < SMALL:
        b = 1.0 / 12.0
    else:
        b = 1.0 / angle2 - (1.0 + math.cos(angle)) / (2.0 * angle * math.sin(angle))
    _jacobian(x, y, z, 0.5, b, out)


@kernel
def _jacobian(x, y, z, a, b, out):
    """I + a [w]x + b [w]x^2."""
    out[0, 0] = 1.0 - b * (y * y + z * z)
    out[0, 1] = -a * z + b * x * y
    out[0, 2] = a * y + b * x * z
    out[1, 0] = a * z + b * x * y
    out[1, 1] = 1.0 - b * (x * x + z * z)
    out[1, 2] = -a * x + b * y * z
    out[2, 0] = -a * y + b * x * z
    out[2, 1] = a * x + b * y * z
    out[2, 2] = 1.0 - b * (x * x + y * y)


@kernel
def copy(A, out):
    """out = A for (3, 3) matrices."""
    for i in range(3):
        for j in range(3):
            out[i, j] = A[i, j]


@kernel
def multiply(A, B, out):
    """out = A B for (3, 3) matrices; `out` must be another array."""
    for i in range(3):
        for j in range(3):
            out[i, j] = A[i, 0] * B[0, j] + A[i, 1] * B[1, j] + A[i, 2] * B[2, j]


@kernel
def multiply_tn(A, B, out):
    """out = A^T B for (3, 3) matrices; `out` must be another array."""
    for i in range(3):
        for j in range(3):
            out[i, j] = A[0, i] * B[0, j] + A[1, i] * B[1, j] + A[2, i] * B[2, j]


@kernel
def normalise(R):
    """Pull a nearly orthonormal matrix back to SO(3): Gram-Schmidt on its rows, in place."""
    for i in range(3):
        for j in range(i):
            dot = R[i, 0] * R[j, 0] + R[i, 1] * R[j, 1] + R[i, 2] * R[j, 2]
            for k in range(3):
                R[i, k] -= dot * R[j, k]
        scale = 1.0 / math.sqrt(R[i, 0] ** 2 + R[i, 1] ** 2 + R[i, 2] ** 2)
        for k in range(3):
            R[i, k] *= scale


def quat_xyzw(R: np.ndarray) -> np.ndarray:
    """Unit quaternion (..., 4), order x y z w, w >= 0, of rotations (..., 3, 3)."""
    R = np.asarray(R, float)
    squares = np.empty(R.shape[:-2] + (4,))
    diagonal = np.stack([R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]], -1)
    trace = diagonal.sum(-1)
    squares[..., :3] = 1.0 + 2.0 * diagonal - trace[..., None]
    squares[..., 3] = 1.0 + trace
    best = squares.argmax(-1)
    a, b = R[..., 2, 1] - R[..., 1, 2], R[..., 2, 1] + R[..., 1, 2]
    c, d = R[..., 0, 2] - R[..., 2, 0], R[..., 0, 2] + R[..., 2, 0]
    e, f = R[..., 1, 0] - R[..., 0, 1], R[..., 1, 0] + R[..., 0, 1]
    s = squares
    rows = np.stack(
        [
            np.stack([s[..., 0], f, d, a], -1),
            np.stack([f, s[..., 1], b, c], -1),
            np.stack([d, b, s[..., 2], e], -1),
            np.stack([a, c, e, s[..., 3]], -1),
        ],
        -2,
    )
    quat = np.take_along_axis(rows, best[..., None, None], -2)[..., 0, :]
    quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.where(quat[..., 3:] < 0, -quat, quat)
