"""What leaves the window, and intervals to integrate anew: tables walked, keyframes compared."""

from vio.energy.actions import Op, Work
from vio.energy.rows import Rows, uses
from vio.energy.stages.inertial import calibrated
from vio.energy.stages.landmarks import ACTIVE, ID
from vio.energy.stages.vision import HOST, SEEN, WEIGHT, patterns

KEY, MOTION, FACTOR, ROWS = "slots.key", "slots.motion", "work.factor", "work.rows"
POSE, LEAVE = "work.leave_pose", "work.leave_motion"


def stale(plan) -> list:
    """`mark_stale_intervals`."""
    n = calibrated(plan)
    interval = Rows("stale_intervals").add(MOTION, 1).add("slots.bias", 6).add(FACTOR, 0, 1)
    interval.add("slots.calibration", n).add("preintegrated.bias", 6 + n)
    return [Rows("stale_slots").add(MOTION, 1), interval]


def mark(plan) -> list:
    """`mark_leaving`, and what `shrink` does beside it."""
    M, S, _ = plan.shapes[WEIGHT]
    leaving = Rows("leavings").add(POSE, 0, S).add(LEAVE, 0, S).add(FACTOR, 0, S)
    return [
        Rows("leave_slots").add(MOTION, 1).add(KEY, 1),
        leaving.add("work.use", 0, M),
        Rows("leave_left").add("slots.t_ns", 1),
        Rows("motions_leave").add(LEAVE, 0, 1).add(FACTOR, 0, 1).add(KEY, 1),
        Rows("frames_leave").add(POSE, 0, 1).add(WEIGHT, 0, 2 * M),
        Rows("choices").add(POSE, 0, 1).add(ACTIVE, M),
        Rows("choice_known").add(HOST, 1),
        Rows("choice_hosted").add("work.use", 0, 1),
    ]


def choose(plan) -> list:
    """`choose_keyframe`."""
    M, S, _ = plan.shapes[WEIGHT]
    slot = Rows("choice_slots").add(KEY, 1).add(MOTION, 1).add(LEAVE, 1).add(SEEN, 1, 1)
    return [
        Rows("choices").add(ROWS, 0, 2 * S).add(ACTIVE, M),
        Rows("choice_known").add(HOST, 1).add(WEIGHT, 1).add(ROWS, 1, 1),
        Rows("choice_seen").add(ROWS, 1, 1),
        slot,
        Rows("choice_looks").add(SEEN, 1),
        Rows("choice_keys").add(ROWS, 2),
        Rows("choice_pairs").add("slots.p", 6),
    ]


def clear(plan) -> list:
    """`clear_left`: a keyframe chosen leaves as a frame without one does."""
    M, S, _ = plan.shapes[WEIGHT]
    rows = [
        Rows("leavings").add(ID, M).add(POSE, S).add(LEAVE, S),
        Rows("clear_tests").add(HOST, 1).add(POSE, 1).add(ACTIVE, 1),
        Rows("clear_unknown").add(WEIGHT, 1),
        Rows("cleared").add(ID, 0, 1).add(ACTIVE, 0, 1),
        Rows("motions_leave").add(MOTION, 0, 1),
    ]
    for event in ("frames_leave", "choices"):
        frame = Rows(event).add(WEIGHT, 0, 2 * M)
        for name in ("t_ns", "key", "motion", "fixed"):
            frame.add(f"slots.{name}", 0, 1)
        rows.append(frame)
    return rows


def model(plan) -> list:
    """All of it, book-keeping of the state."""
    return uses("state", stale(plan) + mark(plan) + choose(plan) + clear(plan), patterns(plan))


def work(plan) -> list:
    """Differences against limits, distances against each other."""
    n = 6 + calibrated(plan)
    pair = {Op.ADD_F64: 7, Op.MUL_F64: 3, Op.DIV_F64: 1, Op.SQRT_F64: 1}
    return [
        Work("state", "stale_intervals", {Op.ADD_F64: 2 * n}),
        Work("state", "choice_known", {Op.ADD_I32: 2}),
        Work("state", "choice_pairs", pair),
        Work("state", "clear_tests", {Op.ADD_I32: 3}),
    ]
