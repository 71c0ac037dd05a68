"""The command as its user meets it: through a process, with exit codes and streams."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

COMMANDS = ("run", "eval", "sim", "demo", "memory", "info", "warmup", "bench")


def vio(*words, cwd=None, **more):
    command = [sys.executable, "-m", "vio.cli", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment(), **more
    )


def environment():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return {**os.environ, "PYTHONPATH": root, "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    """Three seconds of small images: enough to run, not to judge."""
    from vio.sim import SimSpec, render_sequence

    spec = SimSpec(profile="gentle", seconds=3.0, seed=1, scale=0.5)
    return render_sequence(tmp_path_factory.mktemp("cli") / "tiny", spec)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command):
    done = vio(command, "--help")
    assert done.returncode == 0 and "Examples" in done.stdout


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys, vio.cli\n"
        "heavy = {'numba', 'cv2', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(' '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment())
    assert done.returncode == 0, done.stderr
    began = time.perf_counter()
    vio("--help")
    assert time.perf_counter() - began < 2.0  # 0.5 s on a machine that does nothing else


@pytest.mark.parametrize(
    "words, message",
    [
        (("run", "nowhere"), "nowhere: no such"),
        (("run", ".", "--set", "sed=1"), "did you mean 'seed'"),
        (("run", ".", "--config", "absent.yaml"), "absent.yaml: no such"),
        (("run", "."), "error"),
        (("eval", "a.tum", "b.tum"), "a.tum"),
        (("info", "nowhere"), "nowhere"),
        (("run", "x" * 300), "name too long"),
        (("run", ".", "--topic", "left=/a"), "--topic left=/a: write it as"),
        (("energy", "--constants", "absent.md"), "absent.md: No such file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, words, message):
    done = vio(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == "" and message in done.stderr
    assert done.stderr.startswith("vio: error: ") and done.stderr.count("\n") == 1


def test_a_defect_is_one_line_and_exit_code_1_unless_debugging(tmp_path):
    code = (
        "import sys, vio.cli, vio.config\n"
        "vio.config.load = lambda *a: 1 / 0\n"
        "sys.argv = ['vio', 'run', '.', *sys.argv[1:]]\n"
        "vio.cli.main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "ZeroDivisionError" in done.stderr
    done = subprocess.run([*command, "--debug"], capture_output=True, text=True, env=environment())
    assert done.returncode != 0 and "Traceback" in done.stderr


def test_times_without_end_are_refused(tmp_path):
    for option in ("--seconds", "--start"):
        done = vio("run", ".", option, "inf", cwd=tmp_path)
        assert done.returncode == 2 and option in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_and_a_reader_that_left_are_no_defects():
    words = [sys.executable, "-m", "vio.cli", "info", "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, env=environment())
    assert done.returncode == 2 and b"No space left" in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, env=environment())
    os.close(writing)
    assert done.returncode == 1 and done.stderr == b""


def test_a_disk_that_fills_up_keeps_the_results(sequence, tmp_path):
    code = (
        "import sys, vio.cli, vio.record as r\n"
        "def write(*words): raise OSError(28, 'No space left on device')\n"
        "r.Record.write = write\n"
        f"sys.argv = ['vio', 'run', {str(sequence)!r}, '--seconds', '1', '--out', 'o', '-q']\n"
        "vio.cli.main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert done.returncode == 2 and "results so far in o" in done.stderr
    assert (tmp_path / "o" / "metrics.json").is_file()


def test_truth_needs_no_second_camera(sequence, tmp_path):
    truth = sequence / "mav0" / "state_groundtruth_estimate0" / "data.csv"
    shutil.copytree(sequence, tmp_path / "one")
    shutil.rmtree(tmp_path / "one" / "mav0" / "cam1")
    with open(truth) as rows, open(tmp_path / "same.tum", "w") as file:
        for row in list(rows)[1:]:
            t, x, y, z, qw, qx, qy, qz = row.split(",")[:8]
            file.write(f"{t[:-9]}.{t[-9:]} {x} {y} {z} {qx} {qy} {qz} {qw}\n")
    done = vio("eval", tmp_path / "same.tum", tmp_path / "one", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["ate_max_m"] < 1e-6
    (tmp_path / "late.tum").write_text("5 0 0 0 0 0 0 1\n")
    done = vio("eval", tmp_path / "late.tum", tmp_path / "one")
    assert done.returncode == 2 and "late.tum" in done.stderr and "same clock" in done.stderr


def test_info_tells_versions_and_settings():
    facts = json.loads(vio("info", "--json").stdout)
    assert facts["versions"]["vio"] and facts["cache"]["folder"]
    assert vio("info", "--config-table").stdout.startswith("# Configuration")


def test_run_and_eval_end_to_end(sequence, tmp_path):
    done = vio("run", sequence, "--json", "--seconds", 2.0, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    folder = tmp_path / "runs" / "latest"
    assert metrics == json.loads((folder / "metrics.json").read_text())
    assert metrics["frames"] == 41 and metrics["complete"]
    for name in ("trajectory.tum", "config.yaml", "run.json", "events.npz", "estimates.npz"):
        assert (folder / name).is_file(), name

    done = vio("eval", folder / "trajectory.tum", sequence, "--json", "--align", "yaw")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ate_rmse_m"] == pytest.approx(metrics["ate_yaw_rmse_m"])


def test_nothing_to_run_leaves_no_folder(sequence, tmp_path):
    done = vio("run", sequence, "--start", 99, cwd=tmp_path)
    assert done.returncode == 2 and "long" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_run_prints_a_table_or_nothing(sequence, tmp_path):
    done = vio("run", sequence, "--seconds", 2.0, "--out", "here", cwd=tmp_path)
    assert done.returncode == 0 and "coverage" in done.stdout and "here" in done.stderr
    done = vio("run", sequence, "--seconds", 1.0, "--out", "here", "--quiet", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "" and done.stderr == ""


def test_ctrl_c_keeps_the_results(sequence, tmp_path):
    code = (
        "import os, signal, sys, vio.cli, vio.replay as r\n"
        "every = r.frames\n"
        "def frames(*words):\n"
        "    for n, pair in enumerate(every(*words)):\n"
        "        if n == 20: os.kill(os.getpid(), signal.SIGINT)\n"
        "        yield pair\n"
        "r.frames = frames\n"
        f"sys.argv = ['vio', 'run', {str(sequence)!r}, '--out', 'half']\n"
        "vio.cli.main()"
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert done.returncode == 130, done.stderr
    assert "half" in done.stderr and "Traceback" not in done.stderr
    metrics = json.loads((tmp_path / "half" / "metrics.json").read_text())
    assert metrics["complete"] is False and metrics["frames"] == 20
