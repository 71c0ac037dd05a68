"""Reprojection: landmarks are eliminated one by one, only blocks of poses are ever stored.

With poses moved about the origin of `sight.py` (turn theta and shift v of the world) a landmark
depends on frame j and its host h as
    d(Y, rho) = E (xi_h - xi_j),  E = [-[Y]x  rho I],  xi = (theta, v)
with the same E for all frames. So what a landmark adds is E^T (.) E of 3x3 matrices, rows of its
host are minus the sum of the others', and frames of one host share sums. The whole is turned to
the states' own coordinates (R Exp(theta_body), p + dp) once at the end:
    theta = R theta_body,  v = dp + [p]x R theta_body.
"""

from vio._jit import kernel
from vio.events import AT
from vio.window.sight import camera_poses, gather, root, stand


@kernel
def linearise(tables, inv_sigma, limit):
    """Write the reduced vision system of the landmarks in `work.use` over a system of zeros.

    Args:
        tables: Tables. Poses stand side by side in the system, in any order; slots with
            pose_at = -1 are constants.
        inv_sigma: 1 / pixel noise [1/px]. limit: Huber threshold [sigma].

    Returns:
        (cost, landmarks, residuals, 6x6 blocks updated by the elimination).
    """
    slots, landmarks, work, system = tables.slots, tables.landmarks, tables.work, tables.system
    cost, n_points, n_res, n_blocks, n_frames = 0.0, 0, 0, 0, 0
    n_others, n_span, n_hosts, n_pairs, scans, tests = 0, 0, 0, 0, 0, 0
    origin = camera_poses(slots, tables.ext, 2, work.cams)
    base = first_pose(system.pose_at)
    for host in range(slots.t_ns.shape[0]):
        if slots.t_ns[host] == 0 or slots.key[host] == 0:
            continue
        hosted = 0
        scans += 1
        for m in range(landmarks.id.shape[0]):
            if work.use[m] == 0:
                continue
            tests += 1
            if landmarks.host[m] != host:
                continue
            if hosted == 0:
                work.panel[: 27 * work.seen.shape[0]] = 0.0
            hosted += 1
            x, y, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
            now, lin = stand(work.cams, host, 0, x, y, rho), stand(work.cams, host, 1, x, y, rho)
            loss, residuals, frames = gather(
                landmarks.weight[m], landmarks.xy[m], work.cams, 1, now, lin, rho,
                tables.ext.step, inv_sigma, limit, work.folds, work.seen,
            )  # fmt: skip
            n_res += residuals
            n_frames += frames
            if not root(work.cams, host, 1, work.folds[0], work.root):
                continue
            cost += loss
            others, span, blocks = eliminate(
                system.H, system.pose_at, base, host, lin, rho, frames, work.seen, work.folds,
                work.root, work.gain, work.panel,
            )  # fmt: skip
            n_others += others
            n_span += span
            n_blocks += blocks
        if hosted:
            n_hosts += 1
            n_pairs += add_pairs(system, work.panel, host)
        n_points += hosted
    poses, turned = to_body(slots, system, origin, work.cams, work.block)
    work.counts[AT.vision_points] += n_points
    work.counts[AT.vision_residuals] += n_res
    work.counts[AT.vision_blocks] += n_blocks
    work.counts[AT.vision_frames] += n_frames
    work.counts[AT.vision_others] += n_others
    work.counts[AT.vision_span] += n_span
    work.counts[AT.vision_hosts] += n_hosts
    work.counts[AT.vision_pairs] += n_pairs
    work.counts[AT.vision_poses] += poses
    work.counts[AT.vision_turned] += turned
    work.counts[AT.hosts_scanned] += scans
    work.counts[AT.host_tests] += tests
    return cost, n_points, n_res, n_blocks


@kernel
def first_pose(pose_at):
    """Least row of a pose, 0 without any."""
    base = -1
    for s in range(pose_at.shape[0]):
        at = pose_at[s]
        if at >= 0 and (base < 0 or at < base):
            base = at
    return max(base, 0)


