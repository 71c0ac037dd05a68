"""Stand-ins that make the runner testable without images worth tracking."""

from collections import Counter

import numpy as np

from vio import replay
from vio.events import NAMES
from vio.types import (
    TRUTH_DTYPE,
    Camera,
    CameraImage,
    CameraModel,
    Estimate,
    FrameResult,
    ImuSample,
    Rig,
    Status,
    Tracks,
)

T0_NS = 1_403_636_579_763_555_584
FRAME_NS, IMU_NS = 50_000_000, 5_000_000


def rig():
    def camera(y):
        T = np.eye(4)
        T[1, 3] = y
        params = np.array([40.0, 40, 32, 24, 0, 0, 0, 0])
        return Camera(CameraModel.PINHOLE_RADTAN, 64, 48, params, T)

    return Rig(camera(0.0), camera(0.1))


def truth_at(t_ns):
    """A circle of 2 m radius at 1 m/s, rising; TRUTH_DTYPE rows."""
    t = (np.asarray(t_ns) - T0_NS) / 1e9
    rows = np.zeros(len(t), TRUTH_DTYPE)
    rows["t_ns"] = t_ns
    rows["p_world_imu"] = np.stack([2 * np.cos(t / 2), 2 * np.sin(t / 2), 0.1 * t], axis=1)
    rows["quat_wxyz"] = np.stack([np.cos(t / 4), 0 * t, 0 * t, np.sin(t / 4)], axis=1)
    return rows


class FakeDataset:
    """`seconds` of empty images and resting IMU, with exact truth."""

    name = "fake"

    def __init__(self, seconds=4.0, with_truth=True):
        self.rig = rig()
        self.camera_stamps_ns = T0_NS + FRAME_NS * np.arange(int(seconds * 20) + 1)
        self.imu_ns = np.arange(T0_NS, self.camera_stamps_ns[-1] + 4 * IMU_NS, IMU_NS)
        self.truth = truth_at(self.imu_ns) if with_truth else None
        self.faults = Counter(corrupt_image=1)

    def measurements(self, start_ns=None, end_ns=None):
        first = self.camera_stamps_ns[0] if start_ns is None else start_ns
        last = self.camera_stamps_ns[-1] if end_ns is None else end_ns
        for t_ns in self.imu_ns.tolist():
            yield ImuSample(t_ns, np.zeros(3), np.array([0, 0, 9.81]))
            if first <= t_ns <= last and (t_ns - T0_NS) % FRAME_NS == 0:
                for cam in (0, 1):
                    yield CameraImage(t_ns, cam, np.zeros((48, 64), np.uint8))


class FakeOdometry:
    """The truth with seeded noise; INITIALISING for the first `blind` frames."""

    blind = 10
    fail_at = None
    error = KeyboardInterrupt

    def __init__(self, rig, config):
        self.rng = np.random.default_rng(config.seed)
        self.count = 0

    def process(self, frame, imu):
        if self.count == self.fail_at:
            raise self.error
        status = Status.INITIALISING if self.count < self.blind else Status.TRACKING
        self.count += 1
        row = truth_at([frame.t_ns])[0]
        c, s = np.cos((frame.t_ns - T0_NS) / 2e9), np.sin((frame.t_ns - T0_NS) / 2e9)
        estimate = Estimate(
            frame.t_ns,
            np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]),
            row["p_world_imu"] + self.rng.normal(0, 0.01, 3),
            np.zeros(3),
            np.zeros(3),
            np.zeros(3),
            1e-4 * np.eye(15),
            status,
        )
        n = 30
        uv = self.rng.uniform([0, 0], [63, 47], (n, 2)).astype(np.float32)
        ages = np.arange(n, dtype=np.int32)
        tracks = Tracks(frame.t_ns, np.arange(n), ages, uv, uv - 2)
        events = np.arange(len(NAMES), dtype=np.int64)
        return FrameResult(frame.index, estimate, tracks, self.count % 5 == 0, events, {})


def replay_fakes(monkeypatch):
    """`vio.replay` with the fake odometry, which has nothing to compile."""
    monkeypatch.setattr(replay, "Odometry", FakeOdometry)
    monkeypatch.setattr(replay, "warm_up", lambda odometry, progress: None)
