"""Pictures of a run of the suite, drawn without a screen."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter


def draw(detail: dict, out: Path) -> list[Path]:
    """Draw what the groups that ran have left; the files written."""
    written = []
    if "accuracy" in detail and "energy" in detail:
        written.append(accuracy_energy(detail, out / "accuracy_energy.png"))
    if "speed" in detail:
        written.append(stages(detail["speed"], out / "stages.png"))
    if "scaling" in detail:
        written.append(growth(detail["scaling"], out / "scaling.png"))
    return written


def panel(columns: int = 1):
    """A figure without a display, and its axes."""
    figure = Figure(figsize=(5 * columns + 3, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def accuracy_energy(detail, path, target="navion65") -> Path:
    """One point per flight: absolute error over energy per frame."""
    figure, [axes] = panel()
    for name, bills in detail["energy"].items():
        ate = detail["accuracy"][name]["ate_rmse_m"]
        if ate is not None:
            bill = bills[target]
            x, error = bill["energy_j"]["mean"] * 1e6, bill["energy_std_j"] * 1e6
            axes.errorbar(x, ate * 1e3, xerr=error, fmt="s" if " mono" in name else "o", ms=4)
            axes.annotate(name, (x, ate * 1e3), xytext=(4, 3), textcoords="offset points",
                          fontsize="x-small")  # fmt: skip
    label = f"energy on {target} [uJ/frame]; bars: deviation of its constants"
    axes.set(xlabel=label, ylabel="ATE [mm]", yscale="log")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter())
    axes.grid(alpha=0.25, which="both")
    figure.savefig(path, dpi=110)
    return path


def stages(cases: dict, path) -> Path:
    """Bars: time per frame by stage, of both builds of every case."""
    figure, [axes] = panel()
    rows = [
        (f"{case}: {b}", times) for case, builds in cases.items() for b, times in builds.items()
    ]
    left = np.zeros(len(rows))
    for stage in rows[0][1]:
        width = [times[stage] for _, times in rows]
        axes.barh([name for name, _ in rows], width, left=left, label=stage)
        left += width
    axes.invert_yaxis()
    axes.set(xlabel="CPU time per frame [ms]")
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "frameon": False}
    axes.legend(fontsize="small", ncols=len(rows[0][1]), **above)
    figure.savefig(path, dpi=110)
    return path


def growth(scaling: dict, path) -> Path:
    """Time over features, window and pixels with the fitted power laws."""
    curves = scaling["curves"]
    figure, all_axes = panel(len(curves))
    for axes, (name, points) in zip(all_axes, curves.items()):
        x, y = np.array(points).T
        k = scaling["exponents"][name]
        axes.loglog(x, y, "o")
        axes.loglog(x, np.exp(np.log(y).mean() + k * (np.log(x) - np.log(x).mean())), "--",
                    label=f"time ~ {name}^{k:.2f}")  # fmt: skip
        axes.set(xlabel=name, ylabel="CPU time per frame [ms]")
        axes.legend()
        axes.grid(alpha=0.25, which="both")
    figure.savefig(path, dpi=110)
    return path
