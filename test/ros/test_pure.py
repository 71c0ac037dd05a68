"""What the nodes are made of, without ROS."""

import threading
import time
from types import SimpleNamespace as Namespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vio import events
from vio.config import Config, config_folder, flatten, load
from vio.energy import table
from vio.imu.preintegrate import preintegrated_array
from vio.io.calibration import load_rig
from vio.ros import dds, packing, session, settings
from vio.ros.bill import Biller
from vio.ros.pairing import Pairing
from vio.ros.player import MAX_LONE, Flight
from vio.ros.pose import BasePose, base_from_imu
from vio.ros.propagate import Propagator
from vio.ros.worker import Worker
from vio.sim.rig import euroc_rig
from vio.types import (
    IMU_DTYPE,
    CameraImage,
    Estimate,
    Feedback,
    ImuModel,
    ImuSample,
    Status,
    Tracks,
    VioError,
)

rng = np.random.default_rng(1)


def estimate(t_ns=10**9, status=Status.TRACKING, **changes):
    A = rng.normal(size=(15, 15)) * 1e-2
    values = dict(
        R_world_imu=Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix(),
        p_world_imu=np.array([1.0, 2.0, 3.0]),
        v_world_imu=np.array([0.5, -0.2, 0.1]),
        bias_gyro=np.array([0.01, -0.02, 0.03]),
        bias_accel=np.array([0.1, 0.0, -0.1]),
        cov=A @ A.T,
    )
    return Estimate(t_ns, **{**values, **changes}, status=status)


def round_trip(schema, values):
    fields, data = packing.pack(schema, values)
    return packing.unpack(schema, fields, data)


@pytest.mark.parametrize("n", [0, 1, 200])
def test_tracks_survive_to_the_bit(n):
    uv1 = rng.normal(size=(n, 2)).astype("f4")
    uv1[::3] = np.nan
    ids = rng.integers(0, 2**62, n)
    tracks = Tracks(
        2**60 + 1, ids, np.arange(n, dtype="i4"), uv1 * 2, uv1, True, False, True, False
    )
    counts = rng.integers(0, 2**40, events.N_EVENTS)
    values = round_trip(packing.TRACKS, packing.tracks_values(tracks, 77, counts))
    back = packing.tracks_of(values)
    for name in ("t_ns", "keyframe", "still", "image", "stereo"):
        assert getattr(back, name) == getattr(tracks, name)
    for name in ("ids", "ages", "uv0", "uv1"):
        a, b = getattr(back, name), getattr(tracks, name)
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        assert a.flags.c_contiguous
    assert (packing.counts_of(values) == counts).all() and values["session"] == 77


@pytest.mark.parametrize("n", [0, 10])
def test_intervals_and_feedback_survive_to_the_bit(n):
    samples = np.zeros(n, IMU_DTYPE)
    samples["t_ns"] = 2**60 + np.arange(n)
    samples["gyro"], samples["accel"] = rng.normal(size=(2, n, 3))
    values = packing.interval_values(5, 6, preintegrated_array(1), samples)
    assert packing.samples_of(round_trip(packing.INTERVAL, values)).tobytes() == samples.tobytes()
    e = estimate()
    feedback = Feedback(e, np.arange(n), rng.normal(size=n).astype("f4"))
    back = packing.feedback_of(round_trip(packing.FEEDBACK, packing.feedback_values(feedback, 3)))
    for name in ("R_world_imu", "p_world_imu", "v_world_imu", "bias_gyro", "bias_accel", "cov"):
        assert getattr(back.estimate, name).tobytes() == getattr(e, name).tobytes()
    assert back.estimate.status is Status.TRACKING
    assert back.inv_depth.tobytes() == feedback.inv_depth.tobytes()


def test_a_record_of_another_kind_is_refused():
    feedback = Feedback(estimate(), np.zeros(0, int), np.zeros(0, "f4"))
    fields, data = packing.pack(packing.FEEDBACK, packing.feedback_values(feedback, 1))
    with pytest.raises(ValueError):
        packing.unpack(packing.TRACKS, fields, data)


