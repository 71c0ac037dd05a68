"""The command, the page, the anchors and the dataflows."""

import json
from pathlib import Path

import numpy as np
import pytest
from energy.runs import description, events
from fakes import FakeDataset, replay_fakes
from typer.testing import CliRunner

from vio import replay
from vio.cli import app
from vio.config import Config
from vio.energy import dataflow, table, validate
from vio.energy.docs import renewed
from vio.energy.features import dense
from vio.energy.run import figures
from vio.energy.validate import reference
from vio.events import NAMES
from vio.types import VioError

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder(tmp_path):
    """A run folder with what pricing needs."""
    rows = events(30)
    (tmp_path / "ledger.json").write_text(json.dumps(description()))
    t_ns = np.arange(30) * 50_000_000
    np.savez(tmp_path / "events.npz", names=np.array(NAMES), t_ns=t_ns, events=rows)
    (tmp_path / "metrics.json").write_text('{"ate_rmse_m": 0.03}')
    return tmp_path


def run(*arguments):
    done = CliRunner().invoke(app, ["energy", *map(str, arguments)])
    return done.exit_code, done.output


def test_command_shows_and_compares(folder):
    code, text = run(folder, "--compare", "cortex_a_lpddr4")
    assert code == 0
    for word in (
        "energy per frame, mean",
        "nJ",
        "costliest",
        "cortex_a_lpddr4",
        "without streaming",
    ):
        assert word in text
    code, text = run(folder, "--json", "--compare", "mcu")
    tree = json.loads(text)
    assert code == 0 and [t["target"] for t in tree["targets"]] == ["navion65", "mcu"]
    assert tree["targets"][0]["rate_hz"] == pytest.approx(20)


def test_pictures(folder):
    code, _ = run(folder, folder, "--plot", folder / "pictures")
    assert code == 0 and len(list((folder / "pictures").glob("*.png"))) == 3


def test_mistakes_are_named(folder):
    assert run(folder, "--target", "nothing")[0] == 2
    assert run()[0] == 2
    for name in ("events.npz", "metrics.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        code, text = run(folder, folder, "--plot", folder / "pictures")
        assert code == 2 and f"{name}: damaged" in text.replace("\n", "")
        (folder / name).write_bytes(whole)
    tree = json.loads((folder / "ledger.json").read_text())
    tree["buffers"] = tree["buffers"][:3]
    (folder / "ledger.json").write_text(json.dumps(tree))
    code, text = run(folder)
    assert code == 2 and "ledger.json: no buffer" in text
    (folder / "ledger.json").unlink()
    code, text = run(folder)
    assert code == 2 and "run the recording again" in text


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("value: 0.009", "value: much", "constant 'register': value"),
        ("value: 0.009", "value: -1", "constant 'register': value"),
        ("value: {0.5: 2.7", "value: {0.5: .nan", "constant 'sram_read': value"),
        ("uncertainty: 0.5", "uncertainty: some", "uncertainty"),
        ("port_bits: 64, read: register", "port_bits: 0, read: register", "port_bits is 0"),
        ("  - {level", "  # {level", "not a target"),
    ],
)
def test_a_target_is_checked_before_it_prices(tmp_path, old, new, words):
    text = table.find("navion65").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(VioError, match=words) as caught:
        table.load(tmp_path / "mine.yaml")
    assert "mine.yaml" in str(caught.value)


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path):
    (tmp_path / "page.md").write_text("# mine\n")
    code, text = run("--constants", tmp_path / "page.md")
    assert code == 2 and "no place for the table" in text
    assert (tmp_path / "page.md").read_text() == "# mine\n"


def test_validation_passes_and_prints_every_anchor():
    result, _ = validate.check([])
    assert all(check["ok"] for check in result["checks"]), result["checks"]
    assert len(result["anchors"]) == 4
    assert all(a["ratio"] > 0 and a["reasons"] for a in result["anchors"])


def test_page_is_current():
    page = (ROOT / "docs" / "energy.md").read_text(encoding="utf-8")
    assert page == renewed(page), "run: vio energy --constants docs/energy.md"


def test_ideas_save_where_they_must():
    tree, rows, period = reference()
    goal = table.load("asic28")
    cost = {}
    for name, flow in (dataflow.ABLATIONS | dataflow.OFF_CHIP).items():
        bill = dataflow.bill(tree, goal, flow)
        cost[name] = bill.price(dataflow.tallies(rows, flow)).sum() + bill.leak_w * period
    built = cost["as built"]
    assert all(built < value for name, value in cost.items() if name != "as built")
    assert cost["frames in DRAM"] < cost["frames in DRAM, without compression"]
    with pytest.raises(VioError, match="no level 'dram'"):
        dataflow.bill(tree, table.load("navion65"), dataflow.Dataflow(off_chip=True))


def test_dense_is_never_less_than_sparse():
    _, rows, _ = reference()
    assert (dense(rows) >= rows - 1e-9).all()


def test_a_run_on_a_target_bills_itself_as_a_saved_one_does(tmp_path, monkeypatch):
    replay_fakes(monkeypatch)
    metrics = replay.run(FakeDataset(), Config(), tmp_path, target="navion65")
    keys = [f"energy_uj_per_frame_{k}" for k in ("mean", "p50", "p99", "max")]
    keys += ["energy_uj_per_keyframe", "dram_bytes_per_frame", "sram_bytes_per_frame"]
    assert set(keys) <= set(metrics)
    saved = figures(tmp_path, "navion65")
    assert metrics["energy_uj_per_frame_mean"] == pytest.approx(saved["energy_j"]["mean"] * 1e6)
    assert metrics["sram_bytes_per_frame"] == pytest.approx(saved["sram_bytes"])
    plain = replay.run(FakeDataset(), Config(), tmp_path)
    assert not set(keys) & set(plain)
    with pytest.raises(VioError, match="no such target"):
        replay.run(FakeDataset(), Config(), tmp_path, target="nothing")
