"""Nodes in this process, their callbacks called by hand: no transport, so bytes must agree."""

from types import SimpleNamespace

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")

from rclpy.context import Context  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from vio.events import NAMES  # noqa: E402
from vio.ros import convert  # noqa: E402
from vio.ros.logbook import continuity  # noqa: E402
from vio.types import CameraImage, ImuSample, Status, VioError  # noqa: E402


class Direct:
    """Stands in for the worker: does the work at once."""

    dropped, error = 0, None

    def __init__(self, node):
        self.node = node

    def put(self, frame, imu):
        self.node.process(frame, imu)

    def order(self, call):
        call()

    def stop(self):
        pass


@pytest.fixture
def make(recording):
    context, nodes = Context(), []
    rclpy.init(context=context, domain_id=100)

    def made(kind, **parameters):
        given = {"calibration": str(recording), "feedback_wait_s": 0.0, **parameters}
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        node = kind(context=context, parameter_overrides=overrides)
        if getattr(node, "worker", None) is not None:
            node.worker.stop()
            node.worker = Direct(node)
        nodes.append(node)
        return node

    yield made
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def feed(node, item):
    if isinstance(item, CameraImage):
        node.on_image(convert.image_message(item.t_ns, item.image, "c"), item.cam, "c")
    else:
        node.on_imu(convert.imu_message(item, "i"))


def caught(publisher, messages):
    """Let a publisher also hand its messages over here."""
    publish = publisher.publish

    class Tap:
        def publish(self, message):
            messages.append(message)
            publish(message)

        def get_subscription_count(self):
            return 1

    return Tap()


def same(poses, offline):
    assert len(poses) == len(offline)
    for message in poses:
        t_ns, p, _ = convert.pose_of(message)
        e = offline[t_ns]
        assert np.array_equal(p, e.p_world_imu)
        assert convert.known(message) == e.usable
        if e.usable:
            cov = np.reshape(message.pose.covariance, (6, 6))
            assert np.allclose(cov[:3, :3], e.cov[3:6, 3:6], rtol=1e-9, atol=0)
            R = e.R_world_imu
            assert np.allclose(cov[3:, 3:], R @ e.cov[:3, :3] @ R.T, rtol=1e-6, atol=1e-15)
            assert np.linalg.eigvalsh(cov).min() > 0
        else:
            assert message.pose.covariance[0] >= 1e6  # far from certain, not zero


def same_bills(bills, flown):
    """The bills price what `vio run` counts, frame by frame."""
    assert len(bills) == len(flown)
    for message, result in zip(bills, flown):
        labels = [d.label for d in message.layout.dim]
        assert len(set(labels)) == len(labels) == len(message.data)
        bill = dict(zip(labels, message.data))
        assert [bill[f"n_{name}"] for name in NAMES] == result.events.tolist()
        assert bill["energy_uj"] > bill["receive_uj"] > 0


def test_composed_node_equals_vio_run_to_the_bit(make, measurements, offline, flown):
    from vio.ros.vio_node import VioNode

    node, poses, bills, rapid = make(VioNode), [], [], []
    node.outputs.odometry = caught(node.outputs.odometry, poses)
    node.outputs.bill = caught(node.outputs.bill, bills)
    node.imu_output.publisher = caught(node.imu_output.publisher, rapid)
    for item in measurements:
        feed(node, item)
    same(poses, offline)
    last = poses[-1]
    assert last.header.frame_id == "odom" and last.child_frame_id == "base_link"
    e = offline[convert.to_ns(last.header.stamp)]
    v = last.twist.twist.linear
    assert np.allclose([v.x, v.y, v.z], e.R_world_imu.T @ e.v_world_imu)  # in the child frame
    same_bills(bills, flown)
    usable = sum(e.usable for e in offline.values())
    assert len(rapid) >= 10 * (usable - 1)
    steps = np.linalg.norm(np.diff([convert.pose_of(m)[1] for m in rapid], axis=0), axis=1)
    assert steps.max() < 0.01
    level, text, values = node.full_report()
    assert values["frames_tracking"] > 100 and values["dropped_frames"] == 0
    assert values["imu_received"] == sum(isinstance(m, ImuSample) for m in measurements)


