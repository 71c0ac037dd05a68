"""Transfer of features by the full projection; the warp is its numeric derivative."""

import numpy as np
from naive.camera import project, unproject
from naive.derivative import jacobian


def carry(camera_a, camera_b, R, p, uv, rho):
    """Pixel in b of a pixel in a whose inverse depth is rho, or None if it is not in front."""
    ray = np.array([*unproject(*camera_a, *uv), 1.0])
    point = R @ ray + rho * p
    if point[2] < 0.05:
        return None
    return np.asarray(project(*camera_b, point[0] / point[2], point[1] / point[2]))


def transfer(camera_a, camera_b, R, p, uv, rho, warp):
    """(pixel, warp) of one feature in b; cameras are (model, params)."""
    uv = np.asarray(uv, float)
    there = carry(camera_a, camera_b, R, p, uv, rho)
    if there is None:
        return None
    J = jacobian(lambda d: carry(camera_a, camera_b, R, p, uv + d, rho), 2, 1e-2)
    return there, J @ warp


def inverse_depth(camera_a, camera_b, R, p, uv_a, uv_b):
    """(inverse depth, distance from the epipolar line [px]) by linear least squares."""
    a = R @ np.array([*unproject(*camera_a, *uv_a), 1.0])
    x, y = unproject(*camera_b, *uv_b)
    A = np.array([p[0] - x * p[2], p[1] - y * p[2]])[:, None]
    b = np.array([x * a[2] - a[0], y * a[2] - a[1]])
    rho = np.linalg.lstsq(A, b, rcond=None)[0][0]
    line = np.cross(p, a)  # epipolar line on b's plane
    off = abs(line @ (x, y, 1.0)) / np.hypot(line[0], line[1])
    return rho, off * 0.5 * (camera_b[1][0] + camera_b[1][1])


def count_moved(rays_a, rays_b, R_b_a, limit):
    """(features in both views, of them farther than `limit` from where the rotation puts them)."""
    there = ~np.isnan(rays_a[:, 0]) & ~np.isnan(rays_b[:, 0])
    turned = np.column_stack([rays_a[there], np.ones(there.sum())]) @ np.asarray(R_b_a).T
    apart = turned[:, :2] / turned[:, 2:] - rays_b[there]
    return int(there.sum()), int((np.hypot(*apart.T) > limit).sum())
