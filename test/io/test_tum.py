"""Trajectories survive the way to text and back; bad lines are named."""

import gzip

import numpy as np
import pytest

from vio.io.groundtruth import read_groundtruth
from vio.io.tum import TumWriter, read_tum, write_tum
from vio.types import VioError

STAMPS = [0, 1, 999_999_999, 1_403_636_579_758_555_392, 1_403_636_579_758_555_393]


def poses(n=5):
    rng = np.random.default_rng(0)
    q = rng.normal(size=(n, 4))
    return rng.normal(size=(n, 3)) * 100, q / np.linalg.norm(q, axis=1, keepdims=True)


def test_round_trip(tmp_path):
    p, q = poses()
    write_tum(tmp_path / "t.tum", STAMPS, p, q)
    lines = (tmp_path / "t.tum").read_text().splitlines()
    assert lines[0].startswith("#")
    assert [line.split()[0] for line in lines[1:]] == [
        "0.000000000",
        "0.000000001",
        "0.999999999",
        "1403636579.758555392",
        "1403636579.758555393",
    ]
    stamps, p_read, q_read = read_tum(tmp_path / "t.tum")
    assert stamps.tolist() == STAMPS and stamps.dtype == np.int64
    np.testing.assert_allclose(p_read, p, rtol=1e-11)
    np.testing.assert_allclose(q_read, q, rtol=1e-11)


def test_negative_stamps(tmp_path):
    p, q = poses(2)
    write_tum(tmp_path / "t.tum", [-1_500_000_001, -1], p, q)
    assert read_tum(tmp_path / "t.tum")[0].tolist() == [-1_500_000_001, -1]


def test_writer_flushes_every_line_and_appends(tmp_path):
    p, q = poses()
    write_tum(tmp_path / "whole.tum", STAMPS, p, q)
    with TumWriter(tmp_path / "t.tum") as writer:
        for k in range(3):
            writer.write(STAMPS[k], p[k], q[k])
            assert len(read_tum(tmp_path / "t.tum")[0]) == k + 1
    with TumWriter(tmp_path / "t.tum", append=True) as writer:
        for k in (3, 4):
            writer.write(STAMPS[k], p[k], q[k])
    assert (tmp_path / "t.tum").read_text() == (tmp_path / "whole.tum").read_text()


def test_reader_takes_commas_comments_and_other_precisions(tmp_path):
    file = tmp_path / "t.txt"
    file.write_text(
        "# t\n\n1.5,1,2,3,0,0,0,1\n1.6e1 " + "1 " * 7 + "\n  1403715274.30214 1 2 3  0 0 0 1"
    )
    assert read_tum(file)[0].tolist() == [1_500_000_000, 16 * 10**9, 1_403_715_274_302_140_000]


@pytest.mark.parametrize(
    "text, words",
    [
        ("1.0 1 2 3 0 0 0 1\n2.0 1 2 3 0 0 0\n", ":2: 7 columns, expected 8"),
        ("# c\n1.0 1 2 x 0 0 0 1\n", ":2: could not convert"),
        ("now 1 2 3 0 0 0 1\n", ":1: 'now' is no time stamp"),
        ("inf 1 2 3 0 0 0 1\n", ":1: 'inf' is no time stamp"),
        ("1403715274302140000 1 2 3 0 0 0 1\n", "no time stamp in seconds"),  # nanoseconds
        ("2.0 1 2 3 0 0 0 1\n1.0 1 2 3 0 0 0 1\n", ":2: the stamp goes back"),
        ("1.0 1 nan 3 0 0 0 1\n", ":1: not a pose"),
        ("1.0 1 2 3 0 0 0 0\n", ":1: not a pose"),
        ("# nothing\n", "holds no poses"),
    ],
)
def test_bad_files_are_named_with_their_line(tmp_path, text, words):
    file = tmp_path / "t.tum"
    file.write_text(text)
    with pytest.raises(VioError) as caught:
        read_tum(file)
    assert f"{file}" in str(caught.value) and words in str(caught.value)


def test_a_folder_is_no_trajectory(tmp_path):
    with pytest.raises(VioError, match="is a folder; name the file"):
        read_tum(tmp_path)


def test_groundtruth_formats_agree(tmp_path):
    stamp = 1_403_636_579_758_555_392
    (tmp_path / "t.tum").write_text("1403636579.758555392 1 2 3 0 0.8 0 0.6\n")
    (tmp_path / "t8.csv").write_text(f"#t,p,q\n{stamp},1,2,3,0.6,0,0.8,0\n")
    (tmp_path / "t17.csv").write_text(f"{stamp},1,2,3,0.6,0,0.8,0,4,5,6,7,8,9,10,11,12\n")
    for name in ("t.tum", "t8.csv", "t17.csv"):
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        for file in (tmp_path / name, packed):
            [row] = read_groundtruth(file)
            assert row["t_ns"] == stamp
            np.testing.assert_allclose(row["p_world_imu"], [1, 2, 3])
            np.testing.assert_allclose(row["quat_wxyz"], [0.6, 0, 0.8, 0])
            rest = [*row["v_world_imu"], *row["bias_gyro"], *row["bias_accel"]]
            expected = np.arange(4, 13) if "17" in name else np.full(9, np.nan)
            np.testing.assert_array_equal(rest, expected)


def test_groundtruth_faults(tmp_path):
    file = tmp_path / "t.csv"
    for rows, words in (
        ("5,1,2,3,1,0,0,0\n5,1,2,3,1,0,0,0\n4,1,2,3,1,0,0,0\n", ":3: the stamp goes back"),
        ("5,1,2,3,0,0,0,0\n", ":1: not a pose"),
        ("5,1,nan,3,1,0,0,0\n", ":1: not a pose"),
        ("5,1,2,3,1,0,0,0,0\n", ":1: 9 columns, expected 8 or 17"),
        ("9" * 30 + ",1,2,3,1,0,0,0\n", ":1: '9"),
        ("", "holds no poses"),
    ):
        file.write_text(rows)
        with pytest.raises(VioError) as caught:
            read_groundtruth(file)
        assert f"{file}" in str(caught.value) and words in str(caught.value)
    with pytest.raises(VioError, match="no such file"):
        read_groundtruth(tmp_path / "none.csv")
