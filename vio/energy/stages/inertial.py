"""Inertial factors and the marginalisation prior, added to the system."""

from vio.energy.actions import Op, Work
from vio.energy.memory import resident
from vio.energy.rows import Rows, of_its_size, record, uses
from vio.energy.stages.solver import Dim, merged, one_more, triangle

SMALL, H, B, ROWS, PANEL = "work.small", "system.H", "system.b", "work.rows", "work.panel"
PRE = "preintegrated"
TRIANGLE = 9 * 10 // 2


def calibrated(plan) -> int:
    """Elements of the calibration that stand at the end of the state."""
    return plan.shapes["slots.calibration"][0]


def residual(n, event="imu_factors") -> Rows:
    """`imu_residual` with a calibration of n elements."""
    r, turning, width = Rows(event), 3 * (3 + n), 6 + n
    r.add("slots.motion", 1).add(f"{PRE}.dt", 1).add(SMALL, 0, 15 * (30 + n))
    r.add("slots.bias", 6).add("slots.calibration", n).add("slots.doubt", 1)
    r.add(f"{PRE}.bias", width).add(SMALL, 0, width)
    # corrected rotation and its residual
    r.add(SMALL, 2 * turning, 3 + turning).add(f"{PRE}.J", turning)
    r.exp(SMALL, SMALL).multiply(f"{PRE}.R", SMALL, SMALL)
    r.multiply("slots.R", "slots.R", SMALL).multiply(SMALL, SMALL, SMALL).log(SMALL, SMALL)
    # position and velocity
    r.add(SMALL, 3 + 6 * width, 3 + 6).add(f"{PRE}.J", 6 * width)
    r.add(f"{PRE}.p", 3).add(f"{PRE}.v", 3)
    r.add("slots.p", 18).add("slots.v", 9 + 18).add("slots.R", 18)
    # Jacobian of the rotation at the linearisation points
    r.add(SMALL, 9, 3 + 9).add(f"{PRE}.J", 9).add("slots.bias_lin", 9).add(f"{PRE}.bias", 9)
    r.add(SMALL, 6 * n, 3 * n).add(f"{PRE}.J", 3 * n)
    r.exp(SMALL, SMALL).exp(SMALL, SMALL).multiply(f"{PRE}.R", SMALL, SMALL)
    r.multiply("slots.R_lin", "slots.R_lin", SMALL).multiply(SMALL, SMALL, SMALL)
    r.log(SMALL, SMALL).exp(SMALL, SMALL)
    r.add(SMALL, 27 * 2 + 9, 18)
    r.multiply(SMALL, SMALL, SMALL, 2)
    r.add(SMALL, 3 * turning, turning).add(f"{PRE}.J", 3 * turning)
    # of position and velocity
    r.add(SMALL, 9 * 2, 6 + 9 * 2 + 9 * 5 + 6 * width).add("slots.R_lin", 9 * 7)
    r.add("slots.p_lin", 18).add("slots.v_lin", 9 + 18).add(f"{PRE}.J", 6 * width)
    r.add(SMALL, 2 * 6, 2 * 6)
    # whitened, last row first
    r.add(f"{PRE}.whiten", TRIANGLE)
    columns = 30 + n
    r.add(SMALL, TRIANGLE + (9 + 2 * 36) * columns, 9 + (9 + 36) * columns)
    return r.add("slots.bias", 12).add(SMALL, 0, 6 * 3)


def still(n) -> Rows:
    """`still_residual`."""
    r = Rows("still_factors").add(SMALL, 0, 15 * (30 + n))
    for at in ("slots.R", "slots.R_lin"):
        r.multiply(at, at, SMALL).log(SMALL, SMALL)
    r.add(SMALL, 3, 15 + 12).add("slots.p", 6).add("slots.v", 6)
    return r.exp(SMALL, SMALL).add(SMALL, 27 * 2 + 9, 18)


def factor(event, n) -> Rows:
    """`add_factor`: 30 + n columns, all held by the system, and their triangle of entries."""
    w = 30 + n
    entries = w * (w + 1) // 2
    r = Rows(event).add(SMALL, 30 + 30 * w).add(B, w, w).add(ROWS, w + entries, w)
    r.add("system.pose_at", 12).add("system.motion_at", 18).add("system.calibration_at", n)
    return r.add(SMALL, entries * 31, entries * 16).add(H, entries, entries)


def motion(plan) -> list:
    """`linearise_motion`: which pairs have a factor, then the factors."""
    n = calibrated(plan)
    pairs = [
        Rows("linearised_slots").add("slots.motion", 1),
        Rows("assembled").add("slots.motion", -1),
        Rows("pairs_first").add("slots.motion", 1),
        Rows("pairs_both").add("work.factor", 1),
        Rows("imu_factors").add("slots.still", 1),
    ]
    return [*pairs, residual(n), factor("imu_factors", n), still(n), factor("still_factors", n)]