def test_pose_and_twist_of_the_base_and_their_covariance():
    """First order: perturb the error state, compare what comes out with J cov J^T."""
    given = settings.NodeSettings(
        base_imu_xyz_m="0.2 -0.1 0.3", base_imu_quat_xyzw="-0.5 0.5 -0.5 0.5"
    )
    imu = ImuModel(gyro_noise_density=0.0)
    base = BasePose(base_from_imu(given), imu)
    gyro = np.array([0.4, -0.7, 0.2])
    e = estimate(cov=np.eye(15))
    mean = base.of(e, gyro)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = e.R_world_imu, e.p_world_imu
    T = T @ np.linalg.inv(base_from_imu(given))
    assert np.allclose(mean.R, T[:3, :3]) and np.allclose(mean.p, T[:3, 3])
    J, K = np.zeros((6, 15)), np.zeros((6, 15))
    for i in range(15):
        d = np.zeros(15)
        d[i] = 1e-6
        moved = base.of(
            estimate(
                R_world_imu=e.R_world_imu @ Rotation.from_rotvec(d[:3]).as_matrix(),
                p_world_imu=e.p_world_imu + d[3:6],
                v_world_imu=e.v_world_imu + d[6:9],
                bias_gyro=e.bias_gyro + d[9:12],
            ),
            gyro,
        )
        turn = Rotation.from_matrix(moved.R @ mean.R.T).as_rotvec()  # about odom's axes
        J[:, i] = np.concatenate([moved.p - mean.p, turn]) / 1e-6
        change = np.concatenate([moved.linear - mean.linear, moved.angular - mean.angular])
        K[:, i] = change / 1e-6
    assert np.allclose(mean.pose_cov, J @ J.T, atol=1e-4)
    assert np.allclose(mean.twist_cov, K @ K.T, atol=1e-4)


def circle(t_ns):
    """Truth of a flight on a circle of 1 m with 1 rad/s: R, p, v, gyro, specific force."""
    a = t_ns * 1e-9
    R = Rotation.from_euler("z", a).as_matrix()
    p, v = np.array([np.cos(a), np.sin(a), 0]), np.array([-np.sin(a), np.cos(a), 0])
    return R, p, v, np.array([0, 0, 1.0]), np.array([-1.0, 0, 9.81])


def circling(t_ns, shift=0.0):
    R, p, v, _, _ = circle(t_ns)
    zero = np.zeros(3)
    return estimate(
        t_ns, R_world_imu=R, p_world_imu=p + shift, v_world_imu=v, bias_gyro=zero,
        bias_accel=zero, cov=np.eye(15) * 1e-6,
    )  # fmt: skip


