"""Reprojection residuals, their Jacobians, and the elimination of the landmarks.

A landmark (x, y, rho) in its host's cam0 is seen by camera c of frame j at
    X = R_j^T (R_h y + rho (p_h - p_j)),  y = R_imu_cam0 (x, y, 1) + rho p_imu_cam0
    q = R_cam_imu X + rho p_cam_imu,      residual = (q_xy / q_z - measured) * weight / sigma
Both cameras share X, so their rows are folded into one 4x4 form on (X, rho) before the pose
Jacobians are applied. Residuals are taken at the current state, Jacobians at the fixed
linearisation point where a slot has one (first-estimate Jacobians, Huang et al., IJRR 2010).
The landmark is then eliminated by its 3x3 Schur complement: only pose blocks are ever stored.
"""

import math

from vio._jit import kernel
from vio.window.state import (
    RELAX_FRAMES,
    RELAX_LEFT,
    RELAX_READY,
    VISION_BLOCKS,
    VISION_FRAMES,
    VISION_LEFT,
    VISION_OTHERS,
    VISION_POINTS,
    VISION_READY,
    VISION_RESIDUALS,
)


@kernel
def relative_poses(slots, host, rel):
    """rel[j] = rotation (9) and translation (3) from imu `host` to imu j, now and at lin."""
    for j in range(slots.t_ns.shape[0]):
        if slots.t_ns[j] == 0:
            continue
        for at in range(2):
            if at == 0:
                Rj, pj, Rh, ph = slots.R[j], slots.p[j], slots.R[host], slots.p[host]
            else:
                Rj, pj, Rh, ph = (
                    slots.R_lin[j],
                    slots.p_lin[j],
                    slots.R_lin[host],
                    slots.p_lin[host],
                )
            out = rel[j, at]
            for a in range(3):
                for b in range(3):
                    out[3 * a + b] = Rj[0, a] * Rh[0, b] + Rj[1, a] * Rh[1, b] + Rj[2, a] * Rh[2, b]
                out[9 + a] = (
                    Rj[0, a] * (ph[0] - pj[0])
                    + Rj[1, a] * (ph[1] - pj[1])
                    + Rj[2, a] * (ph[2] - pj[2])
                )


@kernel
def huber(squared, limit):
    """Weight of the Huber loss and its cost for a squared residual, both per rho(s) = s inside."""
    if squared <= limit * limit:
        return 1.0, squared
    norm = math.sqrt(squared)
    return limit / norm, 2.0 * limit * norm - limit * limit


@kernel
def seen_from(rel, at, y, rho):
    """X: the point in imu j times its inverse depth."""
    r = rel[at]
    return (
        r[0] * y[0] + r[1] * y[1] + r[2] * y[2] + rho * r[9],
        r[3] * y[0] + r[4] * y[1] + r[5] * y[2] + rho * r[10],
        r[6] * y[0] + r[7] * y[1] + r[8] * y[2] + rho * r[11],
    )


