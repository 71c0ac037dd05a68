"""Whether two cameras and an accelerometer agree about lengths.

A wrong baseline makes the whole world too long or too short, and nothing that is seen denies it.
The accelerometer does: over two spans of time, one after the other, the change of the mean velocity
is known from the positions and, without any velocity, from the forces. Which of the two is noisy
is not known, so each is explained by the other; the true factor lies in between.
"""

import numpy as np

from vio._jit import kernel
from vio.events import AT

SPAN_S = 0.25
"""Length of a span: long against the noise of a position, short against what a bias can hide."""
PAIRS, FEWEST_PAIRS = 240, 40
"""Pairs of spans the factor is a mean of; fewest of them."""
SIGMAS = 5.0
"""How certain the factor has to be, standard deviations."""


class Scale:
    """Compares the lengths of a SlidingWindow with those of its inertial intervals.

    Attributes:
        error: by what share lengths are too long, at the least; 0 where that is not known.
    """

    def __init__(self, moved):
        """`moved`: (7,) float64 of the arena, as `fold_motion` has it."""
        self.moved = moved
        self.reset()

    def reset(self):
        """Forget every span."""
        self.n, self.error = 0.0, 0.0
        self.mean = np.zeros((2, 3))  # of what is seen, of what is felt
        self.square = np.zeros((2, 2))  # their products about it
        self.pause()

    def pause(self):
        """The next span has no neighbour."""
        self.before, self.begin, self.t_ns = None, None, 0

    def add(self, window):
        """The interval that ends in the newest slot."""
        slots, i, j = window.slots, int(window.order[-2]), window.newest
        if slots.t_ns[i] != self.t_ns:
            self.pause()
        self.t_ns, row = slots.t_ns[j], int(slots.motion[j]) - 1
        if self.begin is None:
            self.begin, self.moved[:] = slots.p[i].copy(), 0.0
        fold_motion(
            slots.R[i], slots.bias[i], slots.calibration, window.pre, row, self.moved,
            window.work.counts,
        )  # fmt: skip
        if self.moved[6] > SPAN_S - 1e-3:
            self.close(slots.p[j].copy(), window.config.gravity)

    def close(self, end, gravity):
        """End a span at a position (3,) [m]."""
        length = float(self.moved[6])
        span = (end - self.begin) / length, self.moved[:3] / length, self.moved[3:6].copy(), length
        if self.before is not None:
            seen, dp, dv, dt = self.before
            felt = dv + span[1] - dp
            felt[2] -= 0.5 * gravity * (dt + length)
            self.compare(span[0] - seen, felt)
        self.before, self.begin = span, None

    def compare(self, seen, felt):
        """Changes of the mean velocity (3,) [m/s] between two spans."""
        keep = 1.0 - 1.0 / PAIRS
        both = np.array([seen, felt])
        self.n = keep * self.n + 1.0
        off = both - self.mean
        self.mean += off / self.n
        self.square = keep * self.square + off @ (both - self.mean).T
        self.error = self.judge() if self.n > FEWEST_PAIRS else 0.0

    def judge(self) -> float:
        """The share the two differ by at the least, 0 if it may be chance."""
        (xx, xy), (_, yy) = self.square
        if xy <= 0.0:
            return 0.0
        low, high = xy / yy - 1.0, xx / xy - 1.0
        least = low if low > 0.0 else min(high, 0.0)
        noise = xx - xy * xy / yy  # what is seen and not felt
        return least if least * least * 3.0 * self.n * yy > SIGMAS**2 * noise else 0.0


@kernel
def fold_motion(R, bias, calibration, pre, row, moved, counts):
    """Go on by one interval: what the forces say of the motion since the begin of a span.

    Args:
        R: (3, 3) R_world_imu, bias: (6,), where the interval begins. calibration: (n,).
        pre: Preintegrated, the interval in its `row`. moved: (7,) in/out: position [m] without
            the first velocity and gravity, velocity likewise [m/s], time [s]. counts: of Work.
    """
    dt = pre.dt[row]
    p0, p1, p2 = pre.p[row, 0], pre.p[row, 1], pre.p[row, 2]
    v0, v1, v2 = pre.v[row, 0], pre.v[row, 1], pre.v[row, 2]
    for k in range(pre.bias.shape[1]):
        off = (bias[k] if k < 6 else calibration[k - 6]) - pre.bias[row, k]
        p0 += pre.J[row, 3, k] * off
        p1 += pre.J[row, 4, k] * off
        p2 += pre.J[row, 5, k] * off
        v0 += pre.J[row, 6, k] * off
        v1 += pre.J[row, 7, k] * off
        v2 += pre.J[row, 8, k] * off
    for a in range(3):
        x, y, z, v = R[a, 0], R[a, 1], R[a, 2], moved[3 + a]
        moved[a] += v * dt + (x * p0 + y * p1 + z * p2)
        moved[3 + a] = v + (x * v0 + y * v1 + z * v2)
    moved[6] += dt
    counts[AT.motions_folded] += 1
