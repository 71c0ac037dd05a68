"""Errors of a trajectory against ground truth, and whether its covariance is honest.

ATE is the distance after one alignment of everything; RPE is the error of the motion over
a fixed time or distance, which no alignment can hide. Where evo has the same figure, ours
equals it (test/eval/test_against_evo.py):

| ours     | evo                                                              |
| -------- | ---------------------------------------------------------------- |
| `ate_*`  | APE translation_part, `align` as ours                            |
| `rpe_1s` | RPE, delta = frames of 1 s, all pairs                            |
| `rpe_1m` | RPE, delta = 1 m, all pairs, rel_delta_tol 0.1, pairs_from_reference |
"""

import numpy as np

from vio.eval.align import align, align_first
from vio.eval.trajectory import (
    Trajectory,
    associate,
    log_so3,
    nearest,
    path_lengths,
    rotations,
)
from vio.types import VioError

DRIFT_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Lengths of the sub-trajectories for `drift_percent`, as shares of the whole path."""

MIN_PATH_M = 1.0
"""Below this path length a percentage of it says nothing."""


def evaluate(
    estimate: Trajectory, truth: Trajectory, mode="se3", tolerance_s=0.01, interpolate=False
):
    """Every error figure of one trajectory.

    Args:
        estimate, truth: poses of the imu in their worlds, any gauge.
        mode: alignment for `ate_*`, see `vio.eval.align.align`.
        tolerance_s, interpolate: see `vio.eval.trajectory.associate`.

    Returns:
        dict of float or None (not defined: path too short, no pairs of that length):
        poses, coverage, path_length_m (of the truth), ate_{rmse,mean,median,max}_m,
        ate_yaw_rmse_m, rpe_1s_rmse_{m,deg}, rpe_1m_rmse_{m,deg}, drift_percent,
        end_drift_percent, scale_error_percent (> 0: the estimate is too large).

    Raises:
        VioError: fewer than three poses have ground truth.
    """
    covered = coverage(estimate, truth)
    estimate, truth = associate(estimate, truth, tolerance_s, interpolate)
    if len(estimate.t_ns) < 3:
        raise VioError(
            f"only {len(estimate.t_ns)} poses have ground truth within {tolerance_s} s;"
            " check that both files use the same clock"
        )
    error = position_errors(estimate, truth, mode)
    by_time = pairs_over_time(truth.t_ns, 1.0)
    along = path_lengths(truth.p)
    by_path = pairs_over_path(along, 1.0)
    sim3 = align(estimate.p, truth.p, "sim3")
    moved = along[-1] >= MIN_PATH_M
    return {
        "poses": len(estimate.t_ns),
        "coverage": covered,
        "path_length_m": float(along[-1]),
        "ate_rmse_m": rms(error),
        "ate_mean_m": float(np.mean(error)),
        "ate_median_m": float(np.median(error)),
        "ate_max_m": float(np.max(error)),
        "ate_yaw_rmse_m": rms(position_errors(estimate, truth, "yaw")),
        **named("rpe_1s", relative_errors(estimate, truth, *by_time)),
        **named("rpe_1m", relative_errors(estimate, truth, *by_path)),
        "drift_percent": drift_percent(estimate, truth),
        "end_drift_percent": end_drift_percent(estimate, truth),
        "scale_error_percent": 100 * (1 / sim3.scale - 1) if moved and sim3.scale > 0 else None,
    }


def coverage(estimate: Trajectory, truth: Trajectory) -> float:
    """Share of the truth's time during which poses came no rarer than every third period."""
    span = truth.t_ns[-1] - truth.t_ns[0] if len(truth.t_ns) else 0
    if len(estimate.t_ns) < 2 or span == 0:
        return 0.0
    t_ns = np.clip(estimate.t_ns, truth.t_ns[0], truth.t_ns[-1])
    steps = np.diff(t_ns)
    return float(steps[steps <= 3 * np.median(np.diff(estimate.t_ns))].sum() / span)


def position_errors(estimate: Trajectory, truth: Trajectory, mode: str) -> np.ndarray:
    """(N,) distance [m] of paired positions after alignment."""
    aligned = align(estimate.p, truth.p, mode)
    return np.linalg.norm(aligned.scale * estimate.p @ aligned.R.T + aligned.t - truth.p, axis=1)


def pairs_over_time(t_ns, seconds: float):
    """All (i, j) with t_j nearest to t_i + `seconds`, off by half a period or 10 % at most."""
    i = np.arange(len(t_ns) - 1)
    target = t_ns[i] + round(seconds * 1e9)
    j = nearest(t_ns, target, i + 1)
    kept = np.abs(t_ns[j] - target) <= min(np.median(np.diff(t_ns)) / 2, 0.1e9 * seconds)
    return i[kept], j[kept]


