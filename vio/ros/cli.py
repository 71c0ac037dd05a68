"""`vio ros`: the stack without `ros2` on the PATH, from PyPI's wheels alone."""

import importlib
import os
import signal
import sys
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from vio.choices import MAX_S, Calibration, Mono, Start, Topics
from vio.console import errors, note, spinner
from vio.types import VioError

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")


class NodeName(str, Enum):
    """Nodes of the package."""

    vio_node = "vio_node"
    feature_tracker = "feature_tracker"
    imu_preintegrator = "imu_preintegrator"
    window_optimizer = "window_optimizer"
    dataset_player = "dataset_player"
    recorder = "recorder"


@app.callback()
def root():
    """ROS 2 nodes: play a recording to them, or start one."""


@app.command()
def play(
    dataset: Annotated[Path, typer.Argument(help="EuRoC folder, ROS 1 .bag or rosbag2 folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Run folder; default `runs/<name>-<time>`.")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="Three nodes instead of one.")] = False,
    rate: Annotated[float, typer.Option(min=0.01, help="Speed; 1 is the recording's own.")] = 1.0,
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="Wait for the odometry of each frame instead.")
    ] = False,
    record: Annotated[bool, typer.Option("--record", help="Also write a rosbag2.")] = False,
    start: Start = 0.0,
    seconds: Annotated[
        float, typer.Option(min=0, max=MAX_S, help="Stop after so many; 0 is all.")
    ] = 0.0,
    mono: Mono = False,
    calibration: Calibration = None,
    topics: Topics = None,
    parameters: Annotated[
        list[str] | None, typer.Option("-p", help="Parameter of the stack, `name:=value`; repeat.")
    ] = None,
    domain: Annotated[
        int | None, typer.Option(min=0, max=232, help="ROS_DOMAIN_ID; default: its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """Play a recording to the stack over real DDS, in separate processes.

    Writes the trajectory received on `vio/odometry`, the figures and the logs.

    **Examples**

    - `vio ros play MH_01_easy --out runs/mh01`
    - `vio ros play MH_01_easy --split --lockstep --record`
    """
    with errors(debug):
        need_rclpy()
        import json

        import yaml

        from vio import runfolder
        from vio.io.open import find_recording
        from vio.io.topics import parsed
        from vio.ros import session

        find_recording(dataset)
        if calibration is not None and not calibration.exists():
            raise VioError(f"{calibration}: no such file or folder; check the path")
        named = parsed(topics or ())
        stack = {"mono": mono}
        for text in parameters or ():
            name, assigned, value = text.partition(":=")
            if not assigned:
                raise VioError(f"-p {text}: write it as name:=value")
            try:
                stack[name] = yaml.safe_load(value)
            except yaml.YAMLError:
                raise VioError(
                    f"-p {text}: '{value}' is no value; write it as name:=value"
                ) from None
        folder = runfolder.create(dataset.resolve().name, out)
        player = {
            "rate": rate, "lockstep": lockstep, "start_s": start, "seconds": seconds, "mono": mono,
        }  # fmt: skip
        if calibration:
            player["calibration"] = str(calibration.resolve())
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the nodes must not outlive us
        with spinner("playing", as_json):
            metrics = session.play(
                dataset, folder, split=split, player=player, stack=stack, record=record,
                domain=domain, calibration=calibration, topics=named,
            )  # fmt: skip
        if as_json:
            typer.echo(json.dumps(metrics, indent=2))
        else:
            typer.echo(yaml.safe_dump(summary(metrics), sort_keys=False).rstrip())
        note(f"results in {folder}", as_json)


def summary(metrics: dict) -> dict:
    """The figures for the terminal."""
    keys = (
        "cam0_sent", "odometry_received", "poses", "frames_lost", "imu_sent", "ate_rmse_m",
        "latency_ms_p50", "latency_ms_p99", "imu_odometry_rate_hz", "imu_odometry_step_m",
        "stack_cpu_percent", "stack_peak_rss_mb", "played_s",
    )  # fmt: skip
    return {key: metrics[key] for key in keys if key in metrics}


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def node(
    context: typer.Context,
    name: Annotated[NodeName, typer.Argument(help="Which node.")],
):
    """Run one node; what follows its name goes to ROS.

    **Examples**

    - `vio ros node vio_node --ros-args -p calibration:=camchain-imucam.yaml`
    """
    with errors(False):
        need_rclpy()
        sys.argv = [name.value, *context.args]
        from vio.ros import dds

        os.environ.update(dds.environment())
        importlib.import_module(f"vio.ros.{name.value}").main()


def need_rclpy():
    """Say how to get rclpy where it is missing."""
    if find_spec("rclpy") is None:
        raise VioError("no rclpy here; pip install 'vio[ros]', or source a ROS 2 installation")
