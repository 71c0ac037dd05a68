"""Inertial samples that contradict the pictures are believed less.

A sensor that jumps, sticks or strikes shows in the intervals of the window: together they fit the
states far worse than their noise allows. The deviations of all of them are then enlarged until
they fit, and their biases may have jumped: what follows finds them anew.
"""

import numpy as np

TIMES = 3
"""How often the deviations are enlarged for a frame, at the most."""


class Doubt:
    """Holds the inertial intervals of a SlidingWindow against its states.

    Attributes:
        present: whether the newest frame gave reason for it.
        speed_sigma: deviation of the newest velocity [m/s].
    """

    def __init__(self, window):
        self.window, self.config = window, window.config
        self.forget()

    def forget(self):
        """Believe everything again."""
        self.window.slots.doubt[:] = 0.0
        self.present, self.speed_sigma = False, np.inf

    def rests(self, slot) -> bool:
        """Whether the state allows for a rest: a turn may hide a motion from the pictures."""
        slack = self.config.still_speed + self.speed_sigma
        return float(np.linalg.norm(self.window.slots.v[slot])) < 4.0 * slack

    def settle(self):
        """After a solution: enlarge deviations and solve again until pictures and samples agree."""
        window, c = self.window, self.config
        self.present = window.misfit > c.max_misfit
        for _ in range(TIMES):
            if window.misfit > c.max_misfit:
                self.enlarge()
                window.optimise(c.iterations)

    def enlarge(self):
        """Enlarge the deviations of every interval by how badly it fits."""
        slots, order = self.window.slots, self.window.order
        ends = order[slots.motion[order] > 0][1:]
        chi = self.window.work.delta[: ends.size]
        more = np.sqrt(np.maximum(chi, 1.0)) * (1.0 + slots.doubt[ends]) - 1.0
        slots.doubt[ends] = np.maximum(more, 0.1)
