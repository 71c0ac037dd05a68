"""A saved run and a target to figures: re-pricing needs no second run."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from vio.energy import dataflow, plan, report, table
from vio.energy.actions import Level
from vio.energy.features import in_order
from vio.types import VioError


def load_events(folder) -> tuple[np.ndarray, np.ndarray]:
    """((F, N_EVENTS) tallies, (F,) stamps [ns]) of a run folder."""
    path = Path(folder) / "events.npz"
    if not path.is_file():
        raise VioError(f"{path}: not there; name the folder that `vio run` wrote")
    try:
        with np.load(path) as saved:
            events, t_ns = in_order(saved["names"], saved["events"], path), saved["t_ns"]
    except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile):
        raise VioError(f"{path}: damaged or cut short; run the recording again") from None
    if len(t_ns) == 0:
        raise VioError(f"{path}: no frame in it")
    return events, t_ns


def period_s(t_ns, rate_hz: float) -> float:
    """Mean time between frames [s], or that of the nominal rate for a single one."""
    return (t_ns[-1] - t_ns[0]) * 1e-9 / (len(t_ns) - 1) if len(t_ns) > 1 else 1.0 / rate_hz


def figures(folder, target: str) -> dict:
    """`report.summary` of a run folder on a target."""
    events, t_ns = load_events(folder)
    bill = dataflow.bill(plan.load(folder), table.load(target))
    return report.summary(bill, events, period_s(t_ns, bill.plan.rate_hz))


def ablation(folder, target: str) -> list[dict]:
    """Energy of a run with each of the three ideas taken away: name, joules per frame."""
    events, t_ns = load_events(folder)
    tree, goal = plan.load(folder), table.load(target)
    out = []
    flows = dataflow.ABLATIONS
    if Level.DRAM in goal.energy_of:
        flows = flows | dataflow.OFF_CHIP
    for name, flow in flows.items():
        bill = dataflow.bill(tree, goal, flow)
        rows = dataflow.tallies(events, flow)
        figures = report.summary(bill, rows, period_s(t_ns, bill.plan.rate_hz))
        chip, kinds = figures["chip_energy_j"], figures["by_kind_j"]
        memory = kinds["dynamic"] + kinds["leakage"]
        out.append({"dataflow": name, "chip_energy_j": chip, "memory_energy_j": memory})
    return out


def run_metrics(tree: dict, events, t_ns, target: str) -> dict:
    """The energy figures of metrics.json from a description and the tallies of a run."""
    if len(t_ns) == 0:
        return {}
    events = np.asarray(events, np.int64).reshape(len(t_ns), -1)
    bill = dataflow.bill(tree, table.load(target))
    return report.metrics(report.summary(bill, events, period_s(t_ns, bill.plan.rate_hz)))
