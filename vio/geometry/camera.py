"""Pinhole cameras with radial-tangential or equidistant distortion.

`params` (8,) float64: fx fy cx cy [px] and four coefficients; `model` is a CameraModel.
Points are on the normalised image plane (x/z, y/z), pixels (u, v) with the centre of the
first pixel at (0, 0). Sources: OpenCV's calib3d (Brown-Conrady), Kannala & Brandt, PAMI 2006.
"""

import math

from vio._jit import kernel

NEWTON_STEPS = 8


@kernel
def project_jacobian(model, params, x, y):
    """Pixel of a normalised point and its derivative.

    Returns:
        (u, v, du_dx, du_dy, dv_dx, dv_dy), px and px per unit.
    """
    fx, fy, cx, cy = params[0], params[1], params[2], params[3]
    k1, k2, k3, k4 = params[4], params[5], params[6], params[7]
    r2 = x * x + y * y
    if model == 0:
        radial = 1.0 + r2 * (k1 + r2 * k2)
        slope = 2.0 * k1 + 4.0 * k2 * r2  # d radial / d r2 * 2
        xd = x * radial + 2.0 * k3 * x * y + k4 * (r2 + 2.0 * x * x)
        yd = y * radial + k3 * (r2 + 2.0 * y * y) + 2.0 * k4 * x * y
        xx = radial + slope * x * x + 2.0 * k3 * y + 6.0 * k4 * x
        xy = slope * x * y + 2.0 * k3 * x + 2.0 * k4 * y
        yy = radial + slope * y * y + 6.0 * k3 * y + 2.0 * k4 * x
    else:
        r = math.sqrt(r2)
        if r < 1e-8:
            return fx * x + cx, fy * y + cy, fx, 0.0, 0.0, fy
        a = math.atan(r)
        a2 = a * a
        bent = a * (1.0 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
        d_bent = 1.0 + a2 * (3.0 * k1 + a2 * (5.0 * k2 + a2 * (7.0 * k3 + a2 * 9.0 * k4)))
        radial = bent / r
        slope = (d_bent / (1.0 + r2) - radial) / r2
        xd, yd = radial * x, radial * y
        xx = radial + slope * x * x
        xy = slope * x * y
        yy = radial + slope * y * y
    return fx * xd + cx, fy * yd + cy, fx * xx, fx * xy, fy * xy, fy * yy


@kernel
def project(model, params, x, y):
    """Pixel (u, v) of a normalised point."""
    u, v, _, _, _, _ = project_jacobian(model, params, x, y)
    return u, v


@kernel
def unproject(model, params, u, v):
    """Normalised point (x, y) of a pixel: Newton's method on `project`."""
    x = (u - params[2]) / params[0]
    y = (v - params[3]) / params[1]
    for _ in range(NEWTON_STEPS):
        pu, pv, a, b, c, d = project_jacobian(model, params, x, y)
        eu, ev = u - pu, v - pv
        scale = 1.0 / (a * d - b * c)
        x += (d * eu - b * ev) * scale
        y += (a * ev - c * eu) * scale
        if eu * eu + ev * ev < 1e-6:  # the step just taken squared the error
            break
    return x, y


@kernel
def undistort(model, params, uv, rays, weights):
    """Normalised points of pixels, and how many pixels one unit of the plane is worth there.

    Args:
        uv: (N, 2) float32 px; NaN stays NaN.
        rays: (N, 2) float64 out. weights: (N,) float32 out, sqrt |d(u, v) / d(x, y)|.

    Returns:
        points undistorted.
    """
    count = 0
    for k in range(uv.shape[0]):
        rays[k, 0] = math.nan
        rays[k, 1] = math.nan
        weights[k] = 0.0
        if uv[k, 0] == uv[k, 0]:
            x, y = unproject(model, params, uv[k, 0], uv[k, 1])
            _, _, a, b, c, d = project_jacobian(model, params, x, y)
            rays[k, 0], rays[k, 1] = x, y
            weights[k] = math.sqrt(abs(a * d - b * c))
            count += 1
    return count
