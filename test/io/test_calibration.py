"""Extrinsics the right way round, and errors that name file and key."""

import numpy as np
import pytest
import tiny_recording as tiny

from vio.io.calibration import load_rig
from vio.types import CameraModel, VioError


@pytest.fixture
def euroc(tmp_path):
    return tiny.write_euroc(tmp_path / "flight") / "mav0"


@pytest.fixture
def kalibr(tmp_path):
    tiny.write_calibration(tmp_path, shift=-0.004)
    return tmp_path / "camchain-imucam.yaml"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def fails(path, *words, **options):
    with pytest.raises(VioError) as caught:
        load_rig(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message


def test_euroc(euroc):
    rig = load_rig(euroc.parent)
    camera = rig.cam0
    assert (camera.width, camera.height, camera.rate_hz) == (64, 48, 20.0)
    assert camera.model == CameraModel.PINHOLE_RADTAN
    np.testing.assert_allclose(camera.params, [50, 51, 31, 23, -0.28, 0.07, 2e-4, 1.8e-5])
    # a point one metre before the camera, in the imu frame
    np.testing.assert_allclose(camera.T_imu_cam @ [0, 0, 1, 1], [0.1, 0.2, 1.3, 1])
    np.testing.assert_allclose(rig.cam1.T_imu_cam[:3, 3], [0.2, 0.2, 0.3])
    assert rig.imu.accel_random_walk == 3e-3 and rig.imu.rate_hz == 200
    assert load_rig(euroc, mono=True).cam1 is None


def test_extrinsics_are_relative_to_the_imu(euroc):
    old = "[1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]"
    change(euroc / "imu0" / "sensor.yaml", old, "[0,-1,0,1, 1,0,0,0, 0,0,1,0, 0,0,0,1]")
    # camera and imu turned alike: what remains is the lever arm, in the imu's axes
    T = load_rig(euroc).cam0.T_imu_cam
    np.testing.assert_allclose(T[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(T[:3, 3], [0.2, 0.9, 0.3], atol=1e-12)


def test_kalibr_agrees_with_euroc(euroc, kalibr):
    ours, theirs = load_rig(kalibr), load_rig(euroc)
    for a, b in ((ours.cam0, theirs.cam0), (ours.cam1, theirs.cam1)):
        np.testing.assert_allclose(a.params, b.params)
        assert (a.width, a.height, a.model) == (b.width, b.height, b.model)
    np.testing.assert_allclose(ours.cam0.T_imu_cam, theirs.cam0.T_imu_cam, atol=1e-12)
    assert ours.imu == theirs.imu
    assert ours.time_offset_s == -0.004
    assert load_rig(kalibr.parent).cam1 is not None


def test_kalibr_chain_equals_direct_extrinsics(kalibr):
    before = load_rig(kalibr).cam1.T_imu_cam
    np.testing.assert_allclose(before[:3, 3], [0.2, 0.2, 0.3], atol=1e-12)
    direct = str(np.linalg.inv(before).tolist())
    change(kalibr, "cam1:", f"cam1:\n  T_cam_imu: {direct}")
    np.testing.assert_allclose(load_rig(kalibr).cam1.T_imu_cam, before, atol=1e-12)


def test_kalibr_equidistant_and_default_imu(kalibr):
    change(kalibr, "distortion_model: radtan", "distortion_model: equidistant")
    (kalibr.parent / "imu.yaml").unlink()
    rig = load_rig(kalibr)
    assert rig.cam0.model == CameraModel.PINHOLE_EQUIDISTANT
    assert rig.imu.gyro_noise_density == 1.6968e-4


def test_opencv_matrix_tag(euroc):
    change(euroc / "cam0" / "sensor.yaml", "T_BS:", "T_BS: !!opencv-matrix")
    assert load_rig(euroc).cam0.T_imu_cam[0, 3] == pytest.approx(0.1)


def test_rotation_is_renormalised_or_refused(euroc):
    file = euroc / "cam0" / "sensor.yaml"
    change(file, "0.0, -1.0,", "0.0001, -1.0001,")
    R = load_rig(euroc).cam0.T_imu_cam[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-14)
    change(file, "-1.0001,", "-1.1,")
    fails(euroc, file, "'T_BS'", "orthonormal")
    change(file, "-1.1,", "1.0,")  # a mirror
    fails(euroc, file, "'T_BS'")


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("camera_model: pinhole", "camera_model: omni", ["'camera_model'", "omni", "pinhole"]),
        ("radial-tangential", "fov", ["'distortion_model'", "fov", "equidistant"]),
        ("resolution: [64, 48]", "resolution: [64]", ["'resolution'", "2 numbers"]),
        ("resolution: [64, 48]", "resolution: [0, 48]", ["'resolution'", "image size"]),
        ("resolution: [64, 48]", "", ["'resolution'", "missing"]),
        ("[50.0, 51.0,", "[-50.0, 51.0,", ["'intrinsics'"]),
        ("31.0, 23.0]", "310.0, 23.0]", ["'intrinsics'", "64x48"]),
        ("1.8e-05]", "fast]", ["'distortion_coeffs'", "4 numbers"]),
        ("0.0, 0.0, 0.0, 1.0]", "0.0, 0.0, 1.0]", ["'T_BS'", "16 numbers"]),
        ("T_BS:", "T_SB:", ["'T_BS'", "missing"]),
        ("rate_hz: 20", "rate_hz: [", ["not valid YAML"]),
        ("rate_hz: 20", "rate_hz: 0", ["'rate_hz'", "no rate"]),
    ],
)
def test_bad_camera_yaml(euroc, old, new, words):
    file = euroc / "cam0" / "sensor.yaml"
    change(file, old, new)
    fails(euroc, file, *words)


def test_bad_imu_yaml_and_missing_files(euroc, kalibr, tmp_path):
    file = euroc / "imu0" / "sensor.yaml"
    change(file, "gyroscope_random_walk", "gyro_walk")
    fails(euroc, file, "'gyroscope_random_walk'", "missing")
    change(file, "gyro_walk: 1.9e-05", "gyroscope_random_walk: -1")
    fails(euroc, file, "'gyroscope_random_walk'", "above zero")
    (euroc / "cam1" / "sensor.yaml").unlink()
    fails(euroc, "cam1/sensor.yaml", "no such file")
    fails(tmp_path / "flight" / "mav0" / "imu0", "no calibration", "camchain", "--calibration")


def test_bad_kalibr_yaml(kalibr):
    change(kalibr, "T_cam_imu", "T_imu_cam")
    fails(kalibr, kalibr, "'cam0.T_cam_imu'", "kalibr_calibrate_imu_camera")
    change(kalibr, "cam1:", "right:")
    fails(kalibr, "cam1", "--mono")
    kalibr.write_text("- 1\n")
    fails(kalibr, "expected keys and values")