@pytest.mark.parametrize("late", [4, -1], ids=["20 ms late", "5 ms before its samples"])
def test_propagation_follows_the_truth_and_updates_make_no_step(late):
    propagator = Propagator(9.81, 0.1, 0, ImuModel())
    poses = []
    for k in range(400):
        t_ns = k * 5_000_000
        if k % 10 == 4 and k > 10:  # an update that is 2 cm off to either side
            propagator.correct(circling((k - late) * 5_000_000, 0.02 * (-1) ** (k // 10)))
        _, _, _, gyro, accel = circle(t_ns)
        moved = propagator.add(ImuSample(t_ns, gyro, accel))
        if moved is not None:
            assert moved[0].t_ns == t_ns
            poses.append(moved[0].p_world_imu)
            assert np.linalg.norm(poses[-1] - circle(t_ns)[1]) < 0.045
    assert len(poses) > 380
    steps = np.linalg.norm(np.diff(poses, axis=0), axis=1)
    assert steps.max() < 0.005 + 0.004  # the motion, and a share of what fades
    assert propagator.largest_jump_m > 0.02


def test_propagation_ends_when_nobody_corrects_it_and_when_lost():
    propagator = Propagator(9.81, 0.1, 0, ImuModel())
    at_rest = np.zeros(3), np.array([0, 0, 9.81])
    propagator.add(ImuSample(0, *at_rest))
    propagator.correct(circling(0))
    assert propagator.add(ImuSample(5_000_000, *at_rest)) is not None
    assert propagator.add(ImuSample(2 * 10**9, *at_rest)) is None
    propagator.correct(circling(2 * 10**9))
    assert propagator.add(ImuSample(2 * 10**9 + 5_000_000, *at_rest)) is not None
    propagator.correct(estimate(2 * 10**9, Status.LOST))
    assert propagator.add(ImuSample(2 * 10**9 + 10_000_000, *at_rest)) is None
    assert propagator.add(ImuSample(10**9, *at_rest)) is None  # time has jumped back


def interval(t_ns):
    samples = np.zeros(2, IMU_DTYPE)
    samples["t_ns"] = t_ns - 5, t_ns
    return packing.interval_values(t_ns - 10, t_ns, preintegrated_array(1), samples)


def test_pairing_waits_and_survives_losses():
    pairing = Pairing(patience=3)
    pairing.tracks({"t_ns": 10})
    assert not list(pairing.ready())
    pairing.interval(interval(10))
    assert [(v["t_ns"], len(s)) for v, s in pairing.ready()] == [(10, 2)]
    pairing.interval(interval(20))  # its tracks are lost: the samples are not
    for t_ns in (30, 40):
        pairing.interval(interval(t_ns))
        pairing.tracks({"t_ns": t_ns})
    assert [(v["t_ns"], len(s)) for v, s in pairing.ready()] == [(30, 4), (40, 2)]
    for t_ns in (50, 60, 70, 80):  # no interval comes any more
        pairing.tracks({"t_ns": t_ns})
    assert [v["t_ns"] for v, _ in pairing.ready()] == [50]
    assert pairing.counts == {"lost_tracks": 1, "lost_interval": 1}


def test_worker_drops_the_oldest_frame_and_keeps_its_samples():
    gate, done = threading.Event(), []

    def handle(frame, imu):
        gate.wait(5)
        done.append((frame, len(imu)))

    worker = Worker(handle, 2)
    samples = np.zeros(3, IMU_DTYPE)
    worker.put("first", samples)
    time.sleep(0.05)  # it is being worked on
    for name in "abcd":
        worker.put(name, samples)
    worker.order(lambda: done.append("reset"))
    gate.set()
    end = time.monotonic() + 5
    while len(done) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    worker.stop()
    assert done == [("first", 3), ("c", 9), ("d", 3), "reset"] and worker.dropped == 2


def test_worker_keeps_the_error_that_ended_it():
    def handle(frame, imu):
        raise RuntimeError("broken")

    worker = Worker(handle, 2)
    worker.put(0, np.zeros(0, IMU_DTYPE))
    worker.thread.join(5)
    assert isinstance(worker.error, RuntimeError)


def test_lockstep_waits_for_whole_frames_but_not_for_lone_ones():
    flight = Flight(1, 2)
    flight.add(CameraImage(1, 0, None))
    assert not flight.full()  # its right image may never come
    flight.add(CameraImage(1, 1, None))
    assert flight.full()
    flight.answered(1)
    assert not flight.full()
    for t_ns in range(MAX_LONE + 1):
        flight.add(CameraImage(t_ns, 0, None))
    assert flight.full()


def test_every_core_setting_is_a_parameter_and_overrides_are_checked():
    names = settings.known_names()
    assert {f"vio.{name}" for name, _, _ in flatten(Config())} <= names
    config = settings.with_overrides(Config(), {"vio.window.gravity": 9.8, "vio.seed": 7})
    assert config.window.gravity == 9.8 and config.seed == 7
    for bad in ({"vio.window.gravity": 12.0}, {"vio.window.gravty": 9.8}):
        with pytest.raises(VioError, match="parameter vio.window"):
            settings.with_overrides(Config(), bad)


@pytest.mark.parametrize("text", ["1 2", "a b c", ""])
def test_bad_extrinsics_name_the_parameter(text):
    with pytest.raises(VioError, match="base_imu_xyz_m"):
        base_from_imu(settings.NodeSettings(base_imu_xyz_m=text))


@pytest.mark.parametrize("camera", ["realsense", "oakd"])
def test_example_cameras_load_for_nodes_and_for_vio_run(camera):
    rig = load_rig(settings.calibration_path(f"{camera}/camchain-imucam.yaml"))
    right = np.linalg.inv(rig.cam0.T_imu_cam) @ rig.cam1.T_imu_cam
    assert 0.04 < right[0, 3] < 0.08  # the right camera is to the right
    assert load([camera]).imu.noise_scale == 2.0


def test_profile_is_set_unless_the_user_has_one(tmp_path):
    name = "FASTDDS_DEFAULT_PROFILES_FILE"
    assert dds.environment({})[name] == str(config_folder() / "fastdds.xml")
    assert (config_folder() / "fastdds.xml").is_file()
    assert dds.environment({name: "mine.xml"}) == {}
    assert dds.environment({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}) == {}
    assert list(dds.environment({"ROS_DISTRO": "humble"})) == ["FASTRTPS_DEFAULT_PROFILES_FILE"]


def tallies():
    counts = np.arange(events.N_EVENTS)
    counts[events.INDEX["sensor_px"]] = 2 * 752 * 480
    return counts


@pytest.mark.parametrize("target", table.names())
def test_bill_adds_up(target):
    biller, counts = Biller(euroc_rig(), Config(), target), tallies()
    known = biller.of_frame(10**9, counts, {"window": 2_000_000})
    stages = [name[:-6] for name in known if name.endswith("_bytes") and f"{name[:-6]}_uj" in known]
    assert {"track", "solve", "sensor"} <= set(stages)
    moved = sum(known[f"{stage}_bytes"] for stage in stages)
    places = known["sram_bytes"] + known["dram_bytes"] + 2 * 752 * 480  # the last over the link
    assert np.isclose(moved, places)
    spent = sum(known[f"{stage}_uj"] for stage in stages) + known["leakage_uj"]
    assert np.isclose(spent, known["energy_uj"]) and known["track_uj"] > 0
    assert known["window_cpu_us"] == 2000
    assert [known[f"n_{name}"] for name in events.NAMES] == counts.tolist()


def test_memories_leak_from_frame_to_frame():
    biller = Biller(euroc_rig(), Config(), "navion65")
    seconds = 1.0, 1.05, 1.15, 0.5  # the last one after a jump back
    first, one, two, back = (
        biller.of_frame(round(t * 1e9), tallies(), {})["leakage_uj"] for t in seconds
    )
    assert np.isclose(first, one) and np.isclose(two, 2 * one) and np.isclose(back, one)
    assert biller.report()["arena_bytes"] > 0


def test_bill_without_a_target_invents_no_joules():
    known = Biller(euroc_rig(), Config(), "").of_frame(10**9, tallies(), {})
    assert known["sensor_bytes"] == 2 * 752 * 480
    assert not any(name.endswith("_uj") for name in known)
    with pytest.raises(VioError, match="no such target"):
        Biller(euroc_rig(), Config(), "navion66")


def test_a_node_that_ended_early_is_quoted(tmp_path):
    log = tmp_path / "node.log"
    log.write_text("compiling\n[ERROR] [1.5] [node]: file.yaml: no such file\n")
    assert session.last_words(log) == f"file.yaml: no such file (see {log})"
    log.write_text("")
    assert "without a word" in session.last_words(log)


def test_truth_is_found_without_a_right_camera(tmp_path, monkeypatch):
    asked = {}

    def opened(path, **options):
        asked.update(options)
        return Namespace(truth=None)

    monkeypatch.setattr(session, "open_dataset", opened)
    assert session.judged("a", None, {"imu": "/i"}, tmp_path) == {}
    assert asked == {"mono": True, "calibration": None, "topics": {"imu": "/i"}}
