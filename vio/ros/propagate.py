"""Pose at the rate of the IMU: the last optimised state carried on by the samples since.

When a new state arrives, the difference to what was being sent fades out over `smooth_s`, so
the output has no step; a difference beyond `SNAP_M` is a restart and is taken at once. A state
may come before the samples up to its time: then it waits for them.
"""

import threading
from collections import deque

import numpy as np

from vio.geometry import so3
from vio.imu.propagate import propagate
from vio.types import Estimate

SNAP_M = 0.5
KEPT = 1000
MAX_STEP_NS = 10**9


class Propagator:
    """Safe to feed from two threads.

    Args:
        gravity: magnitude [m/s^2]. smooth_s: time constant of the fading [s].
        offset_ns: t_imu - t_cam, taken off the samples' stamps. imu: ImuModel.
    """

    def __init__(self, gravity: float, smooth_s: float, offset_ns: int, imu):
        self.gravity = float(gravity)
        self.smooth_ns, self.offset_ns = max(smooth_s * 1e9, 1.0), offset_ns
        self.variance = np.array([imu.gyro_noise_density, imu.accel_noise_density]) ** 2
        self.scratch = np.empty((2, 15, 15)), np.empty((4, 3, 3))
        self.lock = threading.Lock()
        self.largest_jump_m = 0.0
        self.reset()
        self.warm_up()

    def warm_up(self):
        """Load the kernels now, not in flight."""
        so3.exp(np.zeros(3), np.eye(3))
        so3.log(np.eye(3), np.zeros(3))
        zero, one = np.zeros(3), np.eye(3)
        propagate(one, zero, zero, np.eye(15), zero, zero, 0.0, 0.0, self.variance, *self.scratch)

    def reset(self):
        """Forget everything."""
        with self.lock:
            self.samples = deque(maxlen=KEPT)
            self.state = None  # R, p, v at t_ns, and the covariance
            self.late_ns = 0  # time offset found in flight: the samples' stamps less the images'
            self.base = None  # the Estimate it started from
            self.waiting = None  # the newest Estimate, while samples up to its time lack
            self.turn, self.move, self.speed = np.zeros(3), np.zeros(3), np.zeros(3)
            self.since_ns = 0

    def correct(self, estimate: Estimate):
        """Take a newly optimised state; one that is not usable ends the output."""
        with self.lock:
            self.waiting = estimate if estimate.usable else None
            if self.waiting is None:
                self.state = self.base = None
            else:
                self.take_over()

    def take_over(self):
        """Go on from the waiting estimate, if the samples reach its time."""
        e = self.waiting
        late_ns = round(e.time_offset_s * 1e9)
        begin_ns = e.t_ns + late_ns
        if not self.samples or self.samples[-1][0] < begin_ns:
            return
        before = self.faded() if self.state is not None else None
        self.base, self.waiting, self.late_ns = e, None, late_ns
        moving = e.R_world_imu, e.p_world_imu, e.v_world_imu, e.cov  # `step` changes them
        self.state = begin_ns, *(np.array(array, float) for array in moving)
        while len(self.samples) > 1 and self.samples[1][0] <= begin_ns:
            self.samples.popleft()
        for left, right in zip(self.samples, list(self.samples)[1:]):
            self.step(left, right)
        self.start_fading(before)

    def start_fading(self, before):
        """Keep the difference between what was sent and the new state, to let it fade."""
        t_ns, R, p, v, _ = self.state
        self.turn, self.move, self.speed = np.zeros(3), np.zeros(3), np.zeros(3)
        self.since_ns = t_ns
        if before is not None and before[0] == t_ns:
            move = before[2] - p
            self.largest_jump_m = max(self.largest_jump_m, float(np.linalg.norm(move)))
            if np.linalg.norm(move) < SNAP_M:
                self.move, self.speed = move, before[3] - v
                so3.log(np.ascontiguousarray(before[1] @ R.T), self.turn)

    def add(self, sample):
        """Take an ImuSample.

        Returns:
            (Estimate at its stamp, gyro (3,)), or None while no state is known.
        """
        t_ns = sample.t_ns - self.offset_ns
        with self.lock:
            last = self.samples[-1] if self.samples else None
            if last is not None and t_ns <= last[0]:
                if last[0] - t_ns > MAX_STEP_NS:  # time has jumped back
                    self.samples.clear()
                    self.state = self.waiting = None
                else:
                    return None
            new = t_ns, sample.gyro, sample.accel
            self.samples.append(new)
            if self.state is not None:
                self.step(last, new)
            if self.waiting is not None:
                self.take_over()
            if self.state is None:
                return None
            if t_ns - self.base.t_ns > MAX_STEP_NS:  # nobody corrects it any more
                self.state = None
                return None
            e, (_, R, p, v, cov) = self.base, self.faded()
            moved = Estimate(
                t_ns - self.late_ns, R, p, v, e.bias_gyro, e.bias_accel, cov.copy(), e.status
            )
            return moved, sample.gyro

    def step(self, left, right):
        """Carry the state from where it is to `right`, with the mean of two samples."""
        t_ns, R, p, v, cov = self.state
        if right[0] <= t_ns:
            return
        dt = (right[0] - t_ns) * 1e-9
        share = (0.5 * (right[0] + t_ns) - left[0]) / (right[0] - left[0])
        rate = left[1] + share * (right[1] - left[1]) - self.base.bias_gyro
        force = left[2] + share * (right[2] - left[2]) - self.base.bias_accel
        propagate(R, p, v, cov, rate, force, dt, self.gravity, self.variance, *self.scratch)
        self.state = right[0], R, p, v, cov

    def faded(self):
        """The state with what is left of the difference."""
        t_ns, R, p, v, cov = self.state
        share = np.exp(-(t_ns - self.since_ns) / self.smooth_ns)
        turn = np.empty((3, 3))
        so3.exp(share * self.turn, turn)
        return t_ns, turn @ R, p + share * self.move, v + share * self.speed, cov
