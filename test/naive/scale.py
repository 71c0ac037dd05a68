"""What the forces of an interval say of a motion, as matrices."""

import numpy as np


def fold_motion(R, bias, calibration, p, v, J, at, dt, moved):
    """The sums (position, velocity, time) after one more interval; J (9, n) about `at` (n,)."""
    off = np.concatenate([bias, calibration]) - at
    before, speed = moved[:3], moved[3:6]
    position = before + speed * dt + R @ (p + J[3:6] @ off)
    return np.concatenate([position, speed + R @ (v + J[6:] @ off), [moved[6] + dt]])
