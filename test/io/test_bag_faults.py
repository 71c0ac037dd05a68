"""Topics, encodings and faults of bags."""

import cv2
import numpy as np
import pytest
import tiny_recording as tiny

from vio.io.images import gray_from_raw
from vio.io.open import open_dataset
from vio.io.topics import parsed
from vio.types import CameraImage, VioError


def renamed(names):
    """The recording with other topic names; None leaves a topic out."""

    def make(ros):
        found = [(t, names.get(topic, topic), m) for t, topic, m in tiny.messages(ros)]
        return [entry for entry in found if entry[1]]

    return make


def fails(path, *words, **options):
    with pytest.raises(VioError) as caught:
        list(open_dataset(path, **options).measurements())
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message


def images(dataset):
    return [m for m in dataset.measurements() if isinstance(m, CameraImage)]


def test_topics_are_told_by_side_and_type(tmp_path):
    names = {"/cam0/image_raw": "/stereo/left", "/cam1/image_raw": "/stereo/right"}
    path = tiny.write_bag(tmp_path / "a", "mcap", renamed({**names, "/imu0": "/imu/data"}))
    assert len(images(open_dataset(path))) == 12
    assert len(images(open_dataset(path, topics={"cam0": "/stereo/left"}))) == 12


def test_topics_that_cannot_be_told(tmp_path):
    names = {"/cam0/image_raw": "/a", "/cam1/image_raw": "/b"}
    path = tiny.write_bag(tmp_path / "a", "mcap", renamed(names))
    fails(path, path, "cannot tell cam0", "/a (sensor_msgs/msg/Image)", "/imu0", "--topic cam0=")
    assert len(images(open_dataset(path, topics={"cam0": "/a", "cam1": "/b"}))) == 12
    fails(path, "no topic '/c'", topics={"cam0": "/c"})
    fails(path, "ground truth '/b'", topics={"cam0": "/a", "cam1": "/b", "truth": "/b"})


def test_bag_without_right_camera_or_imu(tmp_path):
    path = tiny.write_bag(tmp_path / "a", "sqlite3", renamed({"/cam1/image_raw": None}))
    fails(path, "cam1", "--mono")
    assert len(images(open_dataset(path, mono=True))) == 6
    path = tiny.write_bag(tmp_path / "b", "sqlite3", renamed({"/imu0": None}))
    fails(path, "cannot tell imu", "sensor_msgs/msg/Imu")


def test_one_topic_is_not_two_cameras(tmp_path):
    path = tiny.write_bag(tmp_path / "a", "mcap", renamed({"/cam0/image_raw": None}))
    fails(path, "'/cam1/image_raw' cannot be both", "--topic cam0=", "--mono")


def test_topics_as_words():
    assert parsed(["imu=/imu/data", "cam0=/a=b"]) == {"imu": "/imu/data", "cam0": "/a=b"}
    for word in ("imu", "imu=", "left=/a"):
        with pytest.raises(VioError, match=f"--topic {word}: write it as cam0|cam1"):
            parsed([word])


def test_calibration_is_needed(tmp_path):
    path = tiny.write_bag(tmp_path / "a", "ros1")
    (tmp_path / "camchain-imucam.yaml").unlink()
    fails(path, "no calibration", "--calibration", "camchain-imucam.yaml")


def test_unreadable_bag(tmp_path):
    path = tiny.write_bag(tmp_path / "a", "ros1")
    path.write_bytes(path.read_bytes()[:5000])
    fails(path, path, "cannot be read", "reindex")
    path = tiny.write_bag(tmp_path / "b", "mcap")
    file = next(path.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:5000])
    fails(path, path, "cannot be read")


@pytest.mark.parametrize(
    "kind",
    [
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/TransformStamped",
        "nav_msgs/msg/Odometry",
        "geometry_msgs/msg/PointStamped",
    ],
)
def test_truth_of_every_type(tmp_path, kind):
    path = tiny.write_bag(tmp_path / "a", "ros1", lambda ros: tiny.messages(ros, kind))
    truth = open_dataset(path).truth
    assert truth["t_ns"].tolist() == tiny.IMU_NS
    np.testing.assert_allclose(truth["p_world_imu"][5], [0.05, -1, 2])
    if kind.endswith("PointStamped"):
        assert np.isnan(truth["quat_wxyz"]).all()
    else:
        np.testing.assert_allclose(truth["quat_wxyz"][5], [0.6, 0, 0.8, 0])


def test_no_truth_and_no_mistaking_of_an_odometry_for_it(tmp_path):
    path = tiny.write_bag(tmp_path / "a", "ros1", lambda ros: tiny.messages(ros, None))
    assert open_dataset(path).truth is None
    odometry = renamed({"/truth": "/vio/pose"})
    path = tiny.write_bag(tmp_path / "b", "ros1", odometry)
    assert open_dataset(path).truth is None
    assert len(open_dataset(path, topics={"truth": "/vio/pose"}).truth) == len(tiny.IMU_NS)


