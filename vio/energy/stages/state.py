"""Book-keeping of the optimiser: layout, linearisation points, backup, step; and marginalising."""

from vio.energy.actions import Op, Work
from vio.energy.rows import Rows, uses
from vio.energy.stages import solver
from vio.energy.stages.inertial import calibrated, offset
from vio.energy.stages.solver import Dim
from vio.energy.stages.vision import SMALL, patterns

POSE_AT, MOTION_AT = "system.pose_at", "system.motion_at"
STATE = (("R", 9), ("p", 3), ("v", 3), ("bias", 6))


def layout(plan) -> list:
    """`full_layout` and the choice of landmarks at the start of `optimise`."""
    S, M = plan.shapes["landmarks.weight"][1], plan.shapes["landmarks.id"][0]
    begin = Rows("optimisations").add(POSE_AT, 0, S).add(MOTION_AT, 0, S)
    begin.add("system.calibration_at", 0, 1)
    return [
        begin.add("landmarks.id", M).add("work.use", 0, M),
        Rows("laid_slots").add(POSE_AT, 0, 1).add("slots.motion", 1),
        Rows("laid_motions").add(MOTION_AT, 0, 1),
        Rows("known_landmarks").add("landmarks.active", 1),
    ]


def clear() -> list:
    """The system set to zero before it is assembled."""
    dim = Dim("linearised_dim", "linearised_dim2")
    return dim.rows("system.H", (), (1 / 2, 1 / 2)) + dim.rows("system.b", (), (1,))


def sync(plan) -> list:
    """`sync_lin`."""
    S, free = plan.shapes["slots.t_ns"][0], Rows("synced_free")
    for name, n in STATE:
        free.add(f"slots.{name}", n).add(f"slots.{name}_lin", 0, n)
    return [Rows("syncs").add("slots.t_ns", S), Rows("synced_slots").add("slots.fixed", 1), free]


def backup(plan) -> list:
    """`copy_state`: forth with every step, back where one was refused.

    A system is assembled for a step and solved, or its step is refused, or it is solved once
    more for the covariance: refused = linearisations - solves.
    """
    S, M = plan.shapes["landmarks.weight"][1], plan.shapes["landmarks.id"][0]
    C = calibrated(plan)

    def forth(event, sign):
        r = Rows(event).add("work.backup", 0, sign * 21 * S)
        r.add("slots.calibration", sign * C).add("work.backup_calibration", 0, sign * C)
        for name, n in STATE:
            r.add(f"slots.{name}", sign * n * S)
        return r.add("landmarks.point", sign * 3 * M).add("work.backup_points", 0, sign * 3 * M)

    def back(event, sign):
        r = Rows(event).add("work.backup", sign * 21 * S)
        r.add("slots.calibration", 0, sign * C).add("work.backup_calibration", sign * C)
        for name, n in STATE:
            r.add(f"slots.{name}", 0, sign * n * S)
        return r.add("landmarks.point", 0, sign * 3 * M).add("work.backup_points", sign * 3 * M)

    return [forth("steps", 1), back("linearisations", 1), back("solves", -1)]


def retract(plan) -> list:
    """`retract`."""
    S, d = plan.shapes["slots.t_ns"][0], "system.d"
    pose = Rows("step_poses").exp(d, SMALL).multiply("slots.R", SMALL, SMALL).normalise(SMALL)
    pose.add(SMALL, 9).add("slots.R", 0, 9).add("slots.p", 3, 3).add(d, 9)
    motion = Rows("step_motions").add("slots.v", 3, 3).add("slots.bias", 6, 6).add(d, 9)
    last = Rows("step_calibration").add("slots.calibration", 1, 1).add(d, 1)
    last.add("system.calibration_at", 1)
    begin = Rows("steps").add(POSE_AT, S).add(MOTION_AT, S).add("slots.held", 1)
    return [begin, pose, motion, last, Rows("solves").add("slots.held", 1)]


