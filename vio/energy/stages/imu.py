"""Preintegration of inertial samples."""

from vio.energy.actions import Op, Work
from vio.energy.memory import indexed, resident


def uses(plan) -> list:
    """`preintegrate` per step."""
    size = plan.size("imu.work")
    return [
        indexed("preintegrate", "imu.gyro", "imu_samples", reads=12, record=3),
        indexed("preintegrate", "imu.accel", "imu_samples", reads=12, record=3),
        indexed("preintegrate", "imu.t_ns", "imu_samples", reads=2, record=1),
        resident("preintegrate", "imu.work", "imu_samples", reads=3200, writes=500, size=size),
        indexed("preintegrate", "preintegrated.cov", "imu_samples", reads=729, writes=81, record=9),
        indexed("preintegrate", "preintegrated.J", "imu_samples", reads=486, writes=54, record=6),
    ]


def work(plan) -> list:
    """A J + B, A cov A^T + B Q B^T, two exponentials."""
    ops = {Op.MUL_F64: 1900, Op.ADD_F64: 1800, Op.DIV_F64: 10, Op.SQRT_F64: 2}
    return [Work("preintegrate", "imu_samples", ops)]
