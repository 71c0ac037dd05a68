"""The suite from end to end on a small flight, and its parts."""

import json
from pathlib import Path

import numpy as np
import pytest

from vio.bench import accuracy, cli, clip, command, cost, suite
from vio.bench.cachegrind import count
from vio.bench.clip import Build, shrunk_camera
from vio.bench.prepare import prepare
from vio.bench.sequences import FLIGHT_FILES, Places
from vio.geometry.camera import project
from vio.sim import SimSpec
from vio.sim.rig import euroc_rig
from vio.types import VioError

TINY = {"quick": SimSpec(profile="gentle", seconds=3.0, seed=1, scale=0.5)}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    where = Places(None, tmp_path_factory.mktemp("bench"))
    done = []
    assert prepare(where, TINY, 1, lambda *now: done.append(now)) == [where.rendered / "quick"]
    assert all(made <= total == 118 for made, total in done)
    return where


def silent(*words):
    """Nobody listens."""


def test_suite_writes_its_results(places, tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "QUICK", TINY)
    words = (True, ["accuracy", "energy"], None, False, silent, silent)
    found, pieces = command.run(places, tmp_path, 1, *words)
    saved = json.loads((tmp_path / "bench.json").read_text())
    assert saved["metrics"] == found["metrics"]
    names = {row["name"]: row["value"] for row in found["metrics"]}
    assert names["accuracy/quick/coverage"] == 1.0 and names["accuracy/quick/ate_m"] < 0.05
    assert {"accuracy/quick mono/coverage", "energy/quick/mcu"} <= set(names)
    assert (tmp_path / "accuracy_energy.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "runs" / "quick" / "metrics.json").is_file()
    assert "picture" in " ".join(map(str, pieces))


def test_prepare_keeps_what_is_there(places):
    stamp = (places.rendered / "quick" / "sim.yaml").stat().st_mtime_ns
    prepare(places, TINY, 2)
    assert (places.rendered / "quick" / "sim.yaml").stat().st_mtime_ns == stamp


def test_flights_are_found_where_all_their_files_are(tmp_path):
    for flight, files in (("whole", FLIGHT_FILES.values()), ("half", ["imu.csv.gz"])):
        (tmp_path / "flights" / flight).mkdir(parents=True)
        for name in files:
            (tmp_path / "flights" / flight / name).touch()
    assert list(Places(tmp_path, tmp_path).flights()) == ["whole"]
    assert Places(None, tmp_path).flights() == {} == Places(None, tmp_path).recorded()


def test_places_from_options_then_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("VIO_SHARED_DATA", "a")
    monkeypatch.delenv("VIO_RENDERED", raising=False)
    assert Places.choose(None, None, Path("c")) == Places(Path("a"), Path("c/sequences"))
    assert Places.choose("x", "y", Path("c")) == Places(Path("x"), Path("y"))


def test_builds_take_turns_over_the_same_frames(places, tmp_path):
    small = clip.make(places.rendered / "quick", tmp_path / "clip.pickle", 30)
    builds = [Build("A"), Build("B", ("frontend.max_features=50",))]
    a, b = clip.compare(small, builds, 1)
    assert a["frame_ms"].shape == b["frame_ms"].shape == (30 - clip.SETTLE,)
    assert (a["frame_ms"] > 0).all() and a["tracked"] and set(a["stages_ms"]) >= {"frontend"}
    with pytest.raises(VioError, match="B: the measured flight failed: .*unknown setting"):
        clip.compare(small, [Build("B", ("frontend.fast=1",))], 1)


def test_what_to_compare_with(tmp_path):
    nano = Build.parse("nano").over(("a=1",)).settings
    assert nano[0] == "a=1" and nano[1].endswith("nano.yaml")
    (tmp_path / "vio").mkdir()
    (tmp_path / "vio" / "odometry.py").touch()
    assert Build.parse(str(tmp_path)).checkout == tmp_path.resolve()
    with pytest.raises(VioError, match="neither a checkout"):
        Build.parse(str(tmp_path / "vio"))
    (tmp_path / "wrong.yaml").write_text("sed: 1\n")
    with pytest.raises(VioError, match="wrong.yaml: unknown setting"):
        Build.parse(str(tmp_path / "wrong.yaml"))


def test_recordings_that_are_not_there(tmp_path):
    with pytest.raises(VioError, match="nowhere: no such folder.*--data"):
        command.places(tmp_path / "nowhere", None)


def test_a_smaller_camera_sees_the_same():
    camera = euroc_rig().cam0
    small = shrunk_camera(camera, 0.5)
    assert (small.width, small.height) == (376, 240)
    for x, y in ((0.3, -0.2), (-0.4, 0.1)):
        large = np.array(project(camera.model, camera.params, x, y))
        found = project(small.model, small.params, x, y)
        np.testing.assert_allclose(found, (large + 0.5) / 2 - 0.5, atol=1e-9)


def test_power_law():
    assert cost.exponent([(1, 2.0), (10, 200.0), (100, 20000.0)]) == pytest.approx(2.0)


def test_least_takes_the_best_time_of_each_frame():
    slow = {"frame_ns": [5e6] * 30, "stages_ns": {"imu": [2e6] * 30}, "peak_kb": 9, "tracked": 1}
    quick = slow | {"frame_ns": [9e6] * 29 + [1e6]}
    found = clip.least([slow, quick])
    assert found["frame_ms"].tolist() == [5.0, 5.0, 5.0, 5.0, 1.0]


def test_totals_of_the_simulated_processor_are_read(tmp_path, monkeypatch):
    def fly(clip, build, frames, before, environment):
        log = next(w for w in before if w.startswith("--log-file=")).partition("=")[2]
        Path(log).write_text(
            "==7== I   refs:      1,234\n==7== LL misses:   56  (  4 rd + 52 wr)\n"
        )

    monkeypatch.setattr("vio.bench.cachegrind.fly", fly)
    assert count(None, None, 3, tmp_path / "log") == {"I refs": 1234, "LL misses": 56}
    monkeypatch.setattr(
        "vio.bench.cachegrind.fly", lambda *words: (tmp_path / "log").write_text("")
    )
    with pytest.raises(VioError, match="no totals"):
        count(None, None, 3, tmp_path / "log")


def test_help_names_the_groups():
    assert cli.GROUPS == ", ".join(suite.GROUPS)


def test_unknown_group_names_the_known(tmp_path):
    with pytest.raises(VioError, match="the groups are accuracy, energy"):
        command.run(
            Places(None, tmp_path), tmp_path, 1, True, ["beauty"], None, False, silent, silent
        )
