"""Real DDS, real processes: what a robot may go through, and that the stack comes back.

Every `play` starts the recording over, so stamps jump back by its length each time: the bag
loop is part of every case.
"""

import os
import signal

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")

from harness import Feeder, Stack, known  # noqa: E402

from vio.eval.metrics import evaluate  # noqa: E402
from vio.eval.trajectory import Trajectory, from_truth  # noqa: E402
from vio.io.tum import read_tum  # noqa: E402
from vio.ros import session  # noqa: E402
from vio.types import CameraImage, ImuSample  # noqa: E402

ERROR, WARN = b"\x02", b"\x01"


def seconds(item, measurements):
    return (item.t_ns - measurements[0].t_ns) * 1e-9


def cam(item, index=None):
    return isinstance(item, CameraImage) and index in (None, item.cam)


def ate(feeder, dataset, since_s=0.0):
    """RMSE [m] of the poses received, aligned; of those after `since_s` into the recording."""
    t_ns, p = known(feeder.poses)
    late = t_ns >= dataset.camera_stamps_ns[0] + since_s * 1e9
    quats = np.array([feeder.poses[t][2] for t in t_ns[late]])
    poses = Trajectory(t_ns[late], p[late], quats)
    return evaluate(poses, from_truth(dataset.truth))["ate_rmse_m"]


def ends_well(feeder, dataset):
    """Whether the last frames of the recording have a pose."""
    t_ns, _ = known(feeder.poses)
    return len(t_ns) > 0 and t_ns[-1] >= dataset.camera_stamps_ns[-1] - 3 * 50_000_000


@pytest.fixture(scope="module", params=["composed", "split"])
def stack(request, recording, tmp_path_factory):
    names = session.COMPOSED if request.param == "composed" else session.SPLIT
    stack = Stack(names, recording, tmp_path_factory.mktemp(request.param))
    feeder = Feeder(1 if request.param == "composed" else 2)
    feeder.wait_for_stack()
    yield stack, feeder
    feeder.close()
    codes = stack.interrupt(2 if request.param == "split" else 1)
    assert set(codes.values()) == {0}, stack.logs()


@pytest.fixture
def composed(stack):
    """For cases that go through code both modes share: one of them is enough."""
    if "vio_node" not in stack[0].running:
        pytest.skip("run with the composed node; the code is the same")


@pytest.fixture
def head(stack):
    """Name of the node that estimates."""
    return "vio_node" if "vio_node" in stack[0].running else "window_optimizer"


def test_clean_flight_loses_nothing(stack, head, measurements, dataset, offline):
    _, feeder = stack
    feeder.play(measurements)
    assert len(feeder.poses) == len(offline)
    for t_ns, (good, p, _, _) in feeder.poses.items():
        assert good == offline[t_ns].usable
        assert np.abs(p - offline[t_ns].p_world_imu).max() < 1e-9
    feeder.wait(lambda: head in feeder.health, 5)
    health = feeder.health[head]
    assert health["status"] == "tracking" and health["dropped_frames"] == "0"
    assert int(health["arena_bytes"]) > 0 and health["energy_target"] == "navion65"
    assert float(health["energy_uj_per_frame"]) > float(health["track_uj_per_frame"]) > 0
    assert float(health["track_bytes_per_frame"]) > 0
    stamps, p = np.array([t for t, _ in feeder.rapid]), np.array([p for _, p in feeder.rapid])
    rate = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)
    assert abs(rate / 200 - 1) < 0.01
    assert np.linalg.norm(np.diff(p, axis=0), axis=1).max() < 0.01


def test_camera_stops_for_two_seconds(stack, head, measurements, dataset):
    _, feeder = stack
    lost = lambda m: cam(m) and 3 < seconds(m, measurements) < 5  # noqa: E731
    feeder.play(measurements, rate=1.5, keep=lambda m: not lost(m))
    assert ends_well(feeder, dataset)
    t_ns, p = known(feeder.poses)
    before = t_ns <= measurements[0].t_ns + 3 * 10**9
    assert before.any() and not before.all()
    assert any("silent" in text for _, level, text in feeder.messages if level == ERROR)


def test_one_camera_dies(stack, composed, head, measurements, dataset):
    _, feeder = stack
    feeder.play(measurements, keep=lambda m: not (cam(m, 1) and seconds(m, measurements) > 3))
    assert ends_well(feeder, dataset) and ate(feeder, dataset) < 0.05
    assert any("degraded" in text for name, _, text in feeder.messages if name == head)
    texts = [text for _, _, text in feeder.messages]
    assert any("cam1" in text for text in texts)


def test_imu_stops_for_half_a_second(stack, composed, head, measurements, dataset):
    _, feeder = stack
    lost = lambda m: isinstance(m, ImuSample) and 3 < seconds(m, measurements) < 3.5  # noqa: E731
    feeder.play(measurements, keep=lambda m: not lost(m))
    assert ends_well(feeder, dataset) and ate(feeder, dataset, since_s=5.0) < 0.05
    intake = head if head == "vio_node" else "feature_tracker"
    assert int(feeder.health[intake]["imu_gap"]) >= 1


def test_images_are_dropped_at_random(stack, composed, head, measurements, dataset):
    _, feeder = stack
    kept = np.random.default_rng(5).random(len(measurements)) > 0.05
    order = {id(m): i for i, m in enumerate(measurements)}
    feeder.play(measurements, keep=lambda m: not cam(m) or kept[order[id(m)]])
    assert ends_well(feeder, dataset) and ate(feeder, dataset) < 0.03
    intake = head if head == "vio_node" else "feature_tracker"
    assert int(feeder.health[intake]["lone_left"]) > 0
    assert int(feeder.health[intake]["jumped_back"]) >= 1  # the bag has looped before


def test_reset_in_flight(stack, head, measurements, dataset):
    _, feeder = stack
    answers = []
    feeder.play(measurements, at={4.0: lambda: answers.append(feeder.reset(head).success)})
    assert answers == [True] and ends_well(feeder, dataset)
    flags = [feeder.poses[t][0] for t in sorted(feeder.poses)]
    assert False in flags[60:] and flags[-1]  # lost on purpose, and back


def test_a_node_is_killed_in_flight_and_started_again(stack, head, measurements, dataset):
    running, feeder = stack
    for name in list(running.running):

        def kill(name=name):
            process = running.running[name]
            os.kill(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
            running.start(name)

        feeder.play(measurements, rate=1.2, at={1.5: kill})
        assert ends_well(feeder, dataset), f"{name}\n{running.logs()}"


def test_vio_ros_play(recording, offline, tmp_path):
    metrics = session.play(recording, tmp_path, player={"lockstep": True}, record=True)
    assert set(metrics["exit_codes"].values()) == {0}
    assert metrics["odometry_received"] == len(offline) and metrics["frames_lost"] == 0
    assert metrics["diagnostics"]["vio_node"]["imu_received"] == str(metrics["imu_sent"])
    assert metrics["ate_rmse_m"] < 0.02
    received, recorded = read_tum(tmp_path / "trajectory.tum"), read_tum(tmp_path / "odometry.tum")
    for a, b in zip(received, recorded):
        assert np.array_equal(a, b)
    from rosbags.highlevel import AnyReader

    with AnyReader([tmp_path / "bag"]) as bag:
        assert bag.topics["/vio/odometry"].msgcount == len(offline)
