"""Life of a landmark: observed, started at a keyframe, given a depth, checked, dropped."""

import math

import numpy as np

from vio._jit import kernel
from vio.window.residual_vision import relative_poses, seen_from
from vio.window.state import (
    ACTIVATE_IDLE,
    ACTIVATE_READY,
    ACTIVATE_TRIED,
    ACTIVATE_USED,
    REJECT_ACTIVE,
    REJECT_TRIED,
    REJECT_USED,
)


@kernel
def observe(landmarks, step, slot, ids, rays0, rays1, weight0, weight1, row_of):
    """Write this frame's observations into the rows of known landmarks.

    Args:
        step: (2,) of Extrinsics. ids: (N,) int64. rays0, rays1: (N, 2) normalised, NaN = not
            seen. weight0, weight1: (N,) px per unit.
        row_of: (N,) int64 out: landmark row of each track, -1 = none.

    Returns:
        observations written.
    """
    written = 0
    for k in range(ids.shape[0]):
        row_of[k] = -1
    for m in range(landmarks.id.shape[0]):
        for c in range(2):
            landmarks.weight[m, slot, c] = 0
        if landmarks.id[m] < 0:
            continue
        for k in range(ids.shape[0]):
            if ids[k] == landmarks.id[m]:
                row_of[k] = m
                _write(landmarks, step, m, slot, 0, rays0[k], weight0[k])
                _write(landmarks, step, m, slot, 1, rays1[k], weight1[k])
                written += 1
                break
    return written


@kernel
def _write(landmarks, step, m, slot, cam, ray, weight):
    """Store one observation in fixed-point steps; a ray that is NaN or off scale is not seen."""
    x, y = np.rint(ray[0] / step[0]), np.rint(ray[1] / step[0])
    limit = 2.0 / step[0] - 1.0
    if abs(x) < limit and abs(y) < limit:  # False for NaN
        landmarks.xy[m, slot, cam, 0] = x
        landmarks.xy[m, slot, cam, 1] = y
        landmarks.weight[m, slot, cam] = min(max(np.rint(weight / step[1]), 1.0), 255.0)
    else:
        landmarks.weight[m, slot, cam] = 0


@kernel
def start(landmarks, step, slot, ids, rays0, rays1, weight0, weight1, row_of):
    """Host every track that has no landmark yet in keyframe `slot`; depth still unknown.

    Returns:
        (landmarks started, tracks without room).
    """
    started, refused, m = 0, 0, 0
    for k in range(ids.shape[0]):
        if row_of[k] >= 0:
            continue
        while m < landmarks.id.shape[0] and landmarks.id[m] >= 0:
            m += 1
        if m == landmarks.id.shape[0]:
            refused += 1
            continue
        landmarks.id[m] = ids[k]
        landmarks.host[m] = slot
        landmarks.active[m] = 0
        landmarks.point[m, 0], landmarks.point[m, 1] = rays0[k, 0], rays0[k, 1]
        landmarks.point[m, 2] = 0.0
        for s in range(landmarks.weight.shape[1]):
            for c in range(2):
                landmarks.weight[m, s, c] = 0
        _write(landmarks, step, m, slot, 0, rays0[k], weight0[k])
        _write(landmarks, step, m, slot, 1, rays1[k], weight1[k])
        row_of[k] = m
        started += 1
    return started, refused


