"""Signs of a wrong calibration, in matrices."""

import numpy as np
from naive.vision import in_camera, state


def residuals(window, slot):
    """Residuals of cam1 in a frame, and what it would change them to be elsewhere.

    Args:
        window: with `slots`, `landmarks` and `ext`.

    Returns:
        (residuals (n, 2) [px], (n, 2, 6) by turn and shift of cam1 in its axes [px/rad, px/m]).
    """
    lm, ext, off, J = window.landmarks, window.ext, [], []
    for m in np.flatnonzero(lm.active & (lm.weight[:, slot, 1] > 0)):
        host, point = state(window.slots, int(lm.host[m])), lm.point[m].astype(float)
        x, y, z = in_camera(host, state(window.slots, slot), ext, 1, point)
        seen, px = lm.xy[m, slot, 1] * ext.step[0], lm.weight[m, slot, 1] * ext.step[1]
        off.append((np.array([x, y]) / z - seen) * px)
        pixel = np.array([[1 / z, 0, -x / z**2], [0, 1 / z, -y / z**2]]) * px
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        J.append(pixel @ np.hstack([cross, -np.eye(3)]))
    return np.array(off).reshape(-1, 2), -np.array(J).reshape(-1, 2, 6)


def fold_displaced(off, J, outlier):
    """(H, g, square) of the residuals near their median."""
    near = (np.abs(off - np.median(off, axis=0)) < outlier).all(axis=1)
    J, off = J[near].reshape(-1, 6), off[near].ravel()
    return J.T @ J, J.T @ off, off @ off


def median(values):
    return np.median(values)


def fold_turn(R, residual):
    """(H, g, square) of a residual (3,) [rad] of the turn R."""
    skew = 0.5 * (R - R.T)
    return skew.T @ skew, skew.T @ residual, residual @ residual
