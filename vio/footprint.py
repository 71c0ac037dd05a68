"""What `vio memory` does, free of the terminal: the ledger as figures and tables, the ablation."""

import tempfile
from copy import deepcopy
from dataclasses import replace

from rich.box import SIMPLE
from rich.table import Table

from vio.config import load, overlay
from vio.memory.arena import arena_bytes
from vio.memory.budget import check_budget
from vio.memory.plain import describe, group_bytes, plain_layout
from vio.odometry import ledger
from vio.replay import run
from vio.runfolder import create
from vio.types import VioError

TECHNIQUES = {
    "finest level of the frames": {"frontend": {"finest_bits": 8}},
    "second level": {"frontend": {"second_bits": 8}},
    "coarse levels": {"frontend": {"coarse_bits": 8}},
    "templates": {"frontend": {"template_bits": 8}},
    "observations in fixed point": {"memory": {"observation_bits": 32}},
    "prior in single precision": {"memory": {"prior_bits": 64}},
    "landmarks in single precision": {"memory": {"point_bits": 64}},
    "inertial in single precision": {"memory": {"inertial_bits": 64}},
}
"""Technique -> settings without it."""
UNCAPPED = {"memory": {"budget_bytes": 0}}
"""What is wider on purpose may be larger than the profile allows."""

PROFILES = ("navion", "default", "nano")
FIGURES = ("ate_rmse_m", "coverage", "cpu_ms_per_frame_mean")


def uncompressed() -> dict:
    """Settings that switch every technique off, and the cap with them."""
    out = deepcopy(UNCAPPED)
    for settings in TECHNIQUES.values():
        for group, values in settings.items():
            out.setdefault(group, {}).update(values)
    return out


def memory(rig, config, mono: bool = False):
    """(tree for JSON, tables) of the ledger of a rig and a Config."""
    rig = replace(rig, cam1=None) if mono else rig
    lines, budget = ledger(rig, config), config.memory.budget_bytes
    tree = {"budget_bytes": budget, "fits": True, **describe(lines, len(rig.cameras))}
    pieces = [ledger_table(tree), group_table(tree)]
    try:
        check_budget(lines, budget)
    except VioError as error:
        tree["fits"] = False
        pieces.append(f"does not fit: {error}")
    return tree, pieces


def ledger_table(tree) -> Table:
    """Every buffer, group by group."""
    total = tree["total_bytes"]
    table = Table(
        "buffer", title=f"arena: {total} bytes", title_justify="left", show_footer=True, box=SIMPLE
    )
    table.columns[0].footer, table.columns[0].no_wrap = "total", True
    table.add_column("shape")
    table.add_column("format")
    table.add_column("bit", justify="right")
    table.add_column("bytes", justify="right", footer=str(total))
    for name in ("lives", "written by", "read by"):
        table.add_column(name, overflow="fold")
    for group in tree["groups"]:
        size = sum(b["bytes"] for b in tree["buffers"] if b["group"] == group)
        table.add_section()
        table.add_row(f"[bold]{group}[/bold]", "", "", "", f"[bold]{size}[/bold]", "", "", "")
        for b in tree["buffers"]:
            if b["group"] == group:
                shape = "x".join(map(str, b["shape"]))
                bits = f"{b['bits_per_element']:.4g}"
                size = str(b["bytes"])
                table.add_row(
                    b["name"], shape, b["format"], bits, size, b["lifetime"], b["writer"],
                    b["reader"],
                )  # fmt: skip
    table.add_section()
    note = "scratch of front and back half, one over the other"
    table.add_row("overlap", "", note, "", str(-tree["overlap_bytes"]), "", "", "")
    return table


def group_table(tree) -> Table:
    """Groups beside the plain layouts of the same capacities."""
    table = Table("group", title="against a plain layout", title_justify="left")
    for name in ("bytes", "plain bytes", "factor", "lean plain", "factor"):
        table.add_column(name, justify="right")
    plain, lean = tree["plain"], tree["plain"]["lean"]
    rows = [(g, n, plain["groups"][g], lean["groups"][g]) for g, n in tree["groups"].items()]
    rows.append(("total", tree["total_bytes"], plain["total_bytes"], lean["total_bytes"]))
    for name, own, large, small in rows:
        factors = (f"{n / own:.1f}" if own else "" for n in (large, small))
        first, second = factors
        table.add_row(name, str(own), str(large), first, str(small), second)
    return table


def markdown(rig) -> str:
    """The profiles of `config/` in figures, a generated part of docs/memory.md."""
    names = ("frames", "graph", "solver", "imu", "scratch")
    out = [
        "| profile | total [B] | " + " | ".join(names) + " | budget [B] |",
        "| --- " * (len(names) + 3) + "|",
    ]
    factors = [
        "| profile | frames | graph | solver | total | lean total |",
        "| --- " * 6 + "|",
    ]
    for profile in PROFILES:
        config = load([profile])
        tree = describe(ledger(rig, config), len(rig.cameras))
        sizes = " | ".join(str(tree["groups"][name]) for name in names)
        budget = config.memory.budget_bytes
        out.append(f"| `{profile}` | **{tree['total_bytes']}** | {sizes} | {budget} |")
        of = [*tree["plain"]["factors"].values(), tree["plain"]["lean"]["factors"]["total"]]
        factors.append(f"| `{profile}` | " + " | ".join(f"{x:.2f}" for x in of) + " |")
    return "\n".join([*out, "", *factors, ""])


def ablation(dataset, config, seconds=None, mono: bool = False, progress=None):
    """(tree for JSON, tables): the recording run with each technique switched off in turn.

    Args:
        dataset: of vio.io. config: Config all runs start from. seconds: of it, None = all.
        progress: `progress(frames done, frames in all)` over all runs.
    """
    cases = {"as configured": {}}
    cases.update({f"without: {name}": change for name, change in TECHNIQUES.items()})
    cases["without any of them"] = uncompressed()
    rows = []
    for k, (name, change) in enumerate(cases.items()):
        changed = overlay(overlay(config, UNCAPPED, name), change, name)

        def count(done, total, k=k):
            if progress:
                progress(k * total + done, len(cases) * total)

        with tempfile.TemporaryDirectory() as folder:
            out = create(dataset.name, f"{folder}/run")
            figures = run(dataset, changed, out, 0.0, seconds, mono, None, count)
        lines = ledger(dataset.rig, changed)
        rows.append(
            {
                "case": name,
                "total_bytes": arena_bytes(lines),
                "groups": group_bytes(lines),
                **{key: figures[key] for key in FIGURES},
            }
        )
    tree = {
        "dataset": dataset.name,
        "seconds": seconds,
        "cases": rows,
        "factors": plain_layout(ledger(dataset.rig, config), len(dataset.rig.cameras))["factors"],
    }
    return tree, [ablation_table(tree)]


def ablation_table(tree) -> Table:
    """Bytes, error and CPU of every case, with the change against the first."""
    table = Table("case", title=f"{tree['dataset']}: what each format costs", title_justify="left")
    for name in ("bytes", "change", "ATE [m]", "change", "CPU [ms]", "change"):
        table.add_column(name, justify="right")
    first = tree["cases"][0]
    for row in tree["cases"]:
        cells = []
        columns = (("total_bytes", "d"), ("ate_rmse_m", ".4f"), ("cpu_ms_per_frame_mean", ".2f"))
        for key, form in columns:
            value, base = row[key], first[key]
            known = value is not None
            cells.append(format(value, form) if known else "-")
            change = f"{100 * (value / base - 1):+.1f} %" if known and base else ""
            cells.append("" if row is first else change)
        table.add_row(row["case"], *cells)
    return table
