"""What a figure is, how much worse it may become, and which figure the project has promised.

A metric is named `group/case/figure`. Its unit, direction and tolerance follow from the name by
the first rule that fits; a bar, if there is one, stands in BARS.
"""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vio.types import VioError

LOWER, HIGHER = "lower", "higher"


@dataclass(frozen=True)
class Rule:
    """Unit, direction and tolerance of the metrics whose name fits `pattern`.

    Attributes:
        relative, slack: a value is worse than the baseline if it is so by more than
            max(relative * |baseline|, slack).
        timed: measured by a clock: compared on the same processor only.
    """

    pattern: str
    unit: str
    better: str = LOWER
    relative: float = 0.1
    slack: float = 0.0
    timed: bool = False


RULES = (
    Rule("accuracy/*/ate_m*", "m", LOWER, 0.10, 0.0005),
    Rule("accuracy/*/coverage", "1", HIGHER, 0.005),
    Rule("accuracy/*/end_drift_percent", "%", LOWER, 0.3, 0.03),
    Rule("accuracy/*/nees_*", "1", LOWER, 0.5, 1.0),
    Rule("speed/*/cpu_ms_p99", "ms", LOWER, 0.35, 0.3, timed=True),
    Rule("speed/*/cpu_ms*", "ms", LOWER, 0.2, 0.1, timed=True),
    Rule("speed/*/ratio", "x", LOWER, 0.10, timed=True),
    Rule("traffic/*/instructions_m", "million", LOWER, 0.03),
    Rule("traffic/*/miss_mb", "MB", LOWER, 0.10, 0.05),
    Rule("memory/*/arena_bytes", "B", LOWER, 0.0, 256),
    Rule("memory/*/peak_rss_mb", "MB", LOWER, 0.10, 10),
    Rule("energy/*", "uJ", LOWER, 0.03),
    Rule("robustness/*/failed", "1", LOWER, 0.0, 0.0),
    Rule("robustness/*/calibrations_missed", "1", LOWER, 0.0, 0.0),
    Rule("robustness/*/worst_m", "m", LOWER, 0.5, 0.05),
    Rule("startup/*_s", "s", LOWER, 0.25, 0.2, timed=True),
    Rule("scaling/*/exponent", "1", LOWER, 0.0, 0.15),
)

BARS = {
    "accuracy/mh01_real/ate_m": 0.008,
    "accuracy/mh01_real mono/ate_m": 0.04,
    "accuracy/mh01_real nano/ate_m": 0.05,
    "accuracy/v102_rendered/ate_m": 0.010,
    "accuracy/v102_rendered mono/ate_m": 0.035,
    "accuracy/v102_rendered nano/ate_m": 0.12,
    "accuracy/flights/ate_m_mean": 0.03,
    "accuracy/flights/ate_m_max": 0.05,
    "accuracy/flights mono/ate_m_mean": 0.08,
    "accuracy/*/coverage": 0.97,
    "accuracy/simulated/end_drift_percent": 0.3,
    "speed/mh01_real/cpu_ms": 5.0,
    "speed/v102_rendered/cpu_ms": 5.0,
    "speed/*_re* mono/cpu_ms": 3.0,
    "speed/*_re* nano/cpu_ms": 1.0,
    "speed/mh01_real/cpu_ms_p99": 20.0,
    "speed/v102_rendered/cpu_ms_p99": 20.0,
    "speed/*/ratio": 1.15,
    "traffic/*_re*/instructions_m": 60.0,
    "traffic/*_re*/miss_mb": 4.0,
    "memory/navion/arena_bytes": 600e3,
    "memory/default/arena_bytes": 384e3,
    "memory/nano/arena_bytes": 96e3,
    "energy/v102_rendered navion/navion65": 100.0,
    "robustness/*/failed": 0.0,
    "startup/warm_s": 1.5,
    "startup/cold_s": 60.0,
    "scaling/*/exponent": 1.0,
}
"""Pattern -> value promised; no rule here means no promise."""


@dataclass(frozen=True)
class Metric:
    """One figure of the suite."""

    name: str
    value: float | None

    @property
    def rule(self) -> Rule:
        """The first rule that fits."""
        for rule in RULES:
            if fnmatchcase(self.name, rule.pattern):
                return rule
        raise KeyError(f"{self.name}: no rule in vio/bench/metric.py")

    @property
    def bar(self) -> float | None:
        """The promised value, or None."""
        return next((bar for pattern, bar in BARS.items() if fnmatchcase(self.name, pattern)), None)

    def meets_bar(self) -> bool | None:
        """Whether the promise is kept, None without one."""
        if self.bar is None:
            return None
        return self.value is not None and not exceeds(self.value, self.bar, self.rule, 0.0)

    def is_worse(self, base: float | None) -> bool:
        """Whether it is worse than a baseline by more than its tolerance."""
        if base is None:
            return False
        margin = max(self.rule.relative * abs(base), self.rule.slack)
        return self.value is None or exceeds(self.value, base, self.rule, margin)


def exceeds(value: float, limit: float, rule: Rule, margin: float) -> bool:
    """Whether a value lies on the bad side of a limit, by more than `margin`."""
    return (value - limit if rule.better == LOWER else limit - value) > margin


@dataclass(frozen=True)
class Baseline:
    """Values of an earlier run of the suite, and the processor they were measured on."""

    values: dict
    cpu: str

    @staticmethod
    def load(path: Path) -> "Baseline":
        """From a file; empty if there is none."""
        if not path.is_file():
            return Baseline({}, "")
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            return Baseline(dict(tree["metrics"]), tree["cpu"])
        except (ValueError, KeyError, TypeError):
            raise VioError(f"{path}: not a baseline; renew it with --update-baseline") from None

    def save(self, path: Path) -> None:
        """Write it, one metric a line, in order of name."""
        tree = {"cpu": self.cpu, "metrics": dict(sorted(self.values.items()))}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise VioError(f"{path}: {error.strerror}; the baseline lies in a checkout") from None

    def of(self, metric: Metric, cpu: str) -> float | None:
        """The value to compare with, None if there is none or the processor is another one."""
        if metric.rule.timed and cpu != self.cpu:
            return None
        return self.values.get(metric.name)

    def renewed(self, metrics: list[Metric], cpu: str) -> "Baseline":
        """With new values; those not measured now stay."""
        fresh = {m.name: float(f"{m.value:.6g}") for m in metrics if m.value is not None}
        return Baseline(self.values | fresh, cpu)
