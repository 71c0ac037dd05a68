"""Central differences and small-signal helpers the twins share."""

import numpy as np


def jacobian(f, n, h=1e-5):
    """d f(x) / d x at x = 0 for f: (n,) -> (m,)."""
    columns = []
    for k in range(n):
        e = np.zeros(n)
        e[k] = h
        columns.append((np.asarray(f(e)) - np.asarray(f(-e))) / (2 * h))
    return np.stack(columns, axis=-1)


def skew(w):
    """[w]x."""
    return np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]], float)
