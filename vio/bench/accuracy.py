"""Accuracy and energy: every recording flown once, its run folder judged and priced."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vio import replay, runfolder
from vio.bench.pool import in_parallel
from vio.bench.prepare import prepare
from vio.bench.sequences import PROFILES, QUICK
from vio.config import load
from vio.energy.run import figures
from vio.io.open import open_dataset

TARGETS = ("navion65", "asic28", "mcu", "cortex_a_lpddr4")
FIGURES = ("ate_rmse_m", "coverage", "end_drift_percent", "nees_position_mean")
SHOWN = {"ate_rmse_m": "ate_m"}
KINDS = ("dynamic", "leakage")
"""Parts of a bill that are the memory's; compute and sensor link are apart."""


@dataclass(frozen=True)
class Case:
    """One flight: a recording with a configuration."""

    name: str
    folder: Path
    mono: bool = False
    configs: tuple[str, ...] = ()
    kind: str = ""


def cases(session) -> list[Case]:
    """What is flown: what is here, and what can be rendered."""
    places = session.places
    specs = QUICK if session.quick else {**PROFILES, **flights_here(session)}
    prepare(places, specs, session.jobs, session.progress)
    recorded = places.recorded()
    if session.quick:
        folders = {"quick": places.rendered / "quick"}
        folders |= {n: recorded[n] for n in ("mh01_real",) if n in recorded}
        return [c for n, f in folders.items() for c in (Case(n, f), Case(f"{n} mono", f, True))]
    out = [Case(n, places.rendered / n, kind="simulated") for n in PROFILES]
    for name, folder in recorded.items():
        out += [Case(name, folder), Case(f"{name} mono", folder, True)]
        out += [Case(f"{name} {c}", folder, configs=(c,)) for c in ("navion", "nano")]
    for name in flights_here(session):
        folder = places.rendered / name
        out += [
            Case(name, folder, kind="flights"),
            Case(f"{name} mono", folder, True, kind="flights mono"),
        ]
    return out


def flights_here(session) -> dict:
    """Whole flights that are rendered; `--prepare` renders all of them, which takes a while."""
    flights = session.places.flights()
    here = {name: spec for name, spec in flights.items() if session.places.is_rendered(name)}
    if len(here) < len(flights):
        session.say(f"{len(flights) - len(here)} whole flights not rendered: vio bench --prepare")
    return here


def fly(case: Case, out: Path) -> dict:
    """`metrics.json` of a case; the run folder stays below `out`."""
    folder = runfolder.create(case.name, out / "runs" / case.name.replace(" ", "_"))
    return replay.run(open_dataset(case.folder, mono=case.mono), load(case.configs), folder,
                      mono=case.mono)  # fmt: skip


def flown(session) -> dict[Case, dict]:
    """Every case with its metrics; flown once for all groups."""
    if "flown" not in session.detail:
        todo = cases(session)
        work = [(case, session.out) for case in todo]
        found = in_parallel(fly, work, session.jobs, session.progress)
        session.detail["flown"] = dict(zip(todo, found))
    return session.detail["flown"]


def accuracy(session) -> dict:
    """Errors of every case, and over the flights and the simulated ones together."""
    out, together = {}, {}
    for case, found in flown(session).items():
        for key in FIGURES:
            if found[key] is not None:
                out[f"{case.name}/{SHOWN.get(key, key)}"] = found[key]
        together.setdefault(case.kind, []).append(found)
    session.detail["accuracy"] = {c.name: f for c, f in flown(session).items()}
    for kind, many in together.items():
        ates = [np.inf if f["ate_rmse_m"] is None else f["ate_rmse_m"] for f in many]
        if kind:
            out[f"{kind}/ate_m_mean"], out[f"{kind}/ate_m_max"] = np.mean(ates), max(ates)
        if kind == "simulated":
            out[f"{kind}/end_drift_percent"] = max(f["end_drift_percent"] for f in many)
    return out


def energy(session) -> dict:
    """Microjoules per frame of memory, by case and target."""
    out, table = {}, {}
    for case in flown(session):
        folder = session.out / "runs" / case.name.replace(" ", "_")
        for target in TARGETS:
            bill = figures(folder, target)
            out[f"{case.name}/{target}"] = sum(bill["by_kind_j"][k] for k in KINDS) * 1e6
            table.setdefault(case.name, {})[target] = bill
    session.detail["energy"] = table
    return out
