"""The result of the suite: a table for people, `bench.json` for programs, and the gate."""

from rich.box import SIMPLE
from rich.table import Table

from vio.bench.metric import Baseline, Metric


def tree(metrics: list[Metric], baseline: Baseline, cpu: str, about: dict) -> dict:
    """Everything in `bench.json`."""
    rows = [row(m, baseline, cpu) for m in metrics]
    return {
        "about": about,
        "metrics": rows,
        "worse": [r["name"] for r in rows if r["worse"]],
        "missed": [r["name"] for r in rows if r["meets_bar"] is False],
    }


def row(metric: Metric, baseline: Baseline, cpu: str) -> dict:
    """One metric with all that is known of it."""
    base, rule = baseline.of(metric, cpu), metric.rule
    return {
        "name": metric.name,
        "value": metric.value,
        "unit": rule.unit,
        "better": rule.better,
        "relative": rule.relative,
        "slack": rule.slack,
        "baseline": base,
        "worse": metric.is_worse(base),
        "bar": metric.bar,
        "meets_bar": metric.meets_bar(),
    }


def tables(found: dict, detail: dict):
    """Tables and lines to show."""
    shown = Table("metric", title="bench", title_justify="left", box=SIMPLE)
    for name in ("value", "unit", "baseline", "change", "bar", ""):
        shown.add_column(name, justify="left" if name in ("unit", "") else "right")
    group = None
    for r in found["metrics"]:
        if group not in (None, r["name"].split("/")[0]):
            shown.add_section()
        group = r["name"].split("/")[0]
        base, value = r["baseline"], r["value"]
        change = f"{100 * (value / base - 1):+.1f} %" if base and value is not None else ""
        marks = ["[red]worse[/red]"] * r["worse"]
        marks += ["[yellow]misses its bar[/yellow]"] * (r["meets_bar"] is False)
        cells = [number(value), r["unit"], number(base), change, number(r["bar"]), " ".join(marks)]
        shown.add_row(r["name"], *cells)
    pieces = [shown]
    if "robustness" in detail:
        pieces.append(fault_table(detail["robustness"]))
    worse, missed = len(found["worse"]), len(found["missed"])
    pieces.append(f"{worse} worse than the baseline, {missed} short of a bar")
    return pieces


def fault_table(verdicts: dict) -> Table:
    """Every fault on every recording."""
    shown = Table("recording", "fault", title="faults", title_justify="left", box=SIMPLE)
    names = ("noticed [s]", "0.5 m off [s]", "unnoticed [m]", "worst [m]", "recovered [s]", "")
    for name in names:
        shown.add_column(name, justify="right")
    for recording, many in verdicts.items():
        shown.add_section()
        for v in many:
            keys = ("noticed_s", "error_s", "error_m", "worst_m", "recovery_s")
            verdict = "" if v["passed"] else "[red]fails[/red]"
            shown.add_row(recording, v["fault"], *(number(v[k]) for k in keys), verdict)
    return shown


def number(value) -> str:
    """Four significant digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"
