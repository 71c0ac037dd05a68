"""Whether the IMU is at rest."""

import math

from vio._jit import kernel


@kernel
def spread(samples, first, last):
    """Largest standard deviation of the columns of samples (N, 3), from `first` to `last`."""
    n, worst = last - first + 1, 0.0
    for k in range(3):
        mean, square = 0.0, 0.0
        for i in range(first, last + 1):
            mean += samples[i, k]
        mean /= n
        for i in range(first, last + 1):
            off = samples[i, k] - mean
            square += off * off
        worst = max(worst, square / n)
    return math.sqrt(worst)
