"""Kernels are compiled by two processes at once, each into a folder of its own."""

from dataclasses import dataclass, replace

import pytest

from vio import warm
from vio.config import Config, WindowConfig
from vio.odometry import Odometry
from vio.sim.rig import euroc_rig

WRITES = """
import os, pathlib, pickle, sys
rig, config = pickle.load(sys.stdin.buffer)
folder = pathlib.Path(os.environ["NUMBA_CACHE_DIR"]) / "front"
folder.mkdir()
for name in ("detect.choose-1.py3.nbi", "detect.choose-1.py3.1.nbc", "so3.exp-9.py3.nbi"):
    (folder / name).write_text(f"child {rig} {config}")
(folder / "so3.exp-9.py3.1.nbc").write_text("child")
"""


@dataclass
class Stub:
    """An odometry that says which of its halves were compiled."""

    rig: str = "rig"
    config: str = "config"
    calls: tuple = ()

    def warm_up(self):
        self.calls += ("all",)

    def warm_up_backend(self):
        self.calls += ("back end",)


@pytest.fixture
def cold(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "cache_dir", lambda: tmp_path / "kernels")
    monkeypatch.setattr(warm, "COMPILED", tmp_path / "kernels")
    monkeypatch.setattr(warm, "cores", lambda: 2)
    monkeypatch.setattr(warm, "CHILD", ("-c", WRITES))
    return tmp_path / "kernels"


def test_what_a_child_compiled_is_taken_over_and_nothing_replaced(cold):
    ours = cold / "front" / "so3.exp-9.py3.nbi"
    ours.parent.mkdir(parents=True)
    ours.write_text("ours")
    odometry = Stub()
    assert warm.is_cold()
    warm.warm_up(odometry)
    assert odometry.calls == ("back end", "all") and not warm.is_cold()
    assert (cold / "front" / "detect.choose-1.py3.nbi").read_text() == "child rig config"
    assert (cold / "front" / "detect.choose-1.py3.1.nbc").exists()
    assert ours.read_text() == "ours" and not (cold / "front" / "so3.exp-9.py3.1.nbc").exists()
    assert {path.name for path in cold.iterdir()} == {"front", "lock", warm.MARK}


def test_a_child_that_fails_costs_nothing_but_time(cold, monkeypatch):
    monkeypatch.setattr(warm, "CHILD", ("-c", "raise SystemExit(1)"))
    odometry = Stub()
    warm.warm_up(odometry)
    assert odometry.calls == ("back end", "all") and not warm.is_cold()


def test_one_core_or_a_warm_cache_needs_no_child(cold, monkeypatch):
    monkeypatch.setattr(warm, "cores", lambda: 1)
    odometry = Stub()
    warm.warm_up(odometry)
    warm.warm_up(odometry)
    assert odometry.calls == ("all", "all")


def test_who_comes_second_waits_and_compiles_nothing(cold, monkeypatch):
    """The mark appears while it waits for the lock."""
    real, odometry = warm.lock, Stub()

    def waited(path):
        (cold / warm.MARK).touch()
        return real(path)

    monkeypatch.setattr(warm, "lock", waited)
    warm.warm_up(odometry)
    assert odometry.calls == ("all",)


@pytest.mark.skipif(warm.fcntl is None, reason="this system has no file locks")
def test_the_lock_is_held_by_one_at_a_time(tmp_path):
    import fcntl

    path = tmp_path / "lock"
    with warm.lock(path), path.open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_written_costs_only_the_notice(tmp_path, monkeypatch):
    (tmp_path / "kernels").write_text("a file")
    monkeypatch.setattr(warm, "cache_dir", lambda: tmp_path / "kernels" / "version")
    odometry = Stub()
    warm.warm_up(odometry)
    assert odometry.calls == ("all",) and warm.is_cold()


def test_and_so_does_one_that_is_read_only(cold, monkeypatch):
    monkeypatch.setattr(warm.os, "access", lambda *_: False)
    odometry = Stub()
    warm.warm_up(odometry)
    assert odometry.calls == ("all",) and warm.is_cold()


def test_progress_is_told_until_the_end(cold, monkeypatch):
    monkeypatch.setattr(warm, "POLL_S", 0.001)
    monkeypatch.setattr(warm, "ready", lambda: (7, 9))
    said = []
    warm.warm_up(Stub(), lambda *many: said.append(many))
    assert set(said) == {(7, 9)}


@pytest.mark.parametrize("mono", [False, True], ids=["stereo", "mono"])
@pytest.mark.parametrize("off", ["estimate_extrinsics", "estimate_time_offset", None])
def test_each_half_warms_up_alone(mono, off):
    """As two processes do it, whatever is estimated of the calibration."""
    rig = replace(euroc_rig(), cam1=None) if mono else euroc_rig()
    names = {"estimate_extrinsics", off} if off else ()
    odometry = Odometry(rig, Config(window=WindowConfig(**dict.fromkeys(names, False))))
    odometry.warm_up_backend()
    odometry.warm_up_frontend()
    odometry.warm_up()
    assert odometry.arena["slots.t_ns"].sum() == 0, "as if it had not been"
