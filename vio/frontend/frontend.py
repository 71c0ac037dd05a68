"""Frontend: the half of the odometry that sees images. Predicts the motion, tracks features."""

import numpy as np

from vio.events import INDEX
from vio.frontend.tracker import FeatureTracker, Prediction
from vio.geometry import so3
from vio.imu import calibration
from vio.imu.preintegrate import Preintegrated
from vio.types import Tracks

SATURATED = INDEX["imu_saturated"]
NONE = np.zeros(0, np.int64), np.zeros(0, np.float32)
"""Landmarks known to the window: none."""


class Frontend:
    """IMU and feedback to a prediction, images to tracks."""

    def __init__(self, rig, config, imu, arena):
        self.imu = imu
        self.R_imu_cam, self.p_imu_cam = rig.cam0.T_imu_cam[:3, :3], rig.cam0.T_imu_cam[:3, 3]
        self.gravity = np.array([0.0, 0.0, -config.window.gravity])
        self.tracker = FeatureTracker(rig, config.frontend, config.seed, arena)
        self.step = arena.group("ahead", Preintegrated)
        self.reset()

    def reset(self):
        """Forget every feature."""
        self.tracker.reset()
        self.tracked_ns = 0  # stamp of the last frame with an image
        self.tracked_pose = None  # (R_world_imu, p_world_imu) then, if known
        self.before = None  # (stamp, R_world_rig) of the estimate before the last

    def process(self, frame, feedback, tally) -> Tracks:
        """Tracks of one frame.

        Args:
            frame: StereoFrame; without cam0 the tracks are empty and the features wait.
            feedback: Feedback on the frame before, or None.
            tally: Tally of this frame.
        """
        if frame.cam0 is None:
            self.remember(feedback)
            return no_tracks(frame.t_ns)
        tracks = self.tracker.process(frame, self.predict(frame.t_ns, feedback, tally), tally)
        self.tracked_ns, self.tracked_pose = frame.t_ns, None
        return tracks

    def seldom(self):
        """Do what a rest does not call for: a flight must not be the first to."""
        turn_on(0, np.eye(3), 1, np.eye(3), 1.0)

    def remember(self, feedback):
        """Keep the pose of the last frame with an image, and the calibration."""
        if feedback is None:
            return
        last = feedback.estimate
        if last.calibration.size:
            self.imu.calibration[:] = last.calibration
            self.imu.offset_sigma = float(last.calibration_std[0])
        if last.usable and last.t_ns == self.tracked_ns:
            self.tracked_pose = rig_pose(last)

    def predict(self, t_ns, feedback, tally) -> Prediction:
        """Motion of cam0 since the last frame with an image.

        With a pose from the window the whole motion is known; before that only the rotation,
        as far as the gyro's unknown bias allows.
        """
        if self.tracked_ns == 0:
            return Prediction(np.eye(3), np.zeros(3), False, *NONE, False)
        self.remember(feedback)
        R_ic, p_ic = self.R_imu_cam, self.p_imu_cam
        quiet, step = self.imu.quiet(t_ns, tally), self.step
        if self.tracked_pose is None or not feedback.estimate.usable:
            self.imu.preintegrate(self.tracked_ns, t_ns, np.zeros(6), step, 0, tally)
            R_cam = np.ascontiguousarray(R_ic.T @ step.R[0].T @ R_ic)
            return Prediction(R_cam, np.zeros(3), False, *NONE, quiet)
        last = feedback.estimate
        bias = np.concatenate([last.bias_gyro, last.bias_accel])
        before = tally.values[SATURATED]
        self.imu.preintegrate(last.t_ns, t_ns, bias, step, 0, tally)
        dt = step.dt[0]
        R_last, p_last = rig_pose(last)
        R = R_last @ step.R[0]
        p = p_last + last.v_world_imu * dt + 0.5 * self.gravity * dt * dt + R_last @ step.p[0]
        R_then, p_then = self.tracked_pose

        # cam0 then -> rig then -> world -> rig now -> cam0 now
        def seen_from(R):
            R_cam = np.ascontiguousarray(R_ic.T @ R.T @ R_then @ R_ic)
            return R_cam, R_ic.T @ (R.T @ (R_then @ p_ic + p_then - p) - p_ic)

        at_end = tally.values[SATURATED] > before and self.imu.gyro_at_end(last.t_ns, t_ns)
        known, held = not at_end, None
        if self.before is not None:
            then = *self.before, last.t_ns, R_last
            held = lambda: seen_from(R_last @ turn_on(*then, dt))  # noqa: E731
        self.before = last.t_ns, R_last
        return Prediction(*seen_from(R), known, feedback.ids, feedback.inv_depth, quiet, held)


def rig_pose(estimate):
    """(R_world_rig, p_world_rig): the cameras' extrinsics are relative to that."""
    e = estimate
    return calibration.rig_from_imu(e.R_world_imu, e.p_world_imu, e.calibration)


def turn_on(t0_ns, R0, t1_ns, R1, dt):
    """Rotation (3, 3) in `dt` seconds at the mean rate between two attitudes."""
    w, out = np.empty(3), np.empty((3, 3))
    so3.log(np.ascontiguousarray(R0.T @ R1), w)
    so3.exp(w * (dt / max((t1_ns - t0_ns) * 1e-9, 1e-3)), out)
    return out


def no_tracks(t_ns) -> Tracks:
    """The tracks of a frame without an image."""
    uv = np.zeros((0, 2), np.float32)
    ids, ages = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return Tracks(t_ns, ids, ages, uv, uv.copy(), image=False, stereo=False)
