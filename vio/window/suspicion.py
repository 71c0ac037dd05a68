"""Whether the calibration given can be right, in words for whoever has to mend it.

Four signs, each cheap and blind to what is merely noisy: stereo matches off their epipolar lines;
residuals of cam1 that another pose of it explains; turns of the gyro about other axes than those of
the pictures; lengths that the accelerometer denies.
"""

import numpy as np

from vio.window.displaced import Displaced
from vio.window.scale import Scale
from vio.window.turned import Turned

MATCHES = 100
"""Stereo matches over which the share of refused ones is a mean."""
LATE_S = 0.055
"""Offset of the imu's clock that is told; up to 50 ms it is corrected in silence."""


class Suspicion:
    """Judges what the stereo matches, the residuals and the watched calibration say.

    Attributes:
        stereo: share of the latest stereo matches that are off their epipolar line.
        displaced: cam1 against where it is said to be.
        turned: the imu against the axes it is said to have.
        scale: lengths against the accelerometer.
    """

    def __init__(self, config, signs):
        """`config`: HealthConfig. `signs`: Signs of the arena."""
        self.config, self.scale = config, Scale(signs.moved)
        self.displaced, self.turned = Displaced(signs.cam1), Turned(signs.imu)
        self.reset()

    def reset(self):
        """Believe everything again."""
        self.stereo, self.tested = 0.0, 0
        self.displaced.reset()
        self.turned.reset()
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
        self.turned.see(window)
        if keyframe:
            self.turned.judge()
            self.displaced.see(window)

    @property
    def cameras(self) -> bool:
        """Whether the two cameras cannot be where they are said to be."""
        matches = self.tested > MATCHES and self.stereo > self.config.max_refused
        return matches or self.displaced.share > self.config.max_displaced

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
        if calibration.size and abs(calibration[0]) > LATE_S:
            late = "late" if calibration[0] > 0 else "early"
            found.append(f"imu {1e3 * abs(calibration[0]):.0f} ms {late} against the cameras")
        if self.lengths:
            way = "long" if self.scale.error > 0 else "short"
            found.append(f"baseline {abs(self.scale.error):.0%} too {way} for the accelerometer")
        if calibration.size == 7 and n_held == 0:
            turn = np.degrees(np.linalg.norm(calibration[1:4]))
            shift = 1e3 * np.linalg.norm(calibration[4:])
            found.append(f"imu turned {turn:.2f} deg, shifted {shift:.0f} mm against the cameras")
        elif self.turned.present:
            found.append("imu turned against the cameras")
        return f"calibration suspect: {'; '.join(found)}" if found else ""

    def at_least(self) -> str:
        """How far cam1 is away, as far as that shows."""
        if self.displaced.share <= self.config.max_displaced:
            return ""
        turn, shift = np.linalg.norm(self.displaced.pose.reshape(2, 3), axis=1)
        return f", at least {np.degrees(turn):.2f} deg and {1e3 * shift:.0f} mm off"
