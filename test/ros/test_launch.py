"""The launch files: what they would start, that it exists, and that it does start."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from importlib.util import find_spec

import pytest
import yaml
from fake_launch import ROOT, argv, evaluate

from vio.ros import session
from vio.ros.settings import NodeSettings, PlayerSettings, RecorderSettings, known_names

VIO, EUROC = ROOT / "launch" / "vio.launch.py", ROOT / "launch" / "euroc.launch.py"
SPLIT = ["feature_tracker", "imu_preintegrator", "window_optimizer"]


def names_of(kind):
    return {f.name for f in fields(kind)} | {"use_sim_time"}


def check(node):
    assert node["package"] == "vio" and node["executable"] in session.NODES
    assert (ROOT / "vio" / "ros" / f"{node['executable']}.py").is_file()
    assert f'"{node["executable"]}"' in (ROOT / "setup.py").read_text()
    kinds = {"dataset_player": PlayerSettings, "recorder": RecorderSettings}
    known = names_of(kinds.get(node["executable"], NodeSettings)) | known_names()
    assert set(node["parameters"]) <= known
    for file in node["files"]:
        tree = yaml.safe_load(file.read_text())["/**"]["ros__parameters"]
        assert set(tree) - {"vio"} <= known
    for old, _ in node["remappings"]:
        source = (ROOT / "vio" / "ros" / "base.py").read_text()
        assert re.sub(r"cam\d", "cam{cam}", old) in source


@pytest.mark.parametrize("params", ["default.yaml", "realsense.yaml", "oakd.yaml"])
@pytest.mark.parametrize("composed, expected", [("true", ["vio_node"]), ("false", SPLIT)])
def test_robot_launch(composed, expected, params, monkeypatch):
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE", raising=False)
    context = evaluate(
        VIO, composed=composed, params=params, namespace="rover", cam0_topic="/left", mono="true"
    )
    assert [node["executable"] for node in context.nodes] == expected
    for node in context.nodes:
        check(node)
        assert node["namespace"] == "rover" and ("cam0/image_raw", "/left") in node["remappings"]
        assert node["parameters"] == {"mono": True}  # what is not given is left to the file
    assert context.env["FASTDDS_DEFAULT_PROFILES_FILE"].endswith("fastdds.xml")


@pytest.mark.parametrize("composed, listeners", [("true", 1), ("false", 2)])
def test_desk_launch(composed, listeners):
    context = evaluate(EUROC, dataset="MH_01", composed=composed, record="true", rviz="true")
    nodes = {node["executable"]: node for node in context.nodes}
    rviz = nodes.pop("rviz2")
    assert (ROOT / "rviz" / "vio.rviz").samefile(rviz["arguments"][1])
    for node in nodes.values():
        check(node)
    assert set(nodes) == {
        *(["vio_node"] if listeners == 1 else SPLIT),
        "recorder",
        "dataset_player",
    }
    assert nodes["dataset_player"]["parameters"]["imu_listeners"] == listeners
    assert nodes["dataset_player"]["parameters"]["odometry_listeners"] == 2, "player and recorder"


def test_dataset_is_required():
    with pytest.raises(AssertionError, match="dataset is required"):
        evaluate(EUROC)


def test_rviz_shows_topics_that_exist():
    text = (ROOT / "rviz" / "vio.rviz").read_text()
    source = "".join(p.read_text() for p in (ROOT / "vio" / "ros").glob("*.py"))
    for topic in re.findall(r"Value: (vio/\w+)", text):
        assert f'"{topic}"' in source


def test_what_euroc_launch_starts_runs_and_ends_well(recording, tmp_path):
    pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")
    from harness import domain

    context = evaluate(
        EUROC, dataset=str(recording), out=str(tmp_path), seconds="2.5", lockstep="true"
    )
    env = {**session.environment(domain()), **context.env}
    running = {n["name"]: subprocess.Popen(argv(n), env=env) for n in context.nodes}
    assert running["dataset_player"].wait(300) == 0
    for process in running.values():
        if process.poll() is None:
            process.send_signal(2)
    assert {name: p.wait(15) for name, p in running.items()} == dict.fromkeys(running, 0)
    assert len((tmp_path / "trajectory.tum").read_text().splitlines()) > 20


def test_an_overloaded_robot_ends_in_the_time_that_launch_gives(recording, measurements):
    pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")
    from harness import Feeder, domain

    context = evaluate(VIO, composed="false", calibration=str(recording), reliability="reliable")
    env = {**session.environment(domain()), **context.env}
    running = {n["name"]: subprocess.Popen(argv(n), env=env) for n in context.nodes}
    feeder = Feeder(2)
    feeder.wait_for_stack()
    spin = [sys.executable, "-c", "while True: pass"]
    hogs = [subprocess.Popen(spin) for _ in range(2 * os.cpu_count())]
    try:
        with feeder.flood(measurements):  # several times what they can take
            feeder.wait(lambda: len(feeder.poses) > 5)
            for _ in range(2):
                for process in running.values():
                    process.send_signal(signal.SIGINT)
                time.sleep(0.1)
            codes = {name: p.wait(5) for name, p in running.items()}  # then launch would kill
        assert codes == dict.fromkeys(SPLIT, 0)
    finally:
        for process in [*hogs, *running.values()]:
            process.kill()
            process.wait()
        feeder.close()


@pytest.mark.skipif(find_spec("launch_ros") is None, reason="launch_ros is not installed")
def test_real_launch_understands_the_files(recording, tmp_path):
    from launch import LaunchDescription, LaunchService
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    service = LaunchService(noninteractive=True)
    arguments = {"dataset": str(recording), "out": str(tmp_path), "seconds": "2.5"}
    source = PythonLaunchDescriptionSource(str(EUROC))
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    service.include_launch_description(LaunchDescription([include]))
    begun = time.monotonic()
    assert service.run() == 0 and time.monotonic() - begun < 300
    assert len((tmp_path / "trajectory.tum").read_text().splitlines()) > 20
