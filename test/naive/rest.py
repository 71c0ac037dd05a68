"""How much samples vary."""

import numpy as np


def spread(samples, first, last):
    return np.std(samples[first : last + 1], axis=0).max()
