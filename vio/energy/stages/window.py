"""Sliding window: the models of its stages, put together."""

from vio.energy.stages import inertial, landmarks, leaving, solver, state, vision

PARTS = landmarks, state, leaving, inertial, vision


def uses(plan) -> list:
    """Accesses of every stage of the window."""
    return [use for m in (*PARTS, solver) for use in m.model(plan)]


def work(plan) -> list:
    """Arithmetic of every stage of the window."""
    out = [item for m in PARTS for item in m.work(plan)]
    return out + solver.work("solve", "solve_dim", "solve_dim2", "solve_dim3")
