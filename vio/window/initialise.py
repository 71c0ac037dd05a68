"""Start-up in closed form, at rest or in motion, stereo or mono: one method for all four.

1. Gyro bias: the rotation between frames must make all epipolar normals coplanar; the bias that
   does it best is found on the smallest eigenvalues (Kneip & Lynen, ICCV 2013; He et al.,
   "Rotation-Translation-Decoupled Solution", CVPR 2023).
2. With the rotations known, every observation is linear in the feature's position, the first
   velocity and gravity (Dong-Si & Mourikis, IROS 2012); features are eliminated, six unknowns
   remain, then gravity is held to its magnitude. A second camera makes the scale exact.
This runs a few times after start or loss, never in the steady state: plain numpy.
"""

import numpy as np

from vio.window.coarse_offset import coarse_offset
from vio.window.state import start_capacity

OFFSET_SHOWN, OFFSET_GAIN, LEAST_OFFSET_S = 1.25, 40.0, 0.015
"""How much worse no offset must be than the best before it is believed; the least worth it [s]."""


def exp(w) -> np.ndarray:
    """Rotation matrix (3, 3) of a rotation vector, by Rodrigues' formula."""
    x, y, z = w
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.linalg.norm(w)
    if angle < 1e-8:
        return np.eye(3) + K
    return np.eye(3) + np.sin(angle) / angle * K + (1.0 - np.cos(angle)) / angle**2 * K @ K


def gyro_bias(rays, R_imu_cam, pre, sigma_px, sigma_bias=0.2, steps=6):
    """Gyro bias from the coplanarity of epipolar normals between neighbouring frames.

    Args:
        rays: list of (unit rays a (n, 3), unit rays b (n, 3)) in cam0, per interval.
        R_imu_cam: (3, 3) of cam0. pre: Preintegrated at zero bias, one slot per interval.
        sigma_px: angular noise of a ray [rad]. sigma_bias: prior deviation [rad/s].

    Returns:
        (3,) rad/s.
    """

    def cost(bias):
        total = 0.5 * (bias @ bias) / sigma_bias**2
        for k, (a, b) in enumerate(rays):
            if len(a) < 8:
                continue
            R_ab = pre.R[k] @ exp(pre.J[k, :3, :3] @ bias)
            b_in_a = b @ (R_imu_cam.T @ R_ab @ R_imu_cam).T
            n = np.cross(a, b_in_a)
            # One wild match must not decide: weigh by the Cauchy loss on the smallest direction.
            _, V = np.linalg.eigh(n.T @ n)
            off = (n @ V[:, 0]) ** 2
            weight = 1.0 / (1.0 + off / (9 * sigma_px**2))
            w = np.linalg.eigvalsh((n * weight[:, None]).T @ n)
            total += 0.5 * w[0] / sigma_px**2
        return total

    bias, h = np.zeros(3), 2e-3
    best, damping = cost(bias), 1e-3
    for _ in range(steps):
        g, H = np.zeros(3), np.zeros((3, 3))
        E = np.eye(3) * h
        plus = [cost(bias + E[i]) for i in range(3)]
        minus = [cost(bias - E[i]) for i in range(3)]
        for i in range(3):
            g[i] = (plus[i] - minus[i]) / (2 * h)
            H[i, i] = (plus[i] - 2 * best + minus[i]) / h**2
            for j in range(i):
                cross = cost(bias + E[i] + E[j]) - plus[i] - plus[j] + best
                H[i, j] = H[j, i] = cross / h**2
        w, V = np.linalg.eigh(H)
        w = np.maximum(np.abs(w), 1.0)
        step = -V @ ((V.T @ g) / (w * (1 + damping)))
        step *= min(1.0, 0.1 / max(np.linalg.norm(step), 1e-12))
        trial = cost(bias + step)
        if trial < best:
            bias, best, damping = bias + step, trial, damping * 0.1
            h = max(h * 0.5, 2e-4)
        else:
            damping, h = damping * 10 + 1.0, h * 0.5
        if np.linalg.norm(step) < 1e-4:
            break
    return bias


