"""An interval as the rig sees it, at any calibration: by integrating anew."""

import numpy as np
from naive import preintegrate as naive
from naive.derivative import jacobian


def interval(t_ns, gyro, accel, t0_ns, t1_ns, bias, x, noise, limits):
    """(R, p, v) in axes of the rig, x: (7,)."""
    late = round(x[0] * 1e9)
    R, p, v, *_ = naive.preintegrate(
        t_ns, gyro, accel, t0_ns + late, t1_ns + late, bias, noise, limits
    )
    C, arm = naive.exp(x[1:4]), x[4:]
    R = C @ R @ C.T
    return R, C @ p + arm - R @ arm, C @ v


def calibrate(*args, x, bias, h=1e-4):
    """(R, p, v, J (9, 13)) at bias and x."""
    t_ns, gyro, accel, t0_ns, t1_ns, noise, limits = args
    home = interval(t_ns, gyro, accel, t0_ns, t1_ns, bias, x, noise, limits)

    def moved(d):
        there = interval(t_ns, gyro, accel, t0_ns, t1_ns, bias + d[:6], x + d[6:], noise, limits)
        return naive.minus(there, home)

    return *home, jacobian(moved, 13, h)


def _mean(values, first, last):
    """Mean of the rows that are there."""
    return np.mean(values[max(first, 0) : last + 1], axis=0)
