"""Whether cam1 stands where it is said to: what its residuals leave to another pose of it.

Depths and poses give way to a wrong cam1 and hide most of it, but what is left keeps a pattern, in
keyframe after keyframe: that of a camera turned or moved a little. Noise has none.
"""

import numpy as np

from vio._jit import kernel
from vio.events import AT
from vio.window.sight import camera_poses, place, view

KEYFRAMES, FEWEST_KEYFRAMES, FEWEST = 100, 20, 20
"""Keyframes the pose is fitted to; fewest of them, and of features in one."""
OUTLIER = 2.0
"""Distance from the median residual that leaves one out [px]."""
FARTHEST, HALVINGS = 8.0, 12
"""Largest median residual that can be told [px], and how often its range is halved: to 0.004 px."""
LOOSE = np.diag(np.full(6, 0.02**-2.0))
"""What is assumed of the pose, 1/rad^2 and 1/m^2, of pixels: next to nothing."""
SUMS = 21 + 6 + 1
FULL = np.array(
    [[max(i, j) * (max(i, j) + 1) // 2 + min(i, j) for j in range(6)] for i in range(6)]
)
"""Place of every element of the symmetric matrix in the packed one."""


class Displaced:
    """Fits a pose of cam1 to its residuals in a SlidingWindow.

    Attributes:
        pose: (6,) how far cam1 is turned [rad] and shifted [m], in its own axes, at the least.
        share: share of its squared residuals that this explains; 0 of too few keyframes.
    """

    def __init__(self, sums):
        """`sums`: (SUMS,) float64 of the arena, as `fold_displaced` has it."""
        self.sums = sums
        self.reset()

    def reset(self):
        """Forget every keyframe."""
        self.keyframes, self.sums[:] = 0, 0.0
        self.pose, self.share = np.zeros(6), 0.0

    def see(self, window):
        """The newest frame, a keyframe."""
        keep = 1.0 - 1.0 / KEYFRAMES
        rows, sight = window.work.block[:2], window.sight
        seen = fold_displaced(sight, window.bearings, window.newest, keep, rows, self.sums)
        window.work.counts[AT.slots_used] += window.order.size
        if seen < FEWEST:
            return
        self.keyframes += 1
        g, square = self.sums[21:27], float(self.sums[27])
        if self.keyframes >= FEWEST_KEYFRAMES and square > 0.0:
            self.pose = np.linalg.solve(self.sums[FULL] + LOOSE, g)
            self.share = float(g @ self.pose) / square


@kernel
def fold_displaced(sight, bearings, slot, keep, rows, sums):
    """Fold the residuals of cam1 in a frame into the equations of another pose of it.

    A camera turned by w and shifted by t, in its axes, sees q - w x q - rho t.

    Args:
        sight: Sight. bearings: Bearings, scratch; it bounds how many landmarks are used.
        slot: of the frame. keep: what stays of the sums before. rows: (2, 6) scratch.
        sums: (28,) in/out: H (6, 6) packed lower, g (6,), sum of squares [px^2].

    Returns:
        landmarks seen; fewer than FEWEST are not folded.
    """
    landmarks, step = sight.landmarks, sight.ext.step
    cams, counts, off, rays = sight.cams, sight.counts, bearings.rays1, bearings.rays0
    n, known = 0, 0
    camera_poses(sight.slots, sight.ext, 1, cams)
    for m in range(landmarks.id.shape[0]):
        if landmarks.active[m] == 0:
            continue
        known += 1
        px = landmarks.weight[m, slot, 1] * step[1]
        if px == 0.0 or n == off.shape[0]:
            continue
        Y, rho = place(landmarks, cams, m)
        qx, qy, qz = view(cams, slot, 0, 1, Y, rho)
        rays[n, 0], rays[n, 1] = qx / qz, qy / qz
        off[n, 0] = (qx / qz - landmarks.xy[m, slot, 1, 0] * step[0]) * px
        off[n, 1] = (qy / qz - landmarks.xy[m, slot, 1, 1] * step[0]) * px
        bearings.weight0[n], bearings.weight1[n] = rho / qz, px
        n += 1
    counts[AT.displacements] += 1
    counts[AT.displaced_known] += known
    counts[AT.displaced_seen] += n
    if n < FEWEST:
        return n
    right, down = median(off, n, 0), median(off, n, 1)
    for k in range(SUMS):
        sums[k] *= keep
    near = 0
    for k in range(n):
        u, v = off[k, 0], off[k, 1]
        if abs(u - right) >= OUTLIER or abs(v - down) >= OUTLIER:
            continue
        near += 1
        x, y, rho, px = rays[k, 0], rays[k, 1], bearings.weight0[k], bearings.weight1[k]
        rows[0, 0], rows[0, 1], rows[0, 2] = -px * x * y, px * (1.0 + x * x), -px * y
        rows[0, 3], rows[0, 4], rows[0, 5] = px * rho, 0.0, -px * x * rho
        rows[1, 0], rows[1, 1], rows[1, 2] = -px * (1.0 + y * y), px * x * y, px * x
        rows[1, 3], rows[1, 4], rows[1, 5] = 0.0, px * rho, -px * y * rho
        for a in range(6):
            one, two = rows[0, a], rows[1, a]
            for b in range(a + 1):
                sums[a * (a + 1) // 2 + b] += one * rows[0, b] + two * rows[1, b]
            sums[21 + a] += one * u + two * v
        sums[27] += u * u + v * v
    counts[AT.displaced_folds] += 1
    counts[AT.displaced_folded] += n
    counts[AT.displaced_near] += near
    return n


@kernel
def median(values, n, axis):
    """Median of the first n values of a column of (N, 2), by halving its range."""
    low, high = -FARTHEST, FARTHEST
    for _ in range(HALVINGS):
        middle, below = 0.5 * (low + high), 0
        for k in range(n):
            below += values[k, axis] < middle
        if 2 * below > n:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
