"""Unmodified kernels on logging arrays: their reads and writes are what the models say, exactly.

Runs with NUMBA_DISABLE_JIT=1 only (`test_trace.py` starts it), so that nested kernels are traced
too. Tensors are the buffers of the ledger; calibration and settings count as registers.
"""

import copy

import numpy as np
import pytest
import tables
from energy.runs import plan as make_plan
from energy.trace import Trace
from tables import LIMITS, MODEL, NOISE, P

from vio._jit import KERNELS
from vio.energy import stages
from vio.energy.actions import level0
from vio.energy.features import FEATURES
from vio.energy.stages import imu, inertial, landmarks, solver, state, vision
from vio.energy.stages import leaving as leaving_model
from vio.events import AT, NAMES, Tally
from vio.imu.calibration import calibrate
from vio.imu.preintegrate import preintegrate
from vio.imu.rest import spread
from vio.window import landmarks as life
from vio.window import leaving, optimise, residual_imu, residual_prior, residual_vision, solve
from vio.window.advance import advance
from vio.window.displaced import FEWEST, fold_displaced
from vio.window.marginalise import layout, shrink, take_prior
from vio.window.scale import fold_motion
from vio.window.stale import mark_stale_intervals
from vio.window.state import Bearings
from vio.window.turned import fold_turn

PLAN = make_plan()
NOT_BILLED = {"work.counts"}
GROUPS = {
    "slots": "slots", "landmarks": "landmarks", "pre": "preintegrated", "prior": "prior",
    "system": "system", "work": "work",
}  # fmt: skip


def tally():
    return Tally()


def called(t, **told):
    """Count what the caller of a kernel counts beside it."""
    for name, n in told.items():
        t.work.counts[getattr(AT, name)] += n


def counts(t):
    return dict(zip(NAMES, t.counts.tolist()))


def traced(t):
    """(trace, tables with logging arrays) of a window; order and extrinsics stay as they are."""
    trace, out = Trace(), copy.copy(t)
    for field, prefix in GROUPS.items():
        setattr(out, field, trace.group(prefix, getattr(t, field)))
    tables.gathered(out)
    return trace, out


def check(trace, uses, events):
    """Every tensor: model = trace."""
    want = {name: tuple(n) for name, n in trace.counts.items() if name not in NOT_BILLED}
    found = level0(uses, events)
    assert set(FEATURES) >= {use.event for use in uses}
    names = sorted(set(want) | set(found))
    model = {n: tuple(np.round(found.get(n, (0, 0)), 6)) for n in names}
    assert model == {n: want.get(n, (0, 0)) for n in names}


def case(seed, **kw):
    t = tables.window(seed=seed, **({"n_keys": 3, "n_motion": 2, "n_points": 8} | kw))
    tables.perturb(t, t.rng, turn=0.003, move=0.01)
    t.slots.fixed[t.order[:2]] = 1
    tables.sync_lin(t.slots)
    return t


def as_uses(rows):
    from vio.energy.rows import uses

    return uses("test", rows, {})


SEEDS = [1, 2, 3]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stereo", [True, False])
def test_vision(seed, stereo):
    t = case(seed, stereo=stereo)
    tally_, (trace, s) = tally(), traced(t)
    residual_vision.linearise(s.tables, P["inv_sigma"], P["limit"])
    called(t, assembled=1, linearised_slots=t.order.size)
    tally_.window += t.work.counts
    rows = vision.linearise(PLAN)
    rows += vision.cameras(t.slots.t_ns.size, "assembled", "linearised_slots", lin=True)
    check(trace, as_uses(rows), counts(tally_))


@pytest.mark.parametrize("seed", SEEDS)
def test_relax(seed):
    t = case(seed)
    tally_, (trace, s) = tally(), traced(t)
    residual_vision.relax(s.tables, P["inv_sigma"], P["limit"])
    called(t, steps=1, step_poses=t.order.size)
    tally_.window += t.work.counts
    rows = vision.relax(PLAN) + vision.cameras(t.slots.t_ns.size, "steps", "step_poses")
    check(trace, as_uses(rows), counts(tally_))


@pytest.mark.parametrize("still", [False, True])
def test_inertial(still):
    t = case(4)
    t.slots.still[t.order[-1]] = still
    tally_, (trace, s) = tally(), traced(t)
    residual_imu.linearise_motion(s.tables, t.order, MODEL)
    called(t, assembled=1, linearised_slots=t.order.size)
    tally_.window += t.work.counts
    check(trace, as_uses(inertial.motion(PLAN)), counts(tally_))
    assert tally_.counts[NAMES.index("still_factors")] == still


