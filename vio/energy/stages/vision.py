"""Reprojection: linearised and eliminated landmark by landmark, then relaxed.

Where an observation lies behind its camera or a landmark cannot be eliminated the kernel leaves
early; both are billed as if it went on.
"""

from vio.energy.actions import Op, Work
from vio.energy.memory import resident
from vio.energy.rows import Rows, of_its_size, record, uses

XY, WEIGHT, POINT, HOST = "landmarks.xy", "landmarks.weight", "landmarks.point", "landmarks.host"
CAMS, FOLDS, ROOT, GAIN = "work.cams", "work.folds", "work.root", "work.gain"
H, B, PANEL, BLOCK, SEEN = "system.H", "system.b", "work.panel", "work.block", "work.seen"
SMALL, POSE_AT = "work.small", "system.pose_at"


def cameras(S, calls: str, slots: str, lin: bool = False) -> list:
    """`camera_poses`: per call the stamps, per frame its pose, twice with the linearisation."""
    pose = Rows(slots).add(CAMS, 0, 24).add("slots.R", 72).add("slots.p", 6 + 6)
    if lin:
        pose.add(CAMS, 0, 24).add("slots.R_lin", 72).add("slots.p_lin", 6).add("slots.p", 6)
    return [Rows(calls).add("slots.t_ns", S), pose]


def gather(S, points, frames, residuals, states) -> list:
    """`gather` and `root`, with the landmark and where it stands, in `states` states."""
    point = Rows(points).add(HOST, 1).add(POINT, 3).add(CAMS, 12 * states).add(WEIGHT, 2 * S)
    point.add(FOLDS, 0, 14).add(CAMS, 9).add(FOLDS, 14).add(ROOT, 0, 19)
    return [
        point,
        Rows(residuals).add(CAMS, 12 * states + 12).add(XY, 2),
        Rows(frames).add(FOLDS, 28, 28).add(SEEN, 0, 1),
    ]


def linearise(plan) -> list:
    """`linearise`, block by block of its source."""
    S, M = plan.shapes[WEIGHT][1], plan.shapes["landmarks.id"][0]
    rows = [
        Rows("assembled").add("slots.t_ns", S).add(POSE_AT, S),
        Rows("linearised_slots").add("slots.key", 1),
        Rows("hosts_scanned").add("work.use", M),
        Rows("host_tests").add(HOST, 1),
        Rows("vision_points").add(HOST, -1),  # `gather` counts what the search has read
        Rows("vision_hosts").add(PANEL, S, 27 * S).add(POSE_AT, 1),
        # frames of a host: 27 numbers to two diagonal blocks and one between them
        Rows("vision_pairs").add(POSE_AT, 1).add(PANEL, 27).add(H, 78, 78).add(B, 12, 12),
    ]
    rows += gather(S, "vision_points", "vision_frames", "vision_residuals", 2)
    return [*rows, *eliminate(), *turn(S)]


def eliminate() -> list:
    """`eliminate`: a row of six per frame that sees the landmark and for its host."""
    point = Rows("vision_points").add(ROOT, 13).add(POSE_AT, 2 + 1 + 1)
    frame = Rows("vision_frames").add(SEEN, 3).add(POSE_AT, 2)
    other = Rows("vision_others").add(POSE_AT, 2).add(FOLDS, 12).add(PANEL, 27, 27)
    other.add(GAIN, 18, 36)
    for rows in (point, other):
        rows.add(GAIN, 18 - 45).add(H, -15, -15)  # six rows, shorter than 36 on the diagonal
    block = Rows("vision_blocks").add(H, 36, 36).add(GAIN, 108)
    return [point, frame, other, Rows("vision_span").add(GAIN, 0, 18), block]


def turn(S) -> list:
    """`to_body`: poses, then blocks; diagonal ones are triangles, mirrored on the way."""
    pose = Rows("vision_poses").add("slots.p", 3).add("slots.p_lin", 3).add("slots.R_lin", 9)
    pose.add(CAMS, 18, 18).add(B, 9, 6).add(POSE_AT, S)
    pose.add(H, -15, -15).add(BLOCK, 6, 6)
    block = Rows("vision_turned").add(H, 36, 36).add(BLOCK, 108, 72).add(CAMS, 216)
    return [Rows("assembled").add(POSE_AT, 2 * S), pose, block]


def relax(plan) -> list:
    """`relax`."""
    S, M = plan.shapes[WEIGHT][1], plan.shapes["landmarks.id"][0]
    rows = gather(S, "relaxed", "relax_frames", "cost_residuals", 1)
    return [
        *rows,
        Rows("steps").add("work.use", M),
        Rows("relaxed").add(ROOT, 9).add(POINT, 0, 3),
    ]


def patterns(plan) -> dict:
    """How each tensor is walked."""
    scratch = of_its_size(plan, resident)
    out = {name: scratch for name in (CAMS, FOLDS, ROOT, GAIN, PANEL, BLOCK, SEEN, SMALL)}
    return out | {XY: record(2), WEIGHT: record(2), POINT: record(3), H: record(6), B: record(6)}


def model(plan) -> list:
    """Both halves, with the cameras each of them looks through."""
    S, how = plan.shapes[WEIGHT][1], patterns(plan)
    rows = linearise(plan) + cameras(S, "assembled", "linearised_slots", lin=True)
    out = uses("vision", rows, how)
    return out + uses("relax", relax(plan) + cameras(S, "steps", "step_poses"), how)


def work(plan) -> list:
    """Multiply-adds of the products; a residual has one projection per state it is taken at.

    A block is billed with 36 entries of 3 products; diagonal ones have 21, which the 45 taken off
    per row make good.
    """
    M, A, D, R = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64, Op.SQRT_F64
    root = {M: 64, A: 50, D: 8, R: 3}
    return [
        Work("vision", "vision_residuals", {M: 85, A: 75, D: 2, R: 0.2}),
        Work("vision", "vision_frames", {A: 14}),
        Work("vision", "vision_others", {M: 30 + 9 + 57 + 27 - 45, A: 24 + 9 + 35 + 45 - 45}),
        Work("vision", "vision_points", {M: root[M] + 24 - 45, A: root[A] + 24 - 45, D: 8, R: 3}),
        Work("vision", "vision_blocks", {M: 108, A: 108}),
        Work("vision", "vision_pairs", {A: 78 + 12}),
        Work("vision", "vision_turned", {M: 216, A: 180}),
        Work("vision", "linearised_slots", {M: 2 * 72, A: 2 * 60}),
        Work("relax", "cost_residuals", {M: 75, A: 65, D: 1, R: 0.2}),
        Work("relax", "relax_frames", {A: 14}),
        Work("relax", "relaxed", {M: root[M] + 12 + 4, A: root[A] + 12 + 4, D: 11, R: 3}),
        Work("relax", "step_poses", {M: 72, A: 60}),
    ]