@pytest.mark.parametrize("kind", ["ros1", "mcap"])
def test_compressed_and_corrupt_images(tmp_path, kind):
    def make(ros):
        for log_ns, topic, message in tiny.messages(ros):
            if "cam" in topic:
                k, cam = (log_ns - tiny.T0) // (50 * tiny.MS), int(topic[4])
                k = k - 1 if cam == 0 else k
                data = cv2.imencode(".png", tiny.picture(k, cam))[1].tobytes()
                if (k, cam) == (2, 0):
                    data = data[:900]
                message = ros.compressed(tiny.FRAME_NS[k], data)
                topic += "/compressed"
            yield log_ns, topic, message

    dataset = open_dataset(tiny.write_bag(tmp_path / "a", kind, make))
    got = images(dataset)
    assert [(m.t_ns, m.cam) for m in got if m.image is None] == [(tiny.FRAME_NS[2], 0)]
    np.testing.assert_array_equal(got[3].image, tiny.picture(1, 1))
    assert dataset.faults == {"corrupt_image": 1}


def test_disorder_and_duplicates_are_mended_and_counted(tmp_path):
    def make(ros):
        entries = tiny.messages(ros)
        imu = [e for e in entries if e[1] == "/imu0"]
        (ta, _, a), (tb, _, b) = imu[10], imu[11]
        entries = [e for e in entries if e[2] is not a and e[2] is not b]
        left = next(e for e in entries if e[1] == "/cam0/image_raw")
        return [*entries, (tb, "/imu0", a), (ta, "/imu0", b), imu[3], (left[0] + 1, *left[1:])]

    dataset = open_dataset(tiny.write_bag(tmp_path / "a", "sqlite3", make))
    assert [m.t_ns for m in images(dataset) if m.cam == 0] == tiny.FRAME_NS
    assert dataset.imu["t_ns"].tolist() == tiny.IMU_NS
    assert dataset.faults == {"reordered_imu": 1, "duplicate_imu": 1, "duplicate_image": 1}


def test_imu_nan_and_stamps_that_start_over(tmp_path):
    def with_nan(ros):
        values = [np.nan] + tiny.imu_values(0)[1:]
        later = tiny.IMU_NS[-1] + tiny.MS
        return [*tiny.messages(ros), (later, "/imu0", ros.imu(later, values))]

    fails(tiny.write_bag(tmp_path / "a", "mcap", with_nan), "/imu0", "NaN", "ns")

    def twice(ros):
        entries = tiny.messages(ros)
        early = tiny.T0 - 5 * 10**9
        return [*entries, (2 * tiny.T0, "/imu0", ros.imu(early, tiny.imu_values(0)))]

    fails(tiny.write_bag(tmp_path / "b", "mcap", twice), "/imu0", "go back by 5.3 s", "cut it")


def test_images_far_out_of_order_are_refused(tmp_path, monkeypatch):
    def right_after_left(ros):
        for log_ns, topic, message in tiny.messages(ros):
            yield log_ns + (10**10 if "cam1" in topic else 0), topic, message

    path = tiny.write_bag(tmp_path / "a", "mcap", right_after_left)
    assert len(images(open_dataset(path))) == 12
    monkeypatch.setattr("vio.io.rosbag.MAX_HELD", 3)
    fails(path, "over 3 images", "sort the bag")


def test_encodings_and_step(tmp_path):
    gray = tiny.picture(0, 0)
    colour = np.repeat(gray[:, :, None], 3, 2)
    wide = gray.astype("<u2") * 256 + 17
    alpha = np.dstack([colour, gray])
    cases = [
        ("mono8", gray, 70, 0),
        ("8UC1", gray, None, 0),
        ("bgr8", colour, 200, 0),
        ("rgb8", colour, None, 0),
        ("bgra8", alpha, None, 0),
        ("mono16", wide, 130, 0),
        ("mono16", wide.astype(">u2"), None, 1),
    ]

    for n, (encoding, pixels, step, big) in enumerate(cases):

        def make(ros, encoding=encoding, pixels=pixels, step=step, big=big):
            for log_ns, topic, message in tiny.messages(ros):
                if topic == "/cam0/image_raw":
                    t_ns = log_ns - 70 * tiny.MS
                    message = ros.image(t_ns, pixels, encoding, step, big)
                yield log_ns, topic, message

        path = tiny.write_bag(tmp_path / str(n), "ros1" if n % 2 else "sqlite3", make)
        left = images(open_dataset(path))[0].image
        assert left.flags.c_contiguous
        np.testing.assert_array_equal(left, gray)


def test_colours_are_weighed_in_their_own_order():
    blue = bytes([255, 0, 0] * 4)
    assert gray_from_raw(blue, "bgr8", 2, 2, 6, False, "t")[0, 0] == 29
    assert gray_from_raw(blue, "rgb8", 2, 2, 6, False, "t")[0, 0] == 76
    assert gray_from_raw(blue, "mono8", 4, 4, 4, False, "t") is None  # too few bytes


def test_bayer_and_wrong_size_are_refused(tmp_path):
    def make(encoding, size):
        def entries(ros):
            for log_ns, topic, message in tiny.messages(ros):
                if topic == "/cam1/image_raw":
                    message = ros.image(log_ns - 15 * tiny.MS, np.zeros(size, np.uint8), encoding)
                yield log_ns, topic, message

        return entries

    path = tiny.write_bag(tmp_path / "a", "mcap", make("bayer_rggb8", (48, 64)))
    fails(path, "/cam1/image_raw", "bayer_rggb8", "mono8")
    path = tiny.write_bag(tmp_path / "b", "mcap", make("mono8", (24, 64)))
    fails(path, "/cam1/image_raw", "64x24", "64x48")
