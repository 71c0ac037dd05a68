"""A pytest plugin: where two arguments of a kernel overlap in memory, it writes neither.

The compiler is promised that (`vio._jit.apart`). `watched` takes the place of the `kernel`
decorator before a kernel is defined, so it sees the calls of kernels by kernels too.
"""

import functools
from collections import Counter

import numpy as np

import vio._jit

CALLS = 100
"""Calls of a kernel that are looked at: those after them are like them."""


def arrays(values):
    """The ndarrays of some arguments, those of records and logging stand-ins among them."""
    for value in values:
        value = getattr(value, "values", value)
        if isinstance(value, np.ndarray) and value.size:
            yield value
        elif isinstance(value, tuple):
            yield from arrays(value)


def shared(given):
    """Those of the arrays that overlap another one."""
    spans = sorted(((*np.lib.array_utils.byte_bounds(a), k) for k, a in enumerate(given)))
    found = set()
    for at, (_, end, k) in enumerate(spans):
        for begin, _, other in spans[at + 1 :]:
            if begin >= end:
                break
            if np.shares_memory(given[k], given[other]):
                found |= {k, other}
    return [given[k] for k in sorted(found)]


def watched(function):
    """Stands in for `vio._jit.kernel` where nothing is compiled."""
    seen = Counter()

    @functools.wraps(function)
    def call(*args):
        seen[function] += 1
        both = shared(list(arrays(args))) if seen[function] <= CALLS else []
        before = [a.tobytes() for a in both]
        out = function(*args)
        changed = [a.tobytes() for a in both] != before
        assert not changed, f"{function.__name__} writes where two of its arguments overlap"
        return out

    return call


def pytest_configure():
    """Before any test file is read."""
    vio._jit.kernel = watched
