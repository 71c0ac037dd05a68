"""SlidingWindow: tracks and inertial samples in, state out. Owns the tables, calls the kernels.

predict -> observe -> optimise -> reject -> (keyframe: new landmarks) -> marginalise
"""

import numpy as np

from vio._jit import bound
from vio.events import AT, INDEX
from vio.geometry.camera import undistort
from vio.imu import calibration
from vio.imu.preintegrate import Preintegrated
from vio.window import landmarks as life
from vio.window.advance import advance
from vio.window.doubt import TIMES, Doubt
from vio.window.initialise import heading_between
from vio.window.marginalise import shrink
from vio.window.optimise import optimise, sync_lin
from vio.window.solve import cholesky, covariance
from vio.window.stale import mark_stale_intervals
from vio.window.state import (
    Bearings,
    Landmarks,
    Model,
    Prior,
    Sight,
    Slots,
    System,
    Tables,
    Work,
    extrinsics,
)
from vio.window.watch import Watch

GAPS, SATURATED = INDEX["imu_gaps"], INDEX["imu_saturated"]


class SlidingWindow:
    """Fixed-lag estimator over keyframe poses and the newest few motion states."""

    def __init__(self, rig, config, memory, imu, arena):
        self.rig, self.config, self.imu = rig, config, imu
        ext = extrinsics(rig, memory.observation_bits)
        records = {
            "slots": Slots, "landmarks": Landmarks, "preintegrated": Preintegrated,
            "ext": None, "prior": Prior, "system": System, "work": Work,
        }  # fmt: skip
        self.tables = t = Tables(
            *(ext if r is None else arena.group(n, r) for n, r in records.items())
        )
        self.slots, self.landmarks, self.pre, self.ext, self.prior, self.system, self.work = t
        self.sight = Sight(self.slots, self.landmarks, self.ext, self.work.cams, self.work.counts)
        self.bearings = arena.group("bearings", Bearings)
        n = 15 + self.slots.calibration.size
        self.cov = self.work.small.reshape(-1)[: n * n].reshape(n, n)
        walk = np.array(
            [
                [rig.imu.gyro_random_walk, rig.imu.accel_random_walk],
                [config.start_gyro_bias, config.start_accel_bias],
            ]
        )
        still = np.array([config.still_turn, config.still_move, config.still_speed])
        self.model = Model(1.0 / config.sigma_px, config.huber, config.gravity, walk, still)
        bias = np.repeat([config.repropagate_gyro, config.repropagate_accel], 3)
        self.linear = np.append(bias, calibration.LINEAR[: self.slots.calibration.size])
        self._optimise, self._shrink = bound(optimise, t), bound(shrink, t)
        seen = life.depths, life.activate, life.reject
        self._depths, self._activate, self._reject = (bound(k, self.sight) for k in seen)
        self._advance = bound(advance, self.slots, self.pre, self.work.counts)
        self.watch, self.doubt = Watch(self), Doubt(self)
        self.reset()

    def reset(self):
        """Forget everything but the calibration."""
        self.slots.t_ns[:] = 0
        self.slots.fixed[:] = 0
        self.slots.motion[:] = 0
        self.slots.key[:] = 0
        self.landmarks.id[:] = -1
        self.landmarks.active[:] = 0
        self.landmarks.weight[:] = 0
        self.prior.dim[0] = 0
        self.prior.pose_at[:] = -1
        self.prior.motion_at[:] = -1
        self.newest, self.cut = -1, False  # whether samples lack at the end of its interval
        self.reorder()
        self.cost, self.residuals, self.dropped, self.gap = 0.0, 0, 0, False
        self.misfit = 0.0  # of the inertial intervals
        self.doubt.forget()

    def reorder(self):
        """Note the slots in use, oldest first."""
        used = np.flatnonzero(self.slots.t_ns)
        self.order = used[np.argsort(self.slots.t_ns[used])]

    def anchor(self, slot, sigma):
        """Put a prior on the state of a slot, and no other.

        Args:
            sigma: (6,) standard deviations: tilt [rad], yaw [rad], position [m], velocity [m/s],
                gyro bias [rad/s], accel bias [m/s^2].
        """
        slots, prior = self.slots, self.prior
        self.watch.begin()
        slots.fixed[:] = 0
        sync_lin(slots)
        H = np.diag(1.0 / np.repeat([sigma[0], *sigma[2:]], 3) ** 2)
        up_imu = slots.R[slot, 2]
        H[:3, :3] += np.outer(up_imu, up_imu) * (1 / sigma[1] ** 2 - 1 / sigma[0] ** 2)
        L, n = self.system.H, 15 + slots.calibration.size
        L[: n * (n + 1) // 2] = 0.0
        L[:120] = H[np.tril_indices(15)]
        prior.r[:15] = 0.0
        for k in range(15, n):
            L[k * (k + 3) // 2] = 1.0 / self.watch.sigma[k - 15] ** 2
            prior.r[k] = -slots.calibration[k - 15] / self.watch.sigma[k - 15]
        cholesky(L, n, 0.0, self.system.d, self.work.panel)
        prior.L[: n * (n + 1) // 2] = L[: n * (n + 1) // 2]
        prior.dim[0] = n
        prior.pose_at[:], prior.motion_at[:] = -1, -1
        prior.pose_at[slot], prior.motion_at[slot] = 0, 6
        slots.fixed[slot] = 1

    def new_slot(self, t_ns):
        """Open a slot for a new motion state, still to be written; returns it."""
        slots = self.slots
        slot, used = slots.t_ns.tolist().index(0), slots.motion.tolist()
        slots.t_ns[slot] = t_ns
        slots.motion[slot] = next(k for k in range(1, len(self.pre.dt) + 1) if k not in used)
        slots.key[slot] = 0
        slots.still[slot], slots.fixed[slot], slots.doubt[slot] = 0, 0, 0.0
        self.newest, self.order = slot, np.array([*self.order.tolist(), slot])
        return slot

    def predict(self, t_ns, tally):
        """Open a slot at the inertial prediction for `t_ns`; returns it."""
        slots, last = self.slots, self.newest
        slot, values = self.new_slot(t_ns), tally.values
        before = values[GAPS] + values[SATURATED]
        self.doubt.carry(last, slot)
        self.integrate(last, slot, slots.bias[last], tally)
        self._advance(last, slot, self.config.gravity)
        # Samples were missing, or at the end of their range.
        self.gap = values[GAPS] + values[SATURATED] > before
        return slot

    def integrate(self, i, j, bias, tally):
        """Integrate the interval from slot i to slot j anew."""
        t_ns, row = self.slots.t_ns, int(self.slots.motion[j]) - 1
        self.imu.preintegrate(t_ns[i], t_ns[j], bias, self.pre, row, tally)
        if j == self.newest:
            x = self.slots.calibration
            self.cut = not self.imu.reaches(t_ns[j], float(x[0]) if x.size else 0.0)

    def repropagate(self, tally):
        """Integrate anew the intervals whose bias has moved too far for the linear correction."""
        slots, work = self.slots, self.work
        state = slots.motion, slots.bias, slots.calibration, self.pre.bias
        stale = mark_stale_intervals(*state, self.order, self.linear, work.factor, work.counts)
        if not stale and not self.cut:
            return
        work.factor[self.newest] |= self.cut
        motions = self.order[slots.motion[self.order] > 0].tolist()
        for i, j in zip(motions, motions[1:]):
            if work.factor[j] and self.imu.covers(slots.t_ns[i]):
                self.integrate(i, j, slots.bias[i], tally)

    def inverse_depths(self):
        """Inverse depth of the landmarks in use along cam0 of the newest frame.

        Returns:
            (track ids (n,) int64, inverse depths (n,) float32 [1/m]), those in front only.
        """
        M = self.landmarks.id.size
        ids, inverse = np.empty(M, np.int64), np.empty(M, np.float32)
        n = self._depths(self.newest, ids, inverse)
        self.work.counts[AT.slots_used] += self.order.size
        return ids[:n], inverse[:n]

    def collect(self, tracks, capacity, tally):
        """Keep a frame for the start: a keyframe whose state is not known yet.

        Args:
            capacity: frames kept; the oldest leaves.
        """
        slots, lm = self.slots, self.landmarks
        if self.order.size == capacity:
            oldest = self.order[0]
            slots.t_ns[oldest] = slots.key[oldest] = slots.motion[oldest] = 0
            lm.weight[:, oldest] = 0
            self.reorder()
            self.host_anew()
        slot = self.new_slot(tracks.t_ns)
        slots.R[slot], slots.p[slot], slots.v[slot], slots.bias[slot] = np.eye(3), 0.0, 0.0, 0.0
        slots.still[slot], slots.key[slot] = tracks.still, 1
        row_of = self.observe(slot, tracks, tally)
        self.make_room(int((row_of < 0).sum()))
        self.host(slot, tracks, row_of, tally)

    def host_anew(self):
        """Host every landmark in the first frame whose cam0 sees it, its depth unknown."""
        lm = self.landmarks
        seen = lm.weight[:, self.order, 0] > 0
        lm.id[~seen.any(axis=1)] = -1
        lm.host[:] = self.order[seen.argmax(axis=1)]
        lm.point[:, :2] = lm.xy[np.arange(lm.id.size), lm.host, 0] * self.ext.step[0]
        lm.point[:, 2] = 0.0
        lm.active[:] = 0

    def start_from(self, solution, anchor_R, position, tally) -> bool:
        """Give the collected frames the states of an initial solution and optimise them together.

        Args:
            solution: of Initialiser.solve.
            anchor_R: (3, 3) R_world_imu whose heading the first frame takes on, or None.
            position: (3,) where it is put in the world [m].

        Returns:
            whether the result explains the observations.
        """
        c, slots, order = self.config, self.slots, self.order
        R, p, v, bias = solution
        turn = np.eye(3) if anchor_R is None else heading_between(R[0], anchor_R)
        for k, slot in enumerate(order):
            slots.R[slot], slots.p[slot] = turn @ R[k], turn @ p[k] + position
            slots.v[slot], slots.bias[slot] = turn @ v[k], bias
        for i, j in zip(order, order[1:]):
            self.integrate(i, j, bias, tally)
        self.host_anew()
        self.anchor(order[0], (0.3, 1e-3, 1e-3, 1.0, c.start_gyro_bias, c.start_accel_bias))
        self.activate()
        self.optimise(3 * c.iterations)
        self.activate()
        self.reject()
        self.repropagate(tally)
        self.optimise(3 * c.iterations)
        return self.cost < c.start_cost * max(self.residuals, 1)

    def add(self, tracks, tally):
        """Take one frame's Tracks in; the newest slot then holds its state."""
        self.watch.follow()
        self.repropagate(tally)
        slot = self.predict(tracks.t_ns, tally)
        self.slots.still[slot] = tracks.still and self.doubt.rests(slot)
        row_of = self.observe(slot, tracks, tally)
        self.activate()
        times = 3 if self.gap else 1  # far from where the prediction put it
        self.optimise(times * self.config.iterations)
        if self.watch.astray():
            self.optimise(times * self.config.iterations)
        self.doubt.settle()
        self.reject()
        for _ in range(TIMES):
            if not self.doubt.overrules():
                break
            row_of = self.observe(slot, tracks, tally)  # what was rejected was right
            self.doubt.loosen()
            self.reject()
        if tracks.keyframe:
            self.slots.key[slot] = 1
            self.make_room(int((row_of < 0).sum()))
            self.host(slot, tracks, row_of, tally)
            self.activate()
            tally.add(keyframes=1)

    def make_room(self, wanted):
        """Free rows for `wanted` new landmarks: those out of view and seen least go first."""
        lm = self.landmarks
        short = wanted - int((lm.id < 0).sum())
        if short > 0:
            seen = (lm.weight > 0).sum(axis=(1, 2))
            idle = np.flatnonzero((lm.id >= 0) & (lm.weight[:, self.newest, 0] == 0))
            gone = idle[np.argsort(seen[idle], kind="stable")[:short]]
            lm.id[gone], lm.active[gone] = -1, 0

    def undistort(self, tracks):
        """Bearings of the tracks into the scratch of this frame."""
        w, rig, n = self.bearings, self.rig, tracks.ids.size
        cam0, cam1 = rig.cam0, rig.cam1
        undistort(int(cam0.model), cam0.params, tracks.uv0, w.rays0[:n], w.weight0[:n])
        if cam1 is not None:
            undistort(int(cam1.model), cam1.params, tracks.uv1, w.rays1[:n], w.weight1[:n])
        else:
            w.rays1[:n] = np.nan

    def observe(self, slot, tracks, tally):
        """Write the tracks into the rows of known landmarks; returns the row of each track."""
        self.undistort(tracks)
        w, n = self.bearings, tracks.ids.size
        row_of = w.row_of[:n]
        done = life.observe(
            self.landmarks, self.ext.step, slot, tracks.ids, w.rays0[:n], w.rays1[:n],
            w.weight0[:n], w.weight1[:n], row_of,
        )  # fmt: skip
        tally.put("observations", (1, n, *done))
        return row_of

    def host(self, slot, tracks, row_of, tally):
        """Start a landmark in keyframe `slot` for every track that has none."""
        w, n = self.bearings, tracks.ids.size
        done = life.start(
            self.landmarks, self.ext.step, slot, tracks.ids, w.rays0[:n], w.rays1[:n],
            w.weight0[:n], w.weight1[:n], row_of,
        )  # fmt: skip
        tally.put("starts", (1, n, *done))

    def activate(self):
        """Give a depth to the landmarks that can have one."""
        c = self.config
        self._activate(c.sigma_px, c.depth_sigma, 3.0 * c.sigma_px, c.nearest_m)
        self.work.counts[AT.slots_used] += self.order.size

    def reject(self):
        """Drop observations far from their landmark; keeps their number for the health check."""
        self.dropped = self._reject(self.config.reject_px)
        self.work.counts[AT.slots_used] += self.order.size

    def support(self) -> int:
        """Landmarks in use that the newest frame sees."""
        lm = self.landmarks
        return int(np.count_nonzero(lm.active & (lm.weight[:, self.newest, 0] > 0)))

    def optimise(self, iterations):
        """Run the optimiser over all slots; keeps cost per residual for the health check."""
        c = self.config
        self.work.factor[:] = 1
        self.cost, self.residuals, self.misfit = self._optimise(
            self.order, self.model, iterations, c.small_turn, c.small_move
        )

    def flush(self, tally):
        """Move the kernels' counts to the tally."""
        tally.window += self.work.counts
        self.work.counts[:] = 0

    def newest_covariance(self, tally):
        """Covariance of the newest state and the calibration into `cov`, from the last factor."""
        free = len(self.cov) - int(self.slots.held[0])
        at = self.system.pose_at[self.newest]
        covariance(self.system.H, at, free, self.cov)
        tally.put("covariances", (1, free**2, free**3))
        self.cov[free:], self.cov[:, free:] = 0.0, 0.0
        sigma = np.sqrt(self.cov.diagonal())
        self.doubt.speed_sigma = float(sigma[6:9].max())
        self.watch.sigma[: free - 15] = sigma[15:free]

    def marginalise(self):
        """Shrink the window back to its capacity."""
        c = self.config
        limits = c.max_states, c.max_keyframes, c.keep_ratio
        left = self._shrink(self.order, self.newest, *limits, self.model)
        self.order = self.order[:left]