@pytest.mark.parametrize("held", [True, False])
def test_prior(held):
    t = case(5)
    if held:
        tables.anchor(t)
    tally_, (trace, s) = tally(), traced(t)
    residual_prior.linearise_prior(s.tables)
    called(t, assembled=1)
    tally_.window += t.work.counts
    check(trace, as_uses(inertial.prior(PLAN)), counts(tally_))


@pytest.mark.parametrize("iterations", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_optimise(seed, iterations):
    """The whole optimiser: layout, every linearisation, solves, backups, steps."""
    t = case(seed)
    tables.anchor(t)
    tally_, (trace, s) = tally(), traced(t)
    optimise.optimise(s.tables, t.order, MODEL, iterations, 1e-12, 1e-12)
    tally_.window += t.work.counts
    uses = state.model(PLAN) + inertial.model(PLAN) + vision.model(PLAN) + solver.model(PLAN)
    check(trace, uses, counts(tally_))


def test_refused_steps():
    """A step that makes things worse is taken back: linearised more often than solved."""
    for seed in range(10, 30):
        t = case(seed)
        tables.anchor(t)
        tables.perturb(t, t.rng, turn=0.3, move=0.5, point=0.3)
        tables.sync_lin(t.slots)
        trace, s = traced(t)
        optimise.optimise(s.tables, t.order, MODEL, 6, 1e-12, 1e-12)
        refused = tables.counted(t, "linearisations") - tables.counted(t, "solves")
        if refused:
            break
    else:
        pytest.fail("no step was refused")
    back = 21 * t.slots.t_ns.size * refused
    assert trace.counts["work.backup"][0] == back


@pytest.mark.parametrize("n, held", [(4, 0), (7, 1), (16, 6), (34, 7)])
def test_solver(n, held):
    rng, trace = np.random.default_rng(n), Trace()
    A = rng.normal(size=(n, n))
    H = tables.pack(A @ A.T + n * np.eye(n))
    system = (trace.array("system.H", H), trace.array("system.b", rng.normal(size=n)))
    fake = type(
        "S", (), {"H": system[0], "b": system[1], "d": trace.array("system.d", np.zeros(n))}
    )
    assert solve.solve(fake, n, held, 1e-9, trace.array("work.panel", np.zeros(3 * n))) == 0
    events = {"solve_dim": n, "solve_dim2": n**2, "solve_dim3": n**3, "solves": 1}
    events |= {"solve_free": n - held, "solve_free2": (n - held) ** 2}
    uses = solver.model(PLAN)
    check(trace, [use for use in uses if use.tensor != "work.small"], events)


def test_covariance():
    trace, rng = Trace(), np.random.default_rng(0)
    A = rng.normal(size=(21, 21))
    L = trace.array("system.H", tables.pack(np.linalg.cholesky(A @ A.T + 21 * np.eye(21))))
    solve.covariance(L, 6, 15, trace.array("work.small", np.zeros((15, 15))))
    events = {"covariances": 1, "cov_squares": 15**2, "cov_cubes": 15**3}
    check(trace, solver.model(PLAN), events)


@pytest.mark.parametrize("held", [1, 6])
def test_held_back(held):
    trace, rng, n = Trace(), np.random.default_rng(held), 12
    A = rng.normal(size=(n, n))
    H = tables.pack(np.linalg.cholesky(A @ A.T + n * np.eye(n)))
    arrays = {"H": trace.array("system.H", H), "d": trace.array("system.d", rng.normal(size=n))}
    small = (
        trace.array("work.small", np.zeros(held)),
        trace.array("work.small", np.zeros((held, held))),
    )
    solve.held_back(type("S", (), arrays), n, held, *small)
    events = {"covariances": 1, "cov_squares": held**2, "cov_cubes": held**3}
    events |= {"held_rows": held, "held_rows2": held**2}
    check(trace, solver.model(PLAN), events)


@pytest.mark.parametrize("part", [0, 1])
def test_preintegrate(part):
    t = case(6)
    trace, c = Trace(), np.ascontiguousarray
    pre = trace.group("preintegrated", t.pre)
    samples = [trace.array(f"imu.{n}", c(t.samples[n])) for n in ("t_ns", "gyro", "accel")]
    work = trace.array("imu.work", np.zeros((6, 9, 9)))
    stamps = t.slots.t_ns[t.order]
    last = len(t.samples) - 1 - 3 * part
    steps, gaps, saturated = preintegrate(
        *samples, part, last, stamps[0], stamps[1 + part], np.zeros(6), NOISE, LIMITS, work, pre, 2
    )
    events = {"imu_samples": steps, "preintegrations": 1, "imu_span": last - part + 1}
    check(trace, imu.model(PLAN), events)


def test_spread():
    trace = Trace()
    for name, times in (("gyro", 12), ("accel", 7)):
        samples = np.random.default_rng(times).normal(size=(20, 3))
        spread(trace.array(f"imu.{name}", samples), 2, 1 + times)
    check(trace, imu.model(PLAN), {"quiet_gyro": 12, "quiet_accel": 7})


def test_advance():
    t = case(6)
    tally_, (trace, s) = tally(), traced(t)
    advance(s.slots, s.pre, s.work.counts, int(t.order[-2]), int(t.order[-1]), 9.81)
    tally_.window += t.work.counts
    check(trace, state.model(PLAN), counts(tally_))


@pytest.mark.parametrize("most", [(9, 9), (2, 9), (9, 4), (2, 4)])
def test_leaving(most):
    """Marked, chosen and cleared; the first motion is a keyframe's or not."""
    for key in (0, 1):
        t = case(3, n_keys=5, n_motion=3, n_points=18)
        t.slots.key[t.order[4]] = key
        t.landmarks.active[:3] = 0
        tally_, (trace, s) = tally(), traced(t)
        newest = int(t.order[-1])
        if leaving.mark_leaving(s.tables, t.order, newest, *most, 0.3):
            leaving.clear_left(s.tables, newest)
        tally_.window += t.work.counts
        check(trace, leaving_model.model(PLAN), counts(tally_))


@pytest.mark.parametrize("most", [(2, 9), (1, 4)])
def test_shrink(most):
    """The whole of it: marked, turned into the prior, freed, until the window fits."""
    t = case(9, n_keys=5, n_motion=3, n_points=18)
    motions = [s for s in t.order if t.slots.motion[s]]
    rows = 6 * len(t.order) + 9
    tables.set_prior(t, t.order, motions[:1], np.diag(np.full(rows, 100.0)), np.zeros(rows))
    tally_, (trace, s) = tally(), traced(t)
    left = shrink(s.tables, t.order, int(t.order[-1]), *most, 0.3, MODEL)
    tally_.window += t.work.counts
    assert left == (t.slots.t_ns > 0).sum() and tables.counted(t, "leavings") == 4 - most[0]
    models = state, inertial, vision, leaving_model
    check(trace, [use for m in models for use in m.model(PLAN)], counts(tally_))


def test_stale_intervals():
    t = case(6)
    tally_, (trace, s) = tally(), traced(t)
    n = 6 + t.slots.calibration.size
    state = s.slots.motion, s.slots.bias, s.slots.calibration, s.pre.bias
    mark_stale_intervals(*state, t.order, np.full(n, 1e-3), s.work.factor, s.work.counts)
    tally_.window += t.work.counts
    check(trace, leaving_model.model(PLAN), counts(tally_))


@pytest.mark.parametrize("n", [1, 7])
def test_calibrate(n):
    t = case(6)
    trace, c = Trace(), np.ascontiguousarray
    pre = trace.group("preintegrated", t.pre)
    gyro, accel = (trace.array(f"imu.{name}", c(t.samples[name])) for name in ("gyro", "accel"))
    work = trace.array("imu.work", np.zeros((6, 9, 9)))
    x = trace.array("slots.calibration", np.full(n, 1e-3))
    used = calibrate(gyro, accel, len(t.samples), 3, 40, 6, x, work, pre, 2)
    assert used == 9 + 11, "the first end has three samples before it"
    check(trace, as_uses(imu.calibrated(n)), {"calibrations": 1, "calibration_samples": used})


@pytest.mark.parametrize("right", [True, False])
def test_landmarks(right):
    """Matched, started, triangulated and checked, one after the other."""
    t = case(7, stereo=right)
    t.landmarks.active[:3] = 0
    tally_, rng, (trace, s) = tally(), np.random.default_rng(8), traced(t)
    slot, n = int(t.order[-1]), 12
    ids = np.concatenate([t.landmarks.id[:5][::-1], 5000 + np.arange(n - 5)])
    rays = [rng.uniform(-0.5, 0.5, (n, 2)) for _ in range(2)]
    rays[1][:: 2 if right else 1] = np.nan
    names = ("rays0", "rays1", "weight0", "weight1")
    values = [*rays, *(np.full(n, 400, np.float32) for _ in range(2))]
    views = [trace.array(f"bearings.{k}", v) for k, v in zip(names, values)]
    row_of = np.full(n, -9)
    rows = trace.array("bearings.row_of", row_of)
    done = life.observe(s.landmarks, t.ext.step, slot, ids, *views, rows)
    tally_.put("observations", (1, n, *done))
    done = life.start(s.landmarks, t.ext.step, slot, ids, *views, rows)
    tally_.put("starts", (1, n, *done))
    assert done[0] == n - 5
    t.slots.key[slot] = 1
    done = life.activate(s.sight, 0.5, 0.15, 1e3, 0.2)
    assert done > 0 or not right
    life.reject(s.sight, 3.0)
    M = t.landmarks.id.size
    life.depths(s.sight, slot, np.zeros(M, np.int64), np.zeros(M))
    called(t, slots_used=3 * t.order.size)
    tally_.window += t.work.counts
    check(trace, landmarks.model(PLAN), counts(tally_))


@pytest.mark.parametrize("n_points", [8, 90])
def test_signs(n_points):
    """Of a displaced cam1, in a frame that sees enough and one that does not; turn and lengths."""
    t = case(5, n_points=n_points)
    tally_, (trace, s) = tally(), traced(t)
    names = ("rays0", "rays1", "weight0", "weight1")
    arrays = [np.zeros((60, 2), np.float32)] * 2 + [np.zeros(60, np.float32)] * 2
    views = [trace.array(f"bearings.{k}", a.copy()) for k, a in zip(names, arrays)]
    sizes = ("cam1", 28), ("imu", 14), ("moved", 7)
    sums = [trace.array(f"signs.{k}", np.zeros(n)) for k, n in sizes]
    bearings, slot = Bearings(*views, None), int(t.order[1])
    seen = fold_displaced(s.sight, bearings, slot, 0.99, s.work.block[:2], sums[0])
    assert (seen >= FEWEST) == (n_points == 90)
    fold_turn(s.pre.R, s.pre.whiten, 1, s.work.small[19], 0.999, sums[1], s.work.counts)
    state = s.slots.R[slot], s.slots.bias[slot], s.slots.calibration
    fold_motion(*state, s.pre, 1, sums[2], s.work.counts)
    called(t, slots_used=t.order.size)
    tally_.window += t.work.counts
    check(trace, landmarks.model(PLAN), counts(tally_))


@pytest.mark.parametrize("keyframe", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_marginalise(keyframe, held):
    """Layout, assembly, factorisation and the new prior."""
    t = case(9, n_motion=3, n_points=18)
    motions = [s for s in t.order if t.slots.motion[s]]
    poses = t.order if held else t.order[:-1]  # the rest hangs on landmarks and inertia alone
    rows = 6 * len(poses) + 9
    tables.set_prior(t, poses, motions[:1], np.diag(np.full(rows, 100.0)), np.zeros(rows))
    t.leave_pose[:], t.leave_motion[:], t.factor[:], t.use[:] = 0, 0, 0, 0
    t.leave_motion[motions[0]], t.factor[motions[1]] = 1, 1
    if keyframe:
        t.leave_pose[t.order[1]] = 1
        t.use[:] = (t.landmarks.host == t.order[1]) & (t.landmarks.id >= 0)
    tally_, (trace, s) = tally(), traced(t)
    gone, n = layout(s.tables, t.order)
    _, points, _, _ = optimise.assemble(s.tables, t.order, MODEL, n)
    take_prior(s.tables, gone, n)
    tally_.window += t.work.counts
    assert (points > 0) == keyframe
    diagonal = np.arange(n) * (np.arange(n) + 3) // 2
    assert (t.system.H[diagonal] > 0).all(), "an emptied column would be billed as a full one"
    uses = state.model(PLAN) + inertial.model(PLAN) + vision.model(PLAN)
    check(trace, uses, counts(tally_))


def test_every_kernel_is_traced_or_a_part_of_one():
    assert len(KERNELS) == 0 or stages.uses(PLAN)
