"""Packets that cross stage borders, and the conventions every array follows.

Frames: `world` (z up, gravity along -z), `imu` (= body), `cam0`, `cam1`.
`T_a_b` / `R_a_b` / `p_a_b` map coordinates of frame b into frame a.
Time is int64 nanoseconds, everything else SI. The error state of one pose is
[rotation, position, velocity, gyro bias, accel bias] = 15; rotations are perturbed on
the right (R <- R Exp(d)), all else is additive. See docs/conventions.md.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

ROT, POS, VEL = slice(0, 3), slice(3, 6), slice(6, 9)
BIAS_GYRO, BIAS_ACCEL = slice(9, 12), slice(12, 15)
STATE_DIM, POSE_DIM = 15, 6

IMU_DTYPE = np.dtype([("t_ns", "i8"), ("gyro", "f8", 3), ("accel", "f8", 3)])
"""One IMU sample, imu frame: angular rate [rad/s], specific force [m/s^2]."""

TRUTH_DTYPE = np.dtype(
    [
        ("t_ns", "i8"),
        ("p_world_imu", "f8", 3),
        ("quat_wxyz", "f8", 4),
        ("v_world_imu", "f8", 3),
        ("bias_gyro", "f8", 3),
        ("bias_accel", "f8", 3),
    ]
)
"""One ground-truth row; NaN where the recording does not have the quantity."""


class VioError(Exception):
    """A problem the user can mend: the message names the file or topic, and the cure."""


class Status(IntEnum):
    """Health of an estimate."""

    INITIALISING = 0
    TRACKING = 1
    DEGRADED = 2
    LOST = 3


class CameraModel(IntEnum):
    """Distortion model: `params` = fx fy cx cy and four coefficients."""

    PINHOLE_RADTAN = 0
    PINHOLE_EQUIDISTANT = 1


@dataclass(frozen=True, slots=True)
class Camera:
    """One calibrated camera.

    Attributes:
        model: CameraModel, as a plain number.
        width, height: image size [px].
        params: (8,) float64: fx fy cx cy [px]; k1 k2 p1 p2 (radtan) or k1 k2 k3 k4 (equidistant).
        T_imu_cam: (4, 4) float64, camera to imu, metres.
        rate_hz: nominal frame rate [Hz].
    """

    model: int
    width: int
    height: int
    params: np.ndarray
    T_imu_cam: np.ndarray
    rate_hz: float = 20.0

    def __post_init__(self):
        # A plain number: calls of kernels look an enumeration's type up anew every time.
        object.__setattr__(self, "model", int(self.model))


@dataclass(frozen=True, slots=True)
class ImuModel:
    """IMU noise, continuous time, and rate. Units as in EuRoC's sensor.yaml."""

    gyro_noise_density: float = 1.6968e-4  # rad/s/sqrt(Hz)
    gyro_random_walk: float = 1.9393e-5  # rad/s^2/sqrt(Hz)
    accel_noise_density: float = 2.0e-3  # m/s^2/sqrt(Hz)
    accel_random_walk: float = 3.0e-3  # m/s^3/sqrt(Hz)
    rate_hz: float = 200.0


@dataclass(frozen=True, slots=True)
class Rig:
    """The calibrated sensors of one robot. `cam1` is None for a monocular rig.

    `time_offset_s` is Kalibr's timeshift_cam_imu: t_imu = t_cam + time_offset_s.
    """

    cam0: Camera
    cam1: Camera | None
    imu: ImuModel = field(default_factory=ImuModel)
    time_offset_s: float = 0.0

    @property
    def cameras(self) -> list:
        """The cameras there are."""
        return [self.cam0] if self.cam1 is None else [self.cam0, self.cam1]


@dataclass(frozen=True, slots=True)
class ImuSample:
    """One IMU measurement: gyro (3,) [rad/s] and accel (3,) [m/s^2], imu frame."""

    t_ns: int
    gyro: np.ndarray
    accel: np.ndarray


@dataclass(frozen=True, slots=True)
class CameraImage:
    """One image of one camera; `image` (H, W) uint8, or None if it could not be decoded."""

    t_ns: int
    cam: int
    image: np.ndarray | None


@dataclass(frozen=True, slots=True)
class StereoFrame:
    """Images of one instant, (H, W) uint8 C-contiguous; None where one is missing."""

    index: int
    t_ns: int
    cam0: np.ndarray | None
    cam1: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The state of the imu in the world at `t_ns`, as known at that time.

    Attributes:
        R_world_imu: (3, 3). p_world_imu: (3,) [m]. v_world_imu: (3,) [m/s].
        bias_gyro: (3,) [rad/s]. bias_accel: (3,) [m/s^2].
        cov: (15, 15) of the error state, order in the module docstring; for real sensors, whose
            errors are not independent (`window.sigma_factor`).
        status: health; a pose with status INITIALISING or LOST is not usable.
        calibration: (n,) what of the calibration is estimated, see vio/imu/calibration.py.
        calibration_std: (n,) its standard deviations.
        notice: what the user should look at, in words, or nothing.
    """

    t_ns: int
    R_world_imu: np.ndarray
    p_world_imu: np.ndarray
    v_world_imu: np.ndarray
    bias_gyro: np.ndarray
    bias_accel: np.ndarray
    cov: np.ndarray
    status: Status
    calibration: np.ndarray = field(default_factory=lambda: np.zeros(0))
    calibration_std: np.ndarray = field(default_factory=lambda: np.zeros(0))
    notice: str = ""

    @property
    def time_offset_s(self) -> float:
        """Estimated offset of the imu's clock beyond the rig's own, 0 where none is estimated."""
        return float(self.calibration[0]) if self.calibration.size else 0.0

    @property
    def usable(self) -> bool:
        """Whether the pose may be used for navigation."""
        return self.status in (Status.TRACKING, Status.DEGRADED)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Features seen in one frame: copies, safe to keep.

    Attributes:
        ids: (N,) int64, unique over the run. ages: (N,) int32 frames since first seen.
        uv0: (N, 2) float32 px in cam0. uv1: (N, 2) float32 px in cam1, NaN without a match.
        keyframe: whether the frame starts new features. still: whether nothing moves.
        image, stereo: whether there was an image of cam0, of cam1.
    """

    t_ns: int
    ids: np.ndarray
    ages: np.ndarray
    uv0: np.ndarray
    uv1: np.ndarray
    keyframe: bool = False
    still: bool = False
    image: bool = True
    stereo: bool = True


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the front end learns from the window, one frame late: it predicts the next frame.

    Attributes:
        estimate: the newest estimate.
        ids: (n,) int64 tracks with a landmark. inv_depth: (n,) float32 in cam0 then [1/m].
    """

    estimate: Estimate
    ids: np.ndarray
    inv_depth: np.ndarray


@dataclass(frozen=True, slots=True)
class FrameResult:
    """Everything one processed frame gives.

    Attributes:
        estimate: the state. tracks: the features. is_keyframe: whether it was kept.
        events: (n,) int64 tallies named by `vio.events.NAMES`, the bill's raw material.
        timings_ns: CPU time by stage [ns].
    """

    index: int
    estimate: Estimate
    tracks: Tracks
    is_keyframe: bool
    events: np.ndarray
    timings_ns: dict[str, int]
