"""EuRoC's imu csv: stamp [ns], gyro xyz [rad/s], accel xyz [m/s^2]."""

import math
from collections import Counter

import numpy as np

from vio.io.text import integer, numbers, read_rows
from vio.types import IMU_DTYPE, VioError


def read_imu_csv(path, faults: Counter | None = None) -> np.ndarray:
    """Read an inertial recording, gzipped or not.

    Args:
        path: file with seven columns a row.
        faults: gains `duplicate_imu`, rows dropped for repeating the stamp before them.

    Returns:
        (N,) IMU_DTYPE, N >= 1, strictly increasing stamps, imu frame.

    Raises:
        VioError: no rows, a malformed row, NaN, or a stamp that goes back; names file:line.
    """
    rows = []
    last_ns = None
    for where, fields in read_rows(path, (7,)):
        t_ns = integer(fields[0], where)
        if last_ns is not None and t_ns <= last_ns:
            if t_ns < last_ns:
                raise VioError(
                    f"{where}: the stamp goes back by {(last_ns - t_ns) * 1e-9:.6f} s; "
                    "sort the file or delete the line"
                )
            if faults is not None:
                faults["duplicate_imu"] += 1
            continue
        last_ns = t_ns
        values = numbers(fields[1:], where)
        if not all(map(math.isfinite, values)):
            raise VioError(f"{where}: NaN or infinite IMU value; delete the line")
        rows.append((t_ns, values[:3], values[3:]))
    if not rows:
        raise VioError(f"{path}: holds no IMU samples; fetch the recording again")
    return np.array(rows, IMU_DTYPE)
