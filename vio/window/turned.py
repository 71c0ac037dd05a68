"""Whether the imu is turned on the rig as it is said to be.

A turned imu feels every turn about another axis: what the pictures leave of its turns keeps to
their cross product with a small angle, frame after frame.
"""

import numpy as np

from vio._jit import kernel
from vio.events import AT

FRAMES, FEWEST_FRAMES = 1200, 200
"""Frames the angle is fitted to; fewest of them."""
CHI2, SHARE = 100.0, 0.1
"""Chi-square (of three) and share of the inertial residuals explained that show a turned imu."""
SUMS = 9 + 3 + 1 + 1


class Turned:
    """Fits an angle of the imu to the residuals of the inertial intervals.

    Attributes:
        present: whether there is one.
    """

    def __init__(self, sums):
        """`sums`: (SUMS,) float64 of the arena, as `fold_turn` has it."""
        self.sums = sums
        self.reset()

    def reset(self):
        """Forget every frame."""
        self.sums[:], self.present = 0.0, False

    def see(self, window):
        """The interval that ends in the newest slot; its residual is where `misfit` left it."""
        pre, row = window.pre, int(window.slots.motion[window.newest]) - 1
        residual, counts = window.work.small[19], window.work.counts
        fold_turn(pre.R, pre.whiten, row, residual, 1.0 - 1.0 / FRAMES, self.sums, counts)

    def judge(self):
        """Say whether the sums show it."""
        H, g, (square, rows) = self.sums[:9].reshape(3, 3), self.sums[9:12], self.sums[12:]
        if rows < 3 * FEWEST_FRAMES or square == 0.0:
            return
        share = float(g @ np.linalg.solve(H + 1e-4 * np.eye(3), g)) / square
        self.present = share > SHARE and rows * share > CHI2 * (1.0 - share)


@kernel
def fold_turn(turns, whiten, row, residual, keep, sums, counts):
    """Fold what is left of a turn of the gyro into the equations of an imu turned on the rig.

    Args:
        turns, whiten: `R` and `whiten` of Preintegrated. row: of the interval in them.
        residual: (3,) of its rotation, whitened. keep: what stays of the sums before.
        sums: (14,) in/out: H (3, 3), g (3,), sum of squares [rad^2], number of residuals.
        counts: of Work.
    """
    R, own = turns[row], 1.0 / whiten[row, 0]
    x, y, z = 0.5 * (R[2, 1] - R[1, 2]), 0.5 * (R[0, 2] - R[2, 0]), 0.5 * (R[1, 0] - R[0, 1])
    a, b, c = own * residual[0], own * residual[1], own * residual[2]
    for k in range(SUMS):
        sums[k] *= keep
    # J = [turn]x: J^T J = |turn|^2 - turn turn^T, J^T r = r x turn
    sums[0] += y * y + z * z
    sums[4] += x * x + z * z
    sums[8] += x * x + y * y
    sums[1] -= x * y
    sums[3] -= x * y
    sums[2] -= x * z
    sums[6] -= x * z
    sums[5] -= y * z
    sums[7] -= y * z
    sums[9] += b * z - c * y
    sums[10] += c * x - a * z
    sums[11] += a * y - b * x
    sums[12] += a * a + b * b + c * c
    sums[13] += 3.0
    counts[AT.turns_folded] += 1
