"""The groups of the suite, each a function from a Session to metrics.

A group also leaves tables of numbers in `Session.detail`, the raw material of the plots and of
`bench.json`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vio.bench import accuracy, cost, robustness, startup
from vio.bench.clip import Build
from vio.bench.metric import Metric
from vio.bench.sequences import Places


@dataclass
class Session:
    """One run of the suite.

    Attributes:
        places: recordings. out: folder of the results. jobs: processes where no clock is read.
        quick: two minutes, on the built-in flight and what is small.
        against: what the speed is compared with.
        say: called with one line when something begins. progress: progress(done, total).
        detail: group to its own tables, for the plots.
    """

    places: Places
    out: Path
    jobs: int
    quick: bool
    against: Build | None
    say: Callable
    progress: Callable
    detail: dict = field(default_factory=dict)


GROUPS = {
    "accuracy": accuracy.accuracy,
    "energy": accuracy.energy,
    "memory": cost.memory,
    "speed": cost.speed,
    "traffic": cost.traffic,
    "scaling": cost.scaling,
    "robustness": robustness.robustness,
    "startup": startup.startup,
}
SLOW = {"traffic", "scaling"}
"""Groups that `--quick` leaves out."""


def run(session: Session, only: list[str]) -> list[Metric]:
    """Metrics of the chosen groups (all if none is chosen), in order."""
    chosen = [g for g in GROUPS if g in only or (not only and not (session.quick and g in SLOW))]
    metrics = []
    for name in chosen:
        session.say(f"{name} ...")
        found = GROUPS[name](session)
        metrics += [Metric(f"{name}/{key}", value) for key, value in found.items()]
    return metrics
