"""Windows built for tests: the one place that knows how the back end's tables are stored."""

from types import SimpleNamespace

import numpy as np
from world import FRAME_NS, T0_NS, Motion, imu_samples, normalised, rig

from vio.config import Config, MemoryConfig, WindowConfig
from vio.events import AT
from vio.imu.calibration import calibrate
from vio.imu.preintegrate import Preintegrated, preintegrate
from vio.memory.arena import Arena
from vio.window import residual_imu, residual_prior, residual_vision, state
from vio.window.marginalise import layout, take_prior
from vio.window.optimise import assemble, full_layout, optimise, sync_lin
from vio.window.state import extrinsics

STILL = np.array([1e-3, 1e-3, 5e-3])
WALK = np.array([[1.9e-5, 3e-3], [0.02, 0.1]])
NOISE = np.array([1.7e-4, 2e-3, 0.5, 5.0])
LIMITS = np.array([2.5 / 200, 34.0, 156.0])
EXACT = MemoryConfig(observation_bits=32, point_bits=64, prior_bits=64, inertial_bits=64)
CALIBRATION = np.array([1e-3, *[5e-3] * 3, *[3e-3] * 3])
P = {"inv_sigma": 2.0, "limit": 2.0, "gravity": 9.81, "walk": WALK, "still_sigma": STILL}
MODEL = state.Model(*P.values())


def pack(A):
    """Packed lower triangle of a dense matrix."""
    return A[np.tril_indices(len(A))]