@kernel
def eliminate(H, pose_at, base, host, Y, rho, frames, seen, folds, f, gain, pair):
    """Take a landmark out of the system: its frames' forms less their Schur complement.

    Poses between the first and the last that see it are filled with zeros: rows stay whole.

    Args:
        base: first row of a pose. Y: at lin. frames: in `seen`, their forms in `folds` from 1.
        f: of `root`. gain: (3, 6 S) scratch. pair: (27 S,) see `add_pairs`, added to.

    Returns:
        (frames other than the host, poses filled, 6x6 blocks updated).
    """
    f0, f1, f2, g0, g1, g2 = f[0], f[1], f[2], f[3], f[4], f[5]
    h0, h1, h2, h3, z0, z1, z2 = f[6], f[7], f[8], f[9], f[10], f[11], f[12]
    y0, y1, y2 = Y
    low, high = pose_at[host], pose_at[host]
    for k in range(frames):
        at = pose_at[seen[k]]
        if at >= 0:
            low = at if low < 0 or at < low else low
            high = max(high, at)
    low -= base
    span = high - base - low + 6 if high >= 0 else 0
    for q in range(3):
        for k in range(span):
            gain[q, low + k] = 0.0
    others = 0
    h_at = pose_at[host] - base
    for k in range(frames):
        j = seen[k]
        if j == host:
            continue
        others += 1
        p = 27 * j
        m00, m01, m02, m03 = folds[k + 1, 0], folds[k + 1, 1], folds[k + 1, 2], folds[k + 1, 3]
        m11, m12, m13 = folds[k + 1, 4], folds[k + 1, 5], folds[k + 1, 6]
        m22, m23 = folds[k + 1, 7], folds[k + 1, 8]
        # A = M F, the rest of c, both on Y
        a0, a1, a2 = (
            m00 * f0 + m01 * f1 + m02 * f2,
            m01 * f0 + m11 * f1 + m12 * f2,
            m02 * f0 + m12 * f1 + m22 * f2,
        )
        b0, b1, b2 = (
            m00 * g0 + m01 * g1 + m02 * g2,
            m01 * g0 + m11 * g1 + m12 * g2,
            m02 * g0 + m12 * g1 + m22 * g2,
        )
        c0, c1, c2 = (
            m00 * h0 + m01 * h1 + m02 * h2 + m03 * h3,
            m01 * h0 + m11 * h1 + m12 * h2 + m13 * h3,
            m02 * h0 + m12 * h1 + m22 * h2 + m23 * h3,
        )
        e0 = folds[k + 1, 10] - (a0 * z0 + b0 * z1 + c0 * z2)
        e1 = folds[k + 1, 11] - (a1 * z0 + b1 * z1 + c1 * z2)
        e2 = folds[k + 1, 12] - (a2 * z0 + b2 * z1 + c2 * z2)
        # E^T M E, lower by rows, and E^T e
        u00, u01, u02 = y1 * m02 - y2 * m01, y1 * m12 - y2 * m11, y1 * m22 - y2 * m12
        u10, u11, u12 = y2 * m00 - y0 * m02, y2 * m01 - y0 * m12, y2 * m02 - y0 * m22
        u20, u21, u22 = y0 * m01 - y1 * m00, y0 * m11 - y1 * m01, y0 * m12 - y1 * m02
        square = rho * rho
        pair[p + 0] += y1 * u02 - y2 * u01
        pair[p + 1] += y1 * u12 - y2 * u11
        pair[p + 2] += y2 * u10 - y0 * u12
        pair[p + 3] += y1 * u22 - y2 * u21
        pair[p + 4] += y2 * u20 - y0 * u22
        pair[p + 5] += y0 * u21 - y1 * u20
        pair[p + 6] += rho * u00
        pair[p + 7] += rho * u10
        pair[p + 8] += rho * u20
        pair[p + 9] += square * m00
        pair[p + 10] += rho * u01
        pair[p + 11] += rho * u11
        pair[p + 12] += rho * u21
        pair[p + 13] += square * m01
        pair[p + 14] += square * m11
        pair[p + 15] += rho * u02
        pair[p + 16] += rho * u12
        pair[p + 17] += rho * u22
        pair[p + 18] += square * m02
        pair[p + 19] += square * m12
        pair[p + 20] += square * m22
        pair[p + 21] += y1 * e2 - y2 * e1
        pair[p + 22] += y2 * e0 - y0 * e2
        pair[p + 23] += y0 * e1 - y1 * e0
        pair[p + 24] += rho * e0
        pair[p + 25] += rho * e1
        pair[p + 26] += rho * e2
        at = pose_at[j] - base
        inside = pose_at[j] >= 0
        _spread(gain, 0, at, inside, h_at, y0, y1, y2, rho, a0, a1, a2)
        _spread(gain, 1, at, inside, h_at, y0, y1, y2, rho, b0, b1, b2)
        _spread(gain, 2, at, inside, h_at, y0, y1, y2, rho, c0, c1, c2)
    blocks = _subtract(H, gain, pose_at[host], base, low, span) if h_at >= 0 else 0
    for k in range(frames):
        j = seen[k]
        at = pose_at[j]
        if j != host and at >= 0:
            blocks += _subtract(H, gain, at, base, low, span)
    return others, span // 6, blocks


