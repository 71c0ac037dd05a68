"""The imu's clock is estimated; its place on the rig is believed until it is shown wrong.

While it is held nothing depends on it, but what it would be comes with every solution: the last
rows of the factor (`solve.held_back`). See vio/imu/calibration.py for what it is.
"""

import math

import numpy as np

from vio.imu import calibration
from vio.window.solve import cholesky, forward, held_back

KNOWN_S = 1e-3
"""Standard deviation of the time offset from which on one camera alone may move it [s]."""
ASTRAY = 5.0
"""Deviations around what was known at any time within which a constant offset stays."""
SETTLED_FRAMES = 60
"""Frames for which it has to have stayed there before another is held against the samples, and
frames in a row that must show another all the same."""
WRONG_FRAMES = 20
"""Frames in a row that must show the imu elsewhere."""


class Watch:
    """Knows how far to believe the calibration of a SlidingWindow.

    Attributes:
        sigma: (n,) its standard deviations, of what is held those it would have.
    """

    def __init__(self, window):
        self.window, self.config = window, window.config
        # Behind the covariance of the newest state, which is wanted at the same time.
        self.scratch = window.work.small.reshape(-1)[window.cov.size :]
        self.forget()

    def forget(self):
        """Take the rig's calibration as it was given."""
        slots = self.window.slots
        slots.calibration[:] = 0.0
        self.place = max(slots.calibration.size - 1, 0)  # rows of the imu's place while held
        # While one camera alone has hardly found the scale, a free offset runs away with it.
        self.known = self.window.rig.cam1 is not None
        slots.held[0] = self.place if self.known else slots.calibration.size
        self.sigma = calibration.sigmas(self.config)
        self.late, self.wrong = 0, 0  # frames in a row that say so
        self.forget_offset()
        self.learned_at = 0.0  # the time offset when it was last learned anew [s]
        self.window.imu.offset_sigma = self.config.time_offset_sigma

    def forget_offset(self):
        """The time offset may be anything."""
        self.within, self.stayed = (-np.inf, np.inf), 0  # for so many frames
        self.before, self.stale = 0.0, False

    def begin(self):
        """Before the window starts: what is learned from now on is learned here."""
        x = self.window.slots.calibration
        self.learned_at = float(x[0]) if x.size else 0.0

    def tell(self):
        """Before a frame: tell the preintegration how well the offset is known."""
        if self.sigma.size:
            self.window.imu.offset_sigma = float(self.sigma[0])

    def follow(self):
        """Before a frame is added: learn anew if the offset has moved far."""
        x = self.window.slots.calibration
        if x.size:
            moved = abs(x[0] - self.learned_at)
            far = moved > max(self.config.relearn_offset, 4.0 * self.sigma[0])
            if self.stale or (far and self.stayed < SETTLED_FRAMES):
                self.relearn()
            self.before = float(x[0])
            reach = max(ASTRAY * float(self.sigma[0]), self.config.relearn_offset)
            low, high = self.within
            self.within = max(low, self.before - reach), min(high, self.before + reach)
            self.stayed += 1

    def astray(self) -> bool:
        """After a solution: hold the offset where it was if it is where it cannot be.

        A clock that was late by so much still is: a sensor has failed.

        Returns:
            whether it has: a solution without it is wanted.
        """
        slots = self.window.slots
        n, x = slots.calibration.size, slots.calibration
        if int(slots.held[0]) == n or self.within[0] <= x[0] <= self.within[1]:
            return False
        if self.stayed < SETTLED_FRAMES:
            self.forget_offset()
            return False
        x[0], slots.held[0] = self.before, n
        return True

    def relearn(self):
        """Forget what was learned of the calibration: the time offset has moved too far for it.

        The prior keeps what it knows of everything else whatever the calibration is.
        """
        window = self.window
        prior, L, x = window.prior, window.system.H, window.slots.calibration
        n, at = int(prior.dim[0]), int(prior.dim[0]) - x.size
        rows = np.zeros((n, n))
        rows[np.tril_indices(n)] = prior.L[: n * (n + 1) // 2]
        H, g = rows @ rows.T, rows @ prior.r[:n]
        gain = np.linalg.solve(H[at:, at:], H[at:, :at])
        H[:at, :at] -= H[:at, at:] @ gain
        g[:at] -= gain.T @ g[at:]
        H[at:], H[:, at:] = 0.0, 0.0
        self.sigma = calibration.sigmas(self.config)
        information = self.sigma**-2
        H[range(at, n), range(at, n)], g[at:] = information, -information * x
        self.learned_at = float(x[0])
        L[: n * (n + 1) // 2] = H[np.tril_indices(n)]
        cholesky(L, n, 1e-12, window.system.d, window.work.panel)
        prior.L[: n * (n + 1) // 2] = L[: n * (n + 1) // 2]
        prior.r[:n] = g
        forward(L, n, prior.r)
        window.imu.offset_sigma = self.config.time_offset_sigma
        if self.stale:
            self.forget_offset()

    def judge(self, limits, tally):
        """After a solution: let go what it shows to be wrong; the next one takes the step.

        Args:
            limits: HealthConfig; its smallest turn and shift that count.
        """
        window, slots = self.window, self.window.slots
        held, x, n = int(slots.held[0]), slots.calibration, slots.calibration.size
        if not held:
            return
        step, cov = self.scratch[:held], self.scratch[n : n + held**2].reshape(held, held)
        held_back(window.system, int(window.system.calibration_at[0]) + n, held, step, cov)
        tally.put("covariances", (1, held**2, held**3, held, held**2))
        self.sigma[n - held :] = np.sqrt(cov.diagonal())
        if window.gap or window.doubt.present or slots.doubt[window.newest]:
            self.late, self.wrong = 0, 0
            return  # the samples are to blame
        if held == n and not self.known:
            self.known = bool(self.sigma[0] < KNOWN_S)
            slots.held[0] = self.place if self.known else n
        elif held == n:
            late = not self.within[0] <= x[0] + step[0] <= self.within[1]
            self.late = self.late + 1 if late else 0
            self.stale = self.late > SETTLED_FRAMES
            if self.stale or not late:
                slots.held[0], self.late = self.place, 0
        if self.place and window.rig.cam1 is not None:  # one eye may be wrong about the scale
            turn, shift = slice(held - 6, held - 3), slice(held - 3, held)
            wrong = beyond(step[turn], cov[turn, turn], limits.turn_error, limits.turn_sigmas)
            wrong |= beyond(step[shift], cov[shift, shift], limits.shift_error, limits.shift_sigmas)
            self.wrong = self.wrong + 1 if wrong else 0
            if self.wrong > WRONG_FRAMES:
                slots.held[0] = self.place = 0


def beyond(x, cov, least: float, sigmas: float) -> bool:
    """Whether a vector (3,) is longer than `least`, and that certain."""
    if math.sqrt(x @ x) <= least:  # mostly: the rest is not worth its time
        return False
    return bool(x @ np.linalg.pinv(cov) @ x > sigmas**2)
