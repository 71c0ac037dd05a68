"""What every fault changes, and what it leaves alone."""

import numpy as np
import pytest

from vio.bench.faults import ACCEL_RANGE, FAULTS, FOR_GOOD, GYRO_RANGE, Injected
from vio.config import Config, overlay
from vio.types import CameraImage, ImuSample

T0 = 1_403_636_579_763_555_584
SECOND = 10**9
BEGIN = T0 + 2 * SECOND
GREY = 100


def stream(seconds=5):
    """20 frames of two cameras and 200 samples a second."""
    for k in range(200 * seconds):
        t_ns = T0 + k * 5_000_000
        yield ImuSample(t_ns, np.array([0.1, -0.3, 0.2]), np.array([0.5, 9.7, -1.0]))
        if k % 10 == 0:
            for cam in (0, 1):
                yield CameraImage(t_ns, cam, np.full((8, 8), GREY, np.uint8))


def flown(name):
    return list(FAULTS[name].inject(stream(), BEGIN))


def split(items):
    items = list(items)
    images = [m for m in items if isinstance(m, CameraImage)]
    samples = [m for m in items if isinstance(m, ImuSample)]
    return images, samples


def inside(m, seconds):
    return BEGIN <= m.t_ns < BEGIN + seconds * SECOND


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_wrong_outside_of_the_fault(name):
    fault, found = FAULTS[name], flown(name)
    seconds = 99 if fault.seconds == FOR_GOOD else fault.seconds
    images, samples = split(m for m in found if not inside(m, seconds))
    assert all((m.image == GREY).all() for m in images)
    assert all(m.gyro[0] == 0.1 and m.accel[1] == 9.7 for m in samples)
    outside = [m for m in stream() if not inside(m, seconds)]
    assert len(images) + len(samples) == len(outside)
    stamps = [m.t_ns for m in found]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_twice_and_something_is_wrong(name):
    def plain(items):
        return [
            (m.t_ns, m.cam, m.image.tobytes())
            if isinstance(m, CameraImage)
            else (m.t_ns, m.gyro.tobytes(), m.accel.tobytes())
            for m in items
        ]

    assert plain(flown(name)) == plain(flown(name)) != plain(stream())


@pytest.mark.parametrize("name", FAULTS)
def test_its_settings_exist(name):
    assert overlay(Config(), FAULTS[name].settings or {}, name)


def test_images():
    spoilt = {n: [m for m in split(flown(n))[0] if inside(m, 1)] for n in FAULTS}
    assert all((m.image == 0).all() for m in spoilt["black"]) and len(spoilt["black"]) == 40
    assert spoilt["no_images"] == []
    assert {m.cam for m in spoilt["right_gone"]} == {0} and len(spoilt["right_gone"]) == 20
    assert all((m.image == 255).all() for m in spoilt["exposure"])
    assert all(m.image.mean() < 10 and m.image.std() > 0 for m in spoilt["covered"])


def test_one_frame_in_five_is_lost_with_both_images():
    images, _ = split(flown("dropped"))
    left = {m.t_ns for m in images if m.cam == 0 and m.t_ns >= BEGIN}
    assert left == {m.t_ns for m in images if m.cam == 1 and m.t_ns >= BEGIN}
    assert 40 <= len(left) <= 56  # of 60


def test_samples():
    for name, of, limit in (
        ("accel_saturated", "accel", ACCEL_RANGE),
        ("gyro_saturated", "gyro", GYRO_RANGE),
    ):
        bad = [m for m in split(flown(name))[1] if inside(m, 0.2)]
        assert len(bad) == 40
        largest = [np.abs(getattr(m, of)).max() for m in bad]
        np.testing.assert_allclose(largest, limit)
        assert limit > FAULTS[name].settings["imu"][f"{of}_range"]
    jumped = [m for m in split(flown("bias_jump"))[1] if inside(m, 99)]
    assert all(m.gyro[0] == pytest.approx(0.12) and m.accel[0] == 0.7 for m in jumped)
    spiked = [m for m in split(flown("spike"))[1] if np.abs(m.accel[0]) > 30]
    assert [m.t_ns for m in spiked] == [BEGIN]


def test_a_damaged_image_stays_damaged():
    hurt = [CameraImage(BEGIN, 0, None)]
    assert list(FAULTS["black"].inject(hurt, BEGIN))[0].image is None


def test_injected_passes_for_the_dataset():
    class Dataset:
        name = "five"

        def measurements(self, start_ns=None, end_ns=None):
            return stream()

    dataset = Injected(Dataset(), FAULTS["no_images"], BEGIN)
    assert dataset.name == "five"
    assert len(list(dataset.measurements())) == len(list(stream())) - 40
