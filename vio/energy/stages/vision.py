"""Reprojection: linearised and eliminated landmark by landmark, then relaxed.

Where an observation lies behind its camera or a landmark cannot be eliminated the kernel leaves
early; both are billed as if it went on.
"""

from vio.energy.actions import Op, Work
from vio.energy.memory import indexed, resident
from vio.energy.rows import Rows, uses

XY, WEIGHT, POINT = "landmarks.xy", "landmarks.weight", "landmarks.point"
REL, SMALL = "work.rel", "work.small"
H, B, CROSS, GAIN = "system.H", "system.b", "work.cross", "work.gain"
SMALL_USED = {"vision": 3 + 16 + 39 + 36 + 4 + 9 + 9 + 3, "relax": 3 + 16 + 9 + 4 + 9 + 9 + 3}
"""Elements of `work.small` that a stage works in: y, M, C, X, c, Hll, its inverse, bl."""


def relative(S, calls: str, slots: str) -> list:
    """`relative_poses`: per call the stamps, per frame its pose and the host's, twice."""
    pose = Rows(slots).add(REL, 0, 24)
    for now in ("", "_lin"):
        pose.add(f"slots.R{now}", 63).add(f"slots.p{now}", 18)
    return [Rows(calls).add("slots.t_ns", S), pose]


def scan(S, M, calls, slots, hosts, tests, points) -> list:
    """Search for the landmarks of every host, as `linearise` and `relax` begin."""
    return [
        Rows(calls).add("slots.t_ns", S),
        Rows(slots).add("slots.key", 1),
        Rows(hosts).add("work.use", M),
        Rows(tests).add("landmarks.host", 1),
        # per landmark: its point, y, and the cleared block; then the weights of all frames
        Rows(points)
        .add("landmarks.id", 1)
        .add(POINT, 3)
        .add(SMALL, 0, 3 + 3 + 9)
        .add(WEIGHT, 2 * S),
    ]


def fold(frames, residuals, left) -> list:
    """`fold`, and the weights that `scan` did not have to look at."""
    return [
        Rows(left).add(WEIGHT, -1),
        Rows(frames).add(WEIGHT, 2).add(SMALL, 6, 4 + 16 + 6),
        Rows(residuals).add(WEIGHT, 1).add(XY, 2).add(SMALL, 4 + 10, 4 + 10),
    ]


def linearise(plan) -> list:
    """`linearise`, block by block of its source."""
    S, M = plan.shapes["landmarks.weight"][1], plan.shapes["landmarks.id"][0]
    rows = scan(
        S, M, "assembled", "linearised_slots", "hosts_scanned", "host_tests", "vision_points"
    )
    rows += fold("vision_frames", "vision_residuals", "vision_left")
    frame = Rows("vision_frames").add(REL, 2 * 12).add(SMALL, 2 * 9)
    frame.add(REL, 12).add(SMALL, 0, 9)  # derivative with respect to the point
    frame.add(SMALL, 12 * 6 + 4, 12).add(SMALL, 3 * 6 + 1 + 3, 3).add(SMALL, 9 * 7 + 3, 9)
    other = Rows("vision_others").add("slots.R_lin", 9).add(REL, 9).add(SMALL, 18, 9 + 18)
    other.add(SMALL, 27 * 6, 27).add("system.pose_at", 2)
    # its own rows
    other.add("work.seen", 0, 1).add(SMALL, 36 + 21 * 6 + 18 * 6).add(B, 6, 6).add(H, 21, 21)
    other.add(CROSS, 0, 18)
    # the host's rows, and the block between them
    other.add(SMALL, 18 + 18 + 21 * 3 + 18 * 3 + 36 * 3).add(B, 6, 6).add(H, 21 + 36, 21 + 36)
    other.add(CROSS, 18, 18)
    point = Rows("vision_points").add("system.pose_at", 1).add("work.seen", 0, 1)
    point.add(CROSS, 0, 18).add(SMALL, 6, 9)
    return rows + [frame, other, point] + eliminate()


