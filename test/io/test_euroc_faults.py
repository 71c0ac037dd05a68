"""What real EuRoC folders get wrong: counted where harmless, one clear line where not."""

import gzip
import logging

import cv2
import numpy as np
import pytest
import tiny_recording as tiny

from vio.io.images import decode, is_whole
from vio.io.open import open_dataset
from vio.types import CameraImage, VioError


@pytest.fixture
def flight(tmp_path):
    return tiny.write_euroc(tmp_path / "flight")


def rewrite(path, change):
    path.write_text(change(path.read_text()))


def lines(change):
    return lambda text: "\n".join(change(text.splitlines())) + "\n"


def fails(path, *words, **options):
    with pytest.raises(VioError) as caught:
        list(open_dataset(path, **options).measurements())
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message
    return message


def images(dataset):
    return [m for m in dataset.measurements() if isinstance(m, CameraImage)]


def test_nothing_there(tmp_path):
    fails(tmp_path / "no", "no such file or folder", tmp_path / "no")
    fails(tmp_path, "neither mav0/", tmp_path)
    (tmp_path / "a.zip").write_bytes(b"PK")
    fails(tmp_path / "a.zip", "not a recording", "unpack")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.97])
def test_cut_images_are_none_not_half(suffix, part):
    data = cv2.imencode(suffix, tiny.picture(0, 0))[1].tobytes()
    assert decode(data).shape == (48, 64)
    cut = data[: int(len(data) * part)]
    assert not is_whole(cut) and decode(cut) is None  # not every OpenCV minds


