"""Ground truth from EuRoC csv (8 or 17 columns) or a TUM trajectory, gzipped or not."""

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
    rows, last = [], None
    for where, fields in read_rows(path, (8, 17) if euroc else (8,)):
        t_ns = integer(fields[0], where) if euroc else seconds_to_ns(fields[0], where)
        if last is not None and t_ns <= last:
            if t_ns < last:
                raise VioError(f"{where}: the stamp goes back; sort the file or delete the line")
            continue
        last = t_ns
        values = numbers(fields[1:], where)
        if not euroc:
            values[3:] = values[6], *values[3:6]
        rows.append((t_ns, *truth_fields(values, where)))
    if not rows:
        raise VioError(f"{path}: holds no poses; remove the file to run without ground truth")
    return np.array(rows, TRUTH_DTYPE)


def truth_fields(values: list[float], where: str) -> tuple:
    """The TRUTH_DTYPE fields after the stamp from 7 or 16 numbers, checked and padded with NaN."""
    row = np.full(16, np.nan)
    row[: len(values)] = values
    length = np.linalg.norm(row[3:7])
    if not np.isfinite(row[:7]).all() or abs(length - 1.0) > MAX_NORM_ERROR:
        raise VioError(
            f"{where}: not a pose (NaN, or a quaternion of length {length:.3g}); "
            "mend or delete the line"
        )
    return row[:3], row[3:7] / length, row[7:10], row[10:13], row[13:16]


def _is_euroc(path) -> bool:
    """Whether the first row has the looks of EuRoC's csv."""
    for _, fields in read_rows(path):
        named_csv = str(path).removesuffix(".gz").endswith(".csv")
        return fields[0].lstrip("+-").isdigit() and (len(fields) == 17 or named_csv)
    return False
