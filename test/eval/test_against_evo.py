"""Our figures are evo's figures, on a noisy, drifting fixture with gaps in neither."""

import numpy as np
import pytest
from evo.core import metrics as evo_metrics
from evo.core import sync as evo_sync
from evo.core.trajectory import PoseTrajectory3D

from vio.eval.metrics import evaluate
from vio.eval.trajectory import Trajectory, quaternions, rotations

RATE = 20


def fixture():
    """A 200 Hz truth and a 20 Hz estimate of it with noise, drift and 1 % too much scale."""
    rng = np.random.default_rng(7)
    t = np.arange(6000) / 200.0
    p = np.stack([4 * np.sin(0.3 * t), 3 * np.cos(0.4 * t), np.sin(0.7 * t)], axis=1)
    q = np.stack([0.3 * np.sin(t), 0.2 * np.cos(t), np.sin(0.3 * t), np.cos(0.3 * t)], axis=1)
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    truth = Trajectory(np.round(t * 1e9).astype(np.int64) + 10**15, p, q)
    estimate = truth.take(slice(3, None, 200 // RATE))
    n = len(estimate.t_ns)
    turn = rotations(np.c_[np.cumsum(rng.normal(0, 2e-4, (n, 3)), axis=0), np.ones(n)])
    R = turn @ rotations(estimate.quat_xyzw)
    p = 1.01 * estimate.p + rng.normal(0, 0.01, (n, 3)) + np.cumsum(rng.normal(0, 1e-3, (n, 3)), 0)
    stamps = estimate.t_ns + rng.integers(-1_000_000, 1_000_000, n)
    return Trajectory(stamps, p, quaternions(R)), truth


def as_evo(trajectory):
    x, y, z, w = trajectory.quat_xyzw.T
    return PoseTrajectory3D(trajectory.p.copy(), np.c_[w, x, y, z], trajectory.t_ns / 1e9)


@pytest.fixture(scope="module")
def both():
    estimate, truth = fixture()
    ours = {mode: evaluate(estimate, truth, mode) for mode in ("se3", "sim3", "none")}
    return ours, lambda: evo_sync.associate_trajectories(as_evo(truth), as_evo(estimate))


def statistics(metric, pair):
    metric.process_data(pair)
    return metric.get_all_statistics()


@pytest.mark.parametrize("mode", ["se3", "sim3", "none"])
def test_ate(both, mode):
    ours, associated = both
    truth, estimate = associated()
    if mode != "none":
        _, _, scale = estimate.align(truth, correct_scale=mode == "sim3")
        if mode == "sim3":
            percent = 100 * (1 / scale - 1)
            assert ours[mode]["scale_error_percent"] == pytest.approx(percent, rel=1e-6)
    relation = evo_metrics.PoseRelation.translation_part
    theirs = statistics(evo_metrics.APE(relation), (truth, estimate))
    for name in ("rmse", "mean", "median", "max"):
        assert ours[mode][f"ate_{name}_m"] == pytest.approx(theirs[name], rel=1e-9)


@pytest.mark.parametrize(
    "relation, unit", [("translation_part", "m"), ("rotation_angle_deg", "deg")]
)
def test_rpe(both, relation, unit):
    ours, associated = both
    pair = associated()
    relation = evo_metrics.PoseRelation[relation]
    second = evo_metrics.RPE(relation, RATE, evo_metrics.Unit.frames, all_pairs=True)
    assert ours["se3"][f"rpe_1s_rmse_{unit}"] == pytest.approx(
        statistics(second, pair)["rmse"], rel=1e-7
    )
    metre = evo_metrics.RPE(
        relation, 1.0, evo_metrics.Unit.meters, 0.1, all_pairs=True, pairs_from_reference=True
    )
    assert ours["se3"][f"rpe_1m_rmse_{unit}"] == pytest.approx(
        statistics(metre, pair)["rmse"], rel=1e-7
    )