@kernel
def _spread(gain, q, at, inside, h_at, y0, y1, y2, rho, a, b, c):
    """Column q of E^T A for one frame, and its opposite for the host."""
    t0, t1, t2 = y1 * c - y2 * b, y2 * a - y0 * c, y0 * b - y1 * a
    a, b, c = rho * a, rho * b, rho * c
    if inside:
        gain[q, at], gain[q, at + 1], gain[q, at + 2] = t0, t1, t2
        gain[q, at + 3], gain[q, at + 4], gain[q, at + 5] = a, b, c
    if h_at >= 0:
        gain[q, h_at] -= t0
        gain[q, h_at + 1] -= t1
        gain[q, h_at + 2] -= t2
        gain[q, h_at + 3] -= a
        gain[q, h_at + 4] -= b
        gain[q, h_at + 5] -= c


@kernel
def _subtract(H, gain, at, base, low, span):
    """Six rows of H -= G G^T up to the diagonal, G from the first pose it has; returns blocks."""
    g0, g1, g2 = gain[0, low : low + span], gain[1, low : low + span], gain[2, low : low + span]
    first = at - base - low
    for a in range(6):
        row = at + a
        n = first + a + 1
        begin = row * (row + 1) // 2 + base + low
        h = H[begin : begin + n]
        x, y, z = g0[n - 1], g1[n - 1], g2[n - 1]
        for k in range(n):
            h[k] -= x * g0[k] + y * g1[k] + z * g2[k]
    return first // 6 + 1


