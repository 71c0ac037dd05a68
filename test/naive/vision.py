"""Reprojection as in a textbook: metric points, numeric Jacobians, one dense system.

Full coordinates: 15 entries per slot, the calibration, then 3 per landmark (x, y, inverse depth).
"""

import numpy as np
from naive.derivative import jacobian
from naive.imu_factor import plus, size, state, state_lin

TINY = 1e-6  # the kernels' addition to the diagonal of a landmark's block


def observations(landmarks, m, step):
    """(slot, camera, x, y, weight) of landmark m: the one place that knows the table.

    Args:
        step: (2,) of a stored coordinate and of a stored weight, as in Extrinsics.
    """
    xy = landmarks.xy[m].astype(float) * step[0]
    weight = landmarks.weight[m].astype(float) * step[1]
    return [(s, c, *xy[s, c], weight[s, c]) for s, c in zip(*np.nonzero(weight))]


def camera_poses(x, ext, origin):
    """[(R_cam_world, centre)] of both cameras of a state about an origin."""
    turned = [(ext.R_imu_cam[c].T @ x[0].T, x[0] @ ext.p_imu_cam[c]) for c in range(2)]
    return [(R, x[1] - origin + p) for R, p in turned]


def stand(cam, point):
    """The landmark from the origin, times its inverse depth; `cam` is cam0 of its host."""
    ray = np.array([point[0], point[1], 1.0])
    return point[2] * (cam[0].T @ ray / point[2] + cam[1])


def view(cam, Y, rho):
    """The point Y / rho in a camera, times rho."""
    return rho * (cam[0] @ (Y / rho - cam[1]))


def in_camera(host, x, ext, cam, point):
    """Metric point in camera `cam` of state x; the point lives in cam0 of state `host`."""
    ray = np.array([point[0], point[1], 1.0]) / point[2]
    world = host[0] @ (ext.R_imu_cam[0] @ ray + ext.p_imu_cam[0]) + host[1]
    return ext.R_imu_cam[cam].T @ (x[0].T @ (world - x[1]) - ext.p_imu_cam[cam])


def residual(host, x, ext, cam, point, obs, inv_sigma):
    q = in_camera(host, x, ext, cam, point)
    return (q[:2] / q[2] - obs[:2]) * obs[2] * inv_sigma


def huber(squared, limit):
    """(weight, cost): quadratic inside, linear outside."""
    s = np.sqrt(squared)
    return min(1.0, limit / max(s, 1e-300)), s * s if s <= limit else limit * (2 * s - limit)


def gather(now, lin, obs, now_Y, lin_Y, rho, inv_sigma, limit):
    """(M, c, cost, count) of both cameras' rows of one frame on (Y, rho), by differences.

    Args:
        now, lin: cameras of the frame. obs: (2, 3) x, y, weight; weight 0 = not seen.
    """
    M, c, cost, count = np.zeros((4, 4)), np.zeros(4), 0.0, 0
    for cam in range(2):
        if obs[cam, 2] == 0:
            continue

        def rows(z, place, cam=cam):
            q = view(place[cam], z[:3], z[3])
            return (q[:2] / q[2] - obs[cam, :2]) * obs[cam, 2] * inv_sigma

        r, at = rows(np.append(now_Y, rho), now), np.append(lin_Y, rho)
        G = jacobian(lambda d, rows=rows, at=at: rows(at + d, lin), 4)
        w, loss = huber(r @ r, limit)
        M, c, cost, count = M + w * G.T @ G, c + w * G.T @ r, cost + loss, count + 1
    return M, c, cost, count


def root(M, c, D):
    """(F, z, L) of a landmark's form on (Y, rho) and D = d(Y, rho) / d(x, y, rho)."""
    L = np.linalg.cholesky(D.T @ M @ D + TINY * np.eye(3))
    F = D @ np.linalg.inv(L).T
    return F, F.T @ c, L


