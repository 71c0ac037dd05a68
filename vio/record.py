"""What one run produced, frame by frame, and the figures of `metrics.json` drawn from it."""

import logging
import resource
import sys
from pathlib import Path

import numpy as np

from vio.eval.metrics import evaluate, nees
from vio.eval.trajectory import Trajectory, associate, path_lengths, quaternions
from vio.types import POSE_DIM, STATE_DIM, FrameResult, Status, VioError

log = logging.getLogger(__name__)

SETTLE_NS = 1_000_000_000
"""Time after the first frame that `coverage` leaves to the start-up."""

COLUMNS = {
    "t_ns": ((), np.int64),
    "R": ((3, 3), float),
    "p": ((3,), float),
    "v": ((3,), float),
    "bias_gyro": ((3,), float),
    "bias_accel": ((3,), float),
    "cov_pose": ((POSE_DIM, POSE_DIM), float),
    "std": ((STATE_DIM,), float),
    "calibration": ((7,), float),
    "calibration_std": ((7,), float),
    "status": ((), np.int8),
    "is_keyframe": ((), bool),
    "cpu_ns": ((), np.int64),
}


class Record:
    """Collects results; `write` and `summary` work at any time, also after an interruption."""

    def __init__(self):
        self.rows = {name: [] for name in COLUMNS}
        self.events, self.notice = [], ""

    def add(self, result: FrameResult, cpu_ns: int):
        """Copy what is kept of one frame."""
        e = result.estimate
        row = {
            "t_ns": e.t_ns,
            "R": e.R_world_imu,
            "p": e.p_world_imu,
            "v": e.v_world_imu,
            "bias_gyro": e.bias_gyro,
            "bias_accel": e.bias_accel,
            "cov_pose": e.cov[:POSE_DIM, :POSE_DIM],
            "std": np.sqrt(np.maximum(np.diag(e.cov), 0)),
            "calibration": padded(e.calibration, 0.0),
            "calibration_std": padded(e.calibration_std, np.nan),
            "status": e.status,
            "is_keyframe": result.is_keyframe,
            "cpu_ns": cpu_ns,
        }
        for name, value in row.items():
            self.rows[name].append(np.array(value, COLUMNS[name][1]))
        self.notice = e.notice or self.notice
        self.events.append(np.array(result.events, np.int64))

    def __len__(self):
        return len(self.events)

    def last_ns(self) -> int:
        """Stamp of the last frame, or 0."""
        return int(self.rows["t_ns"][-1]) if self.events else 0

    def stamps(self) -> np.ndarray:
        """(N,) stamps of the frames [ns]."""
        return np.array(self.rows["t_ns"], np.int64)

    def columns(self) -> dict:
        """Every column as one array with a leading axis over the N frames."""
        return {
            name: np.array(self.rows[name], kind).reshape(-1, *shape)
            for name, (shape, kind) in COLUMNS.items()
        }

    def write(self, folder: Path, event_names):
        """`events.npz` and `estimates.npz`, the raw material of every later analysis."""
        c = self.columns()
        events = np.array(self.events, np.int64).reshape(len(c["t_ns"]), len(event_names))
        save = np.savez_compressed
        save(folder / "events.npz", names=np.array(event_names, "U"), t_ns=c["t_ns"], events=events)
        c["quat_xyzw"] = quaternions(c.pop("R")) if len(c["t_ns"]) else np.zeros((0, 4))
        save(folder / "estimates.npz", **c)

    def summary(self, expected_ns, truth: Trajectory | None, wall_s: float) -> dict:
        """The figures of a run; None where one is not defined.

        Args:
            expected_ns: (M,) stamps of every frame the dataset promised for the run.
            truth: ground truth or None.
            wall_s: time the whole run took, reading and decoding included.
        """
        c = self.columns()
        t_ns, status = c["t_ns"], c["status"]
        kept = np.isin(status, (Status.TRACKING, Status.DEGRADED))
        start = expected_ns[0] if len(expected_ns) else (t_ns[0] if len(t_ns) else 0)
        late = np.sum(expected_ns > start + SETTLE_NS)
        cpu_ms = c["cpu_ns"] / 1e6
        some, any_kept = len(t_ns) > 0, kept.any()
        figures = {
            "frames": len(t_ns),
            "coverage": np.sum(kept & (t_ns > start + SETTLE_NS)) / late if late else None,
            "init_time_s": (t_ns[kept][0] - start) / 1e9 if any_kept else None,
            "keyframes": np.sum(c["is_keyframe"]),
            "path_length_m": path_lengths(c["p"][kept])[-1] if any_kept else 0.0,
            "cpu_ms_per_frame_mean": cpu_ms.mean() if some else None,
            "cpu_ms_per_frame_p99": np.percentile(cpu_ms, 99) if some else None,
            "realtime_factor": (t_ns[-1] - t_ns[0]) / 1e9 / wall_s if some else None,
            "peak_rss_mb": peak_rss_mb(),
            "status_counts": {s.name.lower(): np.sum(status == s) for s in Status},
        }
        figures.update(accuracy(c, kept, truth))
        figures["calibration"] = self.calibration(c)
        return figures

    def calibration(self, columns: dict) -> dict:
        """What was made of the calibration by the last frame, beyond what was given."""
        some = len(columns["t_ns"]) > 0
        x, std = (
            columns[name][-1] if some else np.zeros(7)
            for name in ("calibration", "calibration_std")
        )
        figures = {
            "time_offset_ms": 1e3 * x[0],
            "time_offset_sigma_ms": 1e3 * std[0],
            "imu_turn_deg": np.degrees(x[1:4]).tolist(),
            "imu_turn_sigma_deg": np.degrees(std[1:4]).tolist(),
            "imu_shift_mm": (1e3 * x[4:]).tolist(),
            "imu_shift_sigma_mm": (1e3 * std[4:]).tolist(),
        }
        if np.isnan(std[1:]).any():  # the extrinsics are not watched
            figures = {name: value for name, value in figures.items() if "imu" not in name}
        return {**figures, "notice": self.notice or None}