@kernel
def fold(ext, xy, weights, now, lin, rho, inv_sigma, limit, M, c):
    """Both cameras' residuals of one frame as a quadratic form on (X, rho).

    Args:
        xy: (2, 2), weights: (2,) stored observation. now, lin: X at the current state and at lin.
        M: (4, 4) out, sum of w g g^T. c: (4,) out, sum of w g r.

    Returns:
        (cost, residuals): cost is -1 if the point is behind a camera.
    """
    for a in range(4):
        c[a] = 0.0
        for b in range(4):
            M[a, b] = 0.0
    cost, count = 0.0, 0
    for cam in range(2):
        if weights[cam] == 0:
            continue
        weight = weights[cam] * ext.step[1] * inv_sigma
        R, p = ext.R_cam_imu[cam], ext.p_cam_imu[cam]
        qx = R[0, 0] * now[0] + R[0, 1] * now[1] + R[0, 2] * now[2] + rho * p[0]
        qy = R[1, 0] * now[0] + R[1, 1] * now[1] + R[1, 2] * now[2] + rho * p[1]
        qz = R[2, 0] * now[0] + R[2, 1] * now[1] + R[2, 2] * now[2] + rho * p[2]
        if qz < 0.02:
            return -1.0, count
        ru = (qx / qz - xy[cam, 0] * ext.step[0]) * weight
        rv = (qy / qz - xy[cam, 1] * ext.step[0]) * weight
        w, loss = huber(ru * ru + rv * rv, limit)
        cost += loss
        count += 1
        qx = R[0, 0] * lin[0] + R[0, 1] * lin[1] + R[0, 2] * lin[2] + rho * p[0]
        qy = R[1, 0] * lin[0] + R[1, 1] * lin[1] + R[1, 2] * lin[2] + rho * p[1]
        qz = R[2, 0] * lin[0] + R[2, 1] * lin[1] + R[2, 2] * lin[2] + rho * p[2]
        iz = weight / qz
        px, py = qx / qz, qy / qz
        gu = (
            iz * (R[0, 0] - px * R[2, 0]),
            iz * (R[0, 1] - px * R[2, 1]),
            iz * (R[0, 2] - px * R[2, 2]),
            iz * (p[0] - px * p[2]),
        )
        gv = (
            iz * (R[1, 0] - py * R[2, 0]),
            iz * (R[1, 1] - py * R[2, 1]),
            iz * (R[1, 2] - py * R[2, 2]),
            iz * (p[1] - py * p[2]),
        )
        for a in range(4):
            wu, wv = w * gu[a], w * gv[a]
            c[a] += wu * ru + wv * rv
            for b in range(a + 1):
                M[a, b] += wu * gu[b] + wv * gv[b]
    for a in range(4):
        for b in range(a):
            M[b, a] = M[a, b]
    return cost, count


