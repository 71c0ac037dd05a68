"""Smooth random textures and what a camera sees of a plane that carries one."""

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from world import FRAME_NS, T0_NS, Motion, imu_samples, pixels, rig

from vio.types import StereoFrame


def texture(size=512, blur=2.0, seed=0):
    """(size, size) float grey values, 20 to 235, smooth and without a repeat."""
    rng = np.random.default_rng(seed)
    image = gaussian_filter(rng.normal(size=(size, size)), blur, mode="wrap")
    coarse = gaussian_filter(rng.normal(size=(size, size)), 4 * blur, mode="wrap")
    image = image / image.std() + coarse / coarse.std()
    image -= image.min()
    return 20 + 215 * image / image.max()


def look_up(image, x, y):
    """Cubic interpolation at floating positions; repeats beyond the border."""
    return map_coordinates(image, [y, x], order=3, mode="grid-wrap")


def to_u8(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def warped(image, A, shift, shape, gain=1.0, offset=0.0):
    """View whose pixel x shows image point A x + shift."""
    v, u = np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij")
    x = A[0][0] * u + A[0][1] * v + shift[0]
    y = A[1][0] * u + A[1][1] * v + shift[1]
    return to_u8(gain * look_up(image, x, y) + offset)


class Wall:
    """A textured wall, the plane z = 0 of its frame, seen by cameras with distortion."""

    def __init__(self, seed=0, texel_m=0.008, blur=1.2):
        image = texture(1024, blur, seed)
        self.spline, self.texel_m = spline_filter(image, mode="grid-wrap"), texel_m
        self.cache = {}

    def view(self, camera, R_wall_cam, p_wall_cam):
        """(H, W) uint8 image of the wall."""
        rays = self.rays(camera) @ R_wall_cam.T
        depth = -p_wall_cam[2] / rays[..., 2]
        hit = p_wall_cam + rays * depth[..., None]
        at = [hit[..., 1] / self.texel_m, hit[..., 0] / self.texel_m]
        return to_u8(map_coordinates(self.spline, at, mode="grid-wrap", prefilter=False))

    def rays(self, camera):
        """(H, W, 3) rays of all pixels: fixed-point iteration on the projection."""
        if id(camera) not in self.cache:
            v, u = np.meshgrid(np.arange(camera.height), np.arange(camera.width), indexing="ij")
            uv = np.column_stack([u.ravel(), v.ravel()]).astype(float)
            f, c = camera.params[:2], camera.params[2:4]
            xy = (uv - c) / f
            for _ in range(30):
                xy = xy + (uv - pixels(camera, xy)) / f
            rays = np.column_stack([xy, np.ones(len(xy))])
            self.cache[id(camera)] = rays.reshape(camera.height, camera.width, 3)
        return self.cache[id(camera)]


class Flight:
    """Stereo images, half size, of a wall 4 m ahead of the synthetic motion, and its IMU."""

    R_WALL_WORLD = np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]])

    def __init__(self, frames, speed=1.0):
        self.rig, self.motion, self.wall = rig(scale=0.5), Motion(speed), Wall(5, 0.02)
        samples, _ = imu_samples(self.motion, frames / 20 + 0.05)
        self.frames, self.imu, done = [], [], 0
        for k in range(frames):
            t_ns = T0_NS + k * FRAME_NS
            images = (self.view(cam, k * 0.05) for cam in (self.rig.cam0, self.rig.cam1))
            self.frames.append(StereoFrame(k, t_ns, *images))
            last = int(np.searchsorted(samples["t_ns"], t_ns)) + 1
            self.imu.append(samples[done:last])
            done = last

    def pose(self, camera, t):
        """(R, p) of a camera in the wall's frame."""
        R, p = self.motion.R(t), self.motion.p(t)
        p_world_cam = R @ camera.T_imu_cam[:3, 3] + p - [4.0, 0, 0]
        R_world_cam = R @ camera.T_imu_cam[:3, :3]
        return self.R_WALL_WORLD @ R_world_cam, self.R_WALL_WORLD @ p_world_cam

    def view(self, camera, t):
        return self.wall.view(camera, *self.pose(camera, t))

    def on_wall(self, camera, t, uv):
        """Points of the wall (n, 2) behind pixels (n, 2): bilinear in the rays."""
        R, p = self.pose(camera, t)
        grid = self.wall.rays(camera)
        at = [np.asarray(uv)[:, 1], np.asarray(uv)[:, 0]]
        rays = np.column_stack([map_coordinates(grid[..., k], at, order=1) for k in range(3)])
        rays = rays @ R.T
        return (p + rays * (-p[2] / rays[:, 2])[:, None])[:, :2]


@cache
def wall_flight():
    """The flight that several test files share: 1.5 s."""
    return Flight(30)
