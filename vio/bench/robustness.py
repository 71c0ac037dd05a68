"""Faults in flight: does the odometry say so in time, and does it recover?

Every fault begins in the middle of a section cut from a recording. The poses before it are
aligned with the truth; the error of those after it is what a user would meet.
"""

from dataclasses import asdict, dataclass

import numpy as np

from vio.bench import miscalibrated
from vio.bench.faults import LIST, Fault, Injected
from vio.bench.pool import in_parallel
from vio.bench.section import Section
from vio.config import Config, overlay
from vio.eval.align import align
from vio.eval.trajectory import Trajectory, associate, from_truth, quaternions
from vio.io.open import open_dataset
from vio.odometry import Odometry
from vio.replay import frames
from vio.sync import Sequencer
from vio.types import Status
from vio.warm import warm_up

BEFORE_S, AFTER_S = 8.0, 8.0
MAX_ERROR_M = 0.5
MAX_RECOVERY_S = 2.0
STEADY_S = 0.5
MAX_ATE_AFTER_M = 0.1


@dataclass(frozen=True)
class Verdict:
    """What one fault did.

    Attributes:
        recording, fault: which.
        at_s: where in the recording it began [s].
        noticed_s: from its begin to the first status other than TRACKING, None if never [s].
        error_s: from its begin to the first error beyond MAX_ERROR_M, None if never [s].
        error_m: largest error while nothing had been noticed [m].
        worst_m: largest error of any usable pose [m].
        recovery_s: from good data to a status that stays TRACKING, None if not asked for or
            never [s].
        ate_after_m: RMSE of the poses from then on, aligned anew [m].
        lost_frames: frames with status LOST or INITIALISING after the begin.
        passed: none of the demands is broken.
    """

    recording: str
    fault: str
    at_s: float
    noticed_s: float | None
    error_s: float | None
    error_m: float
    worst_m: float
    recovery_s: float | None
    ate_after_m: float | None
    lost_frames: int
    passed: bool


QUICK = ("black", "spike")


def robustness(session) -> dict:
    """Faults not noticed in time or not overcome, the worst error, wrong calibrations not found."""
    from vio.bench.accuracy import cases

    found = [case for case in cases(session) if not case.mono and not case.configs]
    todo = [case for case in found if case.kind != "simulated"] or found
    work = [(case.folder, Config(), 0.5, QUICK if session.quick else None) for case in todo]
    told = in_parallel(try_faults, work, session.jobs, session.progress)
    verdicts = {case.name: verdicts for case, verdicts in zip(todo, told)}
    session.detail["robustness"] = verdicts
    work = [w[:2] + (miscalibrated.QUICK if session.quick else None,) for w in work]
    told = in_parallel(miscalibrated.try_calibrations, work, session.jobs, session.progress)
    session.detail["miscalibrated"] = {case.name: found for case, found in zip(todo, told)}
    out = {
        f"{case.name}/calibrations_missed": sum(not f["passed"] for f in found)
        for case, found in zip(todo, told)
    }
    for name, many in verdicts.items():
        out[f"{name}/failed"] = sum(not v["passed"] for v in many)
        out |= {f"{name} {v['fault']}/worst_m": v["worst_m"] for v in many}
    return out


def try_faults(folder, config: Config, at: float = 0.5, names=None, mono=False) -> list[dict]:
    """Verdicts of faults that begin at share `at` of a recording, as plain values.

    Args:
        names: faults; None for all.
    """
    dataset = open_dataset(folder, mono=mono)
    stamps = dataset.camera_stamps_ns
    begin_ns = int(stamps[int(at * (len(stamps) - 1))])
    first, last = begin_ns - round(BEFORE_S * 1e9), begin_ns + round(AFTER_S * 1e9)
    section = Section(dataset, first, last)
    out = []
    for fault in LIST:
        if names is None or fault.name in names:
            log = fly(section, fault, begin_ns, config, mono)
            verdict = judge(log, from_truth(dataset.truth), fault, begin_ns)
            at_s = round((begin_ns - int(stamps[0])) * 1e-9, 3)
            out.append(asdict(Verdict(recording=dataset.name, at_s=at_s, **verdict)))
    return out


