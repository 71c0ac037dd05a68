"""`vio memory` as its user meets it, and the ablation behind it."""

import json

import pytest
from fakes import FakeDataset, replay_fakes
from test_cli import vio

from vio import footprint
from vio.config import Config
from vio.memory.arena import arena_bytes
from vio.odometry import ledger


def test_json_is_the_ledger():
    done = vio("memory", "--json")
    assert done.returncode == 0, done.stderr
    tree = json.loads(done.stdout)
    lines = sum(b["bytes"] for b in tree["buffers"])
    assert tree["total_bytes"] == lines - tree["overlap_bytes"]
    assert tree["total_bytes"] == sum(tree["groups"].values())
    assert set(tree["plain"]["factors"]) == {"frames", "graph", "solver", "total"}
    wanted = {"shape", "format", "bits_per_element", "bytes", "lifetime", "writer", "reader"}
    assert all(wanted <= set(b) for b in tree["buffers"])


def test_mono_counts_one_image_less_and_the_table_names_every_buffer():
    mono = json.loads(vio("memory", "--mono", "--json").stdout)
    both = json.loads(vio("memory", "--json").stdout)
    assert mono["plain"]["total_bytes"] < both["plain"]["total_bytes"], "of one image less"
    done = vio("memory", "--mono", "--set", "memory.budget_bytes=1000")
    assert done.returncode == 0 and "does not fit" in done.stdout
    assert all(b["name"] in done.stdout for b in mono["buffers"])


@pytest.mark.parametrize("words", [("--dataset", "nowhere"), ("--ablate", "nowhere")])
def test_a_missing_recording_is_one_line(words):
    done = vio("memory", "--quiet", *words)
    assert done.returncode == 2 and done.stdout == ""
    assert "nowhere: no such" in done.stderr.splitlines()[-1]


def test_ablation_runs_every_technique(monkeypatch):
    replay_fakes(monkeypatch)
    seen, source = [], FakeDataset(1.0)
    tree, tables = footprint.ablation(source, Config(), 1.0, progress=lambda *at: seen.append(at))
    cases = tree["cases"]
    assert len(cases) == len(footprint.TECHNIQUES) + 2 == tables[0].row_count
    own = arena_bytes(ledger(source.rig, Config()))
    assert cases[0]["total_bytes"] == own
    assert cases[-1]["total_bytes"] == max(row["total_bytes"] for row in cases)
    assert all(row["total_bytes"] == sum(row["groups"].values()) for row in cases)
    done, total = zip(*seen)
    assert list(done) == sorted(done) and done[-1] == total[-1]
    assert json.loads(json.dumps(tree["factors"])) == tree["factors"]