@kernel
def add_pairs(system, pair, host):
    """Add what the landmarks of a host say directly about it and every other frame.

    Args:
        pair: (27 S,) per frame: E^T M E, lower by rows (21), and the right-hand side (6).

    Returns:
        frames that have something.
    """
    H, b, pose_at = system.H, system.b, system.pose_at
    h, pairs = pose_at[host], 0
    for s in range(pose_at.shape[0]):
        first = 27 * s
        if pair[first + 20] == 0.0:
            continue
        pairs += 1
        at = pose_at[s]
        high, low = max(at, h), min(at, h)
        for a in range(6):
            for e in range(a + 1):
                x = pair[first + a * (a + 1) // 2 + e]
                if at >= 0:
                    H[(at + a) * (at + a + 1) // 2 + at + e] += x
                if h >= 0:
                    H[(h + a) * (h + a + 1) // 2 + h + e] += x
                if low >= 0:
                    H[(high + a) * (high + a + 1) // 2 + low + e] -= x
                    if e < a:
                        H[(high + e) * (high + e + 1) // 2 + low + a] -= x
            x = pair[first + 21 + a]
            if at >= 0:
                b[at + a] -= x
            if h >= 0:
                b[h + a] += x
    return pairs


@kernel
def to_body(slots, system, origin, cams, T):
    """Turn the system from motions of the world about the origin to the states' coordinates.

    Args:
        origin: slot whose position it is. cams: (S, 2, 2, 12) overwritten. T: (6, 6) scratch.

    Returns:
        (poses in the system, blocks turned).
    """
    H, b, pose_at = system.H, system.b, system.pose_at
    S, poses = pose_at.shape[0], 0
    for s in range(S):
        at = pose_at[s]
        if at < 0:
            continue
        poses += 1
        R, P = cams[s, 0, 0], cams[s, 0, 1]  # d theta, d v / d theta_body
        x = slots.p_lin[s, 0] - slots.p[origin, 0]
        y = slots.p_lin[s, 1] - slots.p[origin, 1]
        z = slots.p_lin[s, 2] - slots.p[origin, 2]
        for k in range(3):
            r0, r1, r2 = slots.R_lin[s, 0, k], slots.R_lin[s, 1, k], slots.R_lin[s, 2, k]
            R[k], R[3 + k], R[6 + k] = r0, r1, r2
            P[k], P[3 + k], P[6 + k] = y * r2 - z * r1, z * r0 - x * r2, x * r1 - y * r0
        b0, b1, b2, b3, b4, b5 = b[at], b[at + 1], b[at + 2], b[at + 3], b[at + 4], b[at + 5]
        for k in range(3):
            b[at + k] = R[k] * b0 + R[3 + k] * b1 + R[6 + k] * b2
            b[at + k] += P[k] * b3 + P[3 + k] * b4 + P[6 + k] * b5
    turned = 0
    for i in range(S):
        at = pose_at[i]
        if at < 0:
            continue
        for j in range(S):
            to = pose_at[j]
            if 0 <= to <= at:
                turned += 1
                _turn_block(H, at, to, cams[i, 0], cams[j, 0], T)
    return poses, turned


@kernel
def _turn_block(H, at, to, left, right, T):
    """One block: T <- [R 0; P I]^T T [R 0; P I] with the matrices of its row and its column."""
    for a in range(6):
        row = (at + a) * (at + a + 1) // 2 + to
        for e in range(a + 1 if at == to else 6):
            T[a, e] = H[row + e]
            if at == to:
                T[e, a] = T[a, e]
    for a in range(6):
        t0, t1, t2, t3, t4, t5 = T[a, 0], T[a, 1], T[a, 2], T[a, 3], T[a, 4], T[a, 5]
        for e in range(3):
            x = t0 * right[0, e] + t1 * right[0, 3 + e] + t2 * right[0, 6 + e]
            T[a, e] = x + t3 * right[1, e] + t4 * right[1, 3 + e] + t5 * right[1, 6 + e]
    for e in range(6):
        t0, t1, t2, t3, t4, t5 = T[0, e], T[1, e], T[2, e], T[3, e], T[4, e], T[5, e]
        for a in range(3):
            x = t0 * left[0, a] + t1 * left[0, 3 + a] + t2 * left[0, 6 + a]
            T[a, e] = x + t3 * left[1, a] + t4 * left[1, 3 + a] + t5 * left[1, 6 + a]
    for a in range(6):
        row = (at + a) * (at + a + 1) // 2 + to
        for e in range(a + 1 if at == to else 6):
            H[row + e] = T[a, e]


@kernel
def relax(tables, inv_sigma, limit):
    """One Gauss-Newton step of every landmark in `work.use` with the poses held.

    After a step of the reduced system this is, to first order, the back substitution of the
    eliminated landmarks, and needs none of their blocks to be kept.

    Returns:
        landmarks moved.
    """
    landmarks, work = tables.landmarks, tables.work
    f = work.root
    n_points, n_used, n_res, n_frames = 0, 0, 0, 0
    camera_poses(tables.slots, tables.ext, 1, work.cams)
    for m in range(landmarks.id.shape[0]):
        if work.use[m] == 0:
            continue
        host = landmarks.host[m]
        x, y, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
        now = stand(work.cams, host, 0, x, y, rho)
        _, residuals, frames = gather(
            landmarks.weight[m], landmarks.xy[m], work.cams, 0, now, now, rho,
            tables.ext.step, inv_sigma, limit, work.folds, work.seen,
        )  # fmt: skip
        n_used += 1
        n_res += residuals
        n_frames += frames
        if not root(work.cams, host, 0, work.folds[0], f):
            continue
        n_points += 1
        # L^T step = z
        c = f[12] / f[18]
        b = (f[11] - f[17] * c) / f[15]
        a = (f[10] - f[14] * b - f[16] * c) / f[13]
        landmarks.point[m, 0] = x - a
        landmarks.point[m, 1] = y - b
        # A depth must stay in front: pull it back to the far end instead of behind.
        landmarks.point[m, 2] = max(rho - c, 1e-4)
    work.counts[AT.relaxed] += n_used
    work.counts[AT.relax_frames] += n_frames
    work.counts[AT.cost_residuals] += n_res
    return n_points