def padded(values, rest) -> np.ndarray:
    """(7,): `values`, then `rest`."""
    return np.append(values, np.full(7 - len(values), rest))


ACCURACY = (
    "ate_rmse_m",
    "ate_max_m",
    "ate_yaw_rmse_m",
    "drift_percent",
    "end_drift_percent",
    "rpe_1s_rmse_m",
    "rpe_1s_rmse_deg",
    "scale_error_percent",
    "nees_position_mean",
    "nees_yaw_mean",
)


def accuracy(columns: dict, kept, truth: Trajectory | None) -> dict:
    """Errors of the usable poses, all None without (enough) ground truth.

    With ground truth `path_length_m` is the true one: noise lengthens an estimate.
    """
    nothing = dict.fromkeys(ACCURACY)
    if truth is None or kept.sum() < 3:
        return nothing
    c = {name: values[kept] for name, values in columns.items()}
    estimate = Trajectory(c["t_ns"], c["p"], quaternions(c["R"]))
    try:
        errors = evaluate(estimate, truth)
    except VioError as error:
        log.warning("no figures of accuracy: %s", error)
        return nothing
    paired, reference = associate(estimate, truth)
    cov_pose = c["cov_pose"][np.isin(c["t_ns"], paired.t_ns)]
    position, yaw = nees(paired, reference, cov_pose)
    errors["nees_position_mean"] = position.mean() if len(position) else None
    errors["nees_yaw_mean"] = yaw.mean() if len(yaw) else None
    return {"path_length_m": errors["path_length_m"], **{name: errors[name] for name in ACCURACY}}


def peak_rss_mb() -> float:
    """Largest memory this process ever held [MB = 1e6 bytes]."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
