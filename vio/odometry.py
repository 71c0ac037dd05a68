"""Odometry: the whole stack on one page. Frames and inertial samples in, poses out.

    imu -> predict -> track -> (start up | window) -> estimate
"""

import time

import numpy as np

from vio import events
from vio.frontend import tracker
from vio.frontend.tracker import FeatureTracker, Prediction
from vio.imu import buffer
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.types import Estimate, FrameResult, Status, Tracks
from vio.window import state
from vio.window.estimator import SlidingWindow
from vio.window.initialise import Initialiser, preintegrated_array


class Odometry:
    """Stereo or mono visual-inertial odometry of one rig; deterministic, single thread.

    Call `process` once per frame, in time order.
    """

    def __init__(self, rig, config):
        self.rig, self.config = rig, config
        self.arena = Arena(
            tracker.buffers(rig, config.frontend)
            + buffer.buffers(config.imu)
            + state.buffers(config.window, config.frontend.max_features)
        )
        self.imu = ImuBuffer(rig.imu, config.imu, self.arena)
        self.tracker = FeatureTracker(rig, config.frontend, config.seed, self.arena)
        self.window = SlidingWindow(rig, config.window, self.imu, self.arena)
        self.initialiser = Initialiser(rig, config.window, self.imu)
        self.step = preintegrated_array(1)
        self.reset()

    def reset(self):
        """Forget everything; the next frame starts anew at the origin."""
        self.imu.reset()
        self.tracker.reset()
        self.window.reset()
        self.initialiser.reset()
        self.status = Status.INITIALISING
        self.anchor_R, self.anchor_p = np.eye(3), np.zeros(3)
        self.last_t_ns = 0
        self.blind_ns = 0
        self.cov = np.zeros((15, 15))

    def process(self, frame, imu) -> FrameResult:
        """Take one frame in, together with the IMU samples since the last.

        Args:
            frame: StereoFrame. imu: (n,) IMU_DTYPE, the new samples up to and including the
                first one at or past the frame's stamp.
        """
        clock = [time.thread_time_ns()]
        counts = np.zeros(events.N_EVENTS, np.int64)
        tally = events.Tally(counts)
        self.imu.append(imu)
        prediction, quiet = self.predict(frame.t_ns, tally)
        clock.append(time.thread_time_ns())

        if frame.cam0 is not None:
            tracks, keyframe, still = self.tracker.process(frame, prediction, quiet, tally)
        else:
            tracks, keyframe, still = no_tracks(frame.t_ns), False, False
        clock.append(time.thread_time_ns())

        if self.status in (Status.INITIALISING, Status.LOST):
            self.start_up(tracks, still, tally)
        else:
            self.window.add(tracks, keyframe, still, tally)
        estimate = self.estimate(frame.t_ns, tracks)
        clock.append(time.thread_time_ns())

        if self.window.newest >= 0:
            self.window.marginalise(tally)
        clock.append(time.thread_time_ns())
        if frame.cam0 is not None:
            self.last_t_ns = frame.t_ns
            self.last_R, self.last_p = estimate.R_world_imu, estimate.p_world_imu
        stages = ("imu", "frontend", "window", "marginalise")
        timings = {name: b - a for name, a, b in zip(stages, clock, clock[1:])}
        return FrameResult(frame.index, estimate, tracks, keyframe, counts, timings)

    def predict(self, t_ns, tally):
        """Motion of cam0 since the last tracked frame, and whether the IMU feels none."""
        if self.last_t_ns == 0:
            return Prediction(np.eye(3), np.zeros(3), False, *no_depths()), False
        quiet = self.imu.quiet(t_ns, self.config.imu)
        T_imu_cam = self.rig.cam0.T_imu_cam
        R_ic, p_ic = T_imu_cam[:3, :3], T_imu_cam[:3, 3]
        window = self.window
        if self.status in (Status.INITIALISING, Status.LOST):
            self.imu.preintegrate(self.last_t_ns, t_ns, np.zeros(6), self.step, 0, tally)
            R = R_ic.T @ self.step.R[0].T @ R_ic
            return Prediction(np.ascontiguousarray(R), np.zeros(3), False, *no_depths()), quiet
        R, p, _ = window.propagate(t_ns, self.step, 0, tally)
        R_cur_prev = R.T @ self.last_R
        p_cur_prev = R.T @ (self.last_p - p)
        # cam0(prev) -> imu(prev) -> imu(cur) -> cam0(cur)
        R_cam = R_ic.T @ R_cur_prev @ R_ic
        p_cam = R_ic.T @ (R_cur_prev @ p_ic + p_cur_prev - p_ic)
        ids, depths = window.inverse_depths(self.last_R, self.last_p)
        return Prediction(np.ascontiguousarray(R_cam), p_cam, True, ids, depths), quiet

    def start_up(self, tracks, still, tally):
        """Collect frames until the window can be started from them."""
        window, init = self.window, self.initialiser
        n = tracks.ids.size
        if n == 0:
            return
        window.undistort(tracks)
        b = window.bearings
        if not init.add(tracks, b.rays0[:n], b.rays1[:n], still, window.start_capacity):
            return
        solution = init.solve(self.config.window.gravity, self.config.window.sigma_px, tally)
        if solution is not None and window.start_from(init.frames, solution, tally):
            self.status = Status.TRACKING
            init.reset()

    def estimate(self, t_ns, tracks) -> Estimate:
        """The newest state with its covariance and health."""
        window = self.window
        if self.status in (Status.INITIALISING, Status.LOST):
            zero = np.zeros(3)
            return Estimate(
                t_ns, self.anchor_R, self.anchor_p, zero, zero, zero, np.eye(15) * 1e6, self.status
            )
        window.newest_covariance(self.cov)
        s, slots = window.newest, window.slots
        return Estimate(
            t_ns, slots.R[s].copy(), slots.p[s].copy(), slots.v[s].copy(),
            slots.bias[s, :3].copy(), slots.bias[s, 3:].copy(), self.cov.copy(), self.status,
        )  # fmt: skip


def no_tracks(t_ns) -> Tracks:
    """The tracks of a frame without an image."""
    uv = np.zeros((0, 2), np.float32)
    return Tracks(t_ns, np.zeros(0, np.int64), np.zeros(0, np.int32), uv, uv.copy())


def no_depths():
    """No known landmarks: ids (0,) and inverse depths (0,)."""
    return np.zeros(0, np.int64), np.zeros(0, np.float32)
