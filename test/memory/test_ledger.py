"""The ledger: complete, true, and what the plain layout beside it counts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vio.bench.cost import raw_settings
from vio.config import Config, load, overlay
from vio.footprint import PROFILES, TECHNIQUES, UNCAPPED, ablation_table, memory, uncompressed
from vio.memory.arena import Arena, Buffer, arena_bytes
from vio.memory.budget import check_budget
from vio.memory.plain import describe, plain_bytes, side
from vio.memory.roles import GROUPS, ROLES, UNKNOWN, role
from vio.odometry import Odometry, ledger
from vio.sim.rig import euroc_rig
from vio.types import VioError
from vio.window.state import capacities

RIG = euroc_rig()
MONO = replace(RIG, cam1=None)


@pytest.fixture(scope="module")
def lines():
    return ledger(RIG, Config())


@pytest.mark.parametrize("rig", [RIG, MONO])
@pytest.mark.parametrize("settings", [(), ("memory.prior_bits=64", "memory.observation_bits=32")])
def test_lines_sum_to_the_block(rig, settings):
    lines = ledger(rig, load((), settings))
    arena = Arena(lines)
    tree = describe(lines, 2)
    assert arena.block.nbytes == arena.total_bytes == tree["total_bytes"]
    assert sum(b.bytes for b in lines) - tree["overlap_bytes"] == arena.total_bytes
    assert sum(tree["groups"].values()) == arena.total_bytes


def test_buffers_are_aligned_and_apart(lines):
    """Scratch of the two halves of the odometry lies over each other, nothing else does."""
    for without, guards in (("front", False), ("back", False), ("", True)):
        arena, spans = Arena(lines, guards), []
        for b in lines:
            view = arena[b.name]
            at = view.ctypes.data - arena.block.ctypes.data
            assert view.flags.aligned and view.flags.c_contiguous and view.base is not None
            assert at >= 0 and at + b.bytes <= arena.block.nbytes
            if b.lifetime != without:
                spans.append((at, at + b.bytes))
        spans.sort()
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))


def test_two_buffers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two buffers"):
        Arena([Buffer("a", (1,), "u1", "run", ""), Buffer("a", (1,), "u1", "run", "")])


def test_every_buffer_has_a_role(lines):
    assert {role(b.name) for b in lines}.isdisjoint({UNKNOWN}), "enter it in vio/memory/roles.py"
    assert {role(b.name).group for b in lines} == set(GROUPS)
    assert {b.lifetime for b in lines} <= {"run", "front", "back", "frame"}


def test_roles_name_files_and_settings_that_exist():
    from vio.config import flatten
    from vio.footprint import __file__ as here

    package, settings = here.rpartition("/")[0], {name for name, _, _ in flatten(Config())}
    from pathlib import Path

    for prefix, r in ROLES.items():
        for names in (r.writer, r.reader):
            folder = ""
            for name in names.split(", "):
                folder, _, file = name.rpartition(".") if "." in name else (folder, "", name)
                place = Path(package) / folder
                known = (place / f"{file}.py").is_file() or (Path(package) / name).is_dir()
                assert known or list(place.glob(f"{file}.py")), f"{prefix}: {name}"
        section = ""
        for name in r.smaller.split(", "):
            if name in ("nothing", "the image width"):
                continue
            section, _, key = name.rpartition(".") if "." in name else (section, "", name)
            assert f"{section}.{key}" in settings, f"{prefix}: {name}"


def test_bits_per_element(lines):
    by_name = {b.name: b for b in lines}
    frame = by_name["frame"]
    assert frame.count == sum((480 >> k) * (752 >> k) for k in range(Config().frontend.levels))
    # 16 pixels of a block: codes, range (4 bit) and, above the finest level, base (8 bit).
    assert 1.25 < frame.bits < 2.75
    assert by_name["track.template"].bits == pytest.approx(8 * 52 / 100)
    assert by_name["system.H"].bits == 64 and by_name["landmarks.xy"].bits == 16
    raw = ledger(RIG, load((), [f"frontend.{k}_bits=8" for k in ("finest", "second", "coarse")]))
    assert {b.name: b for b in raw}["frame"].bits == pytest.approx(8.0)


def test_uncompressed_counts_every_technique():
    assert sum(len(v) for v in uncompressed().values()) == len(TECHNIQUES) + 1, "and the cap"


@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_technique_saves_memory(lines, name):
    without = overlay(overlay(Config(), UNCAPPED, name), TECHNIQUES[name], name)
    assert arena_bytes(ledger(RIG, without)) > arena_bytes(lines)


@pytest.mark.parametrize("profile", PROFILES)
def test_uncompressed_builds_are_not_held_to_the_budget(profile):
    config = load([profile], raw_settings())
    check_budget(ledger(euroc_rig(), config), config.memory.budget_bytes)


def test_plain_layout_by_hand(lines):
    by_name = {b.name: b for b in lines}
    pixels = by_name["frame"].count
    assert plain_bytes(by_name["frame"], lines, 1) == 2 * pixels
    assert plain_bytes(by_name["frame"], lines, 2) == 3 * pixels
    assert plain_bytes(by_name["stream.lines"], lines, 2) == 0
    slots, points, dim, rows = capacities(Config().window)
    assert plain_bytes(by_name["landmarks.xy"], lines, 2) == points * slots * 2 * 6 * 8
    assert plain_bytes(by_name["landmarks.xy"], lines, 2, lean=True) == points * slots * 2 * 2 * 4
    assert plain_bytes(by_name["prior.L"], lines, 2) == rows * rows * 8
    coupling = points * (3 * dim + 9 + 3)
    assert plain_bytes(by_name["system.H"], lines, 2) == 8 * (dim * dim + coupling)
    assert plain_bytes(by_name["system.H"], lines, 2, lean=True) == 8 * dim * dim
    assert plain_bytes(by_name["front.regions"], lines, 2) == by_name["front.regions"].bytes
    assert [side(n * (n + 1) // 2) for n in (1, 9, 102, 1000)] == [1, 9, 102, 1000]


@pytest.mark.parametrize("rig", [RIG, MONO])
def test_plain_layout_is_never_the_smaller(rig):
    tree = describe(ledger(rig, Config()), len(rig.cameras))
    for layout in (tree["plain"], tree["plain"]["lean"]):
        assert layout["total_bytes"] == sum(layout["groups"].values())
        assert all(factor >= 1 for factor in layout["factors"].values())
    assert sum(b["plain_bytes"] for b in tree["buffers"]) == tree["plain"]["total_bytes"]


@pytest.mark.parametrize("name, most", [("navion", 600e3), ("default", 384e3), ("nano", 96e3)])
def test_profiles_fit(name, most):
    config = load([name])
    assert arena_bytes(ledger(RIG, config)) <= config.memory.budget_bytes <= most


def test_factors_hold_the_bars():
    factors = describe(ledger(RIG, load(["default"])), 2)["plain"]["factors"]
    assert factors["frames"] >= 5 and factors["graph"] >= 5.9
    assert factors["solver"] >= 6 and factors["total"] >= 5


def test_json_and_tables():
    tree, tables = memory(RIG, Config(), mono=True)
    assert json.loads(json.dumps(tree)) == tree and tree["fits"]
    assert {"total_bytes", "buffers", "groups", "plain"} <= set(tree)
    assert tables[0].row_count == len(tree["buffers"]) + len(GROUPS) + 1
    tree, pieces = memory(RIG, load((), ["memory.budget_bytes=1000"]))
    assert not tree["fits"] and pieces[-1].startswith("does not fit")


def test_budget_refuses_and_says_what_to_turn_down(lines):
    total = arena_bytes(lines)
    check_budget(lines, 0)
    check_budget(lines, total)
    with pytest.raises(VioError) as error:
        check_budget(lines, total - 1)
    text = str(error.value)
    assert str(total) in text and str(total - 1) in text
    for b in sorted(lines, key=lambda b: -b.bytes)[:3]:
        assert b.name in text and role(b.name).smaller in text
    with pytest.raises(VioError, match="memory.budget_bytes allows 1000 B"):
        Odometry(RIG, load((), ["memory.budget_bytes=1000"]))


def test_ablation_table_survives_a_run_without_truth():
    row = {"case": "a", "total_bytes": 10, "ate_rmse_m": None, "cpu_ms_per_frame_mean": 1.0}
    tree = {"dataset": "x", "cases": [row, row | {"total_bytes": 20}]}
    table = ablation_table(tree)
    assert list(table.columns[2].cells) == ["", "+100.0 %"]
    assert list(table.columns[3].cells) == ["-", "-"]


def test_rounding_of_sizes():
    b = Buffer("x", (3, 5), "i2", "run", "")
    assert (b.bytes, b.count, b.bits, b.form) == (30, 15, 16.0, "int16")
    assert np.dtype(b.dtype).itemsize == 2
