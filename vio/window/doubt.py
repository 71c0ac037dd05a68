"""Inertial samples that contradict the pictures are believed less.

A sensor that jumps, sticks or strikes shows in the intervals of the window: together they fit the
states far worse than their noise allows. The deviations of all of them are then enlarged until
they fit, and their biases may have jumped: what follows finds them anew. What is too
small to be told from a rough moment is told when it lasts.
"""

import math

import numpy as np

TIMES = 3
"""How often the deviations are enlarged for a frame, at the most."""
TOO_FAR = 4.0
"""How much more than needed: what is rejected or seen as an outlier meanwhile hides some of it."""
KEEP = 0.5
"""Share of a doubt that is left for the next interval."""
DEEP = 10.0
"""Doubt that is told even where it is left from the interval before."""
UNEASY, OVERRULED = 1.0, 0.1
"""Misfit, and share of a frame's observations rejected, that show together who is wrong."""
LASTING_S = 1.0
"""Time over which a misfit is a mean."""


class Doubt:
    """Holds the inertial intervals of a SlidingWindow against its states.

    Attributes:
        present: whether the newest frame gave reason for it.
        speed_sigma: deviation of the newest velocity [m/s].
        lasting: recent mean of the misfit.
    """

    def __init__(self, window):
        self.window, self.config = window, window.config
        self.forget()

    def forget(self):
        """Believe everything again."""
        self.window.slots.doubt[:] = 0.0
        self.present, self.speed_sigma, self.lasting = False, np.inf, 0.0

    def carry(self, last, slot):
        """What was doubted is not believed at once again."""
        left = KEEP * self.window.slots.doubt[last]
        self.window.slots.doubt[slot] = left if left > KEEP else 0.0

    def rests(self, slot) -> bool:
        """Whether the state allows for a rest: a turn may hide a motion from the pictures."""
        v = self.window.slots.v[slot]
        slack = self.config.still_speed + self.speed_sigma
        return math.sqrt(v @ v) < 4.0 * slack

    def settle(self):
        """After a solution: enlarge deviations and solve again until pictures and samples agree."""
        window, c = self.window, self.config
        dt = float(window.pre.dt[int(window.slots.motion[window.newest]) - 1])
        self.lasting += (window.misfit - self.lasting) * min(dt / LASTING_S, 1.0)
        unfit = window.misfit > c.max_misfit or self.lasting > c.lasting_misfit
        if unfit:
            self.lasting = 0.0
            self.loosen()
        for _ in range(TIMES - 1):
            if window.misfit > c.max_misfit:
                self.loosen()
        self.present = unfit or window.slots.doubt[window.newest] > DEEP

    def overrules(self) -> bool:
        """Whether the samples outvote the pictures: much of what is seen had to go."""
        window = self.window
        if window.misfit <= UNEASY or not window.dropped:
            return False
        gone = window.dropped > OVERRULED * (2 * window.support() + window.dropped)
        self.present |= gone
        return gone

    def loosen(self):
        """Enlarge the deviations of every interval by how badly it fits, and solve again."""
        slots, order = self.window.slots, self.window.order
        ends = order[slots.motion[order] > 0][1:]
        chi = self.window.work.delta[: ends.size]
        more = TOO_FAR * np.sqrt(np.maximum(chi, 1.0)) * (1.0 + slots.doubt[ends]) - 1.0
        slots.doubt[ends] = np.maximum(more, 0.1)
        self.window.optimise(self.config.iterations)
