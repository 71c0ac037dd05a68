"""A trajectory as three arrays, its rotations, and how two of them are paired in time."""

import math
from typing import NamedTuple

import numpy as np


class Trajectory(NamedTuple):
    """Poses of the imu in the world.

    Attributes:
        t_ns: (N,) int64, increasing. p: (N, 3) float64 [m]. quat_xyzw: (N, 4) float64, unit.
    """

    t_ns: np.ndarray
    p: np.ndarray
    quat_xyzw: np.ndarray

    def take(self, index) -> "Trajectory":
        """The poses at `index` (a slice, mask or integer array)."""
        return Trajectory(self.t_ns[index], self.p[index], self.quat_xyzw[index])


def from_truth(truth) -> Trajectory | None:
    """The poses of a TRUTH_DTYPE array; None if there is no array or no pose in it."""
    if truth is None:
        return None
    known = np.isfinite(truth["p_world_imu"]).all(axis=1)
    known &= np.isfinite(truth["quat_wxyz"]).all(axis=1)
    truth = truth[known]
    if len(truth) == 0:
        return None
    return Trajectory(truth["t_ns"], truth["p_world_imu"], truth["quat_wxyz"][:, [1, 2, 3, 0]])


def rotations(quat_xyzw) -> np.ndarray:
    """(N, 4) quaternions xyzw to (N, 3, 3) rotation matrices; any non-zero length."""
    q = quat_xyzw / np.linalg.norm(quat_xyzw, axis=1, keepdims=True)
    x, y, z, w = q.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def quaternions(R) -> np.ndarray:
    """(N, 3, 3) rotation matrices to (N, 4) unit quaternions xyzw, w >= 0.

    The largest of the four components is taken from the diagonal and the others are
    divided by it (Shepperd, 1978), so no angle loses precision.
    """
    xx, yy, zz = R[:, 0, 0], R[:, 1, 1], R[:, 2, 2]
    squares = np.stack([1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz])
    a, b, c = R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]
    d, e, f = R[:, 1, 0] + R[:, 0, 1], R[:, 0, 2] + R[:, 2, 0], R[:, 2, 1] + R[:, 1, 2]
    x2, y2, z2, w2 = squares
    candidates = np.array([[x2, d, e, a], [d, y2, f, b], [e, f, z2, c], [a, b, c, w2]])
    best = np.argmax(squares, axis=0)
    q = candidates[best, :, np.arange(len(R))]
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    return np.where(q[:, 3:] < 0, -q, q)


def quaternion(R) -> list[float]:
    """One (3, 3) rotation matrix as x, y, z, w: `quaternions` for it alone, to the bit."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = R.tolist()
    x2, y2, z2, w2 = 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz
    a, b, c = zy - yz, xz - zx, yx - xy
    d, e, f = yx + xy, xz + zx, zy + yz
    largest = max(x2, y2, z2, w2)
    if largest == x2:
        q = x2, d, e, a
    elif largest == y2:
        q = d, y2, f, b
    elif largest == z2:
        q = e, f, z2, c
    else:
        q = a, b, c, w2
    length = math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    length = -length if q[3] < 0 else length
    return [part / length for part in q]


def log_so3(R) -> np.ndarray:
    """(N, 3, 3) rotation matrices to (N, 3) rotation vectors [rad], angle in [0, pi]."""
    q = quaternions(R)
    sine = np.linalg.norm(q[:, :3], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[:, 3:])
    return q[:, :3] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-300), 2.0)


def path_lengths(p) -> np.ndarray:
    """(N,) path length [m] from the first of (N, 3) positions to each."""
    steps = np.linalg.norm(np.diff(p, axis=0), axis=1)
    return np.concatenate([np.zeros(min(len(p), 1)), np.cumsum(steps)])


def nearest(values, targets, first=None) -> np.ndarray:
    """Index of the entry of sorted `values` nearest to each target; ties go to the earlier.

    Args:
        values: (N,) sorted, N >= 1. targets: (M,).
        first: (M,) int, optional: lowest index allowed for each target.
    """
    lowest = np.zeros(len(targets), int) if first is None else first
    after = np.clip(np.searchsorted(values, targets), lowest, len(values) - 1)
    before = np.maximum(after - 1, np.minimum(lowest, after))
    earlier = targets - values[before] <= values[after] - targets
    # among equal values (a robot at rest) the earliest one counts
    run_start = np.maximum(np.searchsorted(values, values[before]), lowest)
    return np.where(earlier, np.minimum(run_start, before), after)


def associate(estimate: Trajectory, truth: Trajectory, tolerance_s=0.01, interpolate=False):
    """Pairs of poses of the same instant.

    Each estimate is paired with the ground-truth pose of the nearest stamp, if that is at
    most `tolerance_s` away. With `interpolate` the truth is instead evaluated at the stamp
    of the estimate, between neighbours at most ten tolerances apart.

    Returns:
        (estimate, truth), both with the M <= N paired poses.
    """
    if len(estimate.t_ns) == 0 or len(truth.t_ns) == 0:
        return estimate.take(slice(0, 0)), truth.take(slice(0, 0))
    tolerance_ns = round(tolerance_s * 1e9)
    if not interpolate:
        index = nearest(truth.t_ns, estimate.t_ns)
        paired = np.abs(truth.t_ns[index] - estimate.t_ns) <= tolerance_ns
        return estimate.take(paired), truth.take(index[paired])
    after = np.searchsorted(truth.t_ns, estimate.t_ns)
    exact = truth.t_ns[np.minimum(after, len(truth.t_ns) - 1)] == estimate.t_ns
    before = np.clip(np.where(exact, after, after - 1), 0, len(truth.t_ns) - 1)
    after = np.clip(after, 0, len(truth.t_ns) - 1)
    gap = truth.t_ns[after] - truth.t_ns[before]
    paired = exact | ((gap > 0) & (gap <= 10 * tolerance_ns))
    estimate, before, after, gap = estimate.take(paired), before[paired], after[paired], gap[paired]
    return estimate, between(truth, before, after, estimate.t_ns, gap)


def between(truth: Trajectory, before, after, t_ns, gap_ns) -> Trajectory:
    """`truth` at `t_ns`: linear in position, constant angular rate in rotation."""
    share = (t_ns - truth.t_ns[before]) / np.maximum(gap_ns, 1)
    share = share[:, None]
    p = (1 - share) * truth.p[before] + share * truth.p[after]
    q0, q1 = truth.quat_xyzw[before], truth.quat_xyzw[after]
    cosine = np.sum(q0 * q1, axis=1, keepdims=True)
    q1, cosine = np.where(cosine < 0, -q1, q1), np.minimum(np.abs(cosine), 1.0)
    angle = np.arccos(cosine)
    sine = np.maximum(np.sin(angle), 1e-12)
    close = angle < 1e-6
    w0 = np.where(close, 1 - share, np.sin((1 - share) * angle) / sine)
    w1 = np.where(close, share, np.sin(share * angle) / sine)
    q = w0 * q0 + w1 * q1
    return Trajectory(t_ns, p, q / np.linalg.norm(q, axis=1, keepdims=True))
