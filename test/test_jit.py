"""What the `kernel` decorator's module offers to those who call kernels."""

import numpy as np

from vio._jit import bound
from vio.geometry import so3


def test_a_bound_kernel_is_the_kernel():
    """Its first call looks the types up, the later ones go straight in: all give the same."""
    w, here, there = np.zeros(3), np.empty((3, 3)), np.empty((3, 3))
    exp = bound(so3.exp, w)
    for turn in ([0.1, -0.2, 0.3], [0.0, 1.0, 0.0], [1e-9, 0.0, 0.0]):
        w[:] = turn
        assert exp(here) == so3.exp(w, there)
        np.testing.assert_array_equal(here, there)
