"""What the player sent and what came back: trajectory.tum, imu_odometry.npy and played.json."""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np

from vio.eval.trajectory import rotations
from vio.io.tum import TumWriter
from vio.ros import convert
from vio.ros.diagnostics import health_of
from vio.types import CameraImage, VioError


class Logbook:
    """Keeps counts, latencies and poses of one recording played.

    Args:
        out: folder to write to, made if it is not there; "" writes nothing.

    Attributes:
        counts: what was sent and received, by name.
        begun_s, ended_s: when playing began and ended (monotonic), 0 before.
    """

    def __init__(self, out: str):
        self.counts, self.health = Counter(), {}
        self.due, self.latencies, self.rapid = {}, [], []
        self.begun_s = self.ended_s = 0.0
        self.folder, self.writer = None, None
        if out:
            self.folder = Path(out)
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.writer = TumWriter(self.folder / "trajectory.tum")
            except OSError as error:
                raise VioError(f"parameter out: {out}: {error.strerror}; give a folder") from None

    def sent(self, item, due_s: float):
        """A measurement has been sent that was due at `due_s` (monotonic)."""
        if isinstance(item, CameraImage):
            self.counts[f"cam{item.cam}_sent"] += 1
            self.due.setdefault(item.t_ns, due_s)
        else:
            self.counts["imu_sent"] += 1

    def odometry(self, message) -> int:
        """The answer to a frame; its stamp [ns]."""
        now = time.monotonic()
        t_ns, p, quat = convert.pose_of(message)
        self.counts["odometry_received"] += 1
        if t_ns in self.due:
            self.latencies.append((now - self.due[t_ns]) * 1e3)
        if convert.known(message):
            self.counts["poses"] += 1
            if self.writer is not None:
                self.writer.write(t_ns, p, quat)
        return t_ns

    def imu_odometry(self, message):
        """A pose at the rate of the IMU."""
        t_ns, p, quat = convert.pose_of(message)
        v = message.twist.twist.linear
        self.rapid.append((t_ns, *p, *quat, v.x, v.y, v.z))

    def diagnostics(self, message):
        """Health of the stack, the newest of each node."""
        self.health.update(health_of(message))

    def write(self, **more):
        """Finish the files; `more` joins the summary."""
        if self.folder is not None:
            self.writer.close()
            np.save(self.folder / "imu_odometry.npy", np.array(self.rapid))
            text = json.dumps({**self.summary(), **more}, indent=2)
            (self.folder / "played.json").write_text(text + "\n")

    def summary(self) -> dict:
        """What was sent and what came back."""
        late = np.array(self.latencies)
        lost = max(self.counts["cam0_sent"] - self.counts["odometry_received"], 0)
        return {
            **self.counts,
            "frames_lost": lost,
            "imu_odometry_received": len(self.rapid),
            **continuity(self.rapid),
            "latency_ms_p50": float(np.percentile(late, 50)) if late.size else None,
            "latency_ms_p99": float(np.percentile(late, 99)) if late.size else None,
            "latency_ms_max": float(late.max()) if late.size else None,
            "begun_s": self.begun_s,
            "ended_s": self.ended_s or time.monotonic(),
            "diagnostics": self.health,
        }


def continuity(rows) -> dict:
    """How even a fast odometry is.

    Args:
        rows: of (t_ns, position [m], quaternion xyzw, velocity in the child frame [m/s]), as
            they came.

    Returns:
        imu_odometry_rate_hz over the times it was there, and imu_odometry_step_m: the most that
        a position differs from the one before carried on at the mean of both velocities. Empty
        with less than two rows, or none that follow within 50 ms.
    """
    rows = np.array(rows).reshape(-1, 11)
    dt_s = np.diff(rows[:, 0]) * 1e-9
    near = (dt_s > 0) & (dt_s < 0.05)
    if not near.any():
        return {}
    p, v = rows[:, 1:4], (rotations(rows[:, 4:8]) @ rows[:, 8:, None])[:, :, 0]
    gap = np.diff(p, axis=0) - 0.5 * (v[1:] + v[:-1]) * dt_s[:, None]
    return {
        "imu_odometry_rate_hz": float(near.sum() / dt_s[near].sum()),
        "imu_odometry_step_m": float(np.linalg.norm(gap[near], axis=1).max()),
    }
