"""Whether the calibration given can be right, in words for whoever has to mend it.

Four signs, each cheap and blind to what is merely noisy: stereo matches off their epipolar lines;
residuals of cam1 that another pose of it explains; turns of the gyro about other axes than those of
the pictures; lengths that the accelerometer denies.
"""

import numpy as np

from vio.imu.calibration import skew
from vio.window.displaced import Displaced
from vio.window.scale import Scale

MATCHES = 100
"""Stereo matches over which the share of refused ones is a mean."""
FRAMES, FEWEST_FRAMES = 1200, 200
"""Frames the turn of the imu is fitted to; fewest of them."""
TURN_CHI2, TURN_SHARE = 100.0, 0.1
"""Chi-square (of three) and share of the inertial residuals explained that show a turned imu."""


class Suspicion:
    """Judges what the stereo matches, the residuals and the watched calibration say.

    Attributes:
        stereo: share of the latest stereo matches that are off their epipolar line.
        displaced: cam1 against where it is said to be.
        scale: lengths against the accelerometer.
    """

    def __init__(self, config):
        self.config, self.displaced, self.scale = config, Displaced(), Scale()
        self.reset()

    def reset(self):
        """Believe everything again."""
        self.stereo, self.tested = 0.0, 0
        self.H, self.g, self.square, self.rows = np.zeros((3, 3)), np.zeros(3), 0.0, 0.0
        self.displaced.reset()
        self.scale.reset()

    def count(self, tested, refused):
        """Matches of one frame held against their epipolar line, and of them refused."""
        if tested:
            self.tested += tested
            share = tested / min(self.tested, max(MATCHES * 10, tested))
            self.stereo += share * (refused / tested - self.stereo)

    def look(self, window, keyframe):
        """The residuals of a window after a frame was added."""
        slot = window.newest
        if window.gap or window.slots.doubt[slot]:
            self.scale.pause()
            return  # not the calibration is to blame
        if window.rig.cam1 is not None:
            self.scale.add(window)
        row = int(window.slots.motion[slot]) - 1
        R, own = window.pre.R[row], float(window.pre.whiten[row, 0])
        turn = 0.5 * np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
        self.fit(turn, window.work.small[19, :3] / own)  # which `misfit` has left there
        if keyframe:
            self.displaced.see(window)

    def fit(self, turn, residual):
        """Explain what is left of a turn (3,) of the gyro [rad] by an imu turned on the rig."""
        J = skew(turn)
        keep = 1.0 - 1.0 / FRAMES
        self.H = keep * self.H + J.T @ J
        self.g = keep * self.g + J.T @ residual
        self.square = keep * self.square + float(residual @ residual)
        self.rows = keep * self.rows + 3.0

    @property
    def cameras(self) -> bool:
        """Whether the two cameras cannot be where they are said to be."""
        matches = self.tested > MATCHES and self.stereo > self.config.max_refused
        return matches or self.displaced.share > self.config.max_displaced

    @property
    def imu(self) -> bool:
        """Whether the imu cannot be turned as it is said to be."""
        if self.rows < 3 * FEWEST_FRAMES or self.square == 0.0:
            return False
        explained = float(self.g @ np.linalg.solve(self.H + 1e-4 * np.eye(3), self.g))
        share = explained / self.square
        return share > TURN_SHARE and self.rows * share > TURN_CHI2 * (1.0 - share)

    @property
    def lengths(self) -> bool:
        """Whether the cameras cannot be as far apart as they are said to be."""
        return abs(self.scale.error) > self.config.scale_error

    def words(self, calibration, n_held) -> str:
        """What is wrong, or an empty string.

        Args:
            calibration: (n,) in use, see vio/imu/calibration.py. n_held: not estimated of it.
        """
        found = []
        if self.cameras:
            text = f"cam1 against cam0, {self.stereo:.0%} of the matches do not fit"
            found.append(text + self.at_least())
        if self.lengths:
            way = "long" if self.scale.error > 0 else "short"
            found.append(f"baseline {abs(self.scale.error):.0%} too {way} for the accelerometer")
        if calibration.size == 7 and n_held == 0:
            turn = np.degrees(np.linalg.norm(calibration[1:4]))
            shift = 1e3 * np.linalg.norm(calibration[4:])
            found.append(f"imu turned {turn:.2f} deg, shifted {shift:.0f} mm against the cameras")
        elif self.imu:
            found.append("imu turned against the cameras")
        return f"calibration suspect: {'; '.join(found)}" if found else ""

    def at_least(self) -> str:
        """How far cam1 is away, as far as that shows."""
        if self.displaced.share <= self.config.max_displaced:
            return ""
        turn, shift = np.linalg.norm(self.displaced.pose.reshape(2, 3), axis=1)
        return f", at least {np.degrees(turn):.2f} deg and {1e3 * shift:.0f} mm off"
