"""A synthetic world without pictures: smooth motion, an IMU, points seen by EuRoC-like cameras."""

import numpy as np
from scipy.spatial.transform import Rotation

from vio.types import IMU_DTYPE, Camera, CameraModel, ImuModel, Rig, Tracks

T0_NS = 1_403_636_579_763_555_584
FRAME_NS, IMU_NS = 50_000_000, 5_000_000
GRAVITY = np.array([0.0, 0.0, -9.81])
# imu x points up, y to the right, z forward, as on EuRoC's vehicle
R_FLU_IMU = np.array([[0.0, 0, 1], [0, -1, 0], [1, 0, 0]])
RADTAN = np.array([458.0, 457.0, 367.0, 248.0, -0.283, 0.0740, 2e-4, 1.8e-5])
EQUIDISTANT = np.array([460.0, 459.0, 370.0, 245.0, -0.013, 0.022, -0.016, 0.004])


def rig(stereo=True, imu=None, scale=1.0):
    """Two slightly turned cameras 0.11 m apart: cam0 radtan, cam1 equidistant.

    `scale` shrinks the images.
    """

    def camera(model, params, right_m, turn):
        T = np.eye(4)
        cam_axes = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
        T[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ cam_axes
        T[:3, 3] = [0.005, right_m, 0.01]
        small = params.copy()
        small[:2] *= scale
        small[2:4] = (params[2:4] + 0.5) * scale - 0.5
        return Camera(model, int(752 * scale), int(480 * scale), small, T)

    cam0 = camera(CameraModel.PINHOLE_RADTAN, RADTAN, -0.065, [0.01, -0.02, 0.015])
    cam1 = camera(CameraModel.PINHOLE_EQUIDISTANT, EQUIDISTANT, 0.045, [-0.01, 0.005, 0.01])
    return Rig(cam0, cam1 if stereo else None, imu or ImuModel())


class Motion:
    """A smooth flight about the origin; `speed` 0 stands still."""

    def __init__(self, speed=1.0):
        self.speed = speed
        self.size = np.array([1.2, 1.0, 0.5])
        self.rate = np.array([0.7, 0.9, 1.1])
        self.phase = np.array([0.3, 1.1, 0.5])

    def angle(self, t):
        return self.rate * self.speed * t + self.phase

    def p(self, t):
        return self.size * np.sin(self.angle(t))

    def v(self, t):
        return self.size * self.rate * self.speed * np.cos(self.angle(t))

    def a(self, t):
        return -self.size * (self.rate * self.speed) ** 2 * np.sin(self.angle(t))

    def R(self, t):
        s = self.speed * t
        angles = [0.5 * np.sin(0.5 * s) + 0.2 * s, 0.15 * np.sin(0.8 * s), 0.2 * np.sin(1.1 * s)]
        return Rotation.from_euler("ZYX", angles).as_matrix() @ R_FLU_IMU

    def gyro(self, t, h=1e-4):
        return Rotation.from_matrix(self.R(t - h).T @ self.R(t + h)).as_rotvec() / (2 * h)

    def accel(self, t):
        return self.R(t).T @ (self.a(t) - GRAVITY)


def imu_samples(motion, seconds, rng=None, model=None, bias=None, first=-20):
    """(samples, biases (N, 6)) at 200 Hz; `rng` adds noise and walking biases."""
    t = np.arange(first, int(seconds * 200) + 3) / 200.0
    rows = np.zeros(t.size, IMU_DTYPE)
    rows["t_ns"] = T0_NS + np.arange(first, first + t.size) * IMU_NS
    biases = np.tile(np.zeros(6) if bias is None else bias, (t.size, 1))
    rows["gyro"] = [motion.gyro(x) for x in t]
    rows["accel"] = [motion.accel(x) for x in t]
    if rng is not None:
        m = model or ImuModel()
        walk = np.repeat([m.gyro_random_walk, m.accel_random_walk], 3) * np.sqrt(1 / 200)
        biases = biases + np.cumsum(rng.normal(0, 1, biases.shape) * walk, axis=0)
        rows["gyro"] += rng.normal(0, m.gyro_noise_density * np.sqrt(200), (t.size, 3))
        rows["accel"] += rng.normal(0, m.accel_noise_density * np.sqrt(200), (t.size, 3))
    rows["gyro"] += biases[:, :3]
    rows["accel"] += biases[:, 3:]
    return rows, biases


def normalised(T_imu_cam, R, p, points):
    """(x, y, depth) columns of world points in a camera of an imu at (R, p)."""
    q = ((points - p) @ R - T_imu_cam[:3, 3]) @ T_imu_cam[:3, :3]
    z = np.where(np.abs(q[:, 2]) < 1e-9, 1e-9, q[:, 2])
    return np.column_stack([q[:, :2] / z[:, None], q[:, 2]])


def pixels(camera, xy):
    """Pixels of normalised points: the formulas once more, for many points at a time."""
    f, c, k = camera.params[:2], camera.params[2:4], camera.params[4:]
    r2 = np.sum(xy * xy, axis=1)
    if camera.model == CameraModel.PINHOLE_RADTAN:
        radial = 1 + r2 * (k[0] + r2 * k[1])
        x, y = xy.T
        bent = [
            2 * k[2] * x * y + k[3] * (r2 + 2 * x * x),
            k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y,
        ]
        return f * (xy * radial[:, None] + np.column_stack(bent)) + c
    r = np.sqrt(np.maximum(r2, 1e-18))
    a = np.arctan(r)
    return f * xy * (a * np.polyval([*k[::-1], 1.0], a * a) / r)[:, None] + c


class World:
    """Points on the walls of a room and in it, and the tracks a perfect front end makes of them."""

    def __init__(self, rig, motion, n_points=1500, n_tracks=100, noise_px=0.3, seed=0):
        self.rig, self.motion = rig, motion
        self.n_tracks, self.noise = n_tracks, noise_px
        self.rng = np.random.default_rng(seed)
        u = self.rng.normal(size=(n_points, 3))
        u /= np.abs(u).max(axis=1, keepdims=True)
        self.points = u * self.rng.uniform(0.7, 1.0, (n_points, 1)) * [6.0, 6.0, 4.0]
        self.track_of, self.next_id = {}, 0  # point -> (id, age)
        self.shared = 0

    def see(self, camera, t):
        """(pixels, in view) of all points at time t."""
        at = normalised(camera.T_imu_cam, self.motion.R(t), self.motion.p(t), self.points)
        wide = np.abs(at[:, :2]).max(axis=1) < 1.2
        uv = pixels(camera, np.clip(at[:, :2], -1.5, 1.5))
        inside = (uv > 5).all(axis=1) & (uv < [camera.width - 6, camera.height - 6]).all(axis=1)
        return uv, inside & wide & (at[:, 2] > 0.3)

    def tracks(self, t_ns, blind=False, right=True):
        """Tracks at a stamp; `blind` sees nothing and forgets every feature."""
        t = (t_ns - T0_NS) * 1e-9
        uv0, in0 = self.see(self.rig.cam0, t)
        if blind:
            in0[:] = False
        self.track_of = {k: (i, age + 1) for k, (i, age) in self.track_of.items() if in0[k]}
        keyframe = not blind and len(self.track_of) < 0.8 * self.shared or self.shared == 0
        if keyframe:
            free = [k for k in np.flatnonzero(in0) if k not in self.track_of]
            for k in self.rng.permutation(free)[: max(self.n_tracks - len(self.track_of), 0)]:
                self.track_of[int(k)] = self.next_id, 0
                self.next_id += 1
            self.shared = len(self.track_of)
        at = np.array(sorted(self.track_of, key=lambda k: self.track_of[k][0]), int)
        n = at.size
        noisy = lambda uv: (uv + self.rng.normal(0, self.noise, uv.shape)).astype(np.float32)  # noqa
        uv1 = np.full((n, 2), np.nan, np.float32)
        stereo = self.rig.cam1 is not None and right
        if stereo:
            there, in1 = self.see(self.rig.cam1, t)
            uv1 = noisy(there[at])
            uv1[~in1[at]] = np.nan
        ids = np.array([self.track_of[k][0] for k in at], np.int64)
        ages = np.array([self.track_of[k][1] for k in at], np.int32)
        still = self.motion.speed == 0 and not blind
        return Tracks(t_ns, ids, ages, noisy(uv0[at]), uv1, keyframe, still, not blind, stereo)
