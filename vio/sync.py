"""Measurements as they arrive to frames with the IMU that leads up to them.

The same object serves offline replay and the ROS node: `push` every measurement, then `pop`
until None. What leaves depends on stamps alone, not on how the sensors' messages interleave,
as long as no sensor runs ahead of the others by more than `max_wait_s`.
"""

import math
from collections import Counter, deque

import numpy as np

from vio.types import IMU_DTYPE, CameraImage, ImuSample, Rig, StereoFrame

JUMP_NS = 10**9
GAP_PERIODS = 1.5
IMU_STREAM = 2


class Sequencer:
    """Pairs images, waits for the IMU, drops and counts what cannot be used.

    A frame leaves when its left image is in, its right image is in (stamps within
    `match_tolerance_s`) or known not to come, and an IMU sample at or past its stamp is in. The
    right image is given up once a newer right image has come, or IMU more than `max_wait_s`
    past the frame. Stamps of frames are the left camera's; IMU is compared at stamp +
    `rig.time_offset_s`, and later where `expect_late` says so.

    A recording that starts over (all sensors that are alive step back by more than 1 s) is a
    jump: what waits is dropped, the new beginning takes its place, `jumped_back()` tells.

    Args:
        rig: time offset, IMU rate, and whether there is a right camera.
        mono: ignore right images even if the rig has a right camera.
        max_wait_s: patience for a right image [s of IMU time].
        match_tolerance_s: largest difference of the stamps of a pair [s].
        gyro_limit: |rate| on one axis that counts as saturated [rad/s].
        accel_limit: |specific force| on one axis that counts as saturated [m/s^2].
        max_images: images held for each camera; the oldest goes first.
        max_imu: IMU samples held; the oldest goes first.

    Attributes:
        counts: what happened, by name:
            `lone_left` frames released without right image;
            `lone_right` right images without left one, dropped;
            `late_image` images older than the last released frame, dropped;
            `duplicate_image`, `backward_image`, `duplicate_imu`, `backward_imu`, dropped;
            `corrupt_cam0`, `corrupt_cam1` images that are None (the frame leaves with None);
            `frame_before_imu` frames older than the first IMU sample, dropped;
            `uncovered_frame` frames after the last IMU sample at `flush`, dropped;
            `nan_imu` samples dropped; `saturated_imu` samples, kept;
            `imu_gap` steps longer than 1.5 nominal periods;
            `overflow_image`, `overflow_imu` oldest dropped from a full queue;
            `jumped_back` jumps; `dropped_at_jump` measurements that were waiting then.
        longest_gap_s: the longest `imu_gap` [s], 0 without one.
    """

    def __init__(
        self,
        rig: Rig,
        mono: bool = False,
        *,
        max_wait_s: float = 0.1,
        match_tolerance_s: float = 0.002,
        gyro_limit: float = math.inf,
        accel_limit: float = math.inf,
        max_images: int = 64,
        max_imu: int = 8000,
    ):
        self.counts: Counter = Counter()
        self.longest_gap_s = 0.0
        self._mono = mono or rig.cam1 is None
        self._offset_ns = round(rig.time_offset_s * 1e9)
        self._late_ns, self._half_ns = 0, round(0.5e9 / rig.imu.rate_hz)
        self._gap_ns = round(GAP_PERIODS / rig.imu.rate_hz * 1e9)
        self._max_wait_ns = round(max_wait_s * 1e9)
        self._tolerance_ns = round(match_tolerance_s * 1e9)
        self._limits = gyro_limit, accel_limit
        self._capacity = max_images, max_images, max_imu
        self._index = 0
        self._jumped = False
        self._start_over()

    def _start_over(self) -> None:
        """Forget everything that depends on time."""
        self._queues = deque(), deque(), deque()  # cam0, cam1, imu
        self._last_ns: list[int | None] = [None, None, None]  # newest stamp of each stream
        self._restart = [], [], []  # measurements over 1 s older than their stream's newest
        self._first_imu_ns: int | None = None
        self._released_imu_ns: int | None = None
        self._released_frame_ns: int | None = None

    def push(self, measurement: ImuSample | CameraImage) -> None:
        """Take one measurement of any sensor."""
        if isinstance(measurement, CameraImage):
            stream = measurement.cam
            if stream == 1 and self._mono:
                return
        else:
            stream = IMU_STREAM
            if not (np.isfinite(measurement.gyro).all() and np.isfinite(measurement.accel).all()):
                self.counts["nan_imu"] += 1
                return
        last_ns = self._last_ns[stream]
        if last_ns is not None and measurement.t_ns < last_ns - JUMP_NS:
            self._consider_restart(measurement, stream)
            return
        self._give_up_restart(stream)
        if last_ns is not None and measurement.t_ns <= last_ns or self._is_late(measurement):
            self.counts[self._reason(measurement, last_ns)] += 1
            return
        if stream == IMU_STREAM:
            self._count_imu(measurement, last_ns)
        elif measurement.image is None:
            self.counts[f"corrupt_cam{stream}"] += 1
        self._last_ns[stream] = measurement.t_ns
        queue = self._queues[stream]
        queue.append(measurement)
        if len(queue) > self._capacity[stream]:
            queue.popleft()
            self.counts["overflow_imu" if stream == IMU_STREAM else "overflow_image"] += 1

    def expect_late(self, offset_s: float) -> None:
        """Take on a time offset estimated in flight, beyond the rig's own, from the next `pop` on.

        A positive one holds every frame back until IMU that much later is in, to half a period;
        a negative one makes no frame leave earlier.
        """
        self._late_ns = max(round(offset_s * 1e9) - self._half_ns, 0)

    def pop(self) -> tuple[StereoFrame, np.ndarray] | None:
        """The next frame that is complete, or None: then push more.

        Returns:
            The frame, and (N,) IMU_DTYPE: every sample since the previous frame's, up to and
            including the first one at or past the frame. N is 0 if that one has already left.
        """
        return self._next(at_end=False)

    def flush(self) -> list[tuple[StereoFrame, np.ndarray]]:
        """At the end of a recording: the frames that `pop` still held back.

        Neither a right image nor what `expect_late` waits for will come any more. Frames that
        no IMU covers cannot leave; they are dropped and counted.
        """
        self._late_ns = 0
        frames = []
        while (released := self._next(at_end=True)) is not None:
            frames.append(released)
        left, right, _ = self._queues
        self.counts["uncovered_frame"] += len(left)
        while left:  # a right image next to an uncovered left one is not alone
            self._match(left.popleft(), at_end=True)
        self.counts["lone_right"] += len(right)
        right.clear()
        self.counts += Counter()  # drops the zeros
        return frames

    def jumped_back(self) -> bool:
        """Whether time has jumped back since the last call.

        Ask after each `push`, before `pop`: frames popped from then on belong to the new
        beginning, so reset what has seen the old one.
        """
        jumped, self._jumped = self._jumped, False
        return jumped

    def _next(self, at_end: bool):
        left, _, imu = self._queues
        while left:
            cover_ns = left[0].t_ns + self._offset_ns + self._late_ns
            if self._last_ns[IMU_STREAM] is None or self._last_ns[IMU_STREAM] < cover_ns:
                return None
            decided, right = self._match(left[0], at_end)
            if not decided:
                return None
            image = left.popleft()
            if cover_ns < self._first_imu_ns:
                self.counts["frame_before_imu"] += 1
                continue
            if right is None and not self._mono:
                self.counts["lone_left"] += 1
            frame = StereoFrame(self._index, image.t_ns, image.image, right and right.image)
            self._index += 1
            self._released_frame_ns = image.t_ns
            return frame, self._take_imu(imu, cover_ns)
        return None

    def _match(self, left: CameraImage, at_end: bool) -> tuple[bool, CameraImage | None]:
        """Whether the partner of a left image is decided, and the partner, taken off its queue."""
        if self._mono:
            return True, None
        queue = self._queues[1]
        while queue and queue[0].t_ns < left.t_ns - self._tolerance_ns:
            queue.popleft()
            self.counts["lone_right"] += 1
        if queue and queue[0].t_ns <= left.t_ns + self._tolerance_ns:
            return True, queue.popleft()
        newest_right, newest_imu = self._last_ns[1], self._last_ns[IMU_STREAM]
        passed = newest_right is not None and newest_right > left.t_ns + self._tolerance_ns
        waited_ns = newest_imu - (left.t_ns + self._offset_ns) if newest_imu is not None else 0
        return at_end or passed or waited_ns > self._max_wait_ns, None

    def _take_imu(self, queue: deque, cover_ns: int) -> np.ndarray:
        """Samples off the queue, up to and including the first one at or past `cover_ns`."""
        taken = []
        reached = self._released_imu_ns is not None and self._released_imu_ns >= cover_ns
        while queue and not reached:
            sample = queue.popleft()
            taken.append((sample.t_ns, sample.gyro, sample.accel))
            reached = sample.t_ns >= cover_ns
        if taken:
            self._released_imu_ns = taken[-1][0]
        return np.array(taken, IMU_DTYPE)

    def _is_late(self, measurement) -> bool:
        """Whether the frame an image belongs to has left already."""
        if not isinstance(measurement, CameraImage) or self._released_frame_ns is None:
            return False
        return measurement.t_ns <= self._released_frame_ns + self._tolerance_ns

    def _reason(self, measurement, last_ns: int | None) -> str:
        kind = "image" if isinstance(measurement, CameraImage) else "imu"
        if measurement.t_ns == last_ns:
            return f"duplicate_{kind}"
        return "late_image" if self._is_late(measurement) else f"backward_{kind}"

    def _count_imu(self, sample: ImuSample, last_ns: int | None) -> None:
        gyro_limit, accel_limit = self._limits
        if np.abs(sample.gyro).max() >= gyro_limit or np.abs(sample.accel).max() >= accel_limit:
            self.counts["saturated_imu"] += 1
        if last_ns is None:
            self._first_imu_ns = sample.t_ns
        elif sample.t_ns - last_ns > self._gap_ns:
            self.counts["imu_gap"] += 1
            self.longest_gap_s = max(self.longest_gap_s, (sample.t_ns - last_ns) * 1e-9)

    def _consider_restart(self, measurement, stream: int) -> None:
        """Set a measurement far in the past aside; start over once all live sensors have some.

        One stray stamp must not reset the run: the other sensors, and three IMU samples, have
        to agree. A sensor is alive if it was heard within a second of the newest stamp.
        """
        aside = self._restart[stream]
        if aside and measurement.t_ns <= aside[-1].t_ns:
            self.counts[self._reason(measurement, aside[-1].t_ns)] += 1
            return
        aside.append(measurement)
        if len(aside) > self._capacity[stream]:
            self.counts[self._reason(aside.pop(0), None)] += 1
        newest = max(t for t in self._last_ns if t is not None)
        for other, last_ns in enumerate(self._last_ns):
            alive = last_ns is not None and last_ns >= newest - JUMP_NS
            if alive and len(self._restart[other]) < (3 if other == IMU_STREAM else 1):
                return
        self.counts["jumped_back"] += 1
        self.counts["dropped_at_jump"] += sum(map(len, self._queues))
        self._jumped = True
        restart = self._restart
        self._start_over()
        for measurements in restart:
            for old in measurements:
                self.push(old)

    def _give_up_restart(self, stream: int) -> None:
        """A stamp that fits the present shows that the ones set aside were strays."""
        for stray in self._restart[stream]:
            self.counts[self._reason(stray, None)] += 1
        self._restart[stream].clear()
