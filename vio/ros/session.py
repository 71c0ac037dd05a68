"""A stack in processes of its own over real DDS, without `ros2` on the PATH: `vio ros play`.

This process has no part in ROS: it starts the nodes, watches what they use, and ends them with
SIGINT as launch does.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from vio import runfolder
from vio.eval.metrics import evaluate
from vio.eval.trajectory import Trajectory, from_truth
from vio.io.open import open_dataset
from vio.io.tum import read_tum
from vio.ros import dds
from vio.types import VioError

COMPOSED = ("vio_node",)
SPLIT = ("feature_tracker", "imu_preintegrator", "window_optimizer")
NODES = (*COMPOSED, *SPLIT, "dataset_player", "recorder")
PATIENCE_S = 10.0


def command(node: str, parameters: dict | None = None, files=()) -> list[str]:
    """How to start a node with this Python."""
    words = [sys.executable, "-m", f"vio.ros.{node}"]
    if parameters or files:
        words.append("--ros-args")
    for name in files:
        words += ["--params-file", str(name)]
    for name, value in (parameters or {}).items():
        words += ["-p", f"{name}:={plain(value)}"]
    return words


def plain(value) -> str:
    """A parameter as the command line wants it: text quoted, so that '7' stays text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else repr(value)


def environment(domain: int) -> dict:
    """The environment of the nodes: isolated, with the Fast DDS profile, one thread a kernel."""
    given = {**os.environ, **dds.isolated(domain), "PYTHONUNBUFFERED": "1"}
    return {**given, **dds.environment(given)}


class Process:
    """One node running; remembers CPU time and memory as long as it lives."""

    def __init__(self, name: str, words: list[str], env: dict, log):
        self.name = name
        self.log = open(log, "w") if log else None
        self.popen = subprocess.Popen(
            words, env=env, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.seen = []  # (monotonic, cpu s)
        self.peak_mb = 0.0

    def look(self):
        """Note what the process has used so far."""
        try:
            stat = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{self.popen.pid}/status").read_text()
        except OSError:
            return
        ticks = int(stat[11]) + int(stat[12])
        self.seen.append((time.monotonic(), ticks / os.sysconf("SC_CLK_TCK")))
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak_mb = int(line.split()[1]) * 1024 / 1e6

    def cpu_percent(self, begun_s: float, ended_s: float) -> float | None:
        """CPU between two times, in percent of one core."""
        inside = [item for item in self.seen if begun_s <= item[0] <= ended_s]
        if len(inside) < 2:
            return None
        (t0, cpu0), (t1, cpu1) = inside[0], inside[-1]
        return 100 * (cpu1 - cpu0) / (t1 - t0)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    def signal(self):
        """Ask it to end."""
        if self.running():
            self.popen.send_signal(signal.SIGINT)

    def interrupt(self, times: int = 1) -> int:
        """End it with SIGINT; its exit code."""
        for _ in range(times):
            self.signal()
            time.sleep(0.05)
        try:
            code = self.popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            code = self.popen.wait()
        if self.log:
            self.log.close()
        return code


def play(dataset: Path, out: Path, *, split=False, player=None, stack=None, record=False,
         domain=None, calibration=None, topics=None, progress=None) -> dict:  # fmt: skip
    """Play a recording to the stack over DDS and judge what comes back.

    Args:
        out: existing folder for trajectory.tum, metrics.json, logs, and the bag with `record`.
        player, stack: parameters of the player, of every node of the stack.
        calibration: of the rig; default: beside the recording.
        topics: of a bag, for `open_dataset`.
        progress: called about five times a second.

    Returns:
        The content of metrics.json.

    Raises:
        VioError: a node ended early; its last words and its log.
    """
    domain = 1 + os.getpid() % 100 if domain is None else domain
    env, out = environment(domain), out.resolve()
    rig = str(Path(calibration or dataset).resolve())
    names = SPLIT if split else COMPOSED
    common = {"calibration": rig, "reliability": "reliable", "use_sim_time": True, **(stack or {})}
    jobs = {name: command(name, common) for name in names}
    if record:
        shutil.rmtree(out / "bag", ignore_errors=True)  # of an earlier run in the same folder
        jobs["recorder"] = command("recorder", {"out": str(out)})
    given = {"dataset": str(Path(dataset).resolve()), "out": str(out), **(player or {})}
    given["topics"] = ",".join(f"{sensor}={topic}" for sensor, topic in (topics or {}).items())
    given.setdefault("imu_listeners", 2 if split else 1)
    given.setdefault("odometry_listeners", 2 if record else 1)
    jobs["dataset_player"] = command("dataset_player", given)
    running = [Process(name, words, env, out / f"{name}.log") for name, words in jobs.items()]
    codes = {}
    try:
        watch(running, progress)
    finally:
        for process in running:  # all at once: who is impatient may interrupt the waiting below
            process.signal()
        for process in reversed(running):
            codes[process.name] = process.interrupt()
    if codes["dataset_player"] != 0:
        raise VioError(f"dataset_player: {last_words(out / 'dataset_player.log')}")
    played = json.loads((out / "played.json").read_text())
    metrics = {**judged(dataset, calibration, topics, out), **played, "exit_codes": codes}
    span = played["begun_s"], played["ended_s"]
    metrics["cpu_percent"] = {p.name: p.cpu_percent(*span) for p in running}
    metrics["peak_rss_mb"] = {p.name: p.peak_mb for p in running}
    stacked = [metrics["cpu_percent"][name] or 0.0 for name in names]
    metrics["stack_cpu_percent"] = sum(stacked)
    metrics["stack_peak_rss_mb"] = sum(metrics["peak_rss_mb"][name] for name in names)
    metrics["played_s"] = span[1] - span[0]
    runfolder.write_json(out / "metrics.json", metrics)
    return runfolder.plain(metrics)


def watch(running, progress):
    """Until the player ends; a node of the stack that ends before is an error."""
    player = running[-1]
    while player.running():
        for process in running:
            process.look()
            if process is not player and not process.running():
                raise VioError(f"{process.name} ended early: {last_words(process.log.name)}")
        if progress:
            progress()
        time.sleep(0.2)


def last_words(log) -> str:
    """What a node ended with: the last line of its log, less ROS's stamp, and where it stands."""
    lines = Path(log).read_text().strip().splitlines() or ["without a word"]
    return f"{lines[-1].split(']: ', 1)[-1]} (see {log})"


def judged(dataset, calibration, topics, out: Path) -> dict:
    """Errors of the trajectory received, where there is ground truth."""
    source = open_dataset(dataset, mono=True, calibration=calibration, topics=topics)
    truth = from_truth(source.truth)
    if truth is None:
        return {}
    return evaluate(Trajectory(*read_tum(out / "trajectory.tum")), truth)