def pairs_over_path(along, metres: float):
    """All (i, j) with path length nearest to `metres` apart and at most 10 % off."""
    i = np.arange(len(along) - 1)
    j = nearest(along, along[i] + metres, i + 1)
    kept = np.abs(along[j] - along[i] - metres) <= 0.1 * metres
    return i[kept], j[kept]


def relative_errors(estimate: Trajectory, truth: Trajectory, i, j):
    """Error of the motion from pose i to pose j, seen in the frame of the true pose j.

    Returns:
        (M,) translation [m] and (M,) rotation angle [rad].
    """
    Rt, Re = rotations(truth.quat_xyzw), rotations(estimate.quat_xyzw)
    rel_Rt = np.swapaxes(Rt[i], 1, 2) @ Rt[j]
    rel_Re = np.swapaxes(Re[i], 1, 2) @ Re[j]
    rel_pt = np.einsum("nji,nj->ni", Rt[i], truth.p[j] - truth.p[i])
    rel_pe = np.einsum("nji,nj->ni", Re[i], estimate.p[j] - estimate.p[i])
    angle = np.linalg.norm(log_so3(np.swapaxes(rel_Rt, 1, 2) @ rel_Re), axis=1)
    return np.linalg.norm(rel_pe - rel_pt, axis=1), angle


def drift_percent(estimate: Trajectory, truth: Trajectory):
    """Mean relative translation error over sub-trajectories, in percent of their length.

    The sub-trajectories are all those of 10, 20, 30, 40 and 50 % of the true path; each
    is compared from its own start (Zhang and Scaramuzza 2018, sec. V-B; KITTI's
    figure with lengths that suit a short flight). None if the path is shorter than 1 m.
    """
    along = path_lengths(truth.p)
    if along[-1] < MIN_PATH_M:
        return None
    shares = []
    for share in DRIFT_SHARES:
        length = share * along[-1]
        metres, _ = relative_errors(estimate, truth, *pairs_over_path(along, length))
        shares.append(metres / length)
    shares = np.concatenate(shares)
    return float(100 * shares.mean()) if len(shares) else None


def end_drift_percent(estimate: Trajectory, truth: Trajectory):
    """Distance at the end, first pose (position and yaw) aligned, in percent of the path."""
    length = path_lengths(truth.p)[-1]
    if length < MIN_PATH_M:
        return None
    last = align_first(estimate, truth).apply(estimate.take(slice(-1, None))).p[0]
    return float(100 * np.linalg.norm(last - truth.p[-1]) / length)


def nees(estimate: Trajectory, truth: Trajectory, cov_pose):
    """Squared errors over their predicted variance, the gauge fixed at the first pair.

    Position and yaw are not observable, so the covariance speaks of the error relative
    to the start: the first pair is aligned (4 DoF) and left out.

    Args:
        estimate, truth: N paired poses.
        cov_pose: (N, 6, 6) covariance of [rotation (right perturbation, rad), position (m)].

    Returns:
        (M,) NEES of position (3 DoF, mean 3 if honest) and (M,) of yaw (1 DoF, mean 1),
        of the M < N pairs whose covariance is positive definite.
    """
    aligned = align_first(estimate, truth).apply(estimate)
    Rz = align_first(estimate, truth).R
    R = rotations(aligned.quat_xyzw)
    cov_position = Rz @ cov_pose[:, 3:, 3:] @ Rz.T
    var_yaw = (R @ cov_pose[:, :3, :3] @ np.swapaxes(R, 1, 2))[:, 2, 2]
    definite = np.linalg.eigvalsh(cov_position)[:, 0] > 1e-14
    kept = definite & (var_yaw > 1e-16)
    kept[:1] = False
    error = (aligned.p - truth.p)[kept]
    yaw = log_so3(R[kept] @ np.swapaxes(rotations(truth.quat_xyzw[kept]), 1, 2))[:, 2]
    solved = np.linalg.solve(cov_position[kept], error[:, :, None])[:, :, 0]
    return np.sum(error * solved, axis=1), yaw**2 / var_yaw[kept]


def rms(values) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def named(prefix: str, errors) -> dict:
    """RMSE of (metres, radians) arrays as `<prefix>_rmse_m` and `<prefix>_rmse_deg`."""
    metres, angle = errors
    some = len(metres) > 0
    return {
        f"{prefix}_rmse_m": rms(metres) if some else None,
        f"{prefix}_rmse_deg": float(np.degrees(rms(angle))) if some else None,
    }
