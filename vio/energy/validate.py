"""Checks of the model that need no test suite, and published figures beside predicted ones.

Nothing here tunes anything: a ratio far from one is printed with what explains it.
"""

import json
from pathlib import Path

import numpy as np
from rich.table import Table

from vio.energy import dataflow, plan, report, stages, table
from vio.energy.actions import Level, level0
from vio.energy.features import FEATURES, in_order, matrix
from vio.energy.memory import homes, map_uses
from vio.energy.plan import Plan
from vio.energy.run import load_events, period_s

HERE = Path(__file__).parent
HOST_WRITTEN = {
    "track.": "the tracker's own table, also written between kernels",
    "bearings.": "rays of the tracks, undistorted into them by the window",
    "front.": "wanted, occupied, first_level: filled between kernels",
    "slots.": "states, opened and closed between kernels",
    "landmarks.": "rows freed between kernels",
    "prior.": "the first prior of a window",
    "work.factor": "which factors take part, chosen between kernels",
    "work.leave_": "what leaves, chosen between kernels",
    "work.use": "chosen between kernels when marginalising",
    "image": "pixels arrive over the link",
}
"""Buffers that code outside of kernels writes: prefix -> what it writes."""


def reference(name: str = "reference"):
    """(description, (1, N_EVENTS) mean tallies, period [s]) of a run the anchors use."""
    saved = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    names = list(saved["events"])
    values = np.array([[saved["events"][n] for n in names]])
    return saved["ledger"], in_order(names, values), saved["period_s"]


def check(folders):
    """(tree for JSON, tables and lines) of all checks, on a run folder or the reference."""
    tree, events, period = reference()
    if folders:
        tree = plan.load(folders[0])
        events, t_ns = load_events(folders[0])
        period = period_s(t_ns, tree["rate_hz"])
    checks = [conserved(tree, events, period), *shrinking(tree, events), written(tree, events)]
    found = anchors(tree, events, period)
    pieces = [f"{'ok  ' if ok else 'FAIL'} {text}" for ok, text in checks]
    pieces.append(anchor_table(found))
    pieces += [f"{a['what']}: {a['reasons']}" for a in found]
    result = {"checks": [{"ok": ok, "what": text} for ok, text in checks], "anchors": found}
    return result, pieces


def conserved(tree, events, period):
    """Stages, kinds and levels each sum to the total, on every target."""
    worst = 0.0
    for name in table.names():
        bill = dataflow.bill(tree, table.load(name))
        f = report.summary(bill, events, period)
        total = f["energy_j"]["mean"]
        rows = sum(sum(row.values()) for row in f["by_stage_j"].values())
        worst = max(worst, abs(rows / total - 1), abs(sum(f["by_kind_j"].values()) / total - 1))
    return worst < 1e-9, f"parts sum to totals on every target (largest error {worst:.1e})"


def shrinking(tree, events):
    """Elements asked of a level never exceed those asked of the level before it."""
    for name in table.names():
        target, made = table.load(name), Plan(tree)
        order = [spec.level for spec in target.levels]
        uses = stages.uses(made)
        features = dict(zip(FEATURES, matrix(events, made).mean(axis=0)))
        rows = {}
        for a in map_uses(uses, made.tensors, target.levels, homes(made.tensors, target.levels)):
            key = a.stage, a.tensor
            level = rows.setdefault(key, {})
            level[a.level] = level.get(a.level, 0.0) + a.moved_bits * features[a.event]
        grown = 0
        for levels in rows.values():
            moved = [levels[k] for k in order if k in levels]
            grown += any(far > near * (1 + 1e-9) for near, far in zip(moved, moved[1:]))
        yield (
            grown == 0,
            f"{name}: nothing grows on the way out ({len(rows)} tensors)",
        )


def written(tree, events):
    """Every buffer that is read was written, by a kernel or by what HOST_WRITTEN names."""
    made = Plan(tree)
    features = dict(zip(FEATURES, matrix(events, made).mean(axis=0)))
    totals = level0(stages.uses(made), features)
    orphans = [
        name
        for name, (reads, writes) in totals.items()
        if reads > 0 and not writes > 0 and not name.startswith(tuple(HOST_WRITTEN))
    ]
    return not orphans, f"every buffer that is read was written {orphans or ''}".rstrip()


def frame_memory_j(tree, events, packed: bool) -> float:
    """Energy of reads from and writes to the frame memories alone, per frame [J]."""
    bill = dataflow.bill(tree, table.load("navion65"), dataflow.Dataflow(packed=packed))
    mean = bill.price(events).mean(axis=0)
    sram = Level.SRAM.value
    return sum(
        joules
        for line, joules in zip(bill.lines, mean)
        if line.tensor.startswith("frame") and line.level == sram
    )


def anchors(tree, events, period) -> list[dict]:
    """Published operating points and what the model says of this run there."""
    navion = dataflow.bill(tree, table.load("navion65"))
    small, small_events, _ = reference("reference_nano")
    mcu = dataflow.bill(small, table.load("mcu"))
    slow = report.summary(navion, events, 1 / 20)
    fast = report.summary(navion, events, 1 / 171)
    gap9 = report.summary(mcu, small_events, 1 / 20)
    ratio = frame_memory_j(tree, events, False) / frame_memory_j(tree, events, True)
    window = (
        "Navion optimises at keyframes, this window at every frame and more than once; its power"
        " is a mean over EuRoC. Clock, control and wires are missing here, so the excess is"
        " double-precision arithmetic and the reduced system in the window"
    )
    rows = [
        ("Navion, 2 mW at 20 fps", "mW", 2.0, slow["chip_power_w"] * 1e3, window),
        ("Navion, 24 mW at 171 fps", "mW", 24.0, fast["chip_power_w"] * 1e3, window),
        (
            "Navion, frame memory power raw / compressed", "x", 4.9, ratio,
            "only accesses are compared, not leakage or clock. Fewer bits move and, by CACTI, each"
            " access to the smaller memory costs less; of a memory in one piece that second part is"
            " at its largest",
        ),
        (
            "LEVIO on GAP9, less than 5 mJ per frame", "mJ", 5.0,
            gap9["chip_energy_j"] * 1e3,
            "a bound, and of measured board power: instruction fetch, interconnect and idle"
            " cores are in it and not in the model; LEVIO runs 160x120 monocular with 700"
            " descriptors, this is the nano profile at 188x120 stereo, in doubles that GAP9 would"
            " have to emulate",
        ),
    ]  # fmt: skip
    keys = "what", "unit", "published", "predicted", "reasons"
    return [dict(zip(keys, row)) | {"ratio": row[3] / row[2]} for row in rows]


def anchor_table(found) -> Table:
    """Published beside predicted."""
    shown = Table("anchor", title="published and predicted, none tuned", title_justify="left")
    for name in ("unit", "published", "predicted", "ratio"):
        shown.add_column(name, justify="right")
    for a in found:
        shown.add_row(
            a["what"], a["unit"], f"{a['published']:.3g}", f"{a['predicted']:.3g}",
            f"{a['ratio']:.2f}",
        )  # fmt: skip
    return shown
