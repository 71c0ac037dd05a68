"""Life of landmarks: matched with tracks, started, triangulated, checked."""

from vio.energy.actions import Op, Work
from vio.energy.rows import Rows, uses
from vio.energy.stages.vision import POINT, REL, SMALL, WEIGHT, XY, patterns, relative

ID, HOST, ACTIVE = "landmarks.id", "landmarks.host", "landmarks.active"
ROW_OF = "bearings.row_of"


def write(event, right) -> list:
    """`_write` for both cameras: cam0 is always seen, cam1 where `right` counts it."""
    both = Rows(event).add("bearings.rays0", 2).add("bearings.weight0", 1).add(WEIGHT, 0, 2)
    both.add("bearings.rays1", 2).add("bearings.weight1", 1).add(ROW_OF, 0, 1)
    return [both.add(XY, 0, 2), Rows(right).add(XY, 0, 2)]


def observe(plan) -> list:
    """`observe`: every landmark in use looks for its track."""
    M = plan.shapes[ID][0]
    rows = [
        Rows("tracks").add(ROW_OF, 0, 1),
        Rows("observations").add(ID, M).add(WEIGHT, 0, 2 * M),
        Rows("track_tests").add(ID, 1),
    ]
    return rows + write("tracks_known", "tracks_right")


def start(plan) -> list:
    """`start`: every track without a landmark takes a free row."""
    S = plan.shapes[WEIGHT][1]
    new = Rows("started").add(ID, 0, 1).add(HOST, 0, 1).add(ACTIVE, 0, 1)
    new.add("bearings.rays0", 2).add(POINT, 0, 3).add(WEIGHT, 0, 2 * S)
    rows = [Rows("start_tracks").add(ROW_OF, 1), Rows("start_scan").add(ID, 1), new]
    return rows + write("started", "started_right")


def activate(plan) -> list:
    """`activate`."""
    M, S, _ = plan.shapes[WEIGHT]
    tried = Rows("activate_tried").add(POINT, 2).add(SMALL, 0, 3).add(WEIGHT, 2 * S)
    used = Rows("activate_used").add(REL, 24).add(SMALL, 9).add(XY, 2)
    return [
        *relative(S, "activate_ready", "activate_slots"),
        Rows("activations").add("slots.t_ns", S),
        Rows("slots_used").add("slots.key", 1),
        Rows("activate_hosts").add(ID, M),
        Rows("activate_known").add(ACTIVE, 1),
        Rows("activate_idle").add(HOST, 1),
        tried, used, Rows("triangulated").add(POINT, 0, 1).add(ACTIVE, 0, 1),
    ]  # fmt: skip


def reject(plan) -> list:
    """`reject`."""
    M, S, _ = plan.shapes[WEIGHT]
    tried = Rows("reject_tried").add(POINT, 7).add(SMALL, 0, 3).add(WEIGHT, 2 * S).add(ACTIVE, 1, 1)
    return [
        *relative(S, "reject_hosts", "reject_slots"),
        Rows("rejections").add("slots.t_ns", S),
        Rows("reject_hosts").add(ID, M),
        Rows("reject_known").add(ACTIVE, 1),
        Rows("reject_active").add(HOST, 1),
        tried, Rows("reject_left").add(ACTIVE, 0, -1),
        Rows("reject_used").add(REL, 12).add(SMALL, 9).add(XY, 2),
        Rows("reject_dropped").add(WEIGHT, 0, 1),
    ]  # fmt: skip


def model(plan) -> list:
    """All four as one stage; `slots_used` counts the frames of both scans over hosts."""
    rows = observe(plan) + start(plan) + activate(plan) + reject(plan)
    return uses("landmarks", rows, patterns(plan))


def work(plan) -> list:
    """A transformation per observation; identities are compared one by one."""
    M, A, D = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64
    return [
        Work("landmarks", "track_tests", {Op.ADD_I32: 2}),
        Work("landmarks", "activate_used", {M: 50, A: 45, D: 1}),
        Work("landmarks", "reject_used", {M: 26, A: 22, D: 2}),
        Work("landmarks", "activate_slots", {M: 72, A: 48}),
        Work("landmarks", "reject_slots", {M: 72, A: 48}),
    ]
