"""Life of a landmark with dictionaries and least squares."""

import numpy as np
from naive.imu_factor import state
from naive.vision import in_camera, observations, residual


def _write(ray, weight, step):
    """(x, y, weight) as they are read back: in whole steps, the weight in 1 to 255 of them."""
    if np.isnan(ray).any() or np.abs(ray).max() >= 2.0:
        return None
    x, y = np.round(np.asarray(ray, float) / step[0]) * step[0]
    return x, y, np.clip(np.round(weight / step[1]), 1, 255) * step[1]


def observe(known, ids):
    """Landmark row of every track, -1 = none; `known` maps id -> row."""
    return np.array([known.get(int(i), -1) for i in ids])


def start(free_rows, ids, row_of):
    """(row of every track after starting the unknown ones, refused)."""
    free, out, refused = sorted(free_rows), row_of.copy(), 0
    for k in range(len(ids)):
        if out[k] < 0:
            if free:
                out[k] = free.pop(0)
            else:
                refused += 1
    return out, refused


def activate(slots, landmarks, ext, m, sigma_px):
    """(inverse depth, its deviation, RMS residual [px]) of landmark m, bearing held.

    The residual times the depth ratio is linear in the inverse depth: solved with lstsq. The
    ratio is that of a point at infinity.
    """
    host = state(slots, int(landmarks.host[m]))
    A, b = [], []
    for j, cam, x, y, w in observations(landmarks, m, ext.step):
        if j == landmarks.host[m] and cam == 0:
            continue
        X = state(slots, j)
        ray = np.append(landmarks.point[m, :2].astype(float), 1.0)
        # point / depth = q0 + rho t in the camera
        R = ext.R_imu_cam[cam].T @ X[0].T
        q0 = R @ host[0] @ ext.R_imu_cam[0] @ ray
        t = R @ (host[0] @ ext.p_imu_cam[0] + host[1] - X[1])
        t = t - ext.R_imu_cam[cam].T @ ext.p_imu_cam[cam]
        if q0[2] < 0.02:
            continue
        for e, seen in enumerate((x, y)):
            A.append(w / q0[2] * (t[e] - seen * t[2]))
            b.append(w / q0[2] * (seen * q0[2] - q0[e]))
    A, b = np.array(A), np.array(b)
    rho = np.linalg.lstsq(A[:, None], b, rcond=None)[0][0]
    rms = np.sqrt(np.mean((A * rho - b) ** 2))
    return rho, sigma_px / np.linalg.norm(A), rms


def reject(slots, landmarks, ext, m, limit_px):
    """Observations (slot, camera) of landmark m that lie too far from it, or behind."""
    host, gone = state(slots, int(landmarks.host[m])), set()
    for j, cam, *obs in observations(landmarks, m, ext.step):
        x, point = state(slots, j), landmarks.point[m].astype(float)
        behind = in_camera(host, x, ext, cam, point)[2] * point[2] < 0.02
        off = residual(host, x, ext, cam, point, np.array(obs), 1.0)
        if behind or np.hypot(*off) > limit_px:
            gone.add((int(j), int(cam)))
    return gone


def depths(slots, landmarks, ext, s):
    """{track: inverse depth along cam0 of frame s} of the landmarks in use before it."""
    out = {}
    for m in np.flatnonzero(landmarks.active):
        rho = landmarks.point[m, 2]
        host = state(slots, int(landmarks.host[m]))
        z = in_camera(host, state(slots, s), ext, 0, landmarks.point[m])[2]
        if rho * z > 0.05:
            out[int(landmarks.id[m])] = 1.0 / z
    return out
