"""What the README promises, where keeping the promise can be tried at little cost."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = Path(os.environ.get("VIO_SHARED_DATA", ROOT.parent / "shared" / "data"))
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
COMMANDS = [
    line.partition("#")[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    if line.startswith("vio ")
]


def vio(*words, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "vio.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 6 and {c.split()[1] for c in COMMANDS} >= {"run", "eval", "sim"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.split()[1] in ("run", "eval")])
def test_commands_of_the_readme_are_understood(command, tmp_path):
    """Every option exists and every setting is known: only the recording is missing."""
    (tmp_path / "mine.yaml").write_text("seed: 1\n")
    done = vio(*shlex.split(command)[1:], cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(r"(MH_01_easy|mh_01_easy|trajectory)\S*: no such", done.stderr), done.stderr


def test_sim_command_of_the_readme_renders(tmp_path):
    [command] = [c for c in COMMANDS if c.split()[1] == "sim"]
    words = shlex.split(command)[1:]
    done = vio(*words, "--seconds", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / words[1] / "mav0" / "cam0" / "data.csv").is_file()


def test_a_misspelt_key_is_an_error(tmp_path):
    done = vio("run", ".", "--set", "frontend.max_feature=120", cwd=tmp_path)
    assert done.returncode == 2 and "did you mean 'frontend.max_features'" in done.stderr


REAL = DATA / "mh01_real"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no recording at {REAL} (VIO_SHARED_DATA)")
@pytest.mark.parametrize(
    "options, ate_m", [((), 0.015), (("--mono",), 0.04)], ids=["stereo", "mono"]
)
def test_accuracy_on_a_real_recording(options, ate_m, tmp_path):
    """First 8 s."""
    done = vio("run", REAL, "--seconds", 8, "--json", "--out", "real", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    assert metrics["coverage"] >= 0.95
    assert metrics["ate_rmse_m"] <= ate_m
    for name in ("trajectory.tum", "metrics.json", "estimates.npz", "events.npz", "config.yaml"):
        assert (tmp_path / "real" / name).is_file(), name
