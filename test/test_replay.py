"""The runner and its run folder, over a stand-in odometry."""

import json

import numpy as np
import pytest
from fakes import T0_NS, FakeDataset, FakeOdometry, replay_fakes

from vio import replay, runfolder
from vio.config import Config, load
from vio.events import NAMES
from vio.io.tum import read_tum
from vio.types import VioError
from vio.viz.view import PlotView

REQUIRED = """frames coverage init_time_s keyframes path_length_m ate_rmse_m ate_yaw_rmse_m
drift_percent rpe_1s_rmse_m rpe_1s_rmse_deg cpu_ms_per_frame_mean cpu_ms_per_frame_p99
realtime_factor peak_rss_mb status_counts nees_position_mean nees_yaw_mean faults""".split()


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    replay_fakes(monkeypatch)


def read_metrics(folder):
    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    return json.loads((folder / "metrics.json").read_text(), parse_constant=refuse)


def test_run_folder_is_complete(tmp_path):
    seen = []
    metrics = replay.run(
        FakeDataset(),
        Config(seed=3),
        tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert metrics == read_metrics(tmp_path)
    assert set(REQUIRED) <= set(metrics)
    assert metrics["complete"] and metrics["frames"] == 81
    assert metrics["coverage"] == 1.0  # the blind start is within the first second
    assert metrics["init_time_s"] == pytest.approx(0.5)
    assert metrics["keyframes"] == 16
    assert metrics["status_counts"]["initialising"] == 10
    assert metrics["faults"]["corrupt_image"] == 1
    assert metrics["path_length_m"] == pytest.approx(3.5, rel=0.01)
    assert 0.01 < metrics["ate_rmse_m"] < 0.02
    assert seen[-1] == (81, 81)

    stamps, p, quat = read_tum(tmp_path / "trajectory.tum")
    assert stamps[0] == T0_NS + 500_000_000 and len(stamps) == 71
    assert load([tmp_path / "config.yaml"]) == Config(seed=3)
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["seed"] == 3 and "numpy" in about["versions"] and about["command"]
    events = np.load(tmp_path / "events.npz")
    assert events["names"].tolist() == list(NAMES)
    assert events["events"].shape == (81, len(NAMES)) and events["t_ns"][0] == T0_NS
    estimates = np.load(tmp_path / "estimates.npz")
    assert estimates["cov_pose"].shape == (81, 6, 6) and estimates["status"].shape == (81,)
    np.testing.assert_allclose(estimates["p"][10:], p, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(estimates["quat_xyzw"][10:], quat, atol=1e-9)


def test_without_ground_truth_errors_are_null(tmp_path):
    metrics = replay.run(FakeDataset(with_truth=False), Config(), tmp_path)
    assert metrics["ate_rmse_m"] is None and metrics["nees_yaw_mean"] is None
    assert metrics["path_length_m"] > 0


def test_never_initialised_is_reported_not_crashed(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeOdometry, "blind", 10**6)
    metrics = replay.run(FakeDataset(), Config(), tmp_path)
    assert metrics["coverage"] == 0 and metrics["init_time_s"] is None


def test_coverage_counts_frames_without_pose(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeOdometry, "blind", 51)  # 21 frames are within the first second
    assert replay.run(FakeDataset(), Config(), tmp_path)["coverage"] == pytest.approx(0.5)


def test_start_and_seconds_choose_the_frames(tmp_path):
    metrics = replay.run(FakeDataset(), Config(), tmp_path, start_s=1.0, seconds=2.0)
    assert metrics["frames"] == 41
    with pytest.raises(VioError, match="4.0 s long"):
        replay.run(FakeDataset(), Config(), tmp_path, start_s=9.0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_keeps_what_it_had(tmp_path, monkeypatch, error):
    monkeypatch.setattr(FakeOdometry, "fail_at", 40)
    monkeypatch.setattr(FakeOdometry, "error", error)
    with pytest.raises(error):
        replay.run(FakeDataset(), Config(), tmp_path)
    metrics = read_metrics(tmp_path)
    assert metrics["complete"] is False and metrics["frames"] == 40
    assert metrics["coverage"] == 1.0 and metrics["ate_rmse_m"] is not None
    assert len(read_tum(tmp_path / "trajectory.tum")[0]) == 30
    assert len(np.load(tmp_path / "events.npz")["t_ns"]) == 40


@pytest.mark.parametrize("target", [None, "navion65"])
def test_an_interruption_while_compiling_leaves_a_complete_folder(tmp_path, monkeypatch, target):
    def interrupted(odometry, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "warm_up", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replay.run(FakeDataset(), Config(), tmp_path, target=target)
    metrics = read_metrics(tmp_path)
    assert metrics["complete"] is False and metrics["frames"] == 0
    assert metrics["coverage"] is None and metrics["ate_rmse_m"] is None
    assert len(np.load(tmp_path / "estimates.npz")["t_ns"]) == 0


def test_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        replay.run(FakeDataset(), Config(), tmp_path / name)
    for name in ("trajectory.tum", "events.npz", "config.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_default_folder_is_named_and_linked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        replay.run(FakeDataset(seconds=0.5), Config())
    folders = sorted(p.name for p in (tmp_path / "runs").iterdir() if not p.is_symlink())
    assert len(folders) == 2 and all(name.startswith("fake-") for name in folders)
    assert (tmp_path / "runs" / "latest" / "metrics.json").is_file()


def test_a_folder_used_again_holds_nothing_of_the_earlier_run(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "features.png").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("mine")
    runfolder.create("fake", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_files_that_no_run_wrote_are_kept(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(VioError, match="config.yaml: no run wrote it.*--out"):
        runfolder.create("fake", tmp_path)
    assert (tmp_path / "config.yaml").read_text() == "seed: 1\n"


def test_truth_of_another_clock_is_said(tmp_path, caplog):
    dataset = FakeDataset()
    dataset.truth["t_ns"] += 10**18
    metrics = replay.run(dataset, Config(), tmp_path)
    assert metrics["ate_rmse_m"] is None and "same clock" in caplog.text


def test_json_has_no_nan():
    tree = {"a": np.float64("nan"), "b": [np.int64(3), float("inf")], "c": np.True_}
    assert runfolder.plain(tree) == {"a": None, "b": [3, None], "c": True}


def test_plot_view_draws_both_pictures(tmp_path):
    dataset = FakeDataset()
    replay.run(dataset, Config(), tmp_path, view=PlotView(dataset.truth))
    for name in ("trajectory.png", "features.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
