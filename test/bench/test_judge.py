"""The judge of faults, on made-up flights."""

import numpy as np
import pytest

from vio.bench.faults import FAULTS
from vio.bench.robustness import judge
from vio.eval.trajectory import Trajectory
from vio.types import Status

T0 = 1_600_000_000_000_000_000
N, BEGIN = 400, 200
T_NS = T0 + np.arange(N) * 50_000_000
P = np.column_stack([np.cos(np.arange(N) / 40), np.sin(np.arange(N) / 40), np.arange(N) / 200])
TRUTH = Trajectory(T_NS, P, np.tile([0.0, 0.0, 0.0, 1.0], (N, 1)))
TRACKING, DEGRADED, LOST = int(Status.TRACKING), int(Status.DEGRADED), int(Status.LOST)


def flight(off=(), bad=()):
    """Columns of a flight: `off` rows (first, last, x error), `bad` rows (first, last, status)."""
    status, p = np.full(N, TRACKING), P.copy()
    for a, b, error in off:
        p[a:b, 0] += error
    for a, b, kind in bad:
        status[a:b] = kind
    return {"t_ns": T_NS, "p": p, "R": np.tile(np.eye(3), (N, 1, 1)), "status": status}


def verdict(log, fault="black"):
    return judge(log, TRUTH, FAULTS[fault], int(T_NS[BEGIN]))


def test_a_flight_that_does_not_mind_passes():
    found = verdict(flight())
    assert found["passed"] and found["worst_m"] < 1e-9
    assert found["noticed_s"] is None and found["error_s"] is None
    assert found["recovery_s"] == 0.0


def test_divergence_without_a_word_fails():
    found = verdict(flight(off=[(210, N, 0.7)]))
    assert not found["passed"]
    assert found["error_s"] == pytest.approx(0.5) and found["error_m"] == pytest.approx(0.7)


def test_divergence_announced_in_time_passes_once_it_is_over():
    log = flight(off=[(210, N, 0.7)], bad=[(205, 225, DEGRADED)])
    found = verdict(log)
    assert found["passed"] and found["noticed_s"] == pytest.approx(0.25)
    assert found["error_m"] < 1e-9 and found["worst_m"] == pytest.approx(0.7)
    assert found["recovery_s"] == pytest.approx(0.25)  # good data from frame 220 on
    assert found["ate_after_m"] < 1e-9


def test_a_warning_that_comes_too_late_fails():
    assert not verdict(flight(off=[(210, N, 0.7)], bad=[(215, 225, DEGRADED)]))["passed"]


def test_a_late_recovery_fails():
    found = verdict(flight(bad=[(200, 270, LOST)]))
    assert not found["passed"] and found["recovery_s"] == pytest.approx(2.5)
    assert found["lost_frames"] == 70


def test_drifting_after_the_recovery_fails():
    log = flight(bad=[(200, 230, LOST)])
    log["p"][230:, 0] += np.linspace(0, 2, N - 230)
    found = verdict(log)
    assert not found["passed"] and found["ate_after_m"] > 0.1


def test_recovery_must_last():
    found = verdict(flight(bad=[(220, 222, DEGRADED), (225, 230, DEGRADED)]))
    assert found["recovery_s"] == pytest.approx(0.5)


def test_no_recovery_is_asked_for_where_data_never_is_good_again():
    found = verdict(flight(bad=[(210, N, DEGRADED)]), "right_gone")
    assert found["passed"] and found["recovery_s"] is None
