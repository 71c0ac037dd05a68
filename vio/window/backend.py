"""Backend: the half of the odometry that knows where it is. Starts, estimates, judges, restarts.

tracks -> (start-up | window) -> health -> estimate -> feedback
"""

import math

import numpy as np

from vio.events import INDEX
from vio.imu import calibration
from vio.types import Estimate, Feedback, Status
from vio.window.estimator import SlidingWindow
from vio.window.initialise import Initialiser
from vio.window.state import Signs
from vio.window.suspicion import Suspicion

STEREO_TESTED, STEREO_REFUSED = INDEX["stereo_tested"], INDEX["stereo_refused"]
UNKNOWN = 1e4  # m, rad, ...: deviation of what is not known


class Backend:
    """Tracks and IMU to estimates with an honest status."""

    def __init__(self, rig, config, imu, arena):
        self.rig, self.config, self.imu = rig, config, imu
        self.window = SlidingWindow(rig, config.window, config.memory, imu, arena)
        self.initialiser = Initialiser(rig, config.window, imu, self.window)
        self.suspicion = Suspicion(config.health, arena.group("signs", Signs))
        self.reset()

    def reset(self):
        """Forget everything; the next start is at the origin."""
        self.window.reset()
        self.window.watch.forget()
        self.suspicion.reset()
        self.status = Status.INITIALISING
        self.anchor_R, self.anchor_p = None, np.zeros(3)
        self.seen_ns = 0  # last frame that the map explained
        self.stereo_ns = 0  # last frame with both cameras
        self.bad_frames = 0
        self.restarts = 0
        self.last = None

    @property
    def running(self) -> bool:
        """Whether the window holds a state."""
        return self.status in (Status.TRACKING, Status.DEGRADED)

    def process(self, tracks, tally) -> Estimate:
        """Estimate of one frame from its tracks; call `marginalise` afterwards."""
        self.window.watch.tell()
        if self.running:
            self.window.add(tracks, tally)
            self.suspicion.count(tally.values[STEREO_TESTED], tally.values[STEREO_REFUSED])
            self.suspicion.look(self.window, tracks.keyframe)
            self.judge(tracks, tally)
        if not self.running and tracks.image:
            self.start_up(tracks, tally)
        self.last = self.estimate(tracks.t_ns)
        return self.last

    def marginalise(self, tally):
        """Shrink the window after the estimate has left: it does not wait for this."""
        if self.running:
            self.window.marginalise()
        self.window.flush(tally)

    def seldom(self):
        """Do what a rest does not call for: a flight must not be the first to."""
        window = self.window
        self.suspicion.displaced.see(window)
        if window.slots.calibration.size:
            window.anchor(window.newest, np.ones(6))
            window.watch.relearn()
        calibration.imu_from_rig(np.eye(3), np.zeros(3), np.ones(7), np.eye(22))

    def feedback(self) -> Feedback:
        """What the front end needs for the next frame."""
        if not self.running:
            return Feedback(self.last, np.zeros(0, np.int64), np.zeros(0, np.float32))
        ids, depth = self.window.inverse_depths()
        return Feedback(self.last, ids, depth)

    def start_up(self, tracks, tally):
        """Collect frames until the window can be started from them."""
        window, init = self.window, self.initialiser
        if tracks.ids.size == 0 or not init.add(tracks, tally):
            return
        x = window.slots.calibration
        before = x.copy()
        solution = init.solve(tally)
        if solution is None:
            return
        anchor = self.anchor_R, self.anchor_p
        if self.anchor_R is not None:
            anchor = calibration.rig_from_imu(*anchor, x)
        if not window.start_from(solution, *anchor, tally):
            x[:] = before
        else:
            self.status = Status.TRACKING
            window.newest_covariance(tally)
            self.seen_ns = self.stereo_ns = tracks.t_ns
            self.bad_frames = 0

    def judge(self, tracks, tally):
        """Set the status from what the newest frame says.

        Degraded: the map explains too few features, an image is missing, or the second camera
        has been silent for a while. Lost: so for long, or the state is not believable.
        """
        window, c, t_ns = self.window, self.config.health, tracks.t_ns
        support = window.support()
        supported = support >= c.min_support or tracks.still  # at rest nothing needs a map
        if supported:
            self.seen_ns = t_ns
        if tracks.stereo:
            self.stereo_ns = t_ns
        one_eyed = self.rig.cam1 is not None and (t_ns - self.stereo_ns) * 1e-9 > c.max_one_eyed_s
        outliers = window.dropped > c.max_dropped * max(window.residuals, 1)
        self.bad_frames = self.bad_frames + 1 if outliers else 0
        window.newest_covariance(tally)
        window.watch.judge(c, tally)
        v = window.slots.v[window.newest]
        sane = math.isfinite(window.cost) and math.sqrt(v @ v) < c.max_speed
        sane &= window.doubt.speed_sigma < c.max_speed_sigma
        blind_s = (t_ns - self.seen_ns) * 1e-9
        doubtful = window.gap or window.doubt.present or self.suspicion.cameras
        if not sane or blind_s > c.max_blind_s or self.bad_frames > c.max_bad_frames:
            self.lose()
        elif not supported or one_eyed or outliers or doubtful:
            self.status = Status.DEGRADED
        else:
            self.status = Status.TRACKING

    def lose(self):
        """Give up the window; the next start continues from the last believable pose."""
        if self.last is not None and np.isfinite(self.last.p_world_imu).all():
            self.anchor_R, self.anchor_p = self.last.R_world_imu, self.last.p_world_imu
        self.status = Status.LOST
        self.restarts += 1
        self.window.reset()

    def estimate(self, t_ns) -> Estimate:
        """The newest state with its covariance and health; far from certain when not running.

        Errors of real sensors go on from sample to sample and from frame to frame, the window takes
        each for a new one: what it says of its certainty is widened by `window.sigma_factor`.
        """
        window = self.window
        x, sigma = window.slots.calibration.copy(), window.watch.sigma.copy()
        notice = self.suspicion.words(x, int(window.slots.held[0]))
        if not self.running:
            R = np.eye(3) if self.anchor_R is None else self.anchor_R
            zero, cov = np.zeros(3), np.eye(15) * UNKNOWN**2
            return Estimate(
                t_ns, R, self.anchor_p, zero, zero, zero, cov, self.status,
                x, sigma, notice,
            )  # fmt: skip
        s, slots = window.newest, window.slots
        R, p, cov = calibration.imu_from_rig(slots.R[s], slots.p[s], x, window.cov)
        cov *= self.config.window.sigma_factor**2
        return Estimate(
            t_ns, R, p, slots.v[s].copy(), slots.bias[s, :3].copy(), slots.bias[s, 3:].copy(),
            cov, self.status, x, sigma, notice,
        )  # fmt: skip