def unpack(packed, n):
    """Dense lower triangle (n, n) of packed storage."""
    A = np.zeros((n, n))
    A[np.tril_indices(n)] = packed[: n * (n + 1) // 2]
    return A


def symmetric(packed, n):
    """Dense symmetric (n, n) of packed storage."""
    L = unpack(packed, n)
    return L + np.tril(L, -1).T


def tables(stereo=True, exact=False):
    """Empty tables in an arena, as the estimator has them; `exact` without rounding."""
    window = WindowConfig(estimate_extrinsics=True)
    config = Config(window=window, memory=EXACT if exact else MemoryConfig())
    arena = Arena(state.buffers(config.window, config.memory, config.frontend.max_features))
    t = SimpleNamespace(
        config=config.window,
        slots=arena.group("slots", state.Slots),
        landmarks=arena.group("landmarks", state.Landmarks),
        pre=arena.group("preintegrated", Preintegrated),
        prior=arena.group("prior", state.Prior),
        system=arena.group("system", state.System),
        work=arena.group("work", state.Work),
        rig=rig(stereo),
    )
    t.ext = extrinsics(t.rig, config.memory.observation_bits)
    gathered(t)
    t.landmarks.id[:] = -1
    no_prior(t)
    return t


def gathered(t):
    """The tables as the record kernels take, and the parts of `work` tests set by hand."""
    t.tables = state.Tables(t.slots, t.landmarks, t.pre, t.ext, t.prior, t.system, t.work)
    t.sight = state.Sight(t.slots, t.landmarks, t.ext, t.work.cams, t.work.counts)
    t.use, t.factor = t.work.use, t.work.factor
    t.leave_pose, t.leave_motion = t.work.leave_pose, t.work.leave_motion
    return t


def no_prior(t):
    t.prior.dim[0] = 0
    t.prior.pose_at[:] = -1
    t.prior.motion_at[:] = -1


def set_observation(t, m, slot, cam, xy, weight):
    """Store an observation as the window does: in whole steps; a weight of 0 takes it away."""
    t.landmarks.xy[m, slot, cam] = np.rint(np.array(xy) / t.ext.step[0])
    t.landmarks.weight[m, slot, cam] = np.rint(weight / t.ext.step[1])


def window(
    seed=0,
    n_keys=4,
    n_motion=3,
    n_points=25,
    stereo=True,
    noise_px=0.3,
    spread=1,
    exact=False,
):
    """A window over a piece of the flight: `n_keys` old keyframes, then motion slots.

    States are the truth, observations carry `noise_px`; motion slots are `spread` frames apart.
    The newest keyframe has motion too. Slots are filled in a scrambled order so
    that slot number and time disagree, as they do after a while in flight.
    """
    rng = np.random.default_rng(seed)
    t, motion = tables(stereo, exact), Motion()
    n = n_keys + n_motion
    places = rng.permutation(t.slots.t_ns.size)[:n]
    stamps = [T0_NS + 4 * FRAME_NS * k for k in range(n_keys)]
    stamps += [stamps[-1] + spread * FRAME_NS * (k + 1) for k in range(n_motion)]
    samples, _ = imu_samples(motion, (stamps[-1] - T0_NS) * 1e-9 + 0.1)
    for k, s in enumerate(places):
        time = (stamps[k] - T0_NS) * 1e-9
        t.slots.t_ns[s] = stamps[k]
        t.slots.R[s], t.slots.p[s], t.slots.v[s] = motion.R(time), motion.p(time), motion.v(time)
        t.slots.bias[s] = 0.0
        t.slots.key[s] = k < n_keys
        t.slots.motion[s] = max(0, k - n_keys + 2)
        if k and t.slots.motion[s]:
            integrate(t, samples, stamps[k - 1], stamps[k], np.zeros(6), s)
    t.order = places.astype(np.int64)
    t.samples, t.motion_model, t.rng = samples, motion, rng
    t.factor[:] = 1
    add_points(t, rng, n_points, noise_px, n_keys, stereo)
    sync_lin(t.slots)
    full_layout(t.slots, t.order, t.system)
    return t


def integrate(t, samples, t0_ns, t1_ns, bias, slot):
    """Preintegrate [t0, t1] into `slot`; covers the whole sample array."""
    s, work, row = np.ascontiguousarray, np.zeros((6, 9, 9)), int(t.slots.motion[slot]) - 1
    stamps, gyro, accel = (s(samples[name]) for name in ("t_ns", "gyro", "accel"))
    counts = preintegrate(
        stamps, gyro, accel, 0, len(samples) - 1, t0_ns, t1_ns, bias, NOISE, LIMITS, work,
        t.pre, row,
    )  # fmt: skip
    begin, end = (int(np.abs(stamps - t_ns).argmin()) for t_ns in (t0_ns, t1_ns))
    calibrate(gyro, accel, len(samples), begin, end, 1, t.slots.calibration, work, t.pre, row)
    return counts


def add_points(t, rng, n_points, noise_px, n_keys, stereo):
    """Landmarks in front of the cameras, hosted by the keyframes in turn."""
    cams = [t.rig.cam0] + ([t.rig.cam1] if stereo else [])
    order = t.order
    for m in range(n_points):
        host = order[m % n_keys]
        ray = np.array([*rng.uniform(-0.6, 0.6, 2), 1.0])
        rho = rng.uniform(0.15, 0.8)
        inside = t.ext.R_imu_cam[0] @ (ray / rho) + t.ext.p_imu_cam[0]
        point = t.slots.R[host] @ inside + t.slots.p[host]
        t.landmarks.id[m], t.landmarks.host[m], t.landmarks.active[m] = 1000 + m, host, 1
        t.landmarks.point[m] = *ray[:2], rho
        t.use[m] = 1
        for k, s in enumerate(order):
            if k < m % n_keys or (rng.uniform() < 0.2 and s != host):
                continue
            for c, cam in enumerate(cams):
                x, y, z = normalised(cam.T_imu_cam, t.slots.R[s], t.slots.p[s], point[None])[0]
                if z < 0.2 or max(abs(x), abs(y)) > 1.0 or (c and rng.uniform() < 0.2):
                    continue
                noise = 0.0 if (s == host and c == 0) else noise_px / 458.0
                set_observation(t, m, s, c, (x, y) + rng.normal(0, noise, 2), rng.uniform(380, 460))


def perturb(
    t, rng, turn=0.01, move=0.03, speed=0.05, bias=(1e-3, 1e-2), point=0.02, fixed=True,
    calibration=0.0,
):  # fmt: skip
    """Move every state and landmark off the truth; `fixed` slots only if asked.

    calibration: in standard deviations of what is expected of it.
    """
    from naive.imu_factor import plus
    from naive.imu_factor import state as now

    scale = np.repeat([turn, move, speed, *bias], 3)
    for s in t.order:
        if t.slots.fixed[s] and not fixed:
            continue
        x = plus(now(t.slots, s), rng.normal(0, 1, 15) * scale)
        t.slots.R[s], t.slots.p[s], t.slots.v[s], t.slots.bias[s] = x
    if calibration:
        t.slots.calibration[:] += calibration * rng.normal(0, 1, 7) * CALIBRATION
    for m in np.flatnonzero(t.use):
        t.landmarks.point[m] += rng.normal(0, point, 3) * [0.2, 0.2, 1.0]
    t.landmarks.point[:, 2] = np.maximum(t.landmarks.point[:, 2], 0.05)


def set_prior(t, slots_pose, slots_motion, L, r):
    """A prior over poses and motions in that order of rows; its slots become fixed.

    The calibration is held where it is, apart from them.
    """
    no_prior(t)
    at = 0
    for s in slots_pose:
        t.prior.pose_at[s], at = at, at + 6
        t.slots.fixed[s] = 1
    for s in slots_motion:
        t.prior.motion_at[s], at = at, at + 9
    n = at + t.slots.calibration.size
    full = np.diag(np.append(np.zeros(at), 1.0 / CALIBRATION[: n - at]))
    full[:at, :at] = L
    t.prior.dim[0] = n
    t.prior.L[: n * (n + 1) // 2] = pack(full)
    t.prior.r[:n] = np.append(r, -t.slots.calibration / CALIBRATION[: n - at])


def full_index(t):
    """Full coordinate of every row of the system."""
    from naive.prior import full_index

    s = t.system
    return full_index(s.pose_at, s.motion_at, s.calibration_at[0], t.slots.calibration.size)


def dense_prior(t):
    """(L, r, full index) of the prior as dense arrays."""
    from naive.prior import full_index

    n, last = int(t.prior.dim[0]), t.slots.calibration.size
    at = full_index(t.prior.pose_at, t.prior.motion_at, n - last, last)
    return unpack(t.prior.L, n), t.prior.r[:n].copy(), at


def anchor(t, sigma=1e-2, motion_sigma=(0.1, 1e-3, 1e-2)):
    """A prior that holds the oldest pose, and the oldest motion loosely."""
    first, moving = t.order[0], next(s for s in t.order if t.slots.motion[s])
    scale = np.concatenate([np.full(6, sigma), np.repeat(motion_sigma, 3)])
    set_prior(t, [first], [moving], np.diag(1.0 / scale), np.zeros(15))


def counted(t, name):
    """What the kernels have counted so far."""
    return int(t.work.counts[AT._asdict()[name]])


def dim(t):
    """Rows of the system in use."""
    poses, motions = (t.system.pose_at >= 0).sum(), (t.system.motion_at >= 0).sum()
    return int(6 * poses + 9 * motions + t.slots.calibration.size)


def clear(t):
    n = dim(t)
    t.system.H[: n * (n + 1) // 2] = 0.0
    t.system.b[:n] = 0.0
    return n


def linearise_vision(t):
    """(H, b, what the kernel returns), dense; nothing else in the system."""
    n = clear(t)
    out = residual_vision.linearise(t.tables, P["inv_sigma"], P["limit"])
    return symmetric(t.system.H, n), t.system.b[:n].copy(), out


def linearise_motion(t):
    n = clear(t)
    out = residual_imu.linearise_motion(t.tables, t.order, MODEL)
    return symmetric(t.system.H, n), t.system.b[:n].copy(), out


def linearise_prior(t):
    n = clear(t)
    out = residual_prior.linearise_prior(t.tables)
    return symmetric(t.system.H, n), t.system.b[:n].copy(), out


def relax(t):
    return residual_vision.relax(t.tables, P["inv_sigma"], P["limit"])


def run_marginalise(t):
    """Fold what is marked to leave into the prior; returns (rows, landmarks folded, rows kept)."""
    leaving, n = layout(t.tables, t.order)
    _, points, _, _ = assemble(t.tables, t.order, MODEL, n)
    take_prior(t.tables, leaving, n)
    return n, points, t.prior.dim[0]


def run_optimise(t, iterations=10, small=1e-12):
    return optimise(t.tables, t.order, MODEL, iterations, small, small)
