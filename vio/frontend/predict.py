"""Where a feature goes when the camera moves, and how its neighbourhood is bent on the way."""

import math

import numpy as np

from vio._jit import kernel
from vio.geometry.camera import project_jacobian, unproject


@kernel
def transfer(
    model_a, params_a, model_b, params_b, R_b_a, p_b_a, uv_a, inv_depth, warp_a, uv_b, warp_b
):
    """Carry features from image a to image b by rotation, translation and inverse depth.

    The neighbourhood is taken as a plane facing camera a.

    Args:
        R_b_a: (3, 3), p_b_a: (3,) m. uv_a: (N, 2) float32 px; NaN is passed over.
        inv_depth: (N,) float32 1/m along camera a's axis, 0 = far away.
        warp_a: (N, 2, 2) float32 template to image a.
        uv_b: (N, 2) float32 out, NaN where the point is not in front of camera b.
        warp_b: (N, 2, 2) float32 out, template to image b.

    Returns:
        (features given, features carried).
    """
    given, moved = 0, 0
    for k in range(uv_a.shape[0]):
        uv_b[k, 0] = np.nan
        uv_b[k, 1] = np.nan
        if not (uv_a[k, 0] == uv_a[k, 0]):
            continue
        given += 1
        x, y = unproject(model_a, params_a, uv_a[k, 0], uv_a[k, 1])
        rho = inv_depth[k]
        X = R_b_a[0, 0] * x + R_b_a[0, 1] * y + R_b_a[0, 2] + rho * p_b_a[0]
        Y = R_b_a[1, 0] * x + R_b_a[1, 1] * y + R_b_a[1, 2] + rho * p_b_a[1]
        Z = R_b_a[2, 0] * x + R_b_a[2, 1] * y + R_b_a[2, 2] + rho * p_b_a[2]
        if Z < 0.05:
            continue
        x2, y2 = X / Z, Y / Z
        if x2 * x2 + y2 * y2 > 9.0:
            continue
        _, _, a, b, c, d = project_jacobian(model_a, params_a, x, y)
        u, v, e, f, g, h = project_jacobian(model_b, params_b, x2, y2)
        # normalised a -> normalised b
        m00 = (R_b_a[0, 0] - x2 * R_b_a[2, 0]) / Z
        m01 = (R_b_a[0, 1] - x2 * R_b_a[2, 1]) / Z
        m10 = (R_b_a[1, 0] - y2 * R_b_a[2, 0]) / Z
        m11 = (R_b_a[1, 1] - y2 * R_b_a[2, 1]) / Z
        # after undoing camera a: M [a b; c d]^-1
        det = a * d - b * c
        n00, n01 = (m00 * d - m01 * c) / det, (m01 * a - m00 * b) / det
        n10, n11 = (m10 * d - m11 * c) / det, (m11 * a - m10 * b) / det
        # then camera b
        k00, k01 = e * n00 + f * n10, e * n01 + f * n11
        k10, k11 = g * n00 + h * n10, g * n01 + h * n11
        w = warp_a[k]
        w00, w01, w10, w11 = w[0, 0], w[0, 1], w[1, 0], w[1, 1]
        warp_b[k, 0, 0], warp_b[k, 0, 1] = k00 * w00 + k01 * w10, k00 * w01 + k01 * w11
        warp_b[k, 1, 0], warp_b[k, 1, 1] = k10 * w00 + k11 * w10, k10 * w01 + k11 * w11
        uv_b[k, 0], uv_b[k, 1] = u, v
        moved += 1
    return given, moved


@kernel
def inverse_depth(
    model_a, params_a, model_b, params_b, R_b_a, p_b_a, uv_a, uv_b, limit_px, nearest, inv_depth
):
    """Triangulate matches of two views of one instant; drop those off their epipolar line.

    The inverse depth along camera a's axis minimises the distance on b's normalised plane.

    Args:
        uv_a, uv_b: (N, 2) float32 px; uv_b becomes NaN where the match is refused.
        limit_px: distance from the epipolar line that refuses a match.
        nearest: least depth [m] that is believed.
        inv_depth: (N,) float32 1/m, written for accepted matches only.

    Returns:
        (features given in a, matches tested, matches refused).
    """
    given, tested, refused = 0, 0, 0
    for k in range(uv_a.shape[0]):
        if not (uv_a[k, 0] == uv_a[k, 0]):
            continue
        given += 1
        if not (uv_b[k, 0] == uv_b[k, 0]):
            continue
        tested += 1
        x, y = unproject(model_a, params_a, uv_a[k, 0], uv_a[k, 1])
        x2, y2 = unproject(model_b, params_b, uv_b[k, 0], uv_b[k, 1])
        X = R_b_a[0, 0] * x + R_b_a[0, 1] * y + R_b_a[0, 2]
        Y = R_b_a[1, 0] * x + R_b_a[1, 1] * y + R_b_a[1, 2]
        Z = R_b_a[2, 0] * x + R_b_a[2, 1] * y + R_b_a[2, 2]
        # (X + rho px) - x2 (Z + rho pz) = 0, the same for y: least squares in rho
        ax, bx = p_b_a[0] - x2 * p_b_a[2], x2 * Z - X
        ay, by = p_b_a[1] - y2 * p_b_a[2], y2 * Z - Y
        rho = (ax * bx + ay * by) / (ax * ax + ay * ay + 1e-12)
        off = (ax * by - ay * bx) / math.sqrt(ax * ax + ay * ay + 1e-12) / Z
        off *= 0.5 * (params_b[0] + params_b[1])
        far = -0.5 / (params_b[0] * math.sqrt(ax * ax + ay * ay + 1e-12))  # half a pixel behind
        if abs(off) > limit_px or rho < far or rho * nearest > 1.0:
            uv_b[k, 0] = np.nan
            uv_b[k, 1] = np.nan
            refused += 1
        else:
            inv_depth[k] = max(rho, 1e-4)
    return given, tested, refused


@kernel
def count_moved(rays_a, rays_b, R_b_a, limit):
    """How many features moved farther between two views than the rotation explains.

    Args:
        rays_a, rays_b: (N, 2) float32 normalised points, NaN where not seen. R_b_a: (3, 3).
        limit: distance on the normalised plane.

    Returns:
        (features in both views, of them moved by more).
    """
    both, moved = 0, 0
    for k in range(rays_a.shape[0]):
        x, u = rays_a[k, 0], rays_b[k, 0]
        if x == x and u == u:
            y, v = rays_a[k, 1], rays_b[k, 1]
            Z = R_b_a[2, 0] * x + R_b_a[2, 1] * y + R_b_a[2, 2]
            dx = (R_b_a[0, 0] * x + R_b_a[0, 1] * y + R_b_a[0, 2]) / Z - u
            dy = (R_b_a[1, 0] * x + R_b_a[1, 1] * y + R_b_a[1, 2]) / Z - v
            both += 1
            moved += dx * dx + dy * dy > limit * limit
    return both, moved