@kernel
def linearise(slots, landmarks, ext, use, inv_sigma, limit, system, work):
    """Add the reduced vision system of the landmarks in `use` to `system`.

    Args:
        use: (M,) uint8. inv_sigma: 1 / pixel noise [1/px]. limit: Huber threshold [sigma].
        system: H and b are added to; slots with pose_at = -1 are constants.

    Returns:
        (cost, landmarks, residuals, 6x6 blocks updated by the elimination).
    """
    S, L = slots.t_ns.shape[0], landmarks.id.shape[0]
    H, b, pose_at = system.H, system.b, system.pose_at
    cross, gain, seen = work.cross, work.gain, work.seen
    y = work.small[0, :3]
    M, C, X = work.small[1:5, :4], work.small[1:5, 4:19], work.small[5:8, :16]
    c, Hll, inv, bl = (
        work.small[8, :4],
        work.small[9:12, :3],
        work.small[9:12, 3:6],
        work.small[12, :3],
    )
    cost, n_points, n_res, n_blocks = 0.0, 0, 0, 0
    n_ready, n_left, n_frames, n_others = 0, 0, 0, 0
    for host in range(S):
        if slots.t_ns[host] == 0 or slots.key[host] == 0:
            continue
        ready = False
        for m in range(L):
            if use[m] == 0 or landmarks.host[m] != host or landmarks.id[m] < 0:
                continue
            if not ready:
                relative_poses(slots, host, work.rel)
                ready = True
                n_ready += 1
            px, py, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
            Ric, pic = ext.R_imu_cam[0], ext.p_imu_cam[0]
            for a in range(3):
                y[a] = Ric[a, 0] * px + Ric[a, 1] * py + Ric[a, 2] + rho * pic[a]
                bl[a] = 0.0
                for k in range(3):
                    Hll[a, k] = 0.0
            n_seen = 0
            hosted = pose_at[host] >= 0
            if hosted:
                seen[0] = host
                n_seen = 1
                for a in range(6):
                    for k in range(3):
                        cross[0, a, k] = 0.0
            for j in range(S):
                xy, weights = landmarks.xy[m, j], landmarks.weight[m, j]
                if weights[0] != 0:
                    n_left += 1
                elif weights[1] == 0:
                    continue
                rel_lin = work.rel[j, 1]
                now = seen_from(work.rel[j], 0, y, rho)
                lin = seen_from(work.rel[j], 1, y, rho)
                loss, count = fold(ext, xy, weights, now, lin, rho, inv_sigma, limit, M, c)
                if loss < 0.0:
                    continue
                cost += loss
                n_res += count
                n_frames += 1
                # dX / d(x, y, rho); the last row of (X, rho) adds (0, 0, 1)
                for a in range(3):
                    r0, r1, r2 = rel_lin[3 * a], rel_lin[3 * a + 1], rel_lin[3 * a + 2]
                    X[a, 12] = r0 * Ric[0, 0] + r1 * Ric[1, 0] + r2 * Ric[2, 0]
                    X[a, 13] = r0 * Ric[0, 1] + r1 * Ric[1, 1] + r2 * Ric[2, 1]
                    X[a, 14] = r0 * pic[0] + r1 * pic[1] + r2 * pic[2] + rel_lin[9 + a]
                for a in range(4):
                    for k in range(3):
                        s = M[a, 0] * X[0, 12 + k] + M[a, 1] * X[1, 12 + k] + M[a, 2] * X[2, 12 + k]
                        if k == 2:
                            s += M[a, 3]
                        C[a, 12 + k] = s
                for a in range(3):
                    s = X[0, 12 + a] * c[0] + X[1, 12 + a] * c[1] + X[2, 12 + a] * c[2]
                    if a == 2:
                        s += c[3]
                    bl[a] += s
                    for k in range(3):
                        s = (
                            X[0, 12 + a] * C[0, 12 + k]
                            + X[1, 12 + a] * C[1, 12 + k]
                            + X[2, 12 + a] * C[2, 12 + k]
                        )
                        if a == 2:
                            s += C[3, 12 + k]
                        Hll[a, k] += s
                if j == host:
                    continue
                n_others += 1
                # dX / d(theta_j, p_j, theta_h), and p_h is minus p_j
                Rj = slots.R_lin[j]
                _skew(lin[0], lin[1], lin[2], X, 0)
                for a in range(3):
                    X[a, 3], X[a, 4], X[a, 5] = -rho * Rj[0, a], -rho * Rj[1, a], -rho * Rj[2, a]
                    r0, r1, r2 = rel_lin[3 * a], rel_lin[3 * a + 1], rel_lin[3 * a + 2]
                    X[a, 6] = -(r1 * y[2] - r2 * y[1])
                    X[a, 7] = -(r2 * y[0] - r0 * y[2])
                    X[a, 8] = -(r0 * y[1] - r1 * y[0])
                for a in range(3):
                    for k in range(9):
                        C[a, k] = M[a, 0] * X[0, k] + M[a, 1] * X[1, k] + M[a, 2] * X[2, k]
                at_j, at_h = pose_at[j], pose_at[host]
                if at_j >= 0:
                    slot = n_seen
                    seen[slot] = j
                    n_seen += 1
                    for a in range(6):
                        s = X[0, a] * c[0] + X[1, a] * c[1] + X[2, a] * c[2]
                        b[at_j + a] += s
                        for k in range(a + 1):
                            s = X[0, a] * C[0, k] + X[1, a] * C[1, k] + X[2, a] * C[2, k]
                            H[(at_j + a) * (at_j + a + 1) // 2 + at_j + k] += s
                        for k in range(3):
                            cross[slot, a, k] = (
                                X[0, a] * C[0, 12 + k]
                                + X[1, a] * C[1, 12 + k]
                                + X[2, a] * C[2, 12 + k]
                            )
                if hosted:
                    for a in range(6):
                        # rows of the host: theta_h is column 6.., p_h is minus column 3..
                        ca = 6 + a if a < 3 else a
                        sign_a = 1.0 if a < 3 else -1.0
                        x0, x1, x2 = sign_a * X[0, ca], sign_a * X[1, ca], sign_a * X[2, ca]
                        b[at_h + a] += x0 * c[0] + x1 * c[1] + x2 * c[2]
                        for k in range(a + 1):
                            ck = 6 + k if k < 3 else k
                            s = x0 * C[0, ck] + x1 * C[1, ck] + x2 * C[2, ck]
                            if k >= 3:
                                s = -s
                            H[(at_h + a) * (at_h + a + 1) // 2 + at_h + k] += s
                        for k in range(3):
                            cross[0, a, k] += (
                                x0 * C[0, 12 + k] + x1 * C[1, 12 + k] + x2 * C[2, 12 + k]
                            )
                        if at_j >= 0:
                            for k in range(6):
                                s = x0 * C[0, k] + x1 * C[1, k] + x2 * C[2, k]
                                row, col = at_h + a, at_j + k
                                if row >= col:
                                    H[row * (row + 1) // 2 + col] += s
                                else:
                                    H[col * (col + 1) // 2 + row] += s
            n_points += 1
            if not _invert3(Hll, inv):
                continue
            for i in range(n_seen):
                for a in range(6):
                    for k in range(3):
                        gain[i, a, k] = (
                            cross[i, a, 0] * inv[0, k]
                            + cross[i, a, 1] * inv[1, k]
                            + cross[i, a, 2] * inv[2, k]
                        )
            for i in range(n_seen):
                at_i = pose_at[seen[i]]
                for a in range(6):
                    g0, g1, g2 = gain[i, a, 0], gain[i, a, 1], gain[i, a, 2]
                    b[at_i + a] -= g0 * bl[0] + g1 * bl[1] + g2 * bl[2]
                for k in range(n_seen):
                    at_k = pose_at[seen[k]]
                    if at_k > at_i:
                        continue
                    n_blocks += 1
                    for a in range(6):
                        g0, g1, g2 = gain[i, a, 0], gain[i, a, 1], gain[i, a, 2]
                        row = (at_i + a) * (at_i + a + 1) // 2 + at_k
                        last = a + 1 if i == k else 6
                        for e in range(last):
                            H[row + e] -= (
                                g0 * cross[k, e, 0] + g1 * cross[k, e, 1] + g2 * cross[k, e, 2]
                            )
    work.counts[VISION_POINTS] += n_points
    work.counts[VISION_RESIDUALS] += n_res
    work.counts[VISION_BLOCKS] += n_blocks
    work.counts[VISION_READY] += n_ready
    work.counts[VISION_LEFT] += n_left
    work.counts[VISION_FRAMES] += n_frames
    work.counts[VISION_OTHERS] += n_others
    return cost, n_points, n_res, n_blocks


@kernel
def _skew(x, y, z, out, col):
    """out[:, col:col + 3] = [x]x."""
    out[0, col], out[0, col + 1], out[0, col + 2] = 0.0, -z, y
    out[1, col], out[1, col + 1], out[1, col + 2] = z, 0.0, -x
    out[2, col], out[2, col + 1], out[2, col + 2] = -y, x, 0.0


@kernel
def _invert3(A, out):
    """Inverse of a symmetric positive (3, 3) matrix; False if it is too weak to eliminate.

    A little is added to the diagonal, so that an unknown depth does not blow up.
    """
    a, b, c = A[0, 0] + 1e-6, A[0, 1], A[0, 2]
    d, e, f = A[1, 1] + 1e-6, A[1, 2], A[2, 2] + 1e-6
    m0, m1, m2 = d * f - e * e, c * e - b * f, b * e - c * d
    det = a * m0 + b * m1 + c * m2
    if not det > 1e-18:
        return False
    s = 1.0 / det
    out[0, 0], out[0, 1], out[0, 2] = m0 * s, m1 * s, m2 * s
    out[1, 0], out[1, 1], out[1, 2] = m1 * s, (a * f - c * c) * s, (b * c - a * e) * s
    out[2, 0], out[2, 1], out[2, 2] = m2 * s, (b * c - a * e) * s, (a * d - b * b) * s
    return True


@kernel
def relax(slots, landmarks, ext, use, inv_sigma, limit, work):
    """One Gauss-Newton step of every landmark in `use` with the poses held.

    After a step of the reduced system this is, to first order, the back substitution of the
    eliminated landmarks, and needs none of their blocks to be kept.

    Returns:
        (landmarks, residuals).
    """
    S, L = slots.t_ns.shape[0], landmarks.id.shape[0]
    y = work.small[0, :3]
    M, c = work.small[1:5, :4], work.small[8, :4]
    Hll, inv, bl = work.small[9:12, :3], work.small[9:12, 3:6], work.small[12, :3]
    X = work.small[5:8, :3]
    n_points, n_res = 0, 0
    n_ready, n_left, n_frames = 0, 0, 0
    for host in range(S):
        if slots.t_ns[host] == 0 or slots.key[host] == 0:
            continue
        ready = False
        for m in range(L):
            if use[m] == 0 or landmarks.host[m] != host or landmarks.id[m] < 0:
                continue
            if not ready:
                relative_poses(slots, host, work.rel)
                ready = True
                n_ready += 1
            px, py, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
            Ric, pic = ext.R_imu_cam[0], ext.p_imu_cam[0]
            for a in range(3):
                y[a] = Ric[a, 0] * px + Ric[a, 1] * py + Ric[a, 2] + rho * pic[a]
                bl[a] = 0.0
                for k in range(3):
                    Hll[a, k] = 0.0
            for j in range(S):
                xy, weights = landmarks.xy[m, j], landmarks.weight[m, j]
                if weights[0] != 0:
                    n_left += 1
                elif weights[1] == 0:
                    continue
                r = work.rel[j, 0]
                now = seen_from(work.rel[j], 0, y, rho)
                loss, count = fold(ext, xy, weights, now, now, rho, inv_sigma, limit, M, c)
                if loss < 0.0:
                    continue
                n_res += count
                n_frames += 1
                for a in range(3):
                    r0, r1, r2 = r[3 * a], r[3 * a + 1], r[3 * a + 2]
                    X[a, 0] = r0 * Ric[0, 0] + r1 * Ric[1, 0] + r2 * Ric[2, 0]
                    X[a, 1] = r0 * Ric[0, 1] + r1 * Ric[1, 1] + r2 * Ric[2, 1]
                    X[a, 2] = r0 * pic[0] + r1 * pic[1] + r2 * pic[2] + r[9 + a]
                for k in range(3):
                    e = 1.0 if k == 2 else 0.0
                    c0 = M[0, 0] * X[0, k] + M[0, 1] * X[1, k] + M[0, 2] * X[2, k] + e * M[0, 3]
                    c1 = M[1, 0] * X[0, k] + M[1, 1] * X[1, k] + M[1, 2] * X[2, k] + e * M[1, 3]
                    c2 = M[2, 0] * X[0, k] + M[2, 1] * X[1, k] + M[2, 2] * X[2, k] + e * M[2, 3]
                    c3 = M[3, 0] * X[0, k] + M[3, 1] * X[1, k] + M[3, 2] * X[2, k] + e * M[3, 3]
                    for a in range(3):
                        Hll[a, k] += X[0, a] * c0 + X[1, a] * c1 + X[2, a] * c2
                    Hll[2, k] += c3
                    bl[k] += X[0, k] * c[0] + X[1, k] * c[1] + X[2, k] * c[2] + e * c[3]
            if not _invert3(Hll, inv):
                continue
            n_points += 1
            for a in range(3):
                step = inv[a, 0] * bl[0] + inv[a, 1] * bl[1] + inv[a, 2] * bl[2]
                landmarks.point[m, a] -= step
            # A depth must stay in front: pull it back to the far end instead of behind.
            landmarks.point[m, 2] = max(landmarks.point[m, 2], 1e-4)
    work.counts[RELAX_READY] += n_ready
    work.counts[RELAX_LEFT] += n_left
    work.counts[RELAX_FRAMES] += n_frames
    return n_points, n_res
