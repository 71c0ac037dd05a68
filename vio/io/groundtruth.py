"""Ground truth from EuRoC csv (8 or 17 columns) or a TUM trajectory, gzipped or not."""

import math

import numpy as np

from vio.io.text import integer, numbers, read_rows
from vio.io.tum import seconds_to_ns
from vio.types import TRUTH_DTYPE, VioError

MAX_NORM_ERROR = 0.01


def read_groundtruth(path) -> np.ndarray:
    """Read ground truth poses of the imu in the world.

    A `.csv`, or 17 columns, with whole-number stamps is EuRoC's: stamp [ns], p, quat_wxyz and,
    with 17 columns, velocity, gyro bias, accel bias. Any other is TUM's: stamp [s], p, quat_xyzw.

    Returns:
        (N,) TRUTH_DTYPE, N >= 1, strictly increasing stamps (a repeated one is dropped), unit
        quaternions; NaN in what the file does not have.

    Raises:
        VioError: naming file:line of a malformed row, a stamp that goes back, a pose that is
            not finite or a quaternion far from unit length.
    """
    euroc = _is_euroc(path)
    stamps, places, rows = [], [], []
    for where, fields in read_rows(path, (8, 17) if euroc else (8,)):
        t_ns = integer(fields[0], where) if euroc else seconds_to_ns(fields[0], where)
        if stamps and t_ns <= stamps[-1]:
            if t_ns < stamps[-1]:
                raise VioError(f"{where}: the stamp goes back; sort the file or delete the line")
            continue
        stamps.append(t_ns)
        places.append(where)
        rows.append(numbers(fields[1:], where) + [math.nan] * (17 - len(fields)))
    if not rows:
        raise VioError(f"{path}: holds no poses; remove the file to run without ground truth")
    truth, values = np.empty(len(rows), TRUTH_DTYPE), np.array(rows)
    truth["t_ns"], truth["p_world_imu"] = stamps, values[:, :3]
    quat_wxyz = values[:, 3:7] if euroc else values[:, [6, 3, 4, 5]]
    truth["quat_wxyz"] = unit_quaternions(values[:, :3], quat_wxyz, places)
    for name, at in (("v_world_imu", 7), ("bias_gyro", 10), ("bias_accel", 13)):
        truth[name] = values[:, at : at + 3]
    return truth


def unit_quaternions(p, quat, places) -> np.ndarray:
    """Quaternions (N, 4) at unit length; VioError naming the first of `places` without a pose.

    Args:
        p: (N, 3) positions, which must be finite too.
    """
    length = np.linalg.norm(quat, axis=1)
    good = np.isfinite(p).all(axis=1) & (np.abs(length - 1.0) <= MAX_NORM_ERROR)
    if not good.all():
        k = int(np.argmin(good))
        raise VioError(
            f"{places[k]}: not a pose (NaN, or a quaternion of length {length[k]:.3g}); "
            "mend or delete the line"
        )
    return quat / length[:, None]


def _is_euroc(path) -> bool:
    """Whether the first row has the looks of EuRoC's csv."""
    for _, fields in read_rows(path):
        named_csv = str(path).removesuffix(".gz").endswith(".csv")
        return fields[0].lstrip("+-").isdigit() and (len(fields) == 17 or named_csv)
    return False
