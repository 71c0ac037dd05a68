"""The same recording through every format gives the same measurements."""

import numpy as np
import pytest
import tiny_recording as tiny

from vio.io.open import open_dataset
from vio.types import CameraImage

BAGS = ["ros1", "sqlite3", "mcap", "zstd_file", "zstd_message"]


def plain(measurements):
    """Measurements as comparable values."""
    return [
        (m.t_ns, m.cam, m.image.tobytes(), m.image.shape)
        if isinstance(m, CameraImage)
        else (m.t_ns, m.gyro.tolist(), m.accel.tolist())
        for m in measurements
    ]


def expected():
    out = [(t, -1, k) for k, t in enumerate(tiny.IMU_NS)]
    out += [(t, cam, k) for k, t in enumerate(tiny.FRAME_NS) for cam in (0, 1)]
    return [
        (t, tiny.imu_values(k)[:3], tiny.imu_values(k)[3:])
        if cam < 0
        else (t, cam, tiny.picture(k, cam).tobytes(), (tiny.HEIGHT, tiny.WIDTH))
        for t, cam, k in sorted(out)
    ]


def check(dataset):
    assert plain(dataset.measurements()) == expected()
    assert dataset.camera_stamps_ns.tolist() == tiny.FRAME_NS
    assert dataset.camera_stamps_ns.dtype == np.int64
    assert dataset.truth["t_ns"].tolist() == tiny.IMU_NS
    np.testing.assert_allclose(dataset.truth["p_world_imu"][3], [0.03, -1, 2])
    np.testing.assert_allclose(dataset.truth["quat_wxyz"][3], [0.6, 0, 0.8, 0])
    assert np.isnan(dataset.truth["v_world_imu"]).all()
    T_imu_cam1 = [[0, -1, 0, 0.2], [1, 0, 0, 0.2], [0, 0, 1, 0.3], [0, 0, 0, 1]]
    np.testing.assert_allclose(dataset.rig.cam1.T_imu_cam, T_imu_cam1, atol=1e-12)
    assert dataset.rig.imu.gyro_noise_density == 1.7e-4


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_euroc(tmp_path, suffix):
    path = tiny.write_euroc(tmp_path / "flight", suffix)
    if suffix == ".webp":  # OpenCV's is lossy below quality 101
        lossless(path)
    dataset = open_dataset(path)
    assert dataset.name == "flight"
    check(dataset)
    assert not dataset.faults
    assert plain(open_dataset(path / "mav0").measurements()) == expected()


def lossless(path):
    import cv2

    for cam in (0, 1):
        for k, t_ns in enumerate(tiny.FRAME_NS):
            file = path / "mav0" / f"cam{cam}" / "data" / f"{t_ns}.webp"
            cv2.imwrite(str(file), tiny.picture(k, cam), [cv2.IMWRITE_WEBP_QUALITY, 101])


def test_euroc_jpeg_is_read(tmp_path):
    dataset = open_dataset(tiny.write_euroc(tmp_path / "flight", ".jpg"))
    images = [m for m in dataset.measurements() if isinstance(m, CameraImage)]
    assert len(images) == 12 and all(m.image.shape == (48, 64) for m in images)


@pytest.mark.parametrize("kind", BAGS)
def test_bags(tmp_path, kind):
    path = tiny.write_bag(tmp_path / "flight", kind)
    dataset = open_dataset(path)
    assert dataset.name == "flight"
    check(dataset)
    assert not dataset.faults
    if kind in ("sqlite3", "mcap"):  # the lone file, calibration named
        lone = next(p for p in path.iterdir() if p.suffix in (".db3", ".mcap"))
        check(open_dataset(lone, calibration=tmp_path))


@pytest.mark.parametrize("kind", ["euroc", "mcap"])
def test_mono_prefetch_span_and_second_reading(tmp_path, kind):
    path = tmp_path / "flight"
    path = tiny.write_euroc(path) if kind == "euroc" else tiny.write_bag(path, kind)
    dataset = open_dataset(path, prefetch=3)
    assert plain(dataset.measurements()) == plain(dataset.measurements()) == expected()
    next(iter(dataset.measurements()))  # left half-way

    mono = open_dataset(path, mono=True)
    assert mono.rig.cam1 is None
    assert plain(mono.measurements()) == [m for m in expected() if m[1] != 1]

    start, end = tiny.FRAME_NS[1] + 1, tiny.FRAME_NS[3]
    part = list(dataset.measurements(start, end))
    images = [(m.t_ns, m.cam) for m in part if isinstance(m, CameraImage)]
    assert images == [(t, cam) for t in tiny.FRAME_NS[2:4] for cam in (0, 1)]
    imu = [m.t_ns for m in part if not isinstance(m, CameraImage)]
    assert imu == [t for t in tiny.IMU_NS if tiny.FRAME_NS[2] <= t <= end]
