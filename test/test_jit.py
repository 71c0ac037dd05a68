"""What the `kernel` decorator's module offers to those who call kernels."""

import re
from typing import NamedTuple

import numba
import numpy as np
import pytest
from energy.overlap import watched

from vio._jit import KERNELS, apart, bound, kernel
from vio.geometry import so3


def test_a_bound_kernel_is_the_kernel():
    """Its first call looks the types up, the later ones go straight in: all give the same."""
    w, here, there = np.zeros(3), np.empty((3, 3)), np.empty((3, 3))
    exp = bound(so3.exp, w)
    for turn in ([0.1, -0.2, 0.3], [0.0, 1.0, 0.0], [1e-9, 0.0, 0.0]):
        w[:] = turn
        assert exp(here) == so3.exp(w, there)
        np.testing.assert_array_equal(here, there)


def test_the_compiler_is_told_that_arrays_are_apart():
    def add(a, b, out):
        for k in range(out.size):
            out[k] = a[k] + b[k]

    compiled = apart(numba.njit(add))
    compiled(np.zeros(3), np.zeros(3), np.zeros(3))
    (text,) = compiled.inspect_llvm().values()
    head = next(line for line in text.splitlines() if re.match(r"define .*3add", line))
    for name in ("a", "b", "out"):
        assert re.search(rf"ptr [^,]*noalias[^,]*%arg\.{name}\.4\b", head), head


def test_a_kernel_that_allocates_does_not_compile():
    def greedy(n):
        return np.zeros(n)[0]

    with pytest.raises(numba.core.errors.TypingError, match="zeros"):
        kernel(greedy)(3)
    KERNELS.pop()


class Pair(NamedTuple):
    left: np.ndarray
    right: np.ndarray


def test_a_write_where_arguments_overlap_is_seen():
    """The watch over traced kernels: reading the same twice is no harm."""

    @watched
    def move(pair, out):
        out[0] = pair.left[0] + pair.right[0]

    a = np.ones(4)
    move(Pair(a[:2], a[1:]), np.zeros(1))
    with pytest.raises(AssertionError, match="move writes where two of its arguments overlap"):
        move(Pair(a[:2], a[1:]), a[1:])
