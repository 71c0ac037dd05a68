"""A landmark as the cameras of the window see it: residuals folded frame by frame.

A landmark (x, y, rho) of cam0 of its host stands, times its inverse depth rho, at
    Y = R_world_cam0 (x, y, 1) + rho c_host
from an origin near the window, c being centres of cameras from the same origin. Camera c sees
    q = R_cam_world (Y - rho c),      residual = (q_xy / q_z - measured) * weight / sigma
All cameras share (Y, rho), so the rows g of a frame fold into one 4x4 form on it, M = sum of
w g g^T and c = sum of w g r. Residuals are taken at the current state, Jacobians at the fixed
linearisation point where a slot has one (first-estimate Jacobians, Huang et al., IJRR 2010).
"""

import math

from vio._jit import kernel

FORM = 14
"""Numbers of a folded frame: M upper by rows (10), then c (4)."""


@kernel
def camera_poses(slots, ext, states, cams):
    """Cameras of every frame in the world.

    Args:
        states: 1 for the current states, 2 for the linearisation points as well.
        cams: (S, 2, 2, 12) out, [slot, now or lin, camera]: R_cam_world row by row, then the
            centre [m] from the position of the slot returned.

    Returns:
        the slot that is the origin, -1 in an empty window.
    """
    origin = -1
    for j in range(slots.t_ns.shape[0]):
        if slots.t_ns[j] == 0:
            continue
        if origin < 0:
            origin = j
        for at in range(states):
            R, p = (slots.R[j], slots.p[j]) if at == 0 else (slots.R_lin[j], slots.p_lin[j])
            for cam in range(2):
                Rc, pc = ext.R_cam_imu[cam], ext.p_imu_cam[cam]
                for a in range(3):
                    for b in range(3):
                        cams[j, at, cam, 3 * a + b] = (
                            Rc[a, 0] * R[b, 0] + Rc[a, 1] * R[b, 1] + Rc[a, 2] * R[b, 2]
                        )
                    turned = R[a, 0] * pc[0] + R[a, 1] * pc[1] + R[a, 2] * pc[2]
                    cams[j, at, cam, 9 + a] = p[a] - slots.p[origin, a] + turned
    return origin


@kernel
def huber(squared, limit):
    """Weight of the Huber loss and its cost for a squared residual, both per rho(s) = s inside."""
    if squared <= limit * limit:
        return 1.0, squared
    norm = math.sqrt(squared)
    return limit / norm, 2.0 * limit * norm - limit * limit


@kernel
def stand(cams, host, at, x, y, rho):
    """Y of a landmark; `at` is 0 for the current state of its host, 1 for lin."""
    return (
        cams[host, at, 0, 0] * x + cams[host, at, 0, 3] * y + cams[host, at, 0, 6]
        + rho * cams[host, at, 0, 9],
        cams[host, at, 0, 1] * x + cams[host, at, 0, 4] * y + cams[host, at, 0, 7]
        + rho * cams[host, at, 0, 10],
        cams[host, at, 0, 2] * x + cams[host, at, 0, 5] * y + cams[host, at, 0, 8]
        + rho * cams[host, at, 0, 11],
    )  # fmt: skip


@kernel
def place(landmarks, cams, m):
    """(Y, inverse depth) of landmark m at the current state of its host."""
    x, y, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
    return stand(cams, landmarks.host[m], 0, x, y, rho), rho


@kernel
def view(cams, j, at, cam, Y, rho):
    """q: a landmark in a camera, times rho."""
    x = Y[0] - rho * cams[j, at, cam, 9]
    y = Y[1] - rho * cams[j, at, cam, 10]
    z = Y[2] - rho * cams[j, at, cam, 11]
    return (
        cams[j, at, cam, 0] * x + cams[j, at, cam, 1] * y + cams[j, at, cam, 2] * z,
        cams[j, at, cam, 3] * x + cams[j, at, cam, 4] * y + cams[j, at, cam, 5] * z,
        cams[j, at, cam, 6] * x + cams[j, at, cam, 7] * y + cams[j, at, cam, 8] * z,
    )


