"""Records of named arrays in a `sensor_msgs/PointCloud2` of one point, exact to the bit.

Each array is one field; its `count` is the number of its elements. PointField has no 64-bit
integer, so int64 travels as UINT32 pairs, low word first. Little-endian, no padding.
"""

import numpy as np

from vio import events
from vio.types import IMU_DTYPE, STATE_DIM, Estimate, Feedback, Status, Tracks

_TYPES = {"u1": (2, 1), "i4": (5, 1), "f4": (7, 1), "f8": (8, 1), "i8": (6, 2)}
"""dtype -> (PointField datatype, elements of it per value)."""

TRACKS = {
    "session": ("i8", ()),
    "t_ns": ("i8", ()),
    "id": ("i8", (-1,)),
    "age": ("i4", (-1,)),
    "uv0": ("f4", (-1, 2)),
    "uv1": ("f4", (-1, 2)),
    "flags": ("u1", (4,)),
    "events": ("i8", (-1,)),
}
"""Features of a frame. flags: keyframe, still, image, stereo. events: `vio.events.NAMES`."""

INTERVAL = {
    "t0_ns": ("i8", ()),
    "t1_ns": ("i8", ()),
    "dt": ("f8", ()),
    "R": ("f8", (3, 3)),
    "p": ("f8", (3,)),
    "v": ("f8", (3,)),
    "J": ("f8", (9, 6)),
    "bias": ("f8", (6,)),
    "whiten": ("f8", (-1,)),
    "sample_t_ns": ("i8", (-1,)),
    "sample_gyro": ("f8", (-1, 3)),
    "sample_accel": ("f8", (-1, 3)),
}
"""Preintegrated motion from one frame to the next (vio/imu/preintegrate.py), and its samples."""

FEEDBACK = {
    "session": ("i8", ()),
    "t_ns": ("i8", ()),
    "R": ("f8", (3, 3)),
    "p": ("f8", (3,)),
    "v": ("f8", (3,)),
    "bias": ("f8", (6,)),
    "cov": ("f8", (STATE_DIM, STATE_DIM)),
    "calibration": ("f8", (-1,)),
    "calibration_std": ("f8", (-1,)),
    "status": ("u1", ()),
    "id": ("i8", (-1,)),
    "inv_depth": ("f4", (-1,)),
}
"""The newest estimate and the depths of its landmarks (vio.types.Feedback)."""


def pack(schema: dict, values: dict):
    """The fields [(name, offset, datatype, count)] and the bytes of a record."""
    fields, parts, offset = [], [], 0
    for name, (kind, _) in schema.items():
        part = np.ascontiguousarray(values[name], "<" + kind)
        datatype, words = _TYPES[kind]
        fields.append((name, offset, datatype, part.size * words))
        parts.append(part.tobytes())
        offset += part.nbytes
    return fields, b"".join(parts)


def unpack(schema: dict, fields, data) -> dict:
    """Name -> array (a copy, native) of a packed record.

    Raises:
        ValueError: the record is not of this schema.
    """
    found = {name: (offset, datatype, count) for name, offset, datatype, count in fields}
    values = {}
    for name, (kind, shape) in schema.items():
        offset, datatype, count = found.get(name, (0, None, 0))
        expected, words = _TYPES[kind]
        if datatype != expected:
            raise ValueError(f"field '{name}' is missing or of another type")
        array = np.frombuffer(data, "<" + kind, count // words, offset)
        values[name] = array.reshape(shape).astype(kind) if shape else array.astype(kind)[0]
    return values


def tracks_values(tracks: Tracks, session: int, counts) -> dict:
    """Tracks and the front end's tallies as values of `TRACKS`."""
    flags = (tracks.keyframe, tracks.still, tracks.image, tracks.stereo)
    return {
        "session": session, "t_ns": tracks.t_ns, "id": tracks.ids, "age": tracks.ages,
        "uv0": tracks.uv0, "uv1": tracks.uv1, "flags": flags, "events": counts,
    }  # fmt: skip


def tracks_of(values: dict) -> Tracks:
    """The Tracks in values of `TRACKS`."""
    flags = [bool(flag) for flag in values["flags"]]
    return Tracks(
        int(values["t_ns"]), values["id"], values["age"], values["uv0"], values["uv1"], *flags
    )


def interval_values(t0_ns: int, t1_ns: int, pre, samples) -> dict:
    """Slot 0 of a Preintegrated and (N,) IMU_DTYPE samples as values of `INTERVAL`."""
    moved = {name: getattr(pre, name)[0] for name in ("dt", "R", "p", "v", "J", "bias", "whiten")}
    return {
        "t0_ns": t0_ns, "t1_ns": t1_ns, **moved, "sample_t_ns": samples["t_ns"],
        "sample_gyro": samples["gyro"], "sample_accel": samples["accel"],
    }  # fmt: skip


def samples_of(values: dict) -> np.ndarray:
    """(N,) IMU_DTYPE: the samples in values of `INTERVAL`."""
    samples = np.zeros(len(values["sample_t_ns"]), IMU_DTYPE)
    for name in ("t_ns", "gyro", "accel"):
        samples[name] = values[f"sample_{name}"]
    return samples


def feedback_values(feedback: Feedback, session: int) -> dict:
    """A Feedback as values of `FEEDBACK`."""
    e = feedback.estimate
    return {
        "session": session, "t_ns": e.t_ns, "R": e.R_world_imu, "p": e.p_world_imu,
        "v": e.v_world_imu, "bias": np.concatenate([e.bias_gyro, e.bias_accel]), "cov": e.cov,
        "calibration": e.calibration, "calibration_std": e.calibration_std,
        "status": int(e.status), "id": feedback.ids, "inv_depth": feedback.inv_depth,
    }  # fmt: skip


def feedback_of(values: dict) -> Feedback:
    """The Feedback in values of `FEEDBACK`."""
    v = values
    estimate = Estimate(
        int(v["t_ns"]), v["R"], v["p"], v["v"], v["bias"][:3].copy(), v["bias"][3:].copy(),
        v["cov"], Status(int(v["status"])), v["calibration"], v["calibration_std"],
    )  # fmt: skip
    return Feedback(estimate, v["id"], v["inv_depth"])


def counts_of(values: dict) -> np.ndarray:
    """(N_EVENTS,) int64 tallies in values of `TRACKS`; all zero from another version."""
    counts = values["events"]
    return counts.copy() if counts.size == events.N_EVENTS else np.zeros(events.N_EVENTS, np.int64)
