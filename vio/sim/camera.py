"""Exact radial-tangential camera of the simulator, kept apart from the estimator's own."""

import numpy as np

from vio.types import Camera


def distort(points: np.ndarray, params: np.ndarray):
    """Distort normalised image points.

    Args:
        points: (..., 2) float64, x/z and y/z in the camera frame.
        params: (8,) fx fy cx cy k1 k2 p1 p2.

    Returns:
        Distorted points (..., 2) and their Jacobian (..., 2, 2) by `points`.
    """
    k1, k2, p1, p2 = params[4:]
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * k2)
    slope = 2 * k1 + 4 * k2 * r2  # d radial / d x = slope * x
    out = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y),
        ],
        -1,
    )
    cross = slope * x * y + 2 * p1 * x + 2 * p2 * y
    J = np.stack(
        [
            radial + slope * x * x + 2 * p1 * y + 6 * p2 * x,
            cross,
            cross,
            radial + slope * y * y + 2 * p2 * x + 6 * p1 * y,
        ],
        -1,
    )
    return out, J.reshape(*points.shape, 2)


def project(points_cam: np.ndarray, camera: Camera) -> np.ndarray:
    """Pixels (..., 2) of points (..., 3) [m] in the camera frame, in front of it."""
    distorted, _ = distort(points_cam[..., :2] / points_cam[..., 2:], camera.params)
    return distorted * camera.params[:2] + camera.params[2:4]


def unproject(uv: np.ndarray, camera: Camera) -> np.ndarray:
    """Unit rays (..., 3) in the camera frame of pixels (..., 2), by Newton's method."""
    target = (uv - camera.params[2:4]) / camera.params[:2]
    points = target.copy()
    for _ in range(20):
        distorted, J = distort(points, camera.params)
        error = distorted - target
        if np.abs(error).max() < 1e-13:
            break
        points -= np.linalg.solve(J, error[..., None])[..., 0]
    rays = np.concatenate([points, np.ones_like(points[..., :1])], -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def pixel_rays(camera: Camera) -> np.ndarray:
    """Unit rays (H, W, 3) in the camera frame through all pixel centres."""
    grid = np.indices((camera.height, camera.width), dtype=np.float64)
    return np.ascontiguousarray(unproject(np.moveaxis(grid[::-1], 0, -1).copy(), camera))
