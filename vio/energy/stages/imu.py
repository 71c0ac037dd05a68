"""Preintegration of inertial samples."""

from vio.energy import rows as shorthand
from vio.energy.actions import Op, Work
from vio.energy.memory import resident
from vio.energy.rows import Rows, of_its_size, record

OUT = "preintegrated"
WORK = "imu.work"


def per_step() -> Rows:
    """One step: interpolate, rotate, propagate Jacobian and covariance."""
    r = Rows("imu_samples")
    R = f"{OUT}.R"
    r.add("imu.gyro", 12).add("imu.accel", 12).add(WORK, 0, 6)
    r.add(WORK, 3, 3).exp(WORK, WORK).multiply(WORK, WORK, WORK).multiply(R, WORK, WORK)
    r.add(WORK, 3, 3).exp(WORK, WORK)
    r.add(WORK, 9 + 9)  # force at mid-step
    r.add(R, 18).add(WORK, 18 + 18 + 4 * 9, 9 * 3 + 9 * 6)  # A and B filled
    # J <- A J + B; rows 3..5 have five terms and rows 6..8 four, so has it with the covariance
    r.add(WORK, 6 * (3 + 9 + 27 + 9), 54).add(WORK, 9 * (3 + 27 + 9), 81)
    # (A cov) A^T + B Q B^T on the lower triangle only
    r.add(WORK, 9 * 3 + 45 * (3 + 12) + 2 * 15 + 6, 90)
    r.add(WORK, 18).add(f"{OUT}.p", 3, 3).add(f"{OUT}.v", 6, 3)
    return r.multiply(R, WORK, WORK).add(WORK, 9).add(R, 0, 9)


def per_call() -> Rows:
    """Start and end of an interval, and its whitening matrix."""
    r = Rows("preintegrations")
    r.add(f"{OUT}.dt", 0, 1).add(f"{OUT}.R", 0, 12).add(WORK, 54, 81 + 54).add(f"{OUT}.J", 0, 54)
    r.add(f"{OUT}.p", 0, 3).add(f"{OUT}.v", 0, 3).add(f"{OUT}.bias", 0, 6)
    r.normalise(f"{OUT}.R")
    dots = sum(i * (i + 1) // 2 for i in range(9))
    r.add(WORK, 45 + 2 * dots + 36, 45)
    return r.add(f"{OUT}.whiten", dots, 45).add(WORK, dots + 45)


def calibrated(n) -> list:
    """`calibrate` for n elements."""
    samples = Rows("calibration_samples").add("imu.gyro", 3).add("imu.accel", 3)
    r = Rows("calibrations")
    R, p, v, J = (f"{OUT}.{name}" for name in "RpvJ")
    x = "slots.calibration"
    r.add(f"{OUT}.dt", 1).add(f"{OUT}.bias", 12, n).add(x, n).add(WORK, 0, 12)
    r.add(R, 18).add(WORK, 39).add(v, 9).add(p, 6).add(J, 3, 12)  # by the time offset
    if n == 7:
        r.exp(x, WORK).add(x, 3).add(WORK, 0, 3).exp(WORK, WORK).multiply(WORK, R, WORK)
        r.add(WORK, 54).add(R, 0, 9)
        r.add(p, 3, 3).add(v, 3, 3).add(WORK, 9 * 2 + 9 * 21).add(J, 63, 63)
        r.add(WORK, 18).add(R, 36).add(J, 0, 54).add(p, 18).add(v, 18)  # by the turn
        r.add(x, 3 + 3).add(p, 3, 3).add(R, 9 + 90).add(J, 60, 30)  # by the shift
    return [samples, r]


def model(plan) -> list:
    """`preintegrate`, `calibrate` and `spread`."""
    scratch = of_its_size(plan, resident)
    patterns = {WORK: scratch, "imu.gyro": record(3), "imu.accel": record(3)}
    patterns |= {f"{OUT}.{name}": record(9) for name in ("R", "J", "whiten")}
    rows = [per_step(), per_call(), Rows("imu_span").add("imu.t_ns", 2)]
    rows += [Rows("quiet_gyro").add("imu.gyro", 6), Rows("quiet_accel").add("imu.accel", 6)]
    n = plan.shapes["slots.calibration"][0]
    if n:
        rows += calibrated(n)
    return shorthand.uses("preintegrate", rows, patterns)


def arrival() -> list:
    """Samples written to the ring; each step stands for one new sample."""
    rows = Rows("imu_samples").add("imu.t_ns", 0, 1).add("imu.gyro", 0, 3).add("imu.accel", 0, 3)
    return shorthand.uses("preintegrate", [rows], {})


def uses(plan) -> list:
    """Arrival and use of inertial samples."""
    return arrival() + model(plan)


def work(plan) -> list:
    """A J + B, A cov A^T + B Q B^T and three rotations; each sine or root counts as ten terms."""
    products = 6 * 30 + 9 * 30 + 45 * (3 + 12) + 15 + 5 * 27
    step = {Op.MUL_F64: products + 250, Op.ADD_F64: products + 200, Op.DIV_F64: 10, Op.SQRT_F64: 2}
    end = {Op.MUL_F64: 280, Op.ADD_F64: 280, Op.DIV_F64: 90, Op.SQRT_F64: 12}
    return [
        Work("preintegrate", "imu_samples", step),
        Work("preintegrate", "preintegrations", end),
        Work("preintegrate", "calibrations", {Op.MUL_F64: 600, Op.ADD_F64: 500, Op.DIV_F64: 4}),
        Work("preintegrate", "quiet_gyro", {Op.MUL_F64: 3, Op.ADD_F64: 9}),
        Work("preintegrate", "quiet_accel", {Op.MUL_F64: 3, Op.ADD_F64: 9}),
        Work("preintegrate", "calibration_samples", {Op.ADD_F64: 6}),
    ]