def marginalise(plan) -> list:
    """`take_prior`: factor, copy, shift."""
    S, n = plan.shapes["slots.t_ns"][0], calibrated(plan)
    dim = Dim("marginalise_dim", "marginalise_dim2", "marginalise_dim3")
    kept = Dim("marginalise_kept", "marginalise_kept2")
    calls, poses, half = "marginalised", "marginalise_poses", (1 / 2, 1 / 2)
    last = calls if solver.one_more(plan) else None
    rows = solver.cholesky(dim, "system.H", "system.d", last)
    rows += solver.forward(dim, "system.H", "system.b")
    rows += kept.rows("prior.L", half, half) + kept.rows("system.H", half)
    rows += kept.rows("prior.r", half, (3 / 2, 1 / 2)) + kept.rows("system.b", (1,))
    rows.append(Rows(calls).add("prior.dim", 0, 1).add("prior.pose_at", S, S))
    rows.append(Rows(calls).add("prior.motion_at", 0, S).add(POSE_AT, S).add(MOTION_AT, S))
    rows.append(Rows(poses).add(POSE_AT, 1).add("slots.fixed", 0, 1).add(MOTION_AT, -6 / 9))
    rows.append(Rows("marginalise_kept").add(MOTION_AT, 1 / 9))
    rows.append(Rows(calls).add(MOTION_AT, -n / 9))
    rows += offset(calls, poses, "marginalise_kept", "prior.pose_at", "prior.motion_at", S, n)
    return rows + kept.rows("work.delta", half)


def search(plan) -> list:
    """`layout` of marginalisation."""
    S = plan.shapes["slots.t_ns"][0]
    begin = Rows("marginalised").add(POSE_AT, 0, S).add(MOTION_AT, 0, S)
    begin.add("system.calibration_at", 0, 1)
    begin.add("work.factor", -2)
    frame = Rows("layout_slots").add("work.leave_pose", 1).add("work.leave_motion", 1)
    frame.add("prior.pose_at", 1).add("prior.motion_at", 1).add("work.factor", 4)
    return [
        begin,
        frame,
        Rows("layout_tests").add("work.use", 1),
        Rows("layout_used").add("landmarks.host", 1),
        Rows("layout_left").add("landmarks.weight", 1),
        Rows("layout_right").add("landmarks.weight", 1),
        Rows("layout_poses").add(POSE_AT, 1),
        Rows("layout_all_poses").add(POSE_AT, 0, 1),
        Rows("layout_motions").add("slots.motion", 1),
        Rows("layout_held").add(MOTION_AT, 1),
        Rows("layout_all_motions").add(MOTION_AT, 0, 1),
    ]


def advance() -> list:
    """`advance`."""
    r = Rows("advances").add("slots.motion", 1).add("preintegrated.dt", 1).add("preintegrated.p", 9)
    r.multiply("slots.R", "preintegrated.R", "slots.R").add("slots.R", 18)
    r.add("preintegrated.v", 9).add("slots.p", 3, 3).add("slots.v", 6, 3)
    return [r.add("slots.bias", 6, 6)]


def model(plan) -> list:
    """Stages `state` and `marginalise`."""
    how = patterns(plan)
    rows = layout(plan) + clear() + sync(plan) + backup(plan) + retract(plan) + advance()
    triangles = {"system.H": solver.triangle(plan, "system.H")}
    triangles["prior.L"] = solver.triangle(plan, "prior.L")
    out = uses("state", rows, how)
    rows = solver.merged(search(plan) + marginalise(plan))
    return out + uses("marginalise", rows, how | triangles)


def work(plan) -> list:
    """A rotation per pose, and one factorisation."""
    step = {Op.MUL_F64: 110, Op.ADD_F64: 90, Op.DIV_F64: 6, Op.SQRT_F64: 4}
    out = solver.work("marginalise", "marginalise_dim", "marginalise_dim2", "marginalise_dim3")
    ahead = {Op.MUL_F64: 60, Op.ADD_F64: 50}
    return [Work("state", "step_poses", step), Work("state", "advances", ahead), *out]