def velocity_and_gravity(observations, cams, motion, gravity, sigma):
    """First velocity and gravity in the first imu frame, from linear constraints.

    Args:
        observations: list per feature of arrays (n, 4): frame, camera, x, y.
        cams: list of (R_cam_imu, p_cam_imu). motion: list per frame of (dt, R_0k, alpha_k) with
            alpha the preintegrated position in the first imu frame.
        gravity: magnitude [m/s^2]. sigma: noise of a normalised coordinate.

    Returns:
        (v0 (3,), g0 (3,), sigmas (6,), free gravity norm) or None if it cannot be solved.
    """
    depth = np.ones(len(observations))
    for _ in range(3):
        A, b = np.zeros((6, 6)), np.zeros(6)
        solved = []
        for f, obs in enumerate(observations):
            rows, rhs, F = [], [], []
            for k, c, x, y in obs:
                dt, R, alpha = motion[int(k)]
                R_cam, p_cam = cams[int(c)]
                pick = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]]) / (sigma * depth[f])
                K = pick @ R_cam @ R.T
                F.append(K)
                rows.append(np.hstack([-K * dt, -K * (0.5 * dt * dt)]))
                rhs.append(K @ alpha - pick @ p_cam)
            F, G, h = np.vstack(F), np.vstack(rows), np.hstack(rhs)
            H = F.T @ F
            # An unknown depth must not stop the elimination: a whiff of a prior on it.
            inv = np.linalg.inv(H + 1e-9 * np.trace(H) * np.eye(3))
            FG, Fh = F.T @ G, F.T @ h
            A += G.T @ G - FG.T @ inv @ FG
            b += G.T @ h - FG.T @ inv @ Fh
            solved.append((inv, FG, Fh))
        # Unconstrained first, then gravity on its sphere by two tangent directions.
        try:
            x = np.linalg.solve(A + 1e-9 * np.trace(A) * np.eye(6), b)
        except np.linalg.LinAlgError:
            return None
        free = np.linalg.norm(x[3:])
        g = x[3:] * gravity / max(free, 1e-9)
        for _ in range(6):
            u = np.linalg.svd(g[None])[2][1:].T  # (3, 2) tangent
            B = np.zeros((6, 5))
            B[:3, :3] = np.eye(3)
            B[3:, 3:] = u
            c = np.hstack([np.zeros(3), g])
            N = B.T @ A @ B
            y = np.linalg.solve(N + 1e-12 * np.trace(N) * np.eye(5), B.T @ (b - A @ c))
            v = y[:3]
            g = g + u @ y[3:]
            g *= gravity / np.linalg.norm(g)
        x = np.hstack([v, g])
        for f, (inv, FG, Fh) in enumerate(solved):
            p = inv @ (Fh - FG @ x)
            depth[f] = np.clip(np.linalg.norm(p), 0.2, 50.0)
    try:
        sigmas = np.sqrt(np.diag(B @ np.linalg.inv(N) @ B.T))
    except np.linalg.LinAlgError:
        return None
    return v, g, sigmas, free


def upright(gravity_imu) -> np.ndarray:
    """R_world_imu with world z against gravity and the imu's heading at zero yaw."""
    up = -gravity_imu / np.linalg.norm(gravity_imu)
    # Heading: the imu axis that lies most nearly in the horizontal plane.
    axis = np.eye(3)[int(np.argmin(np.abs(up)))]
    x = axis - up * (axis @ up)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(up, x), up])


def heading_between(R_from, R_to) -> np.ndarray:
    """Rotation about the world's vertical that brings `R_from` nearest to `R_to`, all (3, 3)."""
    D = R_to @ R_from.T
    yaw = np.arctan2(D[1, 0] - D[0, 1], D[0, 0] + D[1, 1])
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


