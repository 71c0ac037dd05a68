"""Figures and tables of a priced run. Joules and bytes inside, prefixes only in what is shown."""

import numpy as np
from rich.table import Table

from vio.energy.actions import Level
from vio.energy.price import COMPUTE, DYNAMIC, KINDS, LEAK, LINK, Bill
from vio.events import INDEX, arrived_px

ORDER = [level.value for level in Level] + [COMPUTE, LEAK]
MICRO, MILLI = 1e6, 1e3


def summary(bill: Bill, events, period_s: float) -> dict:
    """Every figure of a run on one target; energies in joules, traffic in bytes.

    Args:
        events: (F, N_EVENTS) tallies. period_s: mean time between frames [s].
    """
    joules = bill.price(events)
    moved = bill.moved_bits(events) / 8
    leak_j = bill.leak_w * period_s
    frames = joules.sum(axis=1) + leak_j
    mean = joules.mean(axis=0)
    chip = mean[bill.kind_index != KINDS.index(LINK)].sum() + leak_j
    keyframes = int(events[:, INDEX["keyframes"]].sum())
    by_kind = {k: float(mean[bill.kind_index == i].sum()) for i, k in enumerate(KINDS)}
    by_kind[LEAK] = leak_j
    on_chip, dram = bill.bytes_by_place(events)
    pixels = arrived_px(events).mean()
    by_level = sums(bill, moved.mean(axis=0), lambda line: line.level)
    return {
        "target": bill.target.name,
        "title": bill.target.title,
        "covers": bill.target.covers,
        "frames": len(events),
        "keyframes": keyframes,
        "rate_hz": 1.0 / period_s,
        "energy_j": spread(frames),
        "energy_std_j": bill.uncertainty_j(mean, leak_j),
        "chip_energy_j": chip,
        "by_kind_j": by_kind,
        "by_stage_j": by_stage(bill, mean, leak_j),
        "energy_per_keyframe_j": float(frames.sum() / keyframes) if keyframes else None,
        "energy_per_pixel_j": float(frames.mean() / pixels) if pixels else None,
        "power_w": float(frames.mean() / period_s),
        "chip_power_w": chip / period_s,
        "bytes_by_level": by_level,
        "reuse": reuse(bill, events, by_level),
        "sram_bytes": float(on_chip.mean()),
        "dram_bytes": float(dram.mean()),
        "costliest": costliest(bill, mean, moved.mean(axis=0)),
        "arena_bytes": bill.plan.arena_bytes,
    }


def spread(values) -> dict:
    """Mean, median, 99 % and largest of (F,) values."""
    p50, p99 = np.percentile(values, (50, 99))
    return {"mean": float(values.mean()), "p50": p50, "p99": p99, "max": float(values.max())}


def sums(bill, values, key) -> dict:
    """Sum of (L,) values by key(line), without zeros, levels in order."""
    out = {}
    for line, value in zip(bill.lines, values):
        out[key(line)] = out.get(key(line), 0.0) + float(value)
    known = [k for k in ORDER if k in out]
    return {k: out[k] for k in known + [k for k in out if k not in known] if out[k]}


def by_stage(bill, mean, leak_j) -> dict:
    """stage -> level -> joules per frame; leakage is a stage of its own."""
    out = {}
    for stage in bill.stage_names:
        mine = [v if line.stage == stage else 0.0 for line, v in zip(bill.lines, mean)]
        out[stage] = sums(bill, mine, lambda line: line.level)
    return out | {LEAK: {LEAK: leak_j}}


def reuse(bill, events, by_level) -> dict:
    """How often the datapath uses a byte that a level moves: asked-for bytes over moved bytes."""
    asked = bill.asked_bytes(events).mean()
    memory = [k for k in by_level if k not in (COMPUTE, LEAK, Level.LINK.value)]
    return {level: float(asked / by_level[level]) for level in memory}


def costliest(bill, mean, moved, count: int = 5) -> list:
    """The tensors that cost most, with their traffic."""
    memory = [line.kind == DYNAMIC for line in bill.lines]
    energy = sums(bill, mean * memory, lambda line: line.tensor)
    size = sums(bill, moved * memory, lambda line: line.tensor)
    worst = sorted(energy, key=energy.get, reverse=True)[:count]
    return [{"tensor": t, "energy_j": energy[t], "bytes": size[t]} for t in worst]


def metrics(figures: dict) -> dict:
    """What `vio run --target` adds to metrics.json."""
    keyframe = figures["energy_per_keyframe_j"]
    out = {f"energy_uj_per_frame_{k}": v * MICRO for k, v in figures["energy_j"].items()}
    return out | {
        "energy_target": figures["target"],
        "energy_uj_per_keyframe": None if keyframe is None else keyframe * MICRO,
        "dram_bytes_per_frame": figures["dram_bytes"],
        "sram_bytes_per_frame": figures["sram_bytes"],
    }


