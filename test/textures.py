"""Smooth random textures and what a camera sees of a plane that carries one."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from world import pixels


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
    """A textured wall at world z = 0, seen by cameras with distortion; z_world looks at it."""

    def __init__(self, seed=0, texel_m=0.01):
        self.image, self.texel_m = texture(1024, 2.0, seed), texel_m

    def view(self, camera, R_world_cam, p_world_cam):
        """(H, W) uint8 image of the wall."""
        rays = self.rays(camera) @ R_world_cam.T
        depth = -p_world_cam[2] / rays[..., 2]
        hit = p_world_cam + rays * depth[..., None]
        return to_u8(look_up(self.image, hit[..., 0] / self.texel_m, hit[..., 1] / self.texel_m))

    def rays(self, camera):
        """(H, W, 3) rays of all pixels: fixed-point iteration on the projection."""
        v, u = np.meshgrid(np.arange(camera.height), np.arange(camera.width), indexing="ij")
        uv = np.column_stack([u.ravel(), v.ravel()]).astype(float)
        f, c = camera.params[:2], camera.params[2:4]
        xy = (uv - c) / f
        for _ in range(30):
            xy = xy + (uv - pixels(camera, xy)) / f
        return np.column_stack([xy, np.ones(len(xy))]).reshape(camera.height, camera.width, 3)
