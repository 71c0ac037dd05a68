"""A state carried on by what the IMU felt."""

import numpy as np


def advance(R, p, v, dt, dR, dp, dv, gravity):
    """(R, p, v) after `dt`, from the preintegrated turn, move and change of velocity."""
    g = np.array([0.0, 0.0, -gravity])
    return R @ dR, p + v * dt + 0.5 * g * dt**2 + R @ dp, v + g * dt + R @ dv
