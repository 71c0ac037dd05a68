"""Real DDS, real processes: nothing is lost, and after a fault the stack comes back.

Every `play` starts the recording over, so stamps jump back by its length each time.
"""

import subprocess
import sys
import time
from pathlib import Path

import faults
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")

from faults import CASES, Flight  # noqa: E402
from harness import Feeder, Stack, unused_domain  # noqa: E402

from vio.io.tum import read_tum  # noqa: E402
from vio.ros import session  # noqa: E402

RATE = 2.5
SHARED = (
    faults.one_camera_dies,
    faults.imu_stops_for_half_a_second,
    faults.images_are_dropped_at_random,
    faults.stamps_jump_back,
)
"""Faults that meet code which both modes share: one of them is enough."""


@pytest.fixture(scope="module", params=["composed", "split"])
def stack(request, recording, tmp_path_factory):
    names = session.COMPOSED if request.param == "composed" else session.SPLIT
    patience = {} if request.param == "composed" else {"feedback_wait_s": 2.0}
    stack = Stack(names, recording, tmp_path_factory.mktemp(request.param), **patience)
    feeder = Feeder(1 if request.param == "composed" else 2)
    feeder.wait_for_stack()
    yield stack, feeder
    feeder.close()
    codes = stack.interrupt(2 if request.param == "split" else 1)
    assert set(codes.values()) == {0}, stack.logs()


@pytest.fixture
def flight(stack, dataset, measurements):
    return Flight(*stack, dataset, measurements, RATE)


def test_clean_flight_loses_nothing(flight, offline):
    feeder = flight.feeder
    flight.play()
    assert len(feeder.poses) == len(offline)
    for t_ns, (good, p, _, _) in feeder.poses.items():
        assert good == offline[t_ns].usable
        assert np.abs(p - offline[t_ns].p_world_imu).max() < 1e-9
    feeder.wait(lambda: flight.head in feeder.health, 5)
    health = feeder.health[flight.head]
    assert health["status"] == "tracking" and health["dropped_frames"] == "0"
    assert int(health["arena_bytes"]) > 0 and health["energy_target"] == "navion65"
    assert float(health["energy_uj_per_frame"]) > float(health["track_uj_per_frame"]) > 0
    assert float(health["track_bytes_per_frame"]) > 0
    stamps, p = np.array([t for t, _ in feeder.rapid]), np.array([p for _, p in feeder.rapid])
    rate = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)
    assert abs(rate / 200 - 1) < 0.01
    assert np.linalg.norm(np.diff(p, axis=0), axis=1).max() < 0.01


@pytest.mark.parametrize("stack", ["composed"], indirect=True)
@pytest.mark.parametrize("case", SHARED)
def test_fault_at_the_inputs(flight, case):
    case(flight)


@pytest.mark.parametrize("case", [case for case in CASES if case not in SHARED])
def test_fault(flight, case):
    case(flight)


def test_vio_ros_play(recording, offline, tmp_path):
    player = {"lockstep": True, "seconds": 4.0, "settle_s": 0.2}
    metrics = session.play(recording, tmp_path, player=player, record=True)
    assert set(metrics["exit_codes"].values()) == {0}
    assert metrics["odometry_received"] == 81 and metrics["frames_lost"] == 0
    assert metrics["diagnostics"]["vio_node"]["imu_received"] == str(metrics["imu_sent"])
    assert metrics["ate_rmse_m"] < 0.02
    assert abs(metrics["imu_odometry_rate_hz"] / 200 - 1) < 0.01
    assert metrics["imu_odometry_step_m"] < 0.005
    received, recorded = read_tum(tmp_path / "trajectory.tum"), read_tum(tmp_path / "odometry.tum")
    for a, b in zip(received, recorded):
        assert np.array_equal(a, b)
    from rosbags.highlevel import AnyReader

    with AnyReader([tmp_path / "bag"]) as bag:
        assert bag.topics["/vio/odometry"].msgcount == 81


def test_vio_ros_play_leaves_no_node_behind(recording, tmp_path):
    words = [sys.executable, "-m", "vio.cli", "ros", "play", str(recording), "--out", str(tmp_path)]
    play = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    children = Path(f"/proc/{play.pid}/task/{play.pid}/children")
    end = time.monotonic() + 60.0
    while "all inputs" not in read(tmp_path / "vio_node.log") and time.monotonic() < end:
        time.sleep(0.05)
    nodes = children.read_text().split()
    play.terminate()
    assert play.wait(30) == 130 and len(nodes) == 2
    assert not [pid for pid in nodes if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("words", [("--params-file", "absent.yaml"), ("-p", "calibration")])
def test_wrong_ros_arguments_are_the_users(words):
    command = [sys.executable, "-m", "vio.ros.vio_node", "--ros-args", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and words[1] in last and "--ros-args" in last
    assert "Traceback" not in done.stderr


def test_a_player_alone_says_who_is_missing(recording):
    parameters = {"dataset": str(recording), "wait_s": 0.5, "odometry_listeners": 2}
    words = session.command("dataset_player", parameters)
    env = session.environment(unused_domain())
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode == 2
    missing = "/cam0/image_raw", "/cam1/image_raw", "/imu0", "/vio/odometry (senders)"
    for name in missing:
        assert f"0 of 1 on {name}" in done.stderr
    assert "1 of 2 on /vio/odometry" in done.stderr, "the player alone"


def read(path):
    return path.read_text() if path.exists() else ""
