"""Whether cam1 stands where it is said to: what its residuals leave to another pose of it.

Depths and poses give way to a wrong cam1 and hide most of it, but what is left keeps a pattern, in
keyframe after keyframe: that of a camera turned or moved a little. Noise has none.
"""

import numpy as np

KEYFRAMES, FEWEST_KEYFRAMES, FEWEST = 100, 20, 20
"""Keyframes the pose is fitted to; fewest of them, and of features in one."""
OUTLIER = 2.0
"""Distance from the median residual that leaves one out [px]."""
LOOSE = np.diag(np.full(6, 0.02**-2.0))
"""What is assumed of the pose, 1/rad^2 and 1/m^2, of pixels: next to nothing."""


class Displaced:
    """Fits a pose of cam1 to its residuals in a SlidingWindow.

    Attributes:
        pose: (6,) how far cam1 is turned [rad] and shifted [m], in its own axes, at the least.
        share: share of its squared residuals that this explains; 0 of too few keyframes.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget every keyframe."""
        self.keyframes, self.square = 0, 0.0
        self.H, self.g = np.zeros((6, 6)), np.zeros(6)
        self.pose, self.share = np.zeros(6), 0.0

    def see(self, window):
        """The newest frame, a keyframe."""
        found = residuals(window)
        if found is None:
            return
        off, J = found
        near = (np.abs(off - np.median(off, axis=0)) < OUTLIER).all(axis=1)
        J, off = J[near].reshape(-1, 6), off[near].ravel()
        keep, self.keyframes = 1.0 - 1.0 / KEYFRAMES, self.keyframes + 1
        self.H = keep * self.H + J.T @ J
        self.g = keep * self.g + J.T @ off
        self.square = keep * self.square + float(off @ off)
        if self.keyframes >= FEWEST_KEYFRAMES and self.square > 0.0:
            self.pose = np.linalg.solve(self.H + LOOSE, self.g)
            self.share = float(self.g @ self.pose) / self.square


def residuals(window):
    """Residuals of cam1 in the newest frame, and what it would change them to be elsewhere.

    Returns:
        (residuals (n, 2) [px], (n, 2, 6) by turn and shift of cam1 in its axes [px/rad, px/m]),
        None if it sees few landmarks.
    """
    lm, slots, ext, s = window.landmarks, window.slots, window.ext, window.newest
    rows = np.flatnonzero(lm.active & (lm.weight[:, s, 1] > 0))
    if rows.size < FEWEST:
        return None
    host, (x, y, rho) = lm.host[rows], lm.point[rows].astype(float).T
    rho = rho[:, None]
    rays = np.column_stack([x, y, np.ones(rows.size)])
    ahead = rays @ ext.R_imu_cam[0].T + rho * ext.p_imu_cam[0]
    ahead = (slots.R[host] @ ahead[:, :, None])[:, :, 0] + rho * (slots.p[host] - slots.p[s])
    q = (ahead @ slots.R[s] - rho * ext.p_imu_cam[1]) @ ext.R_imu_cam[1]
    (x, y), near, o = q[:, :2].T / q[:, 2], rho[:, 0] / q[:, 2], np.zeros(rows.size)
    off = np.column_stack([x, y]) - lm.xy[rows, s, 1] * ext.step[0]
    # A camera turned by w and shifted by t sees q - w x q - rho t.
    J = np.array([[x * y, -(1 + x * x), y, -near, o, x * near],
                  [1 + y * y, -x * y, -x, o, -near, y * near]])  # fmt: skip
    px = lm.weight[rows, s, 1] * ext.step[1]
    return off * px[:, None], -J.transpose(2, 0, 1) * px[:, None, None]