def fly(section: Section, fault: Fault, begin_ns, config, mono=False) -> dict:
    """Columns t_ns, p, R, status of all frames of the section with a fault in it."""
    odometry = Odometry(section.rig, overlay(config, fault.settings or {}, fault.name))
    warm_up(odometry)
    pairs = frames(Injected(section, fault, begin_ns), Sequencer(section.rig, mono), None, None)
    found = [odometry.process(frame, imu).estimate for frame, imu in pairs]
    return {
        "t_ns": np.array([e.t_ns for e in found]),
        "p": np.array([e.p_world_imu for e in found]),
        "R": np.array([e.R_world_imu for e in found]),
        "status": np.array([e.status for e in found]),
    }


def judge(log: dict, truth: Trajectory, fault: Fault, begin_ns: int) -> dict:
    """The fields of a Verdict that the poses tell."""
    since = (log["t_ns"] - begin_ns) * 1e-9
    usable = np.isin(log["status"], (Status.TRACKING, Status.DEGRADED))
    tracking = log["status"] == Status.TRACKING
    after = since >= 0
    error = errors(log, truth, usable, ~after)
    bad = after & usable & (error > MAX_ERROR_M)
    noted = after & ~tracking
    error_s = float(since[bad][0]) if bad.any() else None
    noticed_s = float(since[noted][0]) if noted.any() else None
    silent = after & usable & (since < (np.inf if noticed_s is None else noticed_s))
    in_time = error_s is None or (noticed_s is not None and noticed_s <= error_s)
    recovery_s = ate_after = None
    if fault.good_again is not None:
        steady = steady_from(since, tracking, fault.good_again)
        if steady is not None:
            recovery_s = max(steady - fault.good_again, 0.0)
            ate_after = ate(log, truth, usable & (since >= steady))
    calm = fault.good_again is None or (
        recovery_s is not None and recovery_s <= MAX_RECOVERY_S and ate_after <= MAX_ATE_AFTER_M
    )
    return {
        "fault": fault.name,
        "noticed_s": noticed_s,
        "error_s": error_s,
        "error_m": float(error[silent].max(initial=0.0)),
        "worst_m": float(error[after & usable].max(initial=0.0)),
        "recovery_s": recovery_s,
        "ate_after_m": ate_after,
        "lost_frames": int((after & ~usable).sum()),
        "passed": bool(in_time and calm),
    }


def steady_from(since, tracking, good_again: float) -> float | None:
    """First time at or after `good_again` from which the status is TRACKING for STEADY_S."""
    for t in since[(since >= good_again) & tracking]:
        span = (since >= t) & (since <= t + STEADY_S)
        if tracking[span].all():
            return float(t)
    return None


def errors(log, truth, usable, before) -> np.ndarray:
    """Position errors (N,) [m] once the poses of `before` are aligned; NaN without truth."""
    out = np.full(len(usable), np.nan)
    paired, reference, rows = matched(log, truth, usable)
    calm = before[rows]
    if calm.sum() < 10:
        return out
    turned = align(paired.p[calm], reference.p[calm], "yaw").apply(paired)
    out[rows] = np.linalg.norm(turned.p - reference.p, axis=1)
    return out


def ate(log, truth, chosen) -> float:
    """RMSE [m] of chosen poses after an alignment of their own."""
    paired, reference, _ = matched(log, truth, chosen)
    if len(paired.t_ns) < 10:
        return float("nan")
    turned = align(paired.p, reference.p, "yaw").apply(paired)
    return float(np.sqrt(((turned.p - reference.p) ** 2).sum(axis=1).mean()))


def matched(log, truth, chosen):
    """(estimate, truth, rows) of the chosen frames that have truth."""
    rows = np.flatnonzero(chosen)
    poses = Trajectory(log["t_ns"][rows], log["p"][rows], quaternions(log["R"][rows]))
    paired, reference = associate(poses, truth)
    return paired, reference, rows[np.isin(poses.t_ns, paired.t_ns)]