@kernel
def activate(slots, landmarks, ext, sigma_px, most_sigma, most_px, nearest, work):
    """Triangulate inactive landmarks: least squares in the inverse depth, bearing held.

    Args:
        sigma_px: pixel noise. most_sigma: largest standard deviation of the inverse depth [1/m].
        most_px: largest RMS residual [px]. nearest: least depth [m].

    Returns:
        landmarks activated.
    """
    done = 0
    n_seen, n_ready, n_used, n_idle = 0, 0, 0, 0
    y = work.small[0, :3]
    ready = -1
    for host in range(slots.t_ns.shape[0]):
        if slots.t_ns[host] == 0 or slots.key[host] == 0:
            continue
        for m in range(landmarks.id.shape[0]):
            if landmarks.id[m] < 0 or landmarks.active[m]:
                continue
            n_idle += 1
            if landmarks.host[m] != host:
                continue
            if ready != host:
                relative_poses(slots, host, work.rel)
                ready = host
                n_ready += 1
            n_seen += 1
            x0, y0 = landmarks.point[m, 0], landmarks.point[m, 1]
            R, p = ext.R_imu_cam[0], ext.p_imu_cam[0]
            for a in range(3):
                y[a] = R[a, 0] * x0 + R[a, 1] * y0 + R[a, 2]
            aa, ab, rr, count = 0.0, 0.0, 0.0, 0
            for j in range(slots.t_ns.shape[0]):
                for cam in range(2):
                    weight = landmarks.weight[m, j, cam] * ext.step[1]
                    if weight == 0.0 or (j == host and cam == 0):
                        continue
                    n_used += 1
                    ox = landmarks.xy[m, j, cam, 0] * ext.step[0]
                    oy = landmarks.xy[m, j, cam, 1] * ext.step[0]
                    # q = a0 + rho a1, both in camera `cam` of frame j
                    r = work.rel[j, 0]
                    X = seen_from(work.rel[j], 0, y, 0.0)
                    Rc, pc = ext.R_cam_imu[cam], ext.p_cam_imu[cam]
                    T0 = r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[9]
                    T1 = r[3] * p[0] + r[4] * p[1] + r[5] * p[2] + r[10]
                    T2 = r[6] * p[0] + r[7] * p[1] + r[8] * p[2] + r[11]
                    q0 = Rc[0, 0] * X[0] + Rc[0, 1] * X[1] + Rc[0, 2] * X[2]
                    q1 = Rc[1, 0] * X[0] + Rc[1, 1] * X[1] + Rc[1, 2] * X[2]
                    q2 = Rc[2, 0] * X[0] + Rc[2, 1] * X[1] + Rc[2, 2] * X[2]
                    t0 = Rc[0, 0] * T0 + Rc[0, 1] * T1 + Rc[0, 2] * T2 + pc[0]
                    t1 = Rc[1, 0] * T0 + Rc[1, 1] * T1 + Rc[1, 2] * T2 + pc[1]
                    t2 = Rc[2, 0] * T0 + Rc[2, 1] * T1 + Rc[2, 2] * T2 + pc[2]
                    if q2 < 0.02:
                        continue
                    w = weight / q2
                    for e in range(2):
                        a = w * (t0 - ox * t2 if e == 0 else t1 - oy * t2)
                        b = w * (ox * q2 - q0 if e == 0 else oy * q2 - q1)
                        aa += a * a
                        ab += a * b
                        rr += b * b
                    count += 1
            if count == 0 or aa * most_sigma * most_sigma < sigma_px * sigma_px:
                continue
            rho = ab / aa
            rms = math.sqrt(max(rr - rho * ab, 0.0) / (2 * count))
            if rho < -most_sigma or rho * nearest > 1.0 or rms > most_px:
                continue
            landmarks.point[m, 2] = max(rho, 1e-4)
            landmarks.active[m] = 1
            done += 1
    work.counts[ACTIVATE_TRIED] += n_seen
    work.counts[ACTIVATE_READY] += n_ready
    work.counts[ACTIVATE_USED] += n_used
    work.counts[ACTIVATE_IDLE] += n_idle
    return done


@kernel
def reject(slots, landmarks, ext, limit_px, work):
    """Drop observations that lie more than `limit_px` from their landmark, in every slot.

    A landmark left with fewer than two observations becomes inactive again.

    Returns:
        (observations dropped, active landmarks).
    """
    dropped, active = 0, 0
    n_seen, n_used, n_active = 0, 0, 0
    y = work.small[0, :3]
    for host in range(slots.t_ns.shape[0]):
        if slots.t_ns[host] == 0 or slots.key[host] == 0:
            continue
        relative_poses(slots, host, work.rel)
        for m in range(landmarks.id.shape[0]):
            if landmarks.id[m] < 0 or landmarks.active[m] == 0:
                continue
            n_active += 1
            if landmarks.host[m] != host:
                continue
            n_seen += 1
            R, p = ext.R_imu_cam[0], ext.p_imu_cam[0]
            rho = landmarks.point[m, 2]
            for a in range(3):
                y[a] = (
                    R[a, 0] * landmarks.point[m, 0]
                    + R[a, 1] * landmarks.point[m, 1]
                    + R[a, 2]
                    + rho * p[a]
                )
            left = 0
            for j in range(slots.t_ns.shape[0]):
                for cam in range(2):
                    weight = landmarks.weight[m, j, cam] * ext.step[1]
                    if weight == 0.0:
                        continue
                    n_used += 1
                    ox = landmarks.xy[m, j, cam, 0] * ext.step[0]
                    oy = landmarks.xy[m, j, cam, 1] * ext.step[0]
                    X = seen_from(work.rel[j], 0, y, rho)
                    Rc, pc = ext.R_cam_imu[cam], ext.p_cam_imu[cam]
                    q0 = Rc[0, 0] * X[0] + Rc[0, 1] * X[1] + Rc[0, 2] * X[2] + rho * pc[0]
                    q1 = Rc[1, 0] * X[0] + Rc[1, 1] * X[1] + Rc[1, 2] * X[2] + rho * pc[1]
                    q2 = Rc[2, 0] * X[0] + Rc[2, 1] * X[1] + Rc[2, 2] * X[2] + rho * pc[2]
                    ru, rv = (q0 / q2 - ox) * weight, (q1 / q2 - oy) * weight
                    if q2 < 0.02 or ru * ru + rv * rv > limit_px * limit_px:
                        landmarks.weight[m, j, cam] = 0
                        dropped += 1
                    else:
                        left += 1
            if left < 2:
                landmarks.active[m] = 0
            active += landmarks.active[m]
    work.counts[REJECT_TRIED] += n_seen
    work.counts[REJECT_USED] += n_used
    work.counts[REJECT_ACTIVE] += n_active
    return dropped, active
