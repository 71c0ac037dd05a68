"""What the window remembers: fixed-capacity tables of poses, motion states and landmarks.

A slot is one frame. It always has a pose; the newest few slots also have velocity and biases
("motion"). A keyframe keeps its pose when its motion is marginalised; any other frame leaves.
"""

from typing import NamedTuple

import numpy as np

from vio.events import WINDOW_COUNTS
from vio.imu import calibration, preintegrate
from vio.imu.preintegrate import Preintegrated
from vio.memory.arena import Buffer


class Slots(NamedTuple):
    """Frames in the window; first axis = slot. `lin` are the fixed linearisation points (FEJ)."""

    t_ns: np.ndarray  # (S,) int64, 0 = free
    motion: np.ndarray  # (S,) uint8: 1 + row of `pre` if it has velocity and biases, else 0
    key: np.ndarray  # (S,) uint8: is a keyframe
    still: np.ndarray  # (S,) uint8: did not move since the motion slot before it
    fixed: np.ndarray  # (S,) uint8: is in the prior, Jacobians are taken at `lin`
    doubt: np.ndarray  # (S,) share by which deviations of the interval that ends here are enlarged
    R: np.ndarray  # (S, 3, 3) R_world_imu
    p: np.ndarray  # (S, 3) p_world_imu, m
    v: np.ndarray  # (S, 3) v_world_imu, m/s
    bias: np.ndarray  # (S, 6) gyro rad/s, accel m/s^2
    R_lin: np.ndarray
    p_lin: np.ndarray
    v_lin: np.ndarray
    bias_lin: np.ndarray
    calibration: np.ndarray  # (n,) one for all slots, see vio/imu/calibration.py; n may be 0
    held: np.ndarray  # (1,) int64, how many of its last elements are only watched, not moved


class Landmarks(NamedTuple):
    """Points, hosted by the keyframe that saw them first; first axis = landmark."""

    id: np.ndarray  # (M,) int32 track id, -1 = free
    host: np.ndarray  # (M,) int8 slot
    active: np.ndarray  # (M,) uint8: 0 depth unknown, 1 in use
    point: np.ndarray  # (M, 3) x, y on the host's normalised plane, inverse depth 1/m
    xy: np.ndarray  # (M, S, 2, 2) per camera: normalised x, y in steps of `Extrinsics.step`
    weight: np.ndarray  # (M, S, 2) uint8 px per unit, in steps of `Extrinsics.step`; 0 = not seen


class Extrinsics(NamedTuple):
    """Cameras in the imu frame, and the reverse."""

    R_imu_cam: np.ndarray  # (2, 3, 3)
    p_imu_cam: np.ndarray  # (2, 3) m
    R_cam_imu: np.ndarray  # (2, 3, 3)
    p_cam_imu: np.ndarray  # (2, 3) m
    step: np.ndarray  # (2,) size of one step of a stored coordinate, and of a stored weight


class System(NamedTuple):
    """A linear system over poses, motions and calibration of the window: H d = -b."""

    H: np.ndarray  # (D (D + 1) / 2,) packed lower, row by row
    b: np.ndarray  # (D,)
    d: np.ndarray  # (D,) solution
    pose_at: np.ndarray  # (S,) int64 first row of a slot's pose, -1 = absent
    motion_at: np.ndarray  # (S,) int64 first row of a slot's velocity and biases
    calibration_at: np.ndarray  # (1,) int64 first row of the calibration, which comes last


class Prior(NamedTuple):
    """What marginalisation left: |L^T (x - lin) + r|^2 over the fixed slots and calibration."""

    L: np.ndarray  # (P (P + 1) / 2,) packed lower
    r: np.ndarray  # (P,)
    pose_at: np.ndarray  # (S,) int64, -1 = absent
    motion_at: np.ndarray  # (S,) int64
    dim: np.ndarray  # (1,) int64


