"""Gauss-Newton on the dense system of poses, motions and landmarks together."""

import numpy as np
from naive.imu_factor import linearise_motion, plus, size, state
from naive.prior import linearise_prior
from naive.vision import TINY, build


def full_layout(slots, order):
    """Full coordinates in row order: older motions, poses in time order, the newest motion."""
    motions = [15 * int(s) + k for s in order[:-1] if slots.motion[s] for k in range(6, 15)]
    poses = [15 * int(s) + k for s in order for k in range(6)]
    newest = [15 * int(order[-1]) + k for k in range(6, 15 if slots.motion[order[-1]] else 6)]
    return motions + poses + newest + list(range(15 * slots.t_ns.size, size(slots)))


def sync_lin(slots):
    """Linearisation points of the free slots are where the slots are."""
    free = (slots.t_ns != 0) & (slots.fixed == 0)
    for now, lin in ("R", "R_lin"), ("p", "p_lin"), ("v", "v_lin"), ("bias", "bias_lin"):
        getattr(slots, lin)[free] = getattr(slots, now)[free]


def retract(slots, d):
    """Apply a step in full coordinates."""
    for s in np.flatnonzero(slots.t_ns):
        x = plus(state(slots, s), d[15 * s : 15 * s + 15])
        slots.R[s], slots.p[s], slots.v[s], slots.bias[s] = x
    slots.calibration[:] += d[15 * slots.t_ns.size : size(slots)]


def assemble(slots, order, landmarks, pre, ext, prior, factor, use, p):
    """(H, b, cost) of everything in full coordinates; `prior` is dense or None."""
    H, b, cost, _, _ = build(slots, landmarks, ext, use, p["inv_sigma"], p["limit"])
    n = size(slots)
    Hm, bm = np.zeros((n, n)), np.zeros(n)
    c, _ = linearise_motion(
        slots, pre, order, p["gravity"], p["walk"], p["still_sigma"], factor, Hm, bm
    )
    cost += c
    if prior is not None:
        Hp, bp, c = linearise_prior(slots, *prior)
        Hm, bm, cost = Hm + Hp, bm + bp, cost + c
    H[:n, :n] += Hm
    b[:n] += bm
    return H, b, cost


def optimise(slots, order, landmarks, pre, ext, prior, factor, use, p, iterations):
    """Iterate full dense steps; returns the cost before each."""
    n, costs = size(slots), []
    points = [n + 3 * m + k for m in np.flatnonzero(use) for k in range(3)]
    for _ in range(iterations):
        sync_lin(slots)
        H, b, cost = assemble(slots, order, landmarks, pre, ext, prior, factor, use, p)
        costs.append(cost)
        H[points, points] += TINY
        at = full_layout(slots, order) + points
        d = np.zeros(len(b))
        d[at] = np.linalg.solve(H[np.ix_(at, at)], -b[at])
        retract(slots, d)
        landmarks.point[:] += d[n:].reshape(-1, 3)
    return costs