def eliminate() -> list:
    """The Schur complement: `seen` is one host and the other frames, blocks n (n + 1) / 2."""

    def per_seen(event):
        r = Rows(event).add(CROSS, 54).add(SMALL, 54 + 18).add(GAIN, 18, 18).add(B, 6, 6)
        r.add("work.seen", 1).add("system.pose_at", 1)
        # n^2 pairs are looked at: 2 blocks - n; a diagonal block has 21 entries for 36
        r.add("work.seen", -1).add("system.pose_at", -1)
        return r.add(H, -15, -15).add(CROSS, -45)

    block = Rows("vision_blocks").add("work.seen", 2).add("system.pose_at", 2)
    block.add(GAIN, 18).add(H, 36, 36).add(CROSS, 108)
    return [per_seen("vision_points"), per_seen("vision_others"), block]


def relax(plan) -> list:
    """`relax`."""
    S, M = plan.shapes["landmarks.weight"][1], plan.shapes["landmarks.id"][0]
    rows = scan(S, M, "steps", "step_poses", "relax_hosts", "relax_tests", "relaxed")
    rows += fold("relax_frames", "cost_residuals", "relax_left")
    frame = Rows("relax_frames").add(REL, 12 + 12).add(SMALL, 9, 9).add(SMALL, 3 * 49, 3 * 5)
    point = Rows("relaxed").add(SMALL, 6 + 18, 9).add(POINT, 3 + 1, 3 + 1)
    return [*rows, frame, point]


def patterns(plan) -> dict:
    """How each tensor is walked."""

    def scratch(stage, tensor, event, *, reads, writes):
        size = SMALL_USED.get(stage, 3) if tensor == SMALL else plan.size(tensor)
        return resident(stage, tensor, event, reads=reads, writes=writes, size=size)

    def record(n):
        def make(stage, tensor, event, *, reads, writes):
            return indexed(stage, tensor, event, reads=reads, writes=writes, record=n)

        return make

    out = {name: scratch for name in (REL, SMALL, CROSS, GAIN, "work.seen")}
    return out | {XY: record(2), WEIGHT: record(2), POINT: record(3), H: record(6), B: record(6)}


def model(plan) -> list:
    """Both halves, and the relative poses they share with the life of landmarks."""
    S, how = plan.shapes["landmarks.weight"][1], patterns(plan)
    out = uses("vision", linearise(plan) + relative(S, "vision_ready", "vision_slots"), how)
    return out + uses("relax", relax(plan) + relative(S, "relax_ready", "relax_slots"), how)


def work(plan) -> list:
    """Multiply-adds of the products above; a residual has two projections.

    A block is billed with 36 entries of 3 products; diagonal ones have 21, which the 45 taken off
    per frame seen (the host among them) make good.
    """
    M, A, D, R = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64, Op.SQRT_F64
    seen = 54 + 18 - 45  # gain, right-hand side, diagonal block
    other = 27 + 81 + 2 * (18 + 63 + 54) + 108  # derivatives, M X, own and host rows, both
    return [
        Work("vision", "vision_residuals", {M: 83, A: 75, D: 5, R: 0.2}),
        Work("vision", "vision_frames", {M: 24 + 27 + 36 + 9 + 27, A: 100}),
        Work("vision", "vision_others", {M: other + seen, A: other - 27 + seen}),
        Work("vision", "vision_points", {M: 12 + 30 + seen, A: 25 + seen, D: 1}),
        Work("vision", "vision_blocks", {M: 108, A: 108}),
        Work("vision", "vision_slots", {M: 2 * 36, A: 2 * 24}),
        Work("relax", "cost_residuals", {M: 83, A: 75, D: 5, R: 0.2}),
        Work("relax", "relax_frames", {M: 12 + 27 + 3 * 25, A: 100}),
        Work("relax", "relaxed", {M: 12 + 30 + 9, A: 35, D: 1}),
        Work("relax", "relax_slots", {M: 2 * 36, A: 2 * 24}),
    ]