def tables(figures: dict) -> list[Table]:
    """What `vio energy` shows for one target."""
    return [stage_table(figures), figure_table(figures)]


def stage_table(figures) -> Table:
    """Stage by level."""
    levels = list(dict.fromkeys(k for row in figures["by_stage_j"].values() for k in row))
    levels.sort(key=ORDER.index)
    title = f"{figures['target']}: {figures['title']}; microjoules per frame"
    shown = Table("stage", title=title, title_justify="left")
    for level in [*levels, "sum", "%"]:
        shown.add_column(level, justify="right")
    total = sum(sum(row.values()) for row in figures["by_stage_j"].values())
    for stage, row in figures["by_stage_j"].items():
        cells = [f"{row[k] * MICRO:.2f}" if k in row else "" for k in levels]
        mine = sum(row.values())
        shown.add_row(stage, *cells, f"{mine * MICRO:.2f}", f"{100 * mine / total:.1f}")
    sums_of = [sum(row.get(k, 0.0) for row in figures["by_stage_j"].values()) for k in levels]
    shown.add_section()
    shown.add_row("sum", *(f"{v * MICRO:.2f}" for v in sums_of), f"{total * MICRO:.2f}", "100.0")
    return shown


def figure_table(figures) -> Table:
    """Everything that is not by stage."""
    shown = Table("figure", title_justify="left")
    shown.add_column("value", justify="right")
    shown.add_column("unit")
    energy = figures["energy_j"]
    for key, name in (("mean", "mean"), ("p50", "median"), ("p99", "99 %"), ("max", "largest")):
        shown.add_row(f"energy per frame, {name}", f"{energy[key] * MICRO:.1f}", "uJ")
    shown.add_row("  deviation of its constants", f"{figures['energy_std_j'] * MICRO:.1f}", "uJ")
    for kind, value in figures["by_kind_j"].items():
        shown.add_row(f"  of it {kind}", f"{value * MICRO:.2f}", "uJ")
    shown.add_row("without the link", f"{figures['chip_energy_j'] * MICRO:.1f}", "uJ")
    if figures["energy_per_keyframe_j"] is not None:
        value = figures["energy_per_keyframe_j"] * MICRO
        shown.add_row("energy per keyframe, all frames", f"{value:.1f}", "uJ")
    if figures["energy_per_pixel_j"] is not None:
        shown.add_row("energy per pixel", f"{figures['energy_per_pixel_j'] * 1e9:.3f}", "nJ")
    rate = figures["rate_hz"]
    shown.add_row(f"power at {rate:.1f} frames/s", f"{figures['power_w'] * MILLI:.3f}", "mW")
    shown.add_row("  without the link", f"{figures['chip_power_w'] * MILLI:.3f}", "mW")
    for level, value in figures["bytes_by_level"].items():
        shown.add_row(f"traffic, {level}", f"{value / 1e3:.1f}", "kB/frame")
    for level, value in figures["reuse"].items():
        shown.add_row(f"reuse, {level}", f"{value:.2f}", "bytes used per byte moved")
    for entry in figures["costliest"]:
        text = f"{entry['energy_j'] * MICRO:.2f}"
        shown.add_row(f"costliest: {entry['tensor']}", text, f"uJ, {entry['bytes'] / 1e3:.1f} kB")
    return shown


def comparison(all_figures: list[dict]) -> Table:
    """Targets side by side."""
    shown = Table("target", title="per frame", title_justify="left")
    for name in ("total uJ", "+- uJ", *(f"{k} uJ" for k in KINDS), "power mW", "dram kB", "ratio"):
        shown.add_column(name, justify="right")
    first = all_figures[0]["energy_j"]["mean"]
    for f in all_figures:
        mean = f["energy_j"]["mean"]
        kinds = [f"{f['by_kind_j'][k] * MICRO:.1f}" for k in KINDS]
        shown.add_row(
            f["target"], f"{mean * MICRO:.1f}", f"{f['energy_std_j'] * MICRO:.1f}", *kinds,
            f"{f['power_w'] * MILLI:.2f}", f"{f['dram_bytes'] / 1e3:.1f}", f"{mean / first:.2f}",
        )  # fmt: skip
    return shown


def ablation_table(rows, title: str) -> Table:
    """What each idea saves, in microjoules per frame without the link."""
    shown = Table("dataflow", title=title, title_justify="left")
    for name in ("memory uJ", "all but link uJ", "saved uJ"):
        shown.add_column(name, justify="right")
    for row in rows:
        saved = (row["chip_energy_j"] - rows[0]["chip_energy_j"]) * MICRO
        shown.add_row(
            row["dataflow"], f"{row['memory_energy_j'] * MICRO:.1f}",
            f"{row['chip_energy_j'] * MICRO:.1f}", f"{saved:.1f}",
        )  # fmt: skip
    return shown