def check(plan) -> list:
    """`misfit`."""
    pairs = Rows("laid_slots").add("slots.motion", 2), Rows("optimisations").add("slots.motion", -2)
    chi = Rows("misfits").add(SMALL, 18).add("work.delta", 0, 1)
    return [*pairs, residual(calibrated(plan), "misfits"), chi]


def offset(calls, poses, rows, pose_at, motion_at, S, n) -> list:
    """`offset_from_lin`; motions are (rows - 6 poses - n) / 9."""
    pose = Rows(poses).multiply("slots.R_lin", "slots.R", SMALL).log(SMALL, SMALL)
    pose.add("work.delta", 0, 6).add(SMALL, 3).add("slots.p", 3).add("slots.p_lin", 3)
    last = Rows(calls).add("slots.calibration", n).add("work.delta", 0, n)
    out = [Rows(calls).add(pose_at, S).add(motion_at, S), pose, last]
    for event, share in ((rows, 1 / 9), (poses, -6 / 9), (calls, -n / 9)):
        r = Rows(event).add("work.delta", 0, 9 * share)
        for name, n in (("v", 3), ("bias", 6)):
            r.add(f"slots.{name}", n * share).add(f"slots.{name}_lin", n * share)
        out.append(r)
    return out


def prior(plan) -> list:
    """`linearise_prior`."""
    S, n = plan.shapes["slots.t_ns"][0], calibrated(plan)
    at, delta = ("prior.pose_at", "prior.motion_at"), "work.delta"
    dim = Dim("prior_rows", "prior_rows2", "prior_rows3")
    out = [Rows("assembled").add("prior.dim", 1)]
    out += offset("prior_calls", "prior_poses", "prior_rows", *at, S, n)
    last = Rows("prior_calls").add(at[0], S).add(at[1], S - n).add(ROWS, -2)
    out.append(last.add("system.motion_at", -n).add("system.calibration_at", n))
    out.append(Rows("prior_rows").add(ROWS, 2, 2).add(at[1], 1).add("system.motion_at", 1))
    swap = Rows("prior_poses").add(at[0], 6).add("system.pose_at", 6)
    out.append(swap.add(at[1], -6).add("system.motion_at", -6))
    # e = L^T delta + r, its square, b += L e
    out += dim.rows("prior.r", (1,)) + dim.rows(delta, (1,))
    out += dim.rows(PANEL, (5 / 2 + 1 / 2, 1, 0), (3 / 2, 1 / 2, 0))
    out += dim.rows(B, (1,), (1,)) + dim.rows(ROWS, (1,))
    # H += L L^T: columns to the panel, three at a time, triangles of n^3 / 18 + ... entries
    out += dim.rows("prior.L", (3 / 2, 3 / 2, 0)) + dim.rows(PANEL, (), (3 / 2, 1 / 2, 0))
    out += dim.rows(ROWS, (1 / 2, 1 / 6, 0)) + dim.rows(PANEL, (3 / 2, 1, 1 / 6))
    if one_more(plan):
        last = Rows("prior_calls").add(H, 1 / 9, 1 / 9).add(PANEL, 1 / 3, 1)
        out.append(last.add(ROWS, 1 / 3))
    out.append(Rows("prior_runs").add(ROWS, 2))
    return out + dim.rows(H, (1 / 2, 1 / 3, 1 / 18), (1 / 2, 1 / 3, 1 / 18))


def patterns(plan) -> dict:
    """How each tensor is walked."""
    scratch = of_its_size(plan, resident)
    out = {name: scratch for name in (SMALL, ROWS, PANEL, "work.delta")}
    out |= {
        f"{PRE}.whiten": record(9),
        "prior.L": triangle(plan, "prior.L"),
        H: record(6),
        B: record(6),
    }
    return out | {name: record(9) for name in ("slots.R", "slots.R_lin", f"{PRE}.J", f"{PRE}.R")}


def model(plan) -> list:
    """Both, as stages of their own."""
    how = patterns(plan)
    return uses("inertial", motion(plan) + check(plan), how) + uses(
        "prior", merged(prior(plan)), how
    )


def work(plan) -> list:
    """Products of the factors (whitening, J^T J) and of the prior's triangles."""
    M, A, D, R = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64, Op.SQRT_F64
    n = calibrated(plan)
    gram = 465 * 15 + 30 * 15 + 15 + (n * 30 + n * (n + 1) // 2 + n) * 15
    return [
        Work(
            "inertial", "imu_factors", {M: gram + 45 * (31 + n) + 750, A: gram + 2000, D: 12, R: 10}
        ),
        Work("inertial", "misfits", {M: 45 * (31 + n) + 750, A: 2000, D: 12, R: 10}),
        Work("inertial", "still_factors", {M: gram + 150, A: gram + 150, D: 30, R: 4}),
        Work("prior", "prior_rows3", {M: 1 / 6, A: 1 / 6}),
        Work("prior", "prior_rows2", {M: 3 / 2, A: 2}),
        Work("prior", "prior_poses", {M: 100, A: 80, D: 2, R: 1}),
    ]
