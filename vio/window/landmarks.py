"""Life of a landmark: observed, started at a keyframe, given a depth, checked, dropped."""

import math

import numpy as np

from vio._jit import kernel
from vio.events import AT
from vio.window.sight import camera_poses, place, stand, view


@kernel
def observe(landmarks, step, slot, ids, rays0, rays1, weight0, weight1, row_of):
    """Write this frame's observations into the rows of known landmarks.

    Args:
        step: (2,) of Extrinsics. ids: (N,) int64. rays0, rays1: (N, 2) normalised, NaN = not
            seen. weight0, weight1: (N,) px per unit.
        row_of: (N,) int64 out: landmark row of each track, -1 = none.

    Returns:
        (landmarks in use, identities compared, tracks with a landmark, of them seen by cam1).
    """
    known, tests, written, right = 0, 0, 0, 0
    for k in range(ids.shape[0]):
        row_of[k] = -1
    for m in range(landmarks.id.shape[0]):
        for c in range(2):
            landmarks.weight[m, slot, c] = 0
        ident = landmarks.id[m]
        if ident < 0:
            continue
        known += 1
        for k in range(ids.shape[0]):
            tests += 1
            if ids[k] == ident:
                row_of[k] = m
                _write(landmarks, step, m, slot, 0, rays0[k], weight0[k])
                right += _write(landmarks, step, m, slot, 1, rays1[k], weight1[k])
                written += 1
                break
    return known, tests, written, right


@kernel
def _write(landmarks, step, m, slot, cam, ray, weight):
    """Store one observation in fixed-point steps; a ray that is NaN or off scale is not seen.

    Returns:
        whether it is.
    """
    x, y = np.rint(ray[0] / step[0]), np.rint(ray[1] / step[0])
    limit = 2.0 / step[0] - 1.0
    if abs(x) < limit and abs(y) < limit:  # False for NaN
        landmarks.xy[m, slot, cam, 0] = x
        landmarks.xy[m, slot, cam, 1] = y
        landmarks.weight[m, slot, cam] = min(max(np.rint(weight / step[1]), 1.0), 255.0)
        return True
    landmarks.weight[m, slot, cam] = 0
    return False


@kernel
def start(landmarks, step, slot, ids, rays0, rays1, weight0, weight1, row_of):
    """Host every track that has no landmark yet in keyframe `slot`; depth still unknown.

    Returns:
        (landmarks started, tracks without room, rows looked at for one, started and seen by cam1).
    """
    started, refused, looked, right, m = 0, 0, 0, 0, 0
    for k in range(ids.shape[0]):
        if row_of[k] >= 0:
            continue
        while m < landmarks.id.shape[0]:
            looked += 1
            if landmarks.id[m] < 0:
                break
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
        right += _write(landmarks, step, m, slot, 1, rays1[k], weight1[k])
        row_of[k] = m
        started += 1
    return started, refused, looked, right