@kernel
def gather(weights, xy, cams, lin, now_Y, lin_Y, rho, step, inv_sigma, limit, folds, seen):
    """Fold both cameras' residuals of one landmark, frame by frame, to quadratic forms on (Y, rho).

    A frame in which a camera has the point behind it is left out.

    Args:
        weights, xy: (S, 2), (S, 2, 2) its stored observations. step: (2,) of Extrinsics.
        lin: 1 for Jacobians at the linearisation point, 0 at the current state.
        now_Y, lin_Y: Y at the current state and at `lin`.
        folds: (S + 1, 14) out: sum of w g g^T, upper by rows, and of w g r; first of all frames,
            then of each. seen: (S,) out: slots of the frames.

    Returns:
        (cost, residuals, frames).
    """
    cost, residuals, n = 0.0, 0, 0
    for k in range(FORM):
        folds[0, k] = 0.0
    for j in range(weights.shape[0]):
        left, right = weights[j, 0], weights[j, 1]
        if left == 0 and right == 0:
            continue
        m00, m01, m02, m03, m11, m12, m13 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        m22, m23, m33, c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        loss, count = 0.0, 0
        for cam in range(2):
            stored = right if cam else left
            if stored == 0:
                continue
            weight = stored * step[1] * inv_sigma
            qx, qy, qz = view(cams, j, 0, cam, now_Y, rho)
            if qz < 0.02:
                count = -1
                break
            iz = 1.0 / qz
            px, py = qx * iz, qy * iz
            ru = (px - xy[j, cam, 0] * step[0]) * weight
            rv = (py - xy[j, cam, 1] * step[0]) * weight
            w, part = huber(ru * ru + rv * rv, limit)
            loss += part
            count += 1
            at = 0
            if lin:
                at = 1
                qx, qy, qz = view(cams, j, 1, cam, lin_Y, rho)
                iz = 1.0 / qz
                px, py = qx * iz, qy * iz
            iz *= weight
            x, y, z = cams[j, at, cam, 9], cams[j, at, cam, 10], cams[j, at, cam, 11]
            r0, r1, r2 = cams[j, at, cam, 6], cams[j, at, cam, 7], cams[j, at, cam, 8]
            u0 = iz * (cams[j, at, cam, 0] - px * r0)
            u1 = iz * (cams[j, at, cam, 1] - px * r1)
            u2 = iz * (cams[j, at, cam, 2] - px * r2)
            u3 = -(u0 * x + u1 * y + u2 * z)
            v0 = iz * (cams[j, at, cam, 3] - py * r0)
            v1 = iz * (cams[j, at, cam, 4] - py * r1)
            v2 = iz * (cams[j, at, cam, 5] - py * r2)
            v3 = -(v0 * x + v1 * y + v2 * z)
            a, b = w * u0, w * v0
            m00 += a * u0 + b * v0
            m01 += a * u1 + b * v1
            m02 += a * u2 + b * v2
            m03 += a * u3 + b * v3
            c0 += a * ru + b * rv
            a, b = w * u1, w * v1
            m11 += a * u1 + b * v1
            m12 += a * u2 + b * v2
            m13 += a * u3 + b * v3
            c1 += a * ru + b * rv
            a, b = w * u2, w * v2
            m22 += a * u2 + b * v2
            m23 += a * u3 + b * v3
            c2 += a * ru + b * rv
            a, b = w * u3, w * v3
            m33 += a * u3 + b * v3
            c3 += a * ru + b * rv
        if count < 0:
            continue
        cost += loss
        residuals += count
        seen[n] = j
        n += 1
        form = folds[n]
        form[0], form[1], form[2], form[3], form[4], form[5] = m00, m01, m02, m03, m11, m12
        form[6], form[7], form[8], form[9], form[10], form[11] = m13, m22, m23, m33, c0, c1
        form[12], form[13] = c2, c3
        for k in range(FORM):
            folds[0, k] += form[k]
    return cost, residuals, n