class Work(NamedTuple):
    """Scratch of one call."""

    cams: np.ndarray  # (S, 2, 2, 12) cameras in the world, now and at lin; see `sight.py`
    folds: np.ndarray  # (S + 1, 14) forms of one landmark: their sum, then frame by frame
    root: np.ndarray  # (19,) square root of what is known of one landmark
    gain: np.ndarray  # (3, 6 S) what its elimination takes off, a row per direction
    panel: np.ndarray  # columns being eliminated (3 D), or sums over the landmarks of a host (27 S)
    block: np.ndarray  # (6, 6)
    seen: np.ndarray  # (S,) int64
    delta: np.ndarray  # (D,)
    use: np.ndarray  # (M,) uint8 landmarks that take part
    backup: np.ndarray  # (S, 21) states before a step
    backup_points: np.ndarray  # (M, 3)
    backup_calibration: np.ndarray  # (n,)
    small: np.ndarray  # (21, 30 + n) Jacobian and matrices of one inertial factor; then the
    # covariance of the newest state and the calibration
    rows: np.ndarray  # (2, D) int16 row of the system of each row of the prior or of a factor, and
    # where the run of neighbouring rows it is in begins
    factor: np.ndarray  # (S,) uint8 inertial factors that take part, by the slot they end in
    leave_pose: np.ndarray  # (S,) uint8 what leaves when marginalising
    leave_motion: np.ndarray  # (S,) uint8
    counts: np.ndarray  # (len(WINDOW_COUNTS),) int64 tallies of the kernels, added to


class Tables(NamedTuple):
    """All that the kernels of the window work on."""

    slots: Slots
    landmarks: Landmarks
    pre: Preintegrated
    ext: Extrinsics
    prior: Prior
    system: System
    work: Work


class Signs(NamedTuple):
    """Sums over the frames that show whether the calibration given can be right."""

    cam1: np.ndarray  # (28,) see vio/window/displaced.py
    imu: np.ndarray  # (14,) see vio/window/turned.py
    moved: np.ndarray  # (7,) see vio/window/scale.py


class Sight(NamedTuple):
    """The part of Tables for kernels that look at landmarks: an array handed over costs 0.2 us."""

    slots: Slots
    landmarks: Landmarks
    ext: Extrinsics
    cams: np.ndarray  # of Work
    counts: np.ndarray  # of Work


class Model(NamedTuple):
    """What is assumed of the measurements."""

    inv_sigma: float  # 1 / pixel noise, 1/px
    limit: float  # Huber threshold, sigma
    gravity: float  # m/s^2
    walk: np.ndarray  # (2, 2) random walks of the biases, gyro and accel, unit/s/sqrt(Hz), and
    # by how much they may jump in an interval that is doubted, unit
    still: np.ndarray  # (3,) deviations at rest, rad, m, m/s


class Bearings(NamedTuple):
    """The current frame's tracks on the normalised plane."""

    rays0: np.ndarray  # (N, 2)
    rays1: np.ndarray  # (N, 2), NaN without a match
    weight0: np.ndarray  # (N,) float32 px per unit
    weight1: np.ndarray  # (N,)
    row_of: np.ndarray  # (N,) int16 landmark of a track, -1 = none


def capacities(config) -> tuple[int, int, int, int]:
    """(slots, landmarks, largest system, largest prior) of a WindowConfig."""
    slots, n = config.max_keyframes + config.max_states + 1, calibration.size(config)
    dim = 6 * config.max_keyframes + 15 * (config.max_states + 1)
    # Of all motions only the oldest is in the prior.
    return slots, config.max_landmarks, dim + n, 6 * slots + 9 + n


