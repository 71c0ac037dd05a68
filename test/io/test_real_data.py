"""The readers and the sequencer on real EuRoC data, where it is at hand."""

import os
from pathlib import Path

import pytest

from vio.io.groundtruth import read_groundtruth
from vio.io.images import is_whole
from vio.io.imu_csv import read_imu_csv
from vio.io.open import open_dataset
from vio.sync import Sequencer

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VIO_SHARED_DATA", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA} (VIO_SHARED_DATA)")


def test_corrupt_png_is_recognised():
    [file] = (DATA / "corrupt").glob("*.png")
    assert not is_whole(file.read_bytes())


def test_mh01_with_its_missing_right_image():
    dataset = open_dataset(DATA / "mh01_real")
    lost = 1403636592913555456
    stamps = dataset.camera_stamps_ns
    sequencer, frames = Sequencer(dataset.rig), []
    for measurement in dataset.measurements(lost - 10**9, lost + 10**9):
        sequencer.push(measurement)
        while (released := sequencer.pop()) is not None:
            frames.append(released)
    frames += sequencer.flush()
    assert [f.t_ns for f, _ in frames if f.cam1 is None] == [lost]
    assert len(frames) == ((stamps >= lost - 10**9) & (stamps <= lost + 10**9)).sum()
    assert {len(imu) for _, imu in frames[1:]} == {10}
    assert sequencer.counts == {"lone_left": 1} and not dataset.faults


def test_whole_flights():
    folder = DATA / "flights" / "V1_01_easy"
    imu = read_imu_csv(folder / "imu.csv.gz")
    truth = read_groundtruth(folder / "groundtruth.tum.gz")
    assert len(imu) > 20000 and imu["t_ns"][0] == 1403715273262142976
    assert len(truth) > 20000 and truth["t_ns"][0] == 1403715274302140000
