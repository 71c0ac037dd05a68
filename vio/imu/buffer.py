"""The last second or so of IMU samples, in time order, and preintegration over any part of it.

Stamps are in the camera's clock: Kalibr's time offset is taken off as samples come in.
"""

from typing import NamedTuple

import numpy as np

from vio._jit import bound
from vio.imu.calibration import calibrate
from vio.imu.preintegrate import preintegrate, shapes
from vio.imu.rest import spread
from vio.memory.arena import Buffer

MOST_NEAR_S = 0.02


class Samples(NamedTuple):
    """Columns of the buffer."""

    t_ns: np.ndarray  # (N,) int64
    gyro: np.ndarray  # (N, 3) rad/s
    accel: np.ndarray  # (N, 3) m/s^2


def buffers(config, memory, n_calibration=0) -> list[Buffer]:
    """Ledger of the buffer for an ImuConfig, a MemoryConfig and so much calibration."""
    n, real = config.buffer_samples, f"f{memory.inertial_bits // 8}"
    note = "recent IMU samples"
    return [
        Buffer("imu.t_ns", (n,), "i8", "run", note),
        Buffer("imu.gyro", (n, 3), real, "run", note),
        Buffer("imu.accel", (n, 3), real, "run", note),
        Buffer("imu.work", (6, 9, 9), "f8", "frame", "preintegration scratch"),
    ] + [
        Buffer(f"ahead.{name}", shape, kind, "front", "motion predicted between two frames")
        for name, (shape, kind) in shapes(1, real, n_calibration).items()
    ]


class ImuBuffer:
    """Keeps samples sorted by stamp; the oldest leave when it is full."""

    def __init__(self, model, config, time_offset_s, arena, calibration=None):
        """`calibration` (n,) is what vio/imu/calibration.py says; the window writes it."""
        self.samples = s = arena.group("imu", Samples)
        self._preintegrate = bound(preintegrate, s.t_ns, s.gyro, s.accel)
        self._calibrate = bound(calibrate, s.gyro, s.accel)
        self.work = arena["imu.work"]
        self.calibration = np.zeros(0) if calibration is None else calibration
        self.noise = np.array(
            [
                model.gyro_noise_density * config.noise_scale,
                model.accel_noise_density * config.noise_scale,
                config.gap_gyro,
                config.gap_accel,
            ]
        )
        self.offset_ns = round(time_offset_s * 1e9)
        self.offset_sigma, self.rate_hz = 0.0, model.rate_hz  # of the calibration [s]
        self.config = config
        self.limits = np.array([2.5 / model.rate_hz, config.gyro_range, config.accel_range])
        self.count = 0

    def reset(self):
        """Forget all samples."""
        self.count = 0

    def append(self, new):
        """Add samples (N,) IMU_DTYPE later than all that are here; kept in the camera's clock.

        More than fit come when the cameras have paused: the oldest of them are joined in pairs.
        """
        s, capacity = self.samples, self.samples.t_ns.size
        new = joined(new, new.size - (capacity - 2))[-capacity:]  # 2 of before lead up to them
        keep = min(self.count, capacity - new.size)
        for column, name in ((s.t_ns, "t_ns"), (s.gyro, "gyro"), (s.accel, "accel")):
            column[:keep] = column[self.count - keep : self.count]
            column[keep : keep + new.size] = new[name]
        s.t_ns[keep : keep + new.size] -= self.offset_ns
        self.count = keep + new.size

    def span(self, t0_ns, t1_ns) -> tuple[int, int]:
        """First and last sample needed for [t0, t1]: one beyond each end where there is one."""
        t = self.samples.t_ns[: self.count]
        first = max(int(t.searchsorted(t0_ns, "right")) - 1, 0)
        last = min(int(t.searchsorted(t1_ns)), self.count - 1)
        return first, last

    def nearest(self, t_ns, k) -> int:
        """Of sample k and the one after it that next to a stamp; of two as near the earlier one."""
        t = self.samples.t_ns
        return k + 1 if k + 1 < self.count and t[k + 1] - t_ns < t_ns - t[k] else k

    def gyro_at_end(self, t0_ns, t1_ns) -> bool:
        """Whether a rate between two stamps is at the end of the gyro's range."""
        first, last = self.span(t0_ns, t1_ns)
        return bool(np.abs(self.samples.gyro[first : last + 1]).max() >= self.limits[1])

    def covers(self, t_ns) -> bool:
        """Whether a sample at or before `t_ns` is still here."""
        return self.count > 0 and self.samples.t_ns[0] <= t_ns

    def reaches(self, t_ns, offset_s) -> bool:
        """Whether the samples go on to an image's stamp at a time offset, but for half a period."""
        last_ns = t_ns + round(1e9 * offset_s - 0.5e9 / self.rate_hz)
        return self.count > 0 and self.samples.t_ns[self.count - 1] >= last_ns

    def preintegrate(self, t0_ns, t1_ns, bias, out, slot, tally):
        """Preintegrate [t0, t1] at `bias` and the calibration of now into a slot of `out`.

        Args:
            t0_ns, t1_ns: stamps of images. out: Preintegrated; one without room for the
                calibration's Jacobian is integrated between the stamps, in axes of the imu.
        """
        x = self.calibration
        n = out.bias.shape[1] - 6  # what the record depends on
        if n:
            late_ns = round(float(x[0]) * 1e9)
            t0_ns, t1_ns = t0_ns + late_ns, t1_ns + late_ns
        first, last = self.span(t0_ns, t1_ns)
        steps, gaps, saturated = self._preintegrate(
            first, last, t0_ns, t1_ns, bias, self.noise, self.limits, self.work, out, slot
        )
        tally.put("preintegrations", (1, last - first + 1, steps, gaps, saturated))
        if n:
            near = max(round(min(self.offset_sigma, MOST_NEAR_S) * self.rate_hz), 1)
            begin, end = self.nearest(t0_ns, first), self.nearest(t1_ns, max(last - 1, 0))
            used = self._calibrate(self.count, begin, end, near, x, self.work, out, slot)
            tally.put("calibrations", (1, used))

    def quiet(self, t_ns, tally) -> bool:
        """Whether rate and force have hardly varied over the last `quiet_seconds`."""
        config, s = self.config, self.samples
        first, last = self.span(t_ns - int(config.quiet_seconds * 1e9), t_ns)
        if last - first < 5:
            return False
        tally.add(quiet_gyro=last - first + 1)
        if spread(s.gyro, first, last) >= config.quiet_gyro:
            return False
        tally.add(quiet_accel=last - first + 1)
        return spread(s.accel, first, last) < config.quiet_accel


def joined(samples, most):
    """Samples (N,) IMU_DTYPE, the oldest `most` pairs of them each as their mean."""
    pairs = min(max(most, 0), samples.size // 2)
    if pairs == 0:
        return samples
    out = samples[pairs:].copy()
    left, right = samples[: 2 * pairs : 2], samples[1 : 2 * pairs : 2]
    out["t_ns"][:pairs] = left["t_ns"] + (right["t_ns"] - left["t_ns"]) // 2
    for name in ("gyro", "accel"):
        out[name][:pairs] = 0.5 * (left[name] + right[name])
    return out
