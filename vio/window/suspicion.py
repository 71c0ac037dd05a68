"""Whether the calibration given can be right, in words for whoever has to mend it.

Three signs, each cheap and blind to what is merely noisy: stereo matches off their epipolar lines;
features that cam1 sees aside of where everything else puts them; turns of the gyro about other
axes than those of the pictures.
"""

import numpy as np

from vio.imu.calibration import skew

MATCHES = 100
"""Stereo matches over which the share of refused ones is a mean."""
KEYFRAMES, FEWEST_KEYFRAMES, FEWEST = 100, 20, 20
"""Keyframes the offset of cam1 is a mean of; fewest of them, and of features in one."""
FRAMES, FEWEST_FRAMES = 1200, 200
"""Frames the turn of the imu is fitted to; fewest of them."""
TURN_CHI2, TURN_SHARE = 100.0, 0.1
"""Chi-square (of three) and share of the inertial residuals explained that show a turned imu."""


class Suspicion:
    """Judges what the stereo matches, the residuals and the watched calibration say.

    Attributes:
        stereo: share of the latest stereo matches that are off their epipolar line.
        aside: root mean square of cam1's median residual in the latest keyframes [px].
    """

    def __init__(self, config):
        self.config = config
        self.reset()

    def reset(self):
        """Believe everything again."""
        self.stereo, self.tested = 0.0, 0
        self.aside, self.keyframes = 0.0, 0
        self.H, self.g, self.square, self.rows = np.zeros((3, 3)), np.zeros(3), 0.0, 0.0

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
            return  # not the calibration is to blame
        row = int(window.slots.motion[slot]) - 1
        R, own = window.pre.R[row], float(window.pre.whiten[row, 0])
        turn = 0.5 * np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
        self.fit(turn, window.work.small[19, :3] / own)  # which `misfit` has left there
        if keyframe:
            self.see(right_residual(window))

    def fit(self, turn, residual):
        """Explain what is left of a turn (3,) of the gyro [rad] by an imu turned on the rig."""
        J = skew(turn)
        keep = 1.0 - 1.0 / FRAMES
        self.H = keep * self.H + J.T @ J
        self.g = keep * self.g + J.T @ residual
        self.square = keep * self.square + float(residual @ residual)
        self.rows = keep * self.rows + 3.0

    def see(self, residual):
        """Median residual (2,) [px] of cam1 in a keyframe, or None."""
        if residual is not None:
            self.keyframes += 1
            square = float(residual @ residual) - self.aside**2
            self.aside = np.sqrt(self.aside**2 + square / min(self.keyframes, KEYFRAMES))

    @property
    def cameras(self) -> bool:
        """Whether the two cameras cannot be where they are said to be."""
        matches = self.tested > MATCHES and self.stereo > self.config.max_refused
        return matches or self.sees_aside

    @property
    def sees_aside(self) -> bool:
        """Whether cam1 is off to one side or the other, from keyframe to keyframe."""
        return self.keyframes >= FEWEST_KEYFRAMES and self.aside > self.config.max_aside

    @property
    def imu(self) -> bool:
        """Whether the imu cannot be turned as it is said to be."""
        if self.rows < 3 * FEWEST_FRAMES or self.square == 0.0:
            return False
        explained = float(self.g @ np.linalg.solve(self.H + 1e-4 * np.eye(3), self.g))
        share = explained / self.square
        return share > TURN_SHARE and self.rows * share > TURN_CHI2 * (1.0 - share)

    def words(self, calibration, n_held) -> str:
        """What is wrong, or an empty string.

        Args:
            calibration: (n,) in use, see vio/imu/calibration.py. n_held: not estimated of it.
        """
        found = []
        if self.cameras:
            text = f"cam1 against cam0, {self.stereo:.0%} of the matches do not fit"
            found.append(text + (f", {self.aside:.2f} px aside" if self.sees_aside else ""))
        if calibration.size == 7 and n_held == 0:
            turn = np.degrees(np.linalg.norm(calibration[1:4]))
            shift = 1e3 * np.linalg.norm(calibration[4:])
            found.append(f"imu turned {turn:.2f} deg, shifted {shift:.0f} mm against the cameras")
        elif self.imu:
            found.append("imu turned against the cameras")
        return f"calibration suspect: {'; '.join(found)}" if found else ""


def right_residual(window):
    """Median residual (2,) [px] of cam1 in the newest frame, None if it sees few landmarks."""
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
    off = q[:, :2] / q[:, 2:] - lm.xy[rows, s, 1] * ext.step[0]
    return np.median(off * (lm.weight[rows, s, 1, None] * ext.step[1]), axis=0)