def test_png_with_a_broken_middle_is_none():
    data = bytearray(cv2.imencode(".png", tiny.picture(0, 0))[1].tobytes())
    assert is_whole(bytes(data)) and not is_whole(bytes(data[:-12]))  # all but the end mark
    data[len(data) // 2] ^= 0xFF
    assert not is_whole(bytes(data)) and decode(bytes(data)) is None
    assert decode(b"no image at all") is None


def test_corrupt_image_is_counted_and_logged_once(flight, caplog):
    file = flight / "mav0" / "cam1" / "data" / f"{tiny.FRAME_NS[2]}.png"
    file.write_bytes(file.read_bytes()[:1500])
    dataset = open_dataset(flight)
    with caplog.at_level(logging.WARNING):
        broken = [m for m in images(dataset) + images(dataset) if m.image is None]
    assert [(m.t_ns, m.cam) for m in broken] == [(tiny.FRAME_NS[2], 1)] * 2
    assert dataset.faults == {"corrupt_image": 1}
    assert [r.message for r in caplog.records] == [f"{file}: corrupt image"]


def test_missing_images(flight):
    files = sorted((flight / "mav0" / "cam0" / "data").iterdir())
    files[1].unlink()
    dataset = open_dataset(flight)
    assert [m.t_ns for m in images(dataset) if m.image is None] == [tiny.FRAME_NS[1]]
    assert dataset.faults == {"missing_image": 1}
    for file in files[:1] + files[2:]:
        file.unlink()
    fails(flight, "cam0/data", "none of the 6 images", "unpack")


def test_unequal_counts_and_no_truth(tmp_path):
    flight = tiny.write_euroc(tmp_path / "flight", truth=False)
    rewrite(flight / "mav0" / "cam1" / "data.csv", lines(lambda rows: rows[:3] + rows[4:]))
    dataset = open_dataset(flight)
    assert dataset.truth is None and len(images(dataset)) == 11


def test_file_names_serve_without_data_csv(flight):
    (flight / "mav0" / "cam0" / "data.csv").unlink()
    assert open_dataset(flight).camera_stamps_ns.tolist() == tiny.FRAME_NS
    (flight / "mav0" / "cam0" / "data" / "left.png").write_bytes(b"")
    fails(flight, "left.png", "nanoseconds")


def test_bad_image_lists(flight):
    table = flight / "mav0" / "cam0" / "data.csv"
    good = table.read_text()
    table.write_text("#timestamp [ns],filename\n\n")
    fails(flight, table, "lists no images")
    table.write_text(lines(lambda r: r[:3] + [r[2]] + r[3:])(good))
    fails(flight, f"{table}:4", "does not come after", "sort")
    table.write_text(lines(lambda r: [r[0], r[2], r[1]] + r[3:])(good))
    fails(flight, f"{table}:3", "does not come after")
    table.write_text(good.replace(str(tiny.FRAME_NS[0]) + ",", "1.40363E+18,", 1))
    fails(flight, f"{table}:2", "1.40363E+18", "nanoseconds")
    table.write_text(good + "14036365\n")
    fails(flight, f"{table}:8", "1 columns")
    table.write_text(good + "9" * 30 + ",a.png\n")
    fails(flight, f"{table}:8", "no time stamp")


def test_missing_right_camera(flight):
    (flight / "mav0" / "cam1").rename(flight / "cam1")
    fails(flight, "cam1", "--mono")
    assert len(images(open_dataset(flight, mono=True))) == 6


def test_right_camera_of_another_clock(flight):
    table = flight / "mav0" / "cam1" / "data.csv"
    rewrite(table, lambda text: text.replace("\n1", "\n2"))
    fails(flight, "no right image", "--mono")
    assert len(images(open_dataset(flight, mono=True))) == 6


def test_image_of_another_size(flight):
    file = flight / "mav0" / "cam0" / "data" / f"{tiny.FRAME_NS[3]}.png"
    cv2.imwrite(str(file), np.zeros((24, 32), np.uint8))
    fails(flight, file.name, "32x24", "64x48", "calibration")


def test_imu_faults(flight):
    table = flight / "mav0" / "imu0" / "data.csv"
    good = table.read_text()
    table.write_text(lines(lambda r: r[:5] + [r[4]] + r[5:])(good))
    dataset = open_dataset(flight)
    assert dataset.faults == {"duplicate_imu": 1} and len(dataset.imu) == len(tiny.IMU_NS)
    table.write_text(lines(lambda r: r[:5] + [r[2]] + r[5:])(good))
    fails(flight, f"{table}:6", "goes back by 0.010000 s", "sort")
    table.write_text(good.replace("9.81", "nan", 1))
    fails(flight, f"{table}:2", "NaN")
    table.write_text(good.replace("9.81", "fast", 1))
    fails(flight, f"{table}:2", "fast")
    table.write_text(good[:-20])
    fails(flight, f"{table}:{len(tiny.IMU_NS) + 1}", "columns, expected 7")
    table.write_text("#timestamp\n")
    fails(flight, table, "no IMU samples")
    table.unlink()
    fails(flight, table, "no such file")
    (table.parent / "data.csv.gz").write_bytes(gzip.compress(good.encode()))
    assert len(open_dataset(flight).imu) == len(tiny.IMU_NS)
    (table.parent / "data.csv.gz").write_bytes(gzip.compress(good.encode())[:200])
    fails(flight, "data.csv.gz", "cannot be read")


def test_imu_that_ends_early(flight):
    table = flight / "mav0" / "imu0" / "data.csv"
    good = table.read_text()
    before_end = [n for n, t in enumerate(tiny.IMU_NS) if t <= tiny.FRAME_NS[-1] - 150 * tiny.MS]
    table.write_text(lines(lambda r: r[: len(before_end) + 1])(good))
    assert len(images(open_dataset(flight))) == 12  # a short tail is let pass
    table.write_text(lines(lambda r: r[:4])(good))
    dataset = open_dataset(flight)
    with pytest.raises(VioError, match=r"ends 0\.25 s before .* --seconds 0\.0"):
        dataset.measurements()
    assert list(dataset.measurements(end_ns=tiny.FRAME_NS[1]))
    table.write_text(good.replace("14036365", "15036365"))
    fails(flight, "do not overlap in time")


def test_empty_span(flight):
    with pytest.raises(VioError, match="no left image in the span"):
        open_dataset(flight).measurements(start_ns=tiny.FRAME_NS[-1] + 1)


def test_truth_of_another_point_is_moved_to_the_imu(flight):
    folder = flight / "mav0" / "state_groundtruth_estimate0"
    yaml = "T_BS: [0,-1,0,0.5, 1,0,0,0, 0,0,1,0, 0,0,0,1]\n"
    (folder / "sensor.yaml").write_text(yaml)
    (folder / "data.csv").write_text(f"{tiny.T0},1,2,3,1,0,0,0" + ",9" * 9 + "\n")
    truth = open_dataset(flight).truth[0]
    # seen from there, the imu lies 0.5 m along y, turned by -90 deg about z
    np.testing.assert_allclose(truth["p_world_imu"], [1, 2.5, 3], atol=1e-12)
    np.testing.assert_allclose(truth["quat_wxyz"], [0.5**0.5, 0, 0, -(0.5**0.5)], atol=1e-12)
    assert np.isnan(truth["v_world_imu"]).all() and (truth["bias_gyro"] == 9).all()
