"""Rotations by matrix functions: no closed forms."""

import numpy as np
from naive.derivative import skew
from scipy import linalg


def exp(w):
    return linalg.expm(skew(w))


def log(R):
    """Rotation vector; unique for angles below pi."""
    W = np.real(linalg.logm(R))
    return np.array([W[2, 1] - W[1, 2], W[0, 2] - W[2, 0], W[1, 0] - W[0, 1]]) / 2


def right_jacobian(w):
    """The series sum (-1)^k / (k + 1)! [w]x^k."""
    term, total = np.eye(3), np.eye(3)
    for k in range(1, 40):
        term = term @ skew(w) * (-1.0 / (k + 1))
        total = total + term
    return total


def right_jacobian_inverse(w):
    return np.linalg.inv(right_jacobian(w))


def _jacobian(x, y, z, a, b):
    W = skew((x, y, z))
    return np.eye(3) + a * W + b * W @ W


def multiply(A, B):
    return A @ B


def multiply_tn(A, B):
    return A.T @ B


def normalise(R):
    """Gram-Schmidt on the rows is the L Q factorisation with a positive diagonal."""
    Q, L = np.linalg.qr(R.T)
    return (Q * np.sign(np.diag(L))).T
