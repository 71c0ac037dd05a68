"""Odometry: the whole stack on one page. Frames and inertial samples in, poses out.

    images ----> Frontend --tracks--> Backend --> estimate
                    ^                    |
    imu ---> buffer-+                    |
                    +----- feedback -----+

`vio run` and the ROS nodes use exactly this; the split nodes run the same two halves apart.
"""

import time

from vio import events, standing
from vio.frontend import tables
from vio.frontend.frontend import Frontend
from vio.imu import buffer, calibration
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.memory.budget import check_budget
from vio.types import FrameResult
from vio.window import state
from vio.window.backend import Backend


def ledger(rig, config):
    """Every buffer the odometry of a rig needs, in order."""
    return (
        tables.buffers(rig, config.frontend)
        + buffer.buffers(config.imu, config.memory, calibration.size(config.window))
        + state.buffers(config.window, config.memory, config.frontend.max_features)
    )


class Odometry:
    """Stereo or mono visual-inertial odometry of one rig; deterministic, single thread.

    Call `process` once per frame, in time order.
    """

    def __init__(self, rig, config, guards: bool = False):
        """Allocate everything; `guards` lets tests find writes beside a buffer.

        Raises:
            VioError: the configuration takes more than `memory.budget_bytes`.
        """
        self.rig, self.config = rig, config
        lines = ledger(rig, config)
        check_budget(lines, config.memory.budget_bytes)
        self.arena = Arena(lines, guards)
        x = self.arena["slots.calibration"]
        self.imu = ImuBuffer(rig.imu, config.imu, rig.time_offset_s, self.arena, x)
        self.frontend = Frontend(rig, config, self.imu, self.arena)
        self.backend = Backend(rig, config, self.imu, self.arena)
        self.reset()

    def reset(self):
        """Forget everything; the next frame starts anew at the origin."""
        self.arena.clear()
        self.imu.reset()
        self.frontend.reset()
        self.backend.reset()
        self.feedback = None

    def process(self, frame, imu) -> FrameResult:
        """Take one frame in, together with the IMU samples since the last.

        Args:
            frame: StereoFrame. imu: (n,) IMU_DTYPE, the new samples up to and including the
                first one at or past the frame's stamp.
        """
        watch = Stopwatch()
        tally = events.Tally()
        self.imu.append(imu)
        watch.lap("imu")
        tracks = self.frontend.process(frame, self.feedback, tally)
        watch.lap("frontend")
        estimate = self.backend.process(tracks, tally)
        self.feedback = self.backend.feedback()
        watch.lap("window")
        self.backend.marginalise(tally)
        watch.lap("marginalise")
        return FrameResult(
            frame.index, estimate, tracks, tracks.keyframe, tally.counts, watch.laps_ns
        )

    def warm_up(self):
        """Compile or load every kernel."""
        for frame, imu in standing.frames(self.rig, self.config.window):
            self.process(frame, imu)
        self.frontend.seldom()
        self.backend.seldom()
        self.reset()

    def warm_up_frontend(self):
        """Compile or load what the front end needs before there is a pose."""
        for frame, imu in standing.frames(self.rig, self.config.window):
            self.imu.append(imu)
            self.frontend.process(frame, None, events.Tally())
        self.frontend.seldom()
        self.reset()

    def warm_up_backend(self):
        """Compile or load what the back end needs, on features nobody has seen."""
        for frame, imu in standing.frames(self.rig, self.config.window):
            self.imu.append(imu)
            self.backend.process(standing.tracks(self.rig, frame), events.Tally())
            self.backend.marginalise(events.Tally())
        self.backend.seldom()
        self.reset()


class Stopwatch:
    """CPU time of this thread by stage."""

    def __init__(self):
        self.laps_ns, self._last = {}, time.thread_time_ns()

    def lap(self, name):
        """End the stage `name`."""
        now = time.thread_time_ns()
        self.laps_ns[name] = now - self._last
        self._last = now
