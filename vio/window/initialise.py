"""Start-up in closed form, at rest or in motion, stereo or mono: one method for all four.

1. Gyro bias: the one with which the gyro turns as the pictures do (vio/window/turning.py).
2. With the rotations known, every observation is linear in the feature's position, the first
   velocity and gravity (Dong-Si & Mourikis, IROS 2012); features are eliminated, six unknowns
   remain, then gravity is held to its magnitude. A second camera makes the scale exact.
This runs a few times after start or loss, never in the steady state: plain numpy.
"""

import numpy as np

from vio.window.state import start_capacity
from vio.window.turning import coarse_offset, gyro_bias

ROUNDS, MOST_FEATURES = 4, 80


def velocity_and_gravity(xy, seen, cams, motion, gravity):
    """First velocity and gravity in the first imu frame, from linear constraints.

    Args:
        xy: (F, K, C, 2) normalised coordinates by feature, frame and camera.
        seen: (F, K, C) bool. cams: list of (R_cam_imu, p_cam_imu).
        motion: dt (K,), R (K, 3, 3) and alpha (K, 3) from the first imu frame on, with alpha the
            preintegrated position.
        gravity: magnitude [m/s^2].

    Returns:
        (v0 (3,), g0 (3,)) or None if it cannot be solved.
    """
    dt, R, alpha = motion
    R_cam, p_cam = (np.array(part) for part in zip(*cams))
    turn = R_cam @ R.swapaxes(1, 2)[:, None]  # (K, C, 3, 3)
    # A point in a camera is linear in: the point, first velocity, gravity, 1.
    dt, offset = dt[:, None, None, None], (turn @ alpha[:, None, :, None])[..., 0] - p_cam
    linear = np.concatenate([turn, -dt * turn, -0.5 * dt**2 * turn, offset[..., None]], axis=3)
    rows = linear[:, :, :2] - xy[..., None] * linear[:, :, 2:]
    rows = np.where(seen[..., None, None], rows, 0.0).reshape(len(xy), -1, 10)
    S = rows.swapaxes(1, 2) @ rows
    # An unknown depth must not stop the elimination: a whiff of a prior on it.
    H = S[:, :3, :3] + 1e-9 * np.trace(S[:, :3, :3], axis1=1, axis2=2)[:, None, None] * np.eye(3)
    point = np.linalg.solve(H, S[:, :3, 3:])  # (F, 3, 7)
    S = S[:, 3:, 3:] - S[:, 3:, :3] @ point
    depth, g = np.ones(len(xy)), None
    try:
        for _ in range(ROUNDS):
            # Errors in a picture grow with the depth. First free, then on the sphere of gravity.
            total = np.tensordot(depth**-2.0, S, 1)
            A, b = total[:6, :6], total[:6, 6]
            A = A + 1e-9 * np.trace(A) * np.eye(6)
            if g is None:
                x = np.linalg.solve(A, b)
            else:
                B = np.eye(6)[:, :5]
                B[3:, 3:] = upright(g)[:2].T
                x = np.append(np.zeros(3), g)
                x += B @ np.linalg.solve(B.T @ A @ B, B.T @ (b - A @ x))
            g = x[3:] * gravity / max(np.linalg.norm(x[3:]), 1e-9)
            where = point[:, :, 6] - point[:, :, :6] @ np.append(x[:3], g)
            depth = np.clip(np.linalg.norm(where, axis=1), 0.2, 50.0)
    except np.linalg.LinAlgError:
        return None
    return x[:3], g


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
        self.cams = []
        for cam in rig.cameras:
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
            (R_world_imu (n, 3, 3), p_world_imu (n, 3), v_world_imu (n, 3), bias (6,)).
        """
        window, t_ns, pre = self.window, self.t_ns, self.window.pre
        gravity, sigma_px, n = self.config.gravity, self.config.sigma_px, t_ns.size
        sigma = sigma_px / self.rig.cam0.params[0]
        rays = self.shared_rays()
        if min(len(a) for a, _ in rays) < 10:
            return None
        if window.slots.still[window.order].all():
            bias_gyro = self.mean_rate()
        else:
            if self.imu.calibration.size and not self.imu.calibration[0]:
                self.guess_offset(rays, sigma, tally)
            R, J = self.turns(n - 1, tally)
            bias_gyro = gyro_bias(rays, R, J, self.R_imu_cam, sigma)
        bias = np.hstack([bias_gyro, np.zeros(3)])
        dt, R = np.zeros(n), np.tile(np.eye(3), (n, 1, 1))
        alpha, beta = np.zeros((2, n, 3))
        for k in range(1, n):
            self.imu.preintegrate(t_ns[0], t_ns[k], bias, pre, k, tally)
            dt[k], R[k], alpha[k], beta[k] = pre.dt[k], pre.R[k], pre.p[k], pre.v[k]
        xy, seen = self.observations()
        if len(xy) < 10:
            return None
        found = velocity_and_gravity(xy, seen, self.cams, (dt, R, alpha), gravity)
        if found is None:
            return None
        (v0, g0), t = found, dt[:, None]
        R0 = upright(g0)
        p = v0 * t + 0.5 * g0 * t**2 + alpha
        return R0 @ R, p @ R0.T, (v0 + g0 * t + beta) @ R0.T, bias

    def turns(self, n, tally):
        """R (n, 3, 3) and J (n, 3, 3) of the first n intervals, as Turns wants them, at no bias."""
        t_ns, pre = self.t_ns, self.window.pre
        for k in range(n):
            self.imu.preintegrate(t_ns[k], t_ns[k + 1], np.zeros(6), pre, k, tally)
        return pre.R[:n].copy(), pre.J[:n, :3, :3].astype(float)

    def guess_offset(self, rays, sigma, tally):
        """Set the time offset to a first guess, or zero if none explains the turns far better.

        Args:
            rays, sigma: of `Turns`.
        """
        x, reach, n = self.imu.calibration, 4.0 * self.config.time_offset_sigma, len(rays)
        while n and not self.imu.reaches(self.t_ns[n], reach):
            n -= 1  # at the latest offset its samples are still to come
        if n < 2:
            return

        def integrate(offset):
            x[0] = offset
            return self.turns(n, tally)

        x[0] = coarse_offset(rays[:n], integrate, self.R_imu_cam, sigma, reach)

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
        """What is seen in three or more frames, the most seen first: of `velocity_and_gravity`."""
        lm, order = self.window.landmarks, self.window.order
        seen = lm.weight[:, order] > 0
        enough = np.flatnonzero(seen.any(axis=2).sum(axis=1) >= 3)
        many = np.argsort(-seen[enough].sum(axis=(1, 2)), kind="stable")[:MOST_FEATURES]
        best = enough[many]
        return lm.xy[best][:, order] * self.window.ext.step[0], seen[best]


def unit(rays):
    """Unit vectors (n, 3) of normalised points (n, 2)."""
    full = np.column_stack([rays, np.ones(len(rays))])
    return full / np.linalg.norm(full, axis=1, keepdims=True)