class Initialiser:
    """Collects the first frames in the window's own tables and finds their states."""

    def __init__(self, rig, config, imu, window):
        self.rig, self.config, self.imu, self.window = rig, config, imu, window
        self.capacity = start_capacity(config)
        self.R_imu_cam = rig.cam0.T_imu_cam[:3, :3]
        cams = [rig.cam0] if rig.cam1 is None else [rig.cam0, rig.cam1]
        self.cams = []
        for cam in cams:
            T = np.linalg.inv(cam.T_imu_cam)
            self.cams.append((T[:3, :3], T[:3, 3]))

    def reset(self):
        """Forget the collected frames."""
        self.window.reset()

    @property
    def t_ns(self) -> np.ndarray:
        """Stamps of the collected frames."""
        return self.window.slots.t_ns[self.window.order]

    def add(self, tracks, tally) -> bool:
        """Keep a frame if it is far enough from the last; the oldest leaves when full.

        Returns:
            whether there are enough frames to try.
        """
        seconds, capacity, before = self.config.init_seconds, self.capacity, self.t_ns
        spacing = seconds / (capacity - 1) - 0.01
        if before.size and (tracks.t_ns - before[-1]) * 1e-9 < spacing:
            return False
        self.window.collect(tracks, capacity, tally)
        t_ns = self.t_ns
        return t_ns.size >= 3 and (t_ns[-1] - t_ns[0]) * 1e-9 >= 0.75 * seconds

    def solve(self, tally):
        """Poses, velocities and gyro bias of the collected frames, or None.

        Returns:
            (R_world_imu list, p_world_imu list, v_world_imu list, bias (6,)).
        """
        window, t_ns, pre = self.window, self.t_ns, self.window.pre
        gravity, sigma_px, n = self.config.gravity, self.config.sigma_px, t_ns.size
        sigma = sigma_px / self.rig.cam0.params[0]
        zero = np.zeros(6)
        for k in range(n - 1):
            self.imu.preintegrate(t_ns[k], t_ns[k + 1], zero, pre, k, tally)
        rays = self.shared_rays()
        if min(len(a) for a, _ in rays) < 10:
            return None
        if window.slots.still[window.order].all():
            bias_gyro = self.mean_rate()
        else:
            if self.imu.calibration.size and not self.imu.calibration[0]:
                self.guess_offset(rays, sigma, pre, tally)
            bias_gyro = gyro_bias(rays, self.R_imu_cam, pre, sigma)
        bias = np.hstack([bias_gyro, np.zeros(3)])
        motion = [(0.0, np.eye(3), np.zeros(3))]
        beta = [np.zeros(3)]
        for k in range(1, n):
            self.imu.preintegrate(t_ns[0], t_ns[k], bias, pre, k, tally)
            motion.append((pre.dt[k], pre.R[k].copy(), pre.p[k].copy()))
            beta.append(pre.v[k].copy())
        observations = self.observations()
        if len(observations) < 10:
            return None
        found = velocity_and_gravity(observations, self.cams, motion, gravity, sigma)
        if found is None:
            return None
        v0, g0 = found[:2]
        R0 = upright(g0)
        world = []
        for k in range(n):
            dt, R, alpha = motion[k]
            p = v0 * dt + 0.5 * g0 * dt * dt + alpha
            world.append((R0 @ R, R0 @ p, R0 @ (v0 + g0 * dt + beta[k])))
        R, p, v = (list(column) for column in zip(*world))
        return R, p, v, bias

    def guess_offset(self, rays, sigma, pre, tally):
        """Set the time offset to a first guess if one explains the turns far better than none.

        Args:
            rays, sigma: of `gyro_bias`. pre: Preintegrated, left at the chosen offset.
        """
        t_ns, x = self.t_ns, self.imu.calibration
        n = t_ns.size - 1

        def integrate(offset):
            x[0] = offset
            for k in range(n):
                self.imu.preintegrate(t_ns[k], t_ns[k + 1], np.zeros(6), pre, k, tally)
            return pre.R[:n].copy(), pre.J[:n, :3, :3].astype(float)

        reach = 4.0 * self.config.time_offset_sigma
        offset, cost, cost_at_zero = coarse_offset(rays, integrate, self.R_imu_cam, sigma, reach)
        surely = cost_at_zero > OFFSET_SHOWN * cost + OFFSET_GAIN and abs(offset) > LEAST_OFFSET_S
        integrate(offset if surely else 0.0)

    def mean_rate(self):
        """Mean gyro reading over the collected span: the bias, when nothing moves."""
        first, last = self.imu.span(*self.t_ns[[0, -1]])
        return self.imu.samples.gyro[first : last + 1].mean(axis=0)

    def shared_rays(self):
        """Per pair of neighbouring frames: unit rays (n, 3), (n, 3) in cam0 of what both see."""
        lm, step, order = self.window.landmarks, self.window.ext.step[0], self.window.order
        out = []
        for a, b in zip(order, order[1:]):
            both = (lm.weight[:, a, 0] > 0) & (lm.weight[:, b, 0] > 0)
            out.append((unit(lm.xy[both, a, 0] * step), unit(lm.xy[both, b, 0] * step)))
        return out

    def observations(self):
        """Per feature seen in three or more frames: rows (frame, camera, x, y)."""
        lm, step, order = self.window.landmarks, self.window.ext.step[0], self.window.order
        seen, out = lm.weight[:, order] > 0, []
        for m in np.flatnonzero(seen.any(axis=2).sum(axis=1) >= 3):
            k, c = np.nonzero(seen[m])
            out.append(np.column_stack([k, c, lm.xy[m, order[k], c] * step]))
        out.sort(key=len, reverse=True)
        return out[:80]


def unit(rays):
    """Unit vectors (n, 3) of normalised points (n, 2)."""
    full = np.column_stack([rays, np.ones(len(rays))])
    return full / np.linalg.norm(full, axis=1, keepdims=True)
