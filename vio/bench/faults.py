"""Faults of sensors, put into the measurements of any recording.

A fault takes measurements in time order and gives them back with something wrong from `begin` on:

    for m in FAULTS["black"].inject(dataset.measurements(), begin_ns): ...

Stamps stay, except of what is lost. Random draws are keyed by the stamp, so the same measurement
suffers the same way wherever a run begins.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vio.types import CameraImage, ImuSample

FOR_GOOD = float("inf")
COVERED_GREY, COVERED_NOISE = 6.0, 1.5
BIAS_GYRO = np.array([0.02, -0.02, 0.02])  # rad/s
BIAS_ACCEL = np.array([0.2, -0.2, 0.2])  # m/s^2
SPIKE = np.array([35.0, 0.0, 0.0])  # m/s^2
ACCEL_RANGE = 4 * 9.81  # m/s^2
GYRO_RANGE = np.deg2rad(250.0)  # rad/s


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: short, for tables.
        seconds: how long the data is changed [s]; FOR_GOOD if to the end.
        change: (measurement, random generator) to the bad measurement, or None to lose it.
        settings: what the operator of such a sensor would set, for `vio.config.overlay`.
        good_again: when the data can be used again, after the begin [s]; None if it never can,
            so that no recovery can be asked for.
    """

    name: str
    seconds: float
    change: Callable
    settings: dict | None = None
    good_again: float | None = None

    def inject(self, measurements, begin_ns: int) -> Iterator[CameraImage | ImuSample]:
        """The measurements, bad from `begin_ns` for `seconds`."""
        end_ns = self.end_ns(begin_ns)
        for m in measurements:
            if begin_ns <= m.t_ns < end_ns:
                m = self.change(m, np.random.default_rng(abs(m.t_ns)))
            if m is not None:
                yield m

    def end_ns(self, begin_ns: int) -> int:
        """First stamp of good data, beyond any stamp if there is none."""
        return 2**62 if self.seconds == FOR_GOOD else begin_ns + round(self.seconds * 1e9)


class Injected:
    """A dataset with a fault: give it to whatever takes a dataset."""

    def __init__(self, dataset, fault: Fault, begin_ns: int):
        self.dataset, self.fault, self.begin_ns = dataset, fault, begin_ns

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def measurements(self, start_ns=None, end_ns=None):
        """As of the dataset, with the fault."""
        return self.fault.inject(self.dataset.measurements(start_ns, end_ns), self.begin_ns)


def of_images(change):
    """A change of readable images (H, W) uint8 only."""

    def changed(m, rng):
        if not isinstance(m, CameraImage) or m.image is None:
            return m
        return replace(m, image=change(m.image, rng))

    return changed


def of_imu(change):
    """A change of IMU samples only: (gyro, accel) to (gyro, accel)."""

    def changed(m, rng):
        if not isinstance(m, ImuSample):
            return m
        gyro, accel = change(m.gyro, m.accel)
        return ImuSample(m.t_ns, np.asarray(gyro), np.asarray(accel))

    return changed


def covered(image, rng):
    """What a camera sees with a hand on its lens: nearly nothing, and noise."""
    return np.clip(rng.normal(COVERED_GREY, COVERED_NOISE, image.shape), 0, 255).astype(np.uint8)


def brighter(image, rng):
    """Three times the exposure."""
    return np.minimum(image.astype(np.uint16) * 3, 255).astype(np.uint8)


def lose_images(m, rng):
    """No image of either camera."""
    return None if isinstance(m, CameraImage) else m


def lose_right(m, rng):
    """No image of the right camera."""
    return None if isinstance(m, CameraImage) and m.cam == 1 else m


def lose_some(m, rng):
    """One frame in five is lost, of both cameras: they share a stamp."""
    return None if isinstance(m, CameraImage) and rng.random() < 0.2 else m


def pinned(value, limit):
    """A sensor beyond its range: the axis that feels most reads the limit."""
    out = np.clip(value, -limit, limit)
    axis = int(np.argmax(np.abs(out)))
    out[axis] = np.copysign(limit, out[axis])
    return out


SHOCK_S = 0.2
"""How long a shock or jerk beyond the range lasts [s]: the recorded motion never goes there."""

ACCEL_SETTINGS = {"imu": {"accel_range": float(0.99 * ACCEL_RANGE)}}
GYRO_SETTINGS = {"imu": {"gyro_range": float(0.99 * GYRO_RANGE)}}

LIST = (
    Fault("black", 1.0, of_images(lambda image, rng: np.zeros_like(image)), good_again=1.0),
    Fault("no_images", 1.0, lose_images, good_again=1.0),
    Fault("dropped", FOR_GOOD, lose_some, good_again=0.0),
    Fault("right_gone", FOR_GOOD, lose_right),
    Fault("exposure", FOR_GOOD, of_images(brighter), good_again=0.0),
    Fault("covered", 2.0, of_images(covered), good_again=2.0),
    Fault("bias_jump", FOR_GOOD, of_imu(lambda g, a: (g + BIAS_GYRO, a + BIAS_ACCEL)), None, 0.0),
    Fault("spike", 0.005, of_imu(lambda g, a: (g, a + SPIKE)), good_again=0.005),
    Fault(
        "accel_saturated", SHOCK_S, of_imu(lambda g, a: (g, pinned(a, ACCEL_RANGE))),
        ACCEL_SETTINGS, SHOCK_S,
    ),
    Fault(
        "gyro_saturated", SHOCK_S, of_imu(lambda g, a: (pinned(g, GYRO_RANGE), a)),
        GYRO_SETTINGS, SHOCK_S,
    ),
    Fault(
        "accel_stuck", SHOCK_S, of_imu(lambda g, a: (g, pinned(a, ACCEL_RANGE))), None, SHOCK_S
    ),
    Fault("gyro_stuck", SHOCK_S, of_imu(lambda g, a: (pinned(g, GYRO_RANGE), a)), None, SHOCK_S),
)  # fmt: skip
FAULTS = {fault.name: fault for fault in LIST}
