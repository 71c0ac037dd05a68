"""Sliding window: prior, inertial factors, vision, solver, marginalisation."""

from vio.energy.actions import Op, Work
from vio.energy.memory import indexed, resident, reused

A, M, D, R = Op.ADD_F64, Op.MUL_F64, Op.DIV_F64, Op.SQRT_F64


def uses(plan) -> list:
    """Accesses of every stage of the window."""
    small, H = plan.size("work.small"), plan.size("system.H")
    out = [
        indexed("vision", "landmarks.obs", "residuals", reads=6, record=3),
        indexed("vision", "landmarks.point", "landmarks", reads=3, record=3),
        resident("vision", "work.rel", "residuals", reads=24, size=plan.size("work.rel")),
        resident("vision", "work.small", "residuals", reads=250, writes=100, size=small),
        resident("vision", "work.gain", "schur_blocks", reads=18, size=plan.size("work.gain")),
        resident("vision", "work.cross", "schur_blocks", reads=18, size=plan.size("work.cross")),
        indexed("vision", "system.H", "schur_blocks", reads=36, writes=36, record=6),
        indexed("vision", "system.H", "residuals", reads=40, writes=40, record=6),
        indexed("relax", "landmarks.obs", "cost_residuals", reads=4, record=3),
        resident("relax", "work.small", "cost_residuals", reads=150, writes=70, size=small),
        resident("inertial", "work.small", "imu_factors", reads=16000, writes=1600, size=small),
        indexed("inertial", "system.H", "imu_factors", reads=465, writes=465, record=15),
        indexed("inertial", "preintegrated.whiten", "imu_factors", reads=1395, record=9),
    ]
    for stage, kind, tensor in (
        ("solve", "solve_dim", "system.H"), ("marginalise", "marginalise_dim", "system.H"),
        ("prior", "prior_rows", "prior.L"),
    ):  # fmt: skip
        third = f"{kind}3"
        whole = plan.size(tensor)
        out += [
            reused(stage, tensor, third, reads=1 / 3, run=8, steps=[(whole, 0, 0)]),
            reused(stage, tensor, f"{kind}2", reads=2, writes=1, run=8, steps=[(whole, 1, 0.5)]),
        ]
    return out + [
        reused(
            "prior", "system.H", "prior_rows2", reads=0.5, writes=0.5, run=1, steps=[(H, 0.5, 0.5)]
        )
    ]  # noqa: E501


def work(plan) -> list:
    """Arithmetic per event."""
    return [
        Work("vision", "residuals", {M: 150, A: 130, D: 3, R: 0.3}),
        Work("vision", "landmarks", {M: 60, A: 40, D: 1}),
        Work("vision", "schur_blocks", {M: 108, A: 108}),
        Work("relax", "cost_residuals", {M: 100, A: 90, D: 3}),
        Work("inertial", "imu_factors", {M: 16000, A: 16000, D: 30, R: 10}),
        Work("solve", "solve_dim3", {M: 1 / 6, A: 1 / 6}),
        Work("solve", "solve_dim2", {M: 2, A: 2, D: 0.5}),
        Work("solve", "solve_dim", {R: 1, D: 2}),
        Work("marginalise", "marginalise_dim3", {M: 1 / 6, A: 1 / 6}),
        Work("marginalise", "marginalise_dim2", {M: 1, A: 1, D: 0.5}),
        Work("prior", "prior_rows3", {M: 1 / 6, A: 1 / 6}),
        Work("prior", "prior_rows2", {M: 1, A: 1}),
    ]