def start_capacity(config) -> int:
    """How many frames the system of a WindowConfig can hold when all of them have motion."""
    rows = capacities(config)[2] - calibration.size(config)
    return min(config.max_keyframes, rows // 15)


def records(config) -> int:
    """Most frames with motion, in flight or while the window starts."""
    return max(config.max_states + 1, start_capacity(config))


def extrinsics(rig, observation_bits) -> Extrinsics:
    """Camera poses in the imu frame; a missing cam1 repeats cam0 and is never used.

    A coordinate of 16 bit covers +-2 of the normalised plane in steps of 1/16384 (0.03 px at
    460 px focal length); weights have 200 steps up to the focal length.
    """
    cams = [rig.cam0, rig.cam1 if rig.cam1 is not None else rig.cam0]
    T = np.array([cam.T_imu_cam for cam in cams])
    R, p = T[:, :3, :3].copy(), T[:, :3, 3].copy()
    R_inv = np.ascontiguousarray(R.transpose(0, 2, 1))
    focal = max(max(cam.params[:2]) for cam in cams)
    step = np.array([2.0**-14 if observation_bits == 16 else 2.0**-30, focal / 200.0])
    return Extrinsics(R, p, R_inv, -np.einsum("cij,cj->ci", R_inv, p), step)


def buffers(config, memory, max_features) -> list[Buffer]:
    """Ledger of the window for a WindowConfig, a MemoryConfig and the front end's capacity."""
    N = max_features
    point, prior, inertial = (
        f"f{bits // 8}" for bits in (memory.point_bits, memory.prior_bits, memory.inertial_bits)
    )
    xy = "i2" if memory.observation_bits == 16 else "f4"
    (S, M, D, P), n = capacities(config), calibration.size(config)
    shapes = {
        "slots": {
            "t_ns": ((S,), "i8"), "motion": ((S,), "u1"),
            "key": ((S,), "u1"), "still": ((S,), "u1"), "fixed": ((S,), "u1"),
            "doubt": ((S,), "f4"), "R": ((S, 3, 3), "f8"), "p": ((S, 3), "f8"), "v": ((S, 3), "f8"),
            "bias": ((S, 6), "f8"), "R_lin": ((S, 3, 3), "f8"), "p_lin": ((S, 3), "f8"),
            "v_lin": ((S, 3), "f8"), "bias_lin": ((S, 6), "f8"), "calibration": ((n,), "f8"),
            "held": ((1,), "i8"),
        },
        "landmarks": {
            "id": ((M,), "i4"), "host": ((M,), "i1"), "active": ((M,), "u1"),
            "point": ((M, 3), point), "xy": ((M, S, 2, 2), xy), "weight": ((M, S, 2), "u1"),
        },
        "preintegrated": preintegrate.shapes(records(config), inertial, n),
        "prior": {
            "L": ((P * (P + 1) // 2,), prior), "r": ((P,), "f8"), "pose_at": ((S,), "i8"),
            "motion_at": ((S,), "i8"), "dim": ((1,), "i8"),
        },
        "system": {
            "H": ((D * (D + 1) // 2,), "f8"), "b": ((D,), "f8"), "d": ((D,), "f8"),
            "pose_at": ((S,), "i8"), "motion_at": ((S,), "i8"), "calibration_at": ((1,), "i8"),
        },
        "work": {
            "cams": ((S, 2, 2, 12), "f8"), "folds": ((S + 1, 14), "f8"), "root": ((19,), "f8"),
            "gain": ((3, 6 * S), "f8"), "panel": ((max(3 * D, 27 * S),), "f8"),
            "block": ((6, 6), "f8"),
            "seen": ((S,), "i8"), "delta": ((D,), "f8"), "use": ((M,), "u1"),
            "backup": ((S, 21), "f8"), "backup_points": ((M, 3), point),
            "backup_calibration": ((n,), "f8"), "small": ((21, 30 + n), "f8"),
            "counts": ((len(WINDOW_COUNTS),), "i8"),
            "rows": ((2, D), "i2"), "factor": ((S,), "u1"),
            "leave_pose": ((S,), "u1"), "leave_motion": ((S,), "u1"),
        },
    }  # fmt: skip
    shapes["bearings"] = {
        "rays0": ((N, 2), "f4"), "rays1": ((N, 2), "f4"), "weight0": ((N,), "f4"),
        "weight1": ((N,), "f4"), "row_of": ((N,), "i2"),
    }  # fmt: skip
    shapes["signs"] = {"cam1": ((28,), "f8"), "imu": ((14,), "f8"), "moved": ((7,), "f8")}
    notes = {
        "signs": "signs of a wrong calibration",
        "slots": "frames of the window", "landmarks": "points and their observations",
        "preintegrated": "inertial factors", "prior": "marginalisation prior, square root",
        "system": "normal equations, packed lower", "work": "back end scratch",
        "bearings": "the current tracks, undistorted",
    }  # fmt: skip
    frame = ("system", "work", "bearings")

    def lifetime(group, name):
        # The counts wait for the next flush: they are zero, not anything, between frames.
        return "back" if group in frame and name != "counts" else "run"

    forms = {"landmarks.weight": "steps of focal length / 200"}
    if memory.observation_bits == 16:
        forms["landmarks.xy"] = "fixed point, 2^-14"
    return [
        Buffer(
            f"{group}.{name}", shape, dtype, lifetime(group, name), notes[group],
            forms.get(f"{group}.{name}", ""),
        )
        for group, fields in shapes.items()
        for name, (shape, dtype) in fields.items()
    ]  # fmt: skip
