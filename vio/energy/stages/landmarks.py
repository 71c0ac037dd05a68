"""Life of landmarks: matched with tracks, started, triangulated, checked."""

from vio.energy.actions import Op, Work
from vio.energy.rows import Rows, uses
from vio.energy.stages.vision import CAMS, HOST, POINT, WEIGHT, XY, cameras, patterns

ID, ACTIVE = "landmarks.id", "landmarks.active"
ROW_OF = "bearings.row_of"
HALVINGS = 12  # of the range of a median


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
    return [
        Rows("activations").add("slots.t_ns", S).add(ID, M),
        Rows("activate_known").add(ACTIVE, 1),
        Rows("activate_tried").add(HOST, 1).add(POINT, 2).add(CAMS, 12).add(WEIGHT, 2 * S),
        Rows("activate_used").add(CAMS, 12 + 3 + 12).add(XY, 2),
        Rows("triangulated").add(POINT, 0, 1).add(ACTIVE, 0, 1),
    ]


def reject(plan) -> list:
    """`reject`: a landmark checked stays in use or is put out of it."""
    M, S, _ = plan.shapes[WEIGHT]
    tried = Rows("reject_tried").add(HOST, 1).add(POINT, 3).add(CAMS, 12).add(WEIGHT, 2 * S)
    return [
        Rows("rejections").add("slots.t_ns", S).add(ID, M),
        Rows("reject_known").add(ACTIVE, 1),
        tried.add(ACTIVE, 0, 1), Rows("reject_left").add(ACTIVE, 0, -1),
        Rows("reject_used").add(CAMS, 12).add(XY, 2),
        Rows("reject_dropped").add(WEIGHT, 0, 1),
    ]  # fmt: skip


def depths(plan) -> list:
    """`depths`."""
    M, S, _ = plan.shapes[WEIGHT]
    return [
        Rows("depth_scans").add("slots.t_ns", S).add(ACTIVE, M),
        Rows("depth_known").add(HOST, 1).add(POINT, 3).add(CAMS, 12 + 12),
        Rows("depth_found").add(ID, 1),
    ]


def displaced(plan) -> list:
    """`fold_displaced`, two rows of six per landmark, `fold_turn` and `fold_motion`."""
    M, S, _ = plan.shapes[WEIGHT]
    rays, off, rows, sums = "bearings.rays0", "bearings.rays1", "work.block", "signs.cam1"
    seen = Rows("displaced_seen").add(HOST, 1).add(POINT, 3).add(CAMS, 12 + 12).add(XY, 2)
    seen.add(rays, 0, 2).add(off, 0, 2).add("bearings.weight0", 0, 1)
    near = Rows("displaced_near").add(rays, 2).add("bearings.weight0", 1)
    near.add("bearings.weight1", 1).add(rows, 12 + 2 * 21, 12).add(sums, 28, 28)
    turn = Rows("turns_folded").add("preintegrated.R", 6).add("preintegrated.whiten", 1)
    n, made = 6 + plan.shapes["slots.calibration"][0], "preintegrated"
    motion = Rows("motions_folded").add("slots.R", 9).add("slots.bias", 6)
    motion.add("slots.calibration", n - 6).add(f"{made}.bias", n).add(f"{made}.J", 6 * n)
    motion.add(f"{made}.dt", 1).add(f"{made}.p", 3).add(f"{made}.v", 3).add("signs.moved", 7, 7)
    return [
        Rows("displacements").add("slots.t_ns", S).add(ACTIVE, M),
        Rows("displaced_folds").add(sums, 28, 28),
        Rows("displaced_known").add(WEIGHT, 1),
        seen.add("bearings.weight1", 0, 1),
        Rows("displaced_folded").add(off, 2 * HALVINGS + 2),
        near,
        turn.add("work.small", 3).add("signs.imu", 14 + 14, 14 + 14),
        motion,
    ]


def model(plan) -> list:
    """All of it as one stage; `slots_used` counts the frames whose cameras four of them need."""
    rows = observe(plan) + start(plan) + activate(plan) + reject(plan) + depths(plan)
    rows += displaced(plan)
    rows += cameras(0, "slots_used", "slots_used")
    return uses("landmarks", rows, patterns(plan))


def work(plan) -> list:
    """A transformation per observation; identities are compared one by one."""
    M, A, D = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64
    return [
        Work("landmarks", "track_tests", {Op.ADD_I32: 2}),
        Work("landmarks", "activate_used", {M: 36, A: 30, D: 1}),
        Work("landmarks", "reject_used", {M: 20, A: 18, D: 2}),
        Work("landmarks", "depth_known", {M: 19, A: 18, D: 1}),
        Work("landmarks", "displaced_seen", {M: 20, A: 18, D: 3}),
        Work("landmarks", "displaced_folded", {A: 2 * HALVINGS + 4}),
        Work("landmarks", "displaced_near", {M: 18 + 42 + 12 + 2, A: 2 + 42 + 12 + 2}),
        Work("landmarks", "motions_folded", {M: 6 * 7 + 21, A: 6 * 7 + 7 + 22}),
        Work("landmarks", "turns_folded", {M: 12 + 9 + 14 + 3, A: 3 + 9 + 14, D: 1}),
        Work("landmarks", "slots_used", {M: 72, A: 60}),
    ]
