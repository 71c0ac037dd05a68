"""Preintegration in textbook steps: matrix exponentials, and numeric Jacobians of one step."""

import numpy as np
from naive.derivative import jacobian
from scipy.spatial.transform import Rotation


def exp(w):
    return Rotation.from_rotvec(w).as_matrix()


def log(R):
    return Rotation.from_matrix(R).as_rotvec()


def sample(t_ns, gyro, accel, at_ns):
    """Rate and force at a time: straight lines between samples, held beyond the ends."""
    t = (t_ns - t_ns[0]) * 1e-9
    at = (at_ns - t_ns[0]) * 1e-9
    pick = lambda y: np.array([np.interp(at, t, y[:, k]) for k in range(3)])  # noqa: E731
    return pick(gyro), pick(accel)


def _step(state, w, f, dt):
    """(R, p, v) after `dt` at constant rate and force; attitude at its middle."""
    R, p, v = state
    a = R @ exp(0.5 * w * dt) @ f
    return R @ exp(w * dt), p + v * dt + 0.5 * a * dt * dt, v + a * dt


def minus(after, before):
    """Error [rot, pos, vel] of one state against another."""
    return np.concatenate([log(before[0].T @ after[0]), after[1] - before[1], after[2] - before[2]])


def plus(state, d):
    return state[0] @ exp(d[:3]), state[1] + d[3:6], state[2] + d[6:9]


def knots(t_ns, t0_ns, t1_ns):
    """Ends and the samples between them."""
    inside = t_ns[(t_ns > t0_ns) & (t_ns < t1_ns)]
    return np.concatenate([[t0_ns], inside, [t1_ns]]).astype(np.int64)


def preintegrate(t_ns, gyro, accel, t0_ns, t1_ns, bias, noise, limits):
    """(R, p, v, cov, J, steps, gaps, saturated) over [t0, t1]; arguments as the kernel's."""
    state = np.eye(3), np.zeros(3), np.zeros(3)
    cov, J = np.zeros((9, 9)), np.zeros((9, 6))
    steps = gaps = saturated = 0
    knot = knots(t_ns, t0_ns, t1_ns)
    for a, b in zip(knot, knot[1:]):
        left = max(np.searchsorted(t_ns, a, side="right") - 1, 0)
        right = min(np.searchsorted(t_ns, b, side="left"), len(t_ns) - 1)
        before_first, after_last = a < t_ns[0], b > t_ns[-1]
        ends = (t0_ns if before_first else t_ns[left]), (t1_ns if after_last else t_ns[right])
        gap = (ends[1] - ends[0]) * 1e-9 > limits[0]
        both = [left, right]
        over = [bool((np.abs(x[both]) >= end).any()) for x, end in zip((gyro, accel), limits[1:])]
        dt = (b - a) * 1e-9
        ga, fa = sample(t_ns, gyro, accel, a)
        gb, fb = sample(t_ns, gyro, accel, b)
        w, f = 0.5 * (ga + gb) - bias[:3], 0.5 * (fa + fb) - bias[3:]
        after = _step(state, w, f, dt)

        def moved(d, state=state, after=after, w=w, f=f, dt=dt):
            return minus(_step(plus(state, d), w, f, dt), after)

        def noisy(d, state=state, after=after, w=w, f=f, dt=dt):
            return minus(_step(state, w - d[:3], f - d[3:], dt), after)

        A, B = jacobian(moved, 9), jacobian(noisy, 6)
        wild = (gap * noise[2:] + over * limits[1:]) ** 2
        Q = np.diag(np.repeat(noise[:2] ** 2 / dt + wild, 3))
        within = np.zeros(9)  # the position that white force gains against a force held
        within[3:6] = Q[3, 3] * dt**4 * (1 / 3 - 1 / 4)
        cov, J, state = A @ cov @ A.T + B @ Q @ B.T + np.diag(within), A @ J + B, after
        steps, gaps, saturated = steps + 1, gaps + gap, saturated + any(over)
    return *state, cov, J, steps, gaps, saturated


def fine(t_ns, gyro, accel, t0_ns, t1_ns, bias, substeps=50):
    """(R, p, v) integrated in small steps over each straight piece: the continuous answer."""
    state = np.eye(3), np.zeros(3), np.zeros(3)
    knot = knots(t_ns, t0_ns, t1_ns)
    for a, b in zip(knot, knot[1:]):
        dt = (b - a) * 1e-9 / substeps
        ga, fa = sample(t_ns, gyro, accel, a)
        gb, fb = sample(t_ns, gyro, accel, b)
        for k in range(substeps):
            s = (k + 0.5) / substeps
            w, f = ga + s * (gb - ga) - bias[:3], fa + s * (fb - fa) - bias[3:]
            state = _step(state, w, f, dt)
    return state


def _whitening(cov):
    return np.linalg.inv(np.linalg.cholesky(cov))