@kernel
def root(cams, host, lin, form, out):
    """Square root of the information on a landmark: V = D^T M D + tiny = L L^T.

    D = d(Y, rho) / d(x, y, rho) = [a b c; 0 0 1]. Then K = D V^-1 D^T = F F^T with F = D L^-T.

    Args:
        form: (14,) its frames' sum. out: (19,): columns of F (the last entry of the third is
            out[9], of the others 0), z = F^T c (3), L by rows (6).

    Returns:
        False if too little is known to eliminate it. A little is added to the diagonal, so that
        an unknown depth does not blow up.
    """
    a0, a1, a2 = cams[host, lin, 0, 0], cams[host, lin, 0, 1], cams[host, lin, 0, 2]
    b0, b1, b2 = cams[host, lin, 0, 3], cams[host, lin, 0, 4], cams[host, lin, 0, 5]
    c0, c1, c2 = cams[host, lin, 0, 9], cams[host, lin, 0, 10], cams[host, lin, 0, 11]
    m00, m01, m02, m03, m11, m12 = form[0], form[1], form[2], form[3], form[4], form[5]
    m13, m22, m23, m33 = form[6], form[7], form[8], form[9]
    x0, x1, x2 = (
        m00 * a0 + m01 * a1 + m02 * a2,
        m01 * a0 + m11 * a1 + m12 * a2,
        m02 * a0 + m12 * a1 + m22 * a2,
    )
    v00 = a0 * x0 + a1 * x1 + a2 * x2 + 1e-6
    v10 = b0 * x0 + b1 * x1 + b2 * x2
    v20 = c0 * x0 + c1 * x1 + c2 * x2 + m03 * a0 + m13 * a1 + m23 * a2
    x0, x1, x2 = (
        m00 * b0 + m01 * b1 + m02 * b2,
        m01 * b0 + m11 * b1 + m12 * b2,
        m02 * b0 + m12 * b1 + m22 * b2,
    )
    v11 = b0 * x0 + b1 * x1 + b2 * x2 + 1e-6
    v21 = c0 * x0 + c1 * x1 + c2 * x2 + m03 * b0 + m13 * b1 + m23 * b2
    x0, x1, x2 = (
        m00 * c0 + m01 * c1 + m02 * c2 + 2.0 * m03,
        m01 * c0 + m11 * c1 + m12 * c2 + 2.0 * m13,
        m02 * c0 + m12 * c1 + m22 * c2 + 2.0 * m23,
    )
    v22 = c0 * x0 + c1 * x1 + c2 * x2 + m33 + 1e-6
    d0 = v00
    l10 = v10 / d0
    d1 = v11 - l10 * v10
    l21 = (v21 - v20 * l10) / d1
    d2 = v22 - v20 * v20 / d0 - l21 * l21 * d1
    if not (d0 > 0.0 and d1 > 0.0 and d2 > 0.0 and d0 * d1 * d2 > 1e-18):
        return False
    l00, l11, l22 = math.sqrt(d0), math.sqrt(d1), math.sqrt(d2)
    l10, l20, l21 = v10 / l00, v20 / l00, l21 * l11
    i0, i1, i2 = 1.0 / l00, 1.0 / l11, 1.0 / l22
    f0, f1, f2 = a0 * i0, a1 * i0, a2 * i0
    g0, g1, g2 = (b0 - l10 * f0) * i1, (b1 - l10 * f1) * i1, (b2 - l10 * f2) * i1
    h0 = (c0 - l20 * f0 - l21 * g0) * i2
    h1 = (c1 - l20 * f1 - l21 * g1) * i2
    h2 = (c2 - l20 * f2 - l21 * g2) * i2
    out[0], out[1], out[2], out[3], out[4], out[5] = f0, f1, f2, g0, g1, g2
    out[6], out[7], out[8], out[9] = h0, h1, h2, i2
    s0, s1, s2, s3 = form[10], form[11], form[12], form[13]
    out[10] = f0 * s0 + f1 * s1 + f2 * s2
    out[11] = g0 * s0 + g1 * s1 + g2 * s2
    out[12] = h0 * s0 + h1 * s1 + h2 * s2 + i2 * s3
    out[13], out[14], out[15], out[16], out[17], out[18] = l00, l10, l11, l20, l21, l22
    return True
