"""Whether the calibration given can be right, in words for whoever has to mend it."""

import numpy as np

MATCHES = 100
"""Stereo matches over which the share of refused ones is a mean."""


class Suspicion:
    """Judges what the stereo matches and the watched calibration say.

    Attributes:
        stereo: share of the latest stereo matches that are off their epipolar line.
    """

    def __init__(self, config):
        self.config = config
        self.reset()

    def reset(self):
        """Believe everything again."""
        self.stereo, self.tested = 0.0, 0

    def count(self, tested, refused):
        """Matches of one frame held against their epipolar line, and of them refused."""
        if tested:
            self.tested += tested
            share = tested / min(self.tested, max(MATCHES * 10, tested))
            self.stereo += share * (refused / tested - self.stereo)

    @property
    def cameras(self) -> bool:
        """Whether the two cameras cannot be where they are said to be."""
        return self.tested > MATCHES and self.stereo > self.config.max_refused

    def words(self, calibration, n_held) -> str:
        """What is wrong, or an empty string.

        Args:
            calibration: (n,) in use, see vio/imu/calibration.py. n_held: not estimated of it.
        """
        found = []
        if self.cameras:
            found.append(f"cam1 against cam0, {self.stereo:.0%} of the matches do not fit")
        if calibration.size == 7 and n_held == 0:
            turn = np.degrees(np.linalg.norm(calibration[1:4]))
            shift = 1e3 * np.linalg.norm(calibration[4:])
            found.append(f"imu turned {turn:.2f} deg, shifted {shift:.0f} mm against the cameras")
        return f"calibration suspect: {'; '.join(found)}" if found else ""
