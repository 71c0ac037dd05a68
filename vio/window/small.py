"""Three by three: the cross-product matrix, and the inverse of a landmark's block."""

from vio._jit import kernel


@kernel
def _skew(x, y, z, out, col):
    """out[:, col:col + 3] = [x]x."""
    out[0, col], out[0, col + 1], out[0, col + 2] = 0.0, -z, y
    out[1, col], out[1, col + 1], out[1, col + 2] = z, 0.0, -x
    out[2, col], out[2, col + 1], out[2, col + 2] = -y, x, 0.0


@kernel
def _invert3(A, out):
    """Inverse of a symmetric positive (3, 3) matrix; False if it is too weak to eliminate.

    A little is added to the diagonal, so that an unknown depth does not blow up.
    """
    a, b, c = A[0, 0] + 1e-6, A[0, 1], A[0, 2]
    d, e, f = A[1, 1] + 1e-6, A[1, 2], A[2, 2] + 1e-6
    m0, m1, m2 = d * f - e * e, c * e - b * f, b * e - c * d
    det = a * m0 + b * m1 + c * m2
    if not det > 1e-18:
        return False
    s = 1.0 / det
    out[0, 0], out[0, 1], out[0, 2] = m0 * s, m1 * s, m2 * s
    out[1, 0], out[1, 1], out[1, 2] = m1 * s, (a * f - c * c) * s, (b * c - a * e) * s
    out[2, 0], out[2, 1], out[2, 2] = m2 * s, (b * c - a * e) * s, (a * d - b * b) * s
    return True
