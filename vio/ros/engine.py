"""What the nodes with an estimator share: warm-up and the health they report."""

import time

from vio import warm
from vio.ros.bill import SUMMED
from vio.ros.diagnostics import LEVELS, WARN, Recent
from vio.types import Status


def warm_up(odometry, logger):
    """Compile or load every kernel before messages come; says how long it took."""
    if warm.is_cold():
        logger.info("compiling kernels for this version (about a minute, once)")
    began = time.monotonic()
    warm.warm_up(odometry)
    logger.info(f"kernels ready after {time.monotonic() - began:.1f} s")


def calibration_values(estimate) -> dict:
    """What /diagnostics says of the calibration."""
    return {
        "time_offset_ms": 1e3 * estimate.time_offset_s,
        "calibration": estimate.notice or "as given",
    }


class Health:
    """Numbers of the newest frames; written by the worker, read by the executor."""

    def __init__(self):
        self.work_ms, self.latency_ms, self.features = Recent(), Recent(), Recent()
        self.bills = {}
        self.counts = dict.fromkeys(Status, 0)
        self.status, self.bill, self.extra = Status.INITIALISING, {}, {}

    def note(self, status, n_features: int, bill: dict, work_s: float, arrival_s, **extra):
        """One frame.

        Args:
            work_s: time spent on it. arrival_s: when its left image came (monotonic), or None.
        """
        self.status, self.bill, self.extra = status, bill, extra
        self.counts[status] += 1
        self.work_ms.add(work_s * 1e3)
        self.features.add(n_features)
        if arrival_s is not None:
            self.latency_ms.add((time.monotonic() - arrival_s) * 1e3)
        for name, value in bill.items():
            if name.endswith(SUMMED):
                self.bills.setdefault(name, Recent(20)).add(value)

    def report(self, values: dict):
        """(level, message, numbers) for /diagnostics."""
        if not self.work_ms.values:
            return WARN, "waiting for the first frame", values
        numbers = {
            "status": self.status.name.lower(),
            "frame_rate_hz": self.work_ms.rate_hz(),
            "latency_p50_ms": self.latency_ms.percentile(50),
            "latency_p99_ms": self.latency_ms.percentile(99),
            "work_p50_ms": self.work_ms.percentile(50),
            "work_p99_ms": self.work_ms.percentile(99),
            "features": self.features.mean(),
            **{f"frames_{s.name.lower()}": n for s, n in self.counts.items()},
            **self.extra,
            **values,
            **{f"{name}_per_frame": recent.mean() for name, recent in self.bills.items()},
        }
        return LEVELS[self.status], self.status.name.lower(), numbers
