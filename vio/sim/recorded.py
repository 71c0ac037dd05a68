"""Recorded flights: read poses, IMU and camera stamps from text, plain or gzipped."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from vio.sim.trajectory import Trajectory, smooth
from vio.types import IMU_DTYPE, VioError

MAX_GAP_S = 0.2


def rows(path, columns: int, separator: str | None) -> list[list[str]]:
    """Fields of all lines that are neither empty nor comments, `columns` at least."""
    path = Path(path)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
            lines = file.read().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise VioError(f"{path}: cannot be read ({error}); give a text file or .gz") from None
    out = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.split(separator)
        try:
            if len(fields) < columns or not np.isfinite([float(f) for f in fields[:columns]]).all():
                raise ValueError
        except ValueError:
            raise VioError(
                f"{path} line {number}: needs {columns} numbers, got '{line[:60]}'; "
                "mend or remove the line"
            ) from None
        out.append(fields)
    if not out:
        raise VioError(f"{path}: holds no data; is it the right file?")
    return out


def stamp_ns(seconds: str) -> int:
    """Nanoseconds of a decimal number of seconds, without the rounding of a float."""
    if not seconds.replace(".", "", 1).isdigit():
        return round(float(seconds) * 1e9)
    whole, _, fraction = seconds.partition(".")
    return int(whole or 0) * 10**9 + int(f"{fraction:0<9}"[:9])


def read_poses(path):
    """Poses of a TUM file with columns t x y z qx qy qz qw.

    Returns:
        t_ns (N,) int64, p_world_imu (N, 3) [m], quat_xyzw (N, 4).
    """
    fields = rows(path, 8, None)
    try:
        t_ns = np.array([stamp_ns(f[0]) for f in fields], np.int64)
    except OverflowError:
        raise VioError(
            f"{path}: a stamp beyond any clock; columns: t[s] x y z qx qy qz qw"
        ) from None
    values = np.array([f[1:8] for f in fields], np.float64)
    check_order(path, t_ns)
    if len(t_ns) < 20:
        raise VioError(f"{path}: {len(t_ns)} poses are too few; needs 20")
    length = np.linalg.norm(values[:, 3:], axis=1)
    if np.abs(length - 1).max() > 0.01:
        raise VioError(f"{path}: quaternion not of unit length; columns: t x y z qx qy qz qw")
    gap = np.diff(t_ns).max() * 1e-9
    if gap > MAX_GAP_S:
        raise VioError(
            f"{path}: gap of {gap:.2f} s between poses; cut the file, "
            f"at most {MAX_GAP_S} s can be bridged"
        )
    return t_ns, values[:, :3], values[:, 3:]


def recorded_trajectory(path, start_s: float, seconds: float, speed: float) -> Trajectory:
    """The recorded motion from `start_s` on, for at most `seconds`, `speed` times as fast."""
    t_ns, p, quat = read_poses(path)
    t = (t_ns - t_ns[0]) * 1e-9
    left_s = t[-1] - start_s
    if left_s < 1.0:
        raise VioError(f"{path}: lasts {t[-1]:.1f} s; start_s {start_s} leaves less than 1 s")
    start_ns = int(t_ns[0]) + round(start_s * 1e9)
    end_s = min(seconds, left_s / speed) if speed > 0 else seconds
    return Trajectory(start_ns, 0.0, end_s, smooth(t, p, quat), speed, start_s)


def read_imu(path, first_ns: int, last_ns: int) -> np.ndarray:
    """Recorded IMU samples (N,) IMU_DTYPE within [first_ns, last_ns], which they must cover."""
    fields = rows(path, 7, ",")
    imu = np.empty(len(fields), IMU_DTYPE)
    imu["t_ns"] = integers(path, fields)
    values = np.array([f[1:7] for f in fields], np.float64)
    imu["gyro"], imu["accel"] = values[:, :3], values[:, 3:]
    t_ns = imu["t_ns"]
    check_order(path, t_ns)
    slack_ns = 20_000_000
    if t_ns[0] > first_ns + slack_ns or t_ns[-1] < last_ns - slack_ns:
        raise VioError(
            f"{path}: covers [{t_ns[0]}, {t_ns[-1]}] ns, not the trajectory's "
            f"[{first_ns}, {last_ns}]; is it of another flight, or cut?"
        )
    return imu[(t_ns >= first_ns) & (t_ns <= last_ns)]


def read_stamps(path, first_ns: int, last_ns: int) -> np.ndarray:
    """Recorded camera stamps (N,) int64 [ns] within [first_ns, last_ns]."""
    t_ns = integers(path, rows(path, 1, None))
    check_order(path, t_ns)
    inside = t_ns[(t_ns >= first_ns) & (t_ns <= last_ns)]
    if len(inside) < 2:
        raise VioError(
            f"{path}: no stamps within the trajectory [{first_ns}, {last_ns}] ns; "
            "is it of another flight?"
        )
    return inside


def integers(path, fields) -> np.ndarray:
    """First field of every row as int64 (N,) [ns]."""
    try:
        return np.array([int(f[0]) for f in fields], np.int64)
    except (ValueError, OverflowError) as error:
        raise VioError(f"{path}: {error}; stamps are whole nanoseconds") from None


def check_order(path, t_ns: np.ndarray) -> None:
    """Raise VioError unless stamps increase."""
    if (np.diff(t_ns) <= 0).any():
        at = int(np.argmax(np.diff(t_ns) <= 0)) + 1
        raise VioError(f"{path}: stamp {t_ns[at]} does not increase; sort the file, remove repeats")
