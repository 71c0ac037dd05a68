"""Trajectories as text in TUM's format: `stamp[s] x y z qx qy qz qw`, one pose a line.

Stamps stay int64 nanoseconds on both sides: a double cannot hold them.
"""

import math
from decimal import Decimal, InvalidOperation

import numpy as np

from vio.io.text import LAST_NS, numbers, read_rows
from vio.types import VioError

HEADER = "# timestamp_s tx ty tz qx qy qz qw\n"


def format_pose(t_ns: int, p, quat_xyzw) -> str:
    """One line: the stamp with nine exact decimals, the pose with twelve significant digits."""
    seconds, rest = divmod(abs(int(t_ns)), 10**9)
    sign = "-" if t_ns < 0 else ""
    pose = " ".join(f"{float(x):.12g}" for x in (*p, *quat_xyzw))
    return f"{sign}{seconds}.{rest:09d} {pose}\n"


class TumWriter:
    """Writes a trajectory line by line, flushed, so that a killed run leaves what it had.

    Args:
        path: file to write; its folder must exist.
        append: carry on with an existing file instead of replacing it.
    """

    def __init__(self, path, append: bool = False):
        self._file = open(path, "a" if append else "w", encoding="ascii")
        if self._file.tell() == 0:
            self._file.write(HEADER)
            self._file.flush()

    def write(self, t_ns: int, p, quat_xyzw) -> None:
        """Add one pose: p (3,) [m], quat_xyzw (4,) unit quaternion."""
        self._file.write(format_pose(t_ns, p, quat_xyzw))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def write_tum(path, stamps_ns, p, quat_xyzw) -> None:
    """Write a whole trajectory.

    Args:
        path: file to write.
        stamps_ns: (N,) int64.
        p: (N, 3) float64 [m].
        quat_xyzw: (N, 4) float64, unit quaternions.
    """
    with open(path, "w", encoding="ascii") as file:
        file.write(HEADER)
        for pose in zip(stamps_ns, p, quat_xyzw, strict=True):
            file.write(format_pose(*pose))


def read_tum(path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a trajectory: comments, blank lines, commas or blanks, `.gz` are all fine.

    Returns:
        stamps_ns (N,) int64, exact; p (N, 3) float64 [m]; quat_xyzw (N, 4) float64 as written.

    Raises:
        VioError: naming file:line of a malformed row, a stamp that goes back, a pose that is
            not finite or without a rotation, or a file without poses.
    """
    stamps, poses = [], []
    for where, fields in read_rows(path, (8,)):
        stamps.append(seconds_to_ns(fields[0], where))
        poses.append(numbers(fields[1:], where))
        if len(stamps) > 1 and stamps[-1] < stamps[-2]:
            raise VioError(f"{where}: the stamp goes back; sort the file or delete the line")
        if not all(map(math.isfinite, poses[-1])) or not any(poses[-1][3:]):
            raise VioError(f"{where}: not a pose (NaN, or no quaternion); mend or delete the line")
    if not poses:
        raise VioError(f"{path}: holds no poses; was the run cut short before the first one?")
    poses = np.array(poses)
    return np.array(stamps, np.int64), poses[:, :3].copy(), poses[:, 3:].copy()


def seconds_to_ns(text: str, where: str) -> int:
    """Decimal seconds as int nanoseconds without passing through a double."""
    try:
        t_ns = Decimal(text) * 10**9
        if not abs(t_ns) <= LAST_NS:
            raise ValueError
        return int(t_ns.to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        raise VioError(
            f"{where}: '{text}' is no time stamp in seconds; mend or delete the line"
        ) from None