def build(slots, landmarks, ext, use, inv_sigma, limit):
    """(H, b, cost, landmarks, residuals) of all observations in full coordinates."""
    first = size(slots)
    n = first + 3 * landmarks.id.size
    H, b, cost, n_res = np.zeros((n, n)), np.zeros(n), 0.0, 0
    rows = np.flatnonzero(use)
    for m in rows:
        h, point = int(landmarks.host[m]), landmarks.point[m].astype(float)
        at_m = np.arange(first + 3 * m, first + 3 * m + 3)
        for j, cam, *obs in observations(landmarks, m, ext.step):
            now_h, now_j, obs = state(slots, h), state(slots, j), np.array(obs)
            r = residual(now_h, now_j, ext, cam, point, obs, inv_sigma)
            lin_h, lin_j = state_lin(slots, h), state_lin(slots, j)

            def moved(d, lin_h=lin_h, lin_j=lin_j, cam=cam, point=point, obs=obs, one=h == j):
                d_h, d_j = np.zeros(15), np.zeros(15)
                d_h[:6], d_j[:6] = d[:6], d[6:12]
                host = plus(lin_h, d_h)
                x = host if one else plus(lin_j, d_j)
                return residual(host, x, ext, cam, point + d[12:], obs, inv_sigma)

            J = jacobian(moved, 15)
            at = np.concatenate([np.arange(15 * s, 15 * s + 6) for s in (h, j)] + [at_m])
            w, loss = huber(r @ r, limit)
            # a host that sees itself appears twice in `at`
            np.add.at(H, np.ix_(at, at), w * J.T @ J)
            np.add.at(b, at, w * J.T @ r)
            cost, n_res = cost + loss, n_res + 1
    return H, b, cost, rows.size, n_res


def eliminate(H, b, gone, kept):
    """Dense Schur complement: (H, b) over `kept` without `gone`."""
    G = np.linalg.solve(H[np.ix_(gone, gone)], H[np.ix_(gone, kept)])
    return H[np.ix_(kept, kept)] - H[np.ix_(kept, gone)] @ G, b[kept] - G.T @ b[gone]


def linearise(slots, landmarks, ext, use, inv_sigma, limit, kept):
    """Reduced system over the full indices `kept`: (H, b, cost, landmarks, residuals)."""
    H, b, cost, n_points, n_res = build(slots, landmarks, ext, use, inv_sigma, limit)
    first = size(slots)
    gone = [first + 3 * m + k for m in np.flatnonzero(use) for k in range(3)]
    H[gone, gone] += TINY
    H, b = eliminate(H, b, gone, kept)
    return H, b, cost, n_points, n_res


def seen_in(landmarks, m):
    """Slots in which a camera sees landmark m."""
    return {int(s) for s in np.flatnonzero(landmarks.weight[m].any(axis=1))}


def blocks(landmarks, use, present):
    """6x6 blocks on and below the diagonal that the elimination updates, landmark by landmark.

    Args:
        present: (S,) first row of each pose, -1 = not in the system. Rows are whole: a pose that
            does not see the landmark is in those of later ones.
    """
    total, row = 0, np.argsort(np.argsort(present))
    for m in np.flatnonzero(use):
        seen = {int(landmarks.host[m])} | seen_in(landmarks, m)
        rows = [row[s] for s in seen if present[s] >= 0]
        total += sum(r - min(rows) + 1 for r in rows)
    return total


def relax(slots, landmarks, ext, use, inv_sigma, limit):
    """Points (M, 3) after one Gauss-Newton step of each with the poses held."""
    points = landmarks.point.astype(float)
    for m in np.flatnonzero(use):
        h, H, b = state(slots, int(landmarks.host[m])), TINY * np.eye(3), np.zeros(3)
        for j, cam, *obs in observations(landmarks, m, ext.step):
            x, obs = state(slots, j), np.array(obs)
            f = lambda d: residual(h, x, ext, cam, points[m] + d, obs, inv_sigma)  # noqa
            J, r = jacobian(f, 3), f(np.zeros(3))
            w, _ = huber(r @ r, limit)
            H, b = H + w * J.T @ J, b + w * J.T @ r
        points[m] -= np.linalg.solve(H, b)
    return points