@kernel
def activate(sight, sigma_px, most_sigma, most_px, nearest):
    """Triangulate inactive landmarks: least squares in the inverse depth, bearing held.

    Args:
        sight: Sight. sigma_px: pixel noise. most_sigma: largest standard deviation of the
            inverse depth [1/m]. most_px: largest RMS residual [px]. nearest: least depth [m].

    Returns:
        landmarks activated.
    """
    landmarks, step = sight.landmarks, sight.ext.step
    cams, counts = sight.cams, sight.counts
    done, n_known, n_tried, n_used = 0, 0, 0, 0
    camera_poses(sight.slots, sight.ext, 1, cams)
    for m in range(landmarks.id.shape[0]):
        if landmarks.id[m] < 0:
            continue
        n_known += 1
        if landmarks.active[m]:
            continue
        n_tried += 1
        host = landmarks.host[m]
        ray = stand(cams, host, 0, landmarks.point[m, 0], landmarks.point[m, 1], 0.0)
        aa, ab, rr, count = 0.0, 0.0, 0.0, 0
        for j in range(landmarks.weight.shape[1]):
            for cam in range(2):
                weight = landmarks.weight[m, j, cam] * step[1]
                if weight == 0.0 or (j == host and cam == 0):
                    continue
                n_used += 1
                # In camera `cam` of frame j the point is at q + rho t.
                qx, qy, qz = view(cams, j, 0, cam, ray, 0.0)
                if qz < 0.02:
                    continue
                apart = (cams[host, 0, 0, 9], cams[host, 0, 0, 10], cams[host, 0, 0, 11])
                tx, ty, tz = view(cams, j, 0, cam, apart, 1.0)
                ox = landmarks.xy[m, j, cam, 0] * step[0]
                oy = landmarks.xy[m, j, cam, 1] * step[0]
                w = weight / qz
                a, b = w * (tx - ox * tz), w * (ox * qz - qx)
                c, d = w * (ty - oy * tz), w * (oy * qz - qy)
                aa += a * a + c * c
                ab += a * b + c * d
                rr += b * b + d * d
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
    counts[AT.activations] += 1
    counts[AT.activate_known] += n_known
    counts[AT.activate_tried] += n_tried
    counts[AT.activate_used] += n_used
    counts[AT.triangulated] += done
    return done


@kernel
def reject(sight, limit_px):
    """Drop observations that lie more than `limit_px` from their landmark, in every slot.

    A landmark left with fewer than two observations becomes inactive again.

    Returns:
        observations dropped.
    """
    landmarks, step = sight.landmarks, sight.ext.step
    cams, counts = sight.cams, sight.counts
    dropped, active, n_known, n_tried, n_used = 0, 0, 0, 0, 0
    camera_poses(sight.slots, sight.ext, 1, cams)
    for m in range(landmarks.id.shape[0]):
        if landmarks.id[m] < 0:
            continue
        n_known += 1
        if landmarks.active[m] == 0:
            continue
        n_tried += 1
        Y, rho = place(landmarks, cams, m)
        left = 0
        for j in range(landmarks.weight.shape[1]):
            for cam in range(2):
                weight = landmarks.weight[m, j, cam] * step[1]
                if weight == 0.0:
                    continue
                n_used += 1
                qx, qy, qz = view(cams, j, 0, cam, Y, rho)
                ru = (qx / qz - landmarks.xy[m, j, cam, 0] * step[0]) * weight
                rv = (qy / qz - landmarks.xy[m, j, cam, 1] * step[0]) * weight
                if qz < 0.02 or ru * ru + rv * rv > limit_px * limit_px:
                    landmarks.weight[m, j, cam] = 0
                    dropped += 1
                else:
                    left += 1
        if left < 2:
            landmarks.active[m] = 0
        else:
            active += 1
    counts[AT.rejections] += 1
    counts[AT.reject_known] += n_known
    counts[AT.reject_tried] += n_tried
    counts[AT.reject_used] += n_used
    counts[AT.reject_dropped] += dropped
    counts[AT.reject_left] += active
    return dropped


@kernel
def depths(sight, slot, ids, inverse):
    """Inverse depth of the landmarks in use along cam0 of a frame, of those in front of it.

    Args:
        slot: of the frame. ids: (M,) int64 out, track. inverse: (M,) float32 out [1/m].

    Returns:
        landmarks written.
    """
    landmarks, cams, counts = sight.landmarks, sight.cams, sight.counts
    n, known = 0, 0
    camera_poses(sight.slots, sight.ext, 1, cams)
    for m in range(landmarks.id.shape[0]):
        if landmarks.active[m] == 0:
            continue
        known += 1
        Y, rho = place(landmarks, cams, m)
        _, _, z = view(cams, slot, 0, 0, Y, rho)
        if z > 0.05:
            ids[n], inverse[n] = landmarks.id[m], rho / z
            n += 1
    counts[AT.depth_scans] += 1
    counts[AT.depth_known] += known
    counts[AT.depth_found] += n
    return n
