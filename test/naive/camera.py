"""Cameras by OpenCV, derivatives by central differences, inverses by a root finder."""

import cv2
import numpy as np
from naive.derivative import jacobian
from scipy.optimize import least_squares


def project(model, params, x, y):
    K = np.array([[params[0], 0, params[2]], [0, params[1], params[3]], [0, 0, 1.0]])
    point, zero = np.array([[[x, y, 1.0]]]), np.zeros(3)
    if model == 0:
        uv, _ = cv2.projectPoints(point, zero, zero, K, params[4:8])
    else:
        uv, _ = cv2.fisheye.projectPoints(point, zero, zero, K, params[4:8])
    return uv.ravel()


def project_jacobian(model, params, x, y):
    uv = project(model, params, x, y)
    J = jacobian(lambda d: project(model, params, x + d[0], y + d[1]), 2, 1e-6)
    return np.concatenate([uv, J.ravel()])


def unproject(model, params, u, v):
    start = [(u - params[2]) / params[0], (v - params[3]) / params[1]]
    f = lambda xy: project(model, params, *xy) - (u, v)  # noqa: E731
    return least_squares(f, start, xtol=1e-15, ftol=1e-15, gtol=1e-15).x


def undistort(model, params, uv):
    """(rays, weights), NaN and 0 for a NaN pixel."""
    rays, weights = np.full((len(uv), 2), np.nan), np.zeros(len(uv))
    for k in np.flatnonzero(~np.isnan(uv[:, 0])):
        rays[k] = unproject(model, params, *uv[k].astype(float))
        J = project_jacobian(model, params, *rays[k])[2:].reshape(2, 2)
        weights[k] = np.sqrt(abs(np.linalg.det(J)))
    return rays, weights
