"""What the window remembers: fixed-capacity tables of poses, motion states and landmarks.

A slot is one frame. It always has a pose; the newest few slots also have velocity and biases
("motion"). A keyframe keeps its pose when its motion is marginalised; any other frame leaves.
"""

from typing import NamedTuple

import numpy as np

from vio.events import WINDOW_COUNTS
from vio.memory.arena import Buffer

(
    VISION_POINTS, VISION_RESIDUALS, VISION_BLOCKS,
    VISION_READY, VISION_LEFT, VISION_FRAMES, VISION_OTHERS, RELAX_READY, RELAX_LEFT, RELAX_FRAMES,
    ACTIVATE_TRIED, ACTIVATE_READY, ACTIVATE_USED, ACTIVATE_IDLE,
    REJECT_TRIED, REJECT_USED, REJECT_ACTIVE, STEPS,
    LAYOUT_TESTS, LAYOUT_USED, LAYOUT_LEFT, LAYOUT_RIGHT,
    LAYOUT_POSES, LAYOUT_MOTIONS, LAYOUT_HELD,
) = range(len(WINDOW_COUNTS))  # fmt: skip


class Slots(NamedTuple):
    """Frames in the window; first axis = slot. `lin` are the fixed linearisation points (FEJ)."""

    t_ns: np.ndarray  # (S,) int64, 0 = free
    index: np.ndarray  # (S,) int64 frame index
    motion: np.ndarray  # (S,) uint8: has velocity and biases
    key: np.ndarray  # (S,) uint8: is a keyframe
    still: np.ndarray  # (S,) uint8: did not move since the motion slot before it
    fixed: np.ndarray  # (S,) uint8: is in the prior, Jacobians are taken at `lin`
    R: np.ndarray  # (S, 3, 3) R_world_imu
    p: np.ndarray  # (S, 3) p_world_imu, m
    v: np.ndarray  # (S, 3) v_world_imu, m/s
    bias: np.ndarray  # (S, 6) gyro rad/s, accel m/s^2
    R_lin: np.ndarray
    p_lin: np.ndarray
    v_lin: np.ndarray
    bias_lin: np.ndarray


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
    """A linear system over the poses and motions of the window: H d = -b."""

    H: np.ndarray  # (D (D + 1) / 2,) packed lower, row by row
    b: np.ndarray  # (D,)
    d: np.ndarray  # (D,) solution
    pose_at: np.ndarray  # (S,) int64 first row of a slot's pose, -1 = absent
    motion_at: np.ndarray  # (S,) int64 first row of a slot's velocity and biases


class Prior(NamedTuple):
    """What marginalisation left: |L^T (x - lin) + r|^2 over the fixed slots."""

    L: np.ndarray  # (D (D + 1) / 2,) packed lower
    r: np.ndarray  # (D,)
    pose_at: np.ndarray  # (S,) int64, -1 = absent
    motion_at: np.ndarray  # (S,) int64
    dim: np.ndarray  # (1,) int64


class Work(NamedTuple):
    """Scratch of one call."""

    rel: np.ndarray  # (S, 2, 12): motion host -> slot: rotation, translation; now and at lin
    cross: np.ndarray  # (S, 6, 3) pose-landmark blocks of one landmark
    gain: np.ndarray  # (S, 6, 3) the same times the inverse of the landmark block
    seen: np.ndarray  # (S,) int64
    delta: np.ndarray  # (D,)
    use: np.ndarray  # (M,) uint8 landmarks that take part
    backup: np.ndarray  # (S, 21) states before a step
    backup_points: np.ndarray  # (M, 3)
    small: np.ndarray  # (19, 50)
    counts: np.ndarray  # (len(WINDOW_COUNTS),) int64 tallies of the kernels, added to


class Bearings(NamedTuple):
    """The current frame's tracks on the normalised plane."""

    rays0: np.ndarray  # (N, 2)
    rays1: np.ndarray  # (N, 2), NaN without a match
    weight0: np.ndarray  # (N,) float32 px per unit
    weight1: np.ndarray  # (N,)
    row_of: np.ndarray  # (N,) int64 landmark of a track, -1 = none


def capacities(config) -> tuple[int, int, int]:
    """(slots, landmarks, largest system) of a WindowConfig."""
    slots = config.max_keyframes + config.max_states + 1
    dim = 6 * config.max_keyframes + 15 * (config.max_states + 1)
    return slots, config.max_landmarks, dim


def buffers(config, memory, max_features) -> list[Buffer]:
    """Ledger of the window for a WindowConfig, a MemoryConfig and the front end's capacity."""
    N = max_features
    point, prior, inertial = (
        f"f{bits // 8}" for bits in (memory.point_bits, memory.prior_bits, memory.inertial_bits)
    )
    xy = "i2" if memory.observation_bits == 16 else "f4"
    S, M, D = capacities(config)
    tri = D * (D + 1) // 2
    shapes = {
        "slots": {
            "t_ns": ((S,), "i8"), "index": ((S,), "i8"), "motion": ((S,), "u1"),
            "key": ((S,), "u1"), "still": ((S,), "u1"), "fixed": ((S,), "u1"),
            "R": ((S, 3, 3), "f8"), "p": ((S, 3), "f8"), "v": ((S, 3), "f8"),
            "bias": ((S, 6), "f8"), "R_lin": ((S, 3, 3), "f8"), "p_lin": ((S, 3), "f8"),
            "v_lin": ((S, 3), "f8"), "bias_lin": ((S, 6), "f8"),
        },
        "landmarks": {
            "id": ((M,), "i4"), "host": ((M,), "i1"), "active": ((M,), "u1"),
            "point": ((M, 3), point), "xy": ((M, S, 2, 2), xy), "weight": ((M, S, 2), "u1"),
        },
        "preintegrated": {
            "dt": ((S,), "f8"), "R": ((S, 3, 3), "f8"), "p": ((S, 3), "f8"), "v": ((S, 3), "f8"),
            "J": ((S, 9, 6), inertial), "bias": ((S, 6), "f8"), "whiten": ((S, 45), inertial),
        },
        "prior": {
            "L": ((tri,), prior), "r": ((D,), "f8"), "pose_at": ((S,), "i8"),
            "motion_at": ((S,), "i8"), "dim": ((1,), "i8"),
        },
        "system": {
            "H": ((tri,), "f8"), "b": ((D,), "f8"), "d": ((D,), "f8"),
            "pose_at": ((S,), "i8"), "motion_at": ((S,), "i8"),
        },
        "work": {
            "rel": ((S, 2, 12), "f8"), "cross": ((S, 6, 3), "f8"), "gain": ((S, 6, 3), "f8"),
            "seen": ((S,), "i8"), "delta": ((D,), "f8"), "use": ((M,), "u1"),
            "backup": ((S, 21), "f8"), "backup_points": ((M, 3), point), "small": ((19, 50), "f8"),
            "counts": ((len(WINDOW_COUNTS),), "i8"),
            "rows": ((D,), "i8"), "tallies": ((9,), "i8"), "factor": ((S,), "u1"),
            "cov": ((15, 15), "f8"), "leave_pose": ((S,), "u1"), "leave_motion": ((S,), "u1"),
        },
    }  # fmt: skip
    shapes["bearings"] = {
        "rays0": ((N, 2), "f4"), "rays1": ((N, 2), "f4"), "weight0": ((N,), "f4"),
        "weight1": ((N,), "f4"), "row_of": ((N,), "i8"),
    }  # fmt: skip
    notes = {
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
