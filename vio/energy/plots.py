"""Pictures of priced runs: energy over time, breakdown, energy against accuracy."""

import json
from pathlib import Path

import numpy as np

from vio.energy import dataflow, plan, report, table
from vio.energy.run import load_events, period_s
from vio.types import VioError

MICRO = 1e6


def draw(folders, target: str, out) -> list[Path]:
    """Draw the runs on a target into `out`; the files written."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    goal = table.load(target)
    bill = dataflow.bill(plan.load(folders[0]), goal)
    events, t_ns = load_events(folders[0])
    period = period_s(t_ns, bill.plan.rate_hz)
    written = [
        over_time(bill, events, t_ns, period, out / f"energy_over_time_{goal.name}.png"),
        breakdown(report.summary(bill, events, period), out / f"energy_breakdown_{goal.name}.png"),
    ]
    if len(folders) > 1:
        written.append(against_accuracy(folders, goal, out / f"energy_accuracy_{goal.name}.png"))
    return written


def axes(title, xlabel, ylabel):
    """A figure without a display, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure, ax


def over_time(bill, events, t_ns, period, path) -> Path:
    """Stacked bars: microjoules of every stage, frame by frame."""
    joules = bill.price(events)
    stack = [np.bincount(bill.stage_index, row, len(bill.stage_names)) * MICRO for row in joules]
    stack = np.column_stack([stack, np.full(len(events), bill.leak_w * period * MICRO)])
    figure, ax = axes(f"energy per frame on {bill.target.name}", "time [s]", "energy [uJ]")
    seconds, base = (t_ns - t_ns[0]) * 1e-9, np.zeros(len(events))
    for i, name in enumerate([*bill.stage_names, "leakage"]):
        colour = f"C{i % 10}"
        hatch = None if i < 10 else "///"
        ax.bar(seconds, stack[:, i], period, base, label=name, color=colour, hatch=hatch)
        base += stack[:, i]
    ax.legend(ncols=3, fontsize="small")
    figure.savefig(path)
    return path


def breakdown(figures, path) -> Path:
    """Bars: microjoules per frame by stage, split by level."""
    stages = list(figures["by_stage_j"])
    levels = [k for k in report.ORDER if any(k in row for row in figures["by_stage_j"].values())]
    figure, ax = axes(f"mean frame on {figures['target']}", "energy [uJ]", "")
    base = np.zeros(len(stages))
    for level in levels:
        width = [figures["by_stage_j"][s].get(level, 0.0) * MICRO for s in stages]
        ax.barh(stages, width, left=base, label=level)
        base += width
    ax.invert_yaxis()
    ax.legend(fontsize="small")
    figure.savefig(path)
    return path


def against_accuracy(folders, goal, path) -> Path:
    """One point per run: absolute trajectory error over energy."""
    figure, ax = axes(f"energy against accuracy on {goal.name}", "energy [uJ/frame]", "ATE [m]")
    for folder in folders:
        bill = dataflow.bill(plan.load(folder), goal)
        events, t_ns = load_events(folder)
        figures = report.summary(bill, events, period_s(t_ns, bill.plan.rate_hz))
        metrics = Path(folder) / "metrics.json"
        try:
            ate = json.loads(metrics.read_text(encoding="utf-8")).get("ate_rmse_m")
        except ValueError:
            raise VioError(f"{metrics}: damaged or cut short; run the recording again") from None
        if ate is not None:
            x, std = figures["energy_j"]["mean"] * MICRO, figures["energy_std_j"] * MICRO
            ax.errorbar(x, ate, xerr=std, fmt="o")
            ax.annotate(Path(folder).name, (x, ate), xytext=(4, 4), textcoords="offset points")
    figure.savefig(path)
    return path