def test_split_nodes_equal_vio_run_to_the_bit(make, measurements, offline, flown):
    from vio.ros.feature_tracker import FeatureTracker
    from vio.ros.imu_preintegrator import ImuPreintegrator
    from vio.ros.window_optimizer import WindowOptimizer

    tracker, imu = make(FeatureTracker, annotate=True), make(ImuPreintegrator)
    window, poses, pictures, rapid, bills = make(WindowOptimizer), [], [], [], []
    window.outputs.odometry = caught(window.outputs.odometry, poses)
    window.outputs.bill = caught(window.outputs.bill, bills)
    imu.imu_output.publisher = caught(imu.imu_output.publisher, rapid)
    tracker.image = caught(tracker.image, pictures)

    class Link:
        def __init__(self, *callbacks):
            self.callbacks = callbacks

        def publish(self, message):
            for callback in self.callbacks:
                callback(message)

    tracker.tracks = Link(window.on_tracks, imu.on_tracks)
    imu.intervals = Link(window.on_interval)
    window.feedback = Link(tracker.on_feedback, imu.on_feedback)
    for item in measurements:
        if isinstance(item, ImuSample):
            feed(imu, item)
        feed(tracker, item)
    same(poses, offline)
    same_bills(bills, flown)
    assert tracker.late_feedback == 0 and not window.pairing.counts["lost_interval"]
    assert len(rapid) > 1000 and pictures[-1].encoding == "bgr8"


def test_services(make, measurements):
    from vio.ros.vio_node import VioNode

    node, poses = make(VioNode), []
    node.outputs.odometry = caught(node.outputs.odometry, poses)
    half = len(measurements) // 2
    for item in measurements[:half]:
        feed(node, item)
    assert convert.known(poses[-1])
    assert node.on_reset(Trigger.Request(), Trigger.Response()).success
    assert node.odometry.backend.status is Status.INITIALISING
    for item in measurements[half : half + 500]:
        feed(node, item)
    assert convert.known(poses[-1])
    first = next(m for m in poses[half // 12 :] if not convert.known(m))
    assert np.linalg.norm(convert.pose_of(first)[1]) == 0.0  # anew at the origin
    count = len(poses)
    node.on_pause(SetBool.Request(data=True), SetBool.Response())
    for item in measurements[half + 500 : half + 700]:
        feed(node, item)
    assert len(poses) == count and node.full_report()[1] == "paused"
    node.on_pause(SetBool.Request(data=False), SetBool.Response())
    for item in measurements[half + 700 :]:
        feed(node, item)
    assert len(poses) > count and convert.known(poses[-1])


def test_parameters_are_described_and_checked(make):
    from vio.ros.vio_node import VioNode

    node = make(VioNode, **{"vio.window.gravity": 9.80, "vio.frontend.max_features": 150})
    assert node.config.window.gravity == 9.80 and node.config.frontend.max_features == 150
    described = node.describe_parameter("vio.frontend.max_features")
    assert described.description and described.integer_range[0].to_value == 1000
    assert described.read_only
    for bad in ({"vio.window.gravity": 12.0}, {"vio.seed": "x"}, {"reliability": "maybe"}):
        with pytest.raises(VioError, match=next(iter(bad))):
            make(VioNode, **bad)
    with pytest.raises(VioError, match="calibration"):
        make(VioNode, calibration="")


def test_wrong_inputs_are_named_with_a_cure(make, measurements):
    from vio.ros.vio_node import VioNode

    node = make(VioNode)
    silent = " ".join(node.problems())
    assert "cam0/image_raw" in silent and "imu0" in silent and "remap" in silent
    small = convert.image_message(1, np.zeros((10, 20), np.uint8), "c")
    node.on_image(small, 0, "cam0/image_raw")
    assert any("20x10" in text and "calibration" in text for text in node.problems())
    image = next(m for m in measurements if isinstance(m, CameraImage))
    feed(node, image)
    assert any("use_sim_time" in text for text in node.problems())  # stamps of years ago
    said = []
    node.get_logger = lambda: SimpleNamespace(error=said.append, info=said.append)
    node.check()
    assert said == node.problems() and len(said) == 3
    stamp_ns, heard_s = node.intake.last["cam0"]
    node.intake.last["cam0"] = stamp_ns - 30 * 10**9, heard_s  # another number in the text
    node.check()
    assert len(said) == 3


def test_a_step_of_the_fast_odometry_is_seen():
    turned = [0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)]  # x of the base is y of odom
    rows = [(k * 5_000_000, 0.0, 0.01 * k, 0.0, *turned, 2.0, 0.0, 0.0) for k in range(100)]
    even = continuity(rows)
    assert even["imu_odometry_rate_hz"] == pytest.approx(200)
    assert even["imu_odometry_step_m"] < 1e-12
    t_ns, x, *rest = rows[50]
    rows[50] = t_ns, x + 0.02, *rest
    assert continuity(rows)["imu_odometry_step_m"] == pytest.approx(0.02)
    assert continuity(rows[:1]) == {}
