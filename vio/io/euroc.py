"""EuRoC's ASL folder: cam0/, cam1/, imu0/, ground truth, each with data.csv and sensor.yaml."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vio.io.calibration import load_rig, read_extrinsics
from vio.io.dataset import Dataset
from vio.io.groundtruth import read_groundtruth
from vio.io.images import SUFFIXES, decode
from vio.io.imu_csv import read_imu_csv
from vio.io.text import integer, read_rows
from vio.types import CameraImage, VioError

TRUTH_FOLDERS = ("state_groundtruth_estimate0", "mocap0")


class EurocDataset(Dataset):
    """An ASL folder; images may be PNG, JPEG or WebP, csv files may be gzipped.

    Args:
        folder: the one that holds cam0/ and imu0/ (EuRoC's `mav0`).
        mono: leave cam1 aside.
        calibration: for `load_rig`; default: the sensor.yaml files inside.
    """

    def __init__(self, folder: Path, *, mono: bool = False, calibration=None):
        folder = Path(folder)
        named = folder.resolve()
        name = named.parent.name if named.name == "mav0" else named.name
        if not (folder / "cam0").is_dir():
            raise VioError(f"{folder}/cam0: no such folder; the left camera is needed")
        if not mono and not (folder / "cam1").is_dir():
            raise VioError(f"{folder}/cam1: no such folder; use --mono to run on cam0 alone")
        super().__init__(folder, name, load_rig(calibration or folder, mono=mono))
        self._files = [list_images(folder / f"cam{cam}") for cam in range(1 if mono else 2)]
        self.stamps_ns = [np.array(list(files), np.int64) for files in self._files]
        self.imu = read_imu_csv(data_csv(folder / "imu0"), self.faults)
        self.truth = read_truth(folder)

    def read_images(self, wanted) -> Iterator[CameraImage]:
        """See Dataset."""
        for t_ns, cam in wanted:
            path = self._files[cam][t_ns]
            yield CameraImage(t_ns, cam, self._read(path, t_ns, cam))

    def _read(self, path: Path, t_ns: int, cam: int) -> np.ndarray | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            self.note_fault("missing_image", t_ns, cam, path)
            return None
        except OSError:
            data = b""
        image = decode(data)
        if image is None:
            self.note_fault("corrupt_image", t_ns, cam, path)
        else:
            self.check_size(image, cam, path)
        return image


def data_csv(folder: Path) -> Path:
    """`data.csv` of a sensor folder, or its gzipped form."""
    packed = folder / "data.csv.gz"
    return packed if packed.is_file() else folder / "data.csv"


def list_images(camera: Path) -> dict[int, Path]:
    """Stamp [ns] -> image file of one camera folder, in order of time.

    Raises:
        VioError: no images, stamps that do not rise (naming the line), or no listed file exists.
    """
    table = data_csv(camera)
    files = listed_images(table) if table.is_file() else named_images(camera / "data")
    there = {p.name for p in (camera / "data").glob("*")}
    if not any(path.name in there for path in files.values()):
        raise VioError(
            f"{camera}/data: none of the {len(files)} images listed in data.csv is there "
            f"(first: {next(iter(files.values())).name}); unpack the images beside data.csv"
        )
    return files


def listed_images(table: Path) -> dict[int, Path]:
    """Images by their line in data.csv."""
    files: dict[int, Path] = {}
    last = None
    for where, (stamp, name) in read_rows(table, (2,)):
        t_ns = integer(stamp, where)
        if last is not None and t_ns <= last:
            raise VioError(
                f"{where}: image stamp {t_ns} does not come after {last}; "
                "sort the file or delete the line"
            )
        files[t_ns] = table.parent / "data" / name
        last = t_ns
    if not files:
        raise VioError(
            f"{table}: lists no images; delete it to use the file names, or fetch it again"
        )
    return files


def named_images(folder: Path) -> dict[int, Path]:
    """Images by file name, `<stamp in ns>.png` and the like."""
    paths = [p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES]
    if not paths:
        raise VioError(f"{folder}: no images and no data.csv beside it; check the recording")
    stamped = sorted((integer(path.stem, str(path)), path) for path in paths)
    files = dict(stamped)
    if len(files) < len(stamped):
        raise VioError(f"{folder}: several images carry the same stamp; keep one format")
    return files


def read_truth(folder: Path) -> np.ndarray | None:
    """Ground truth of the imu, or None where the recording has none."""
    for name in TRUTH_FOLDERS:
        table = data_csv(folder / name)
        if table.is_file():
            truth = read_groundtruth(table)
            T_body_truth = read_extrinsics(folder / name / "sensor.yaml")
            T_body_imu = read_extrinsics(folder / "imu0" / "sensor.yaml")
            return moved_truth(truth, np.linalg.inv(T_body_truth) @ T_body_imu)
    return None


def moved_truth(truth: np.ndarray, T_truth_imu: np.ndarray) -> np.ndarray:
    """Truth of the imu from truth of another point of the body; unchanged if they coincide.

    A lever arm makes the velocity unknown (NaN); biases are always the imu's own.
    """
    if np.allclose(T_truth_imu, np.eye(4), atol=1e-9):
        return truth
    truth = truth.copy()
    lever, (half_w, half) = T_truth_imu[:3, 3], quat_from_matrix(T_truth_imu[:3, :3])
    w, v = truth["quat_wxyz"][:, :1].copy(), truth["quat_wxyz"][:, 1:].copy()
    turn = np.cross(v, lever)
    truth["p_world_imu"] += lever + 2.0 * (w * turn + np.cross(v, turn))
    truth["quat_wxyz"][:, :1] = w * half_w - v @ half[:, None]
    truth["quat_wxyz"][:, 1:] = w * half + half_w * v + np.cross(v, half)
    if np.linalg.norm(lever) > 1e-6:
        truth["v_world_imu"] = np.nan
    return truth


def quat_from_matrix(R: np.ndarray) -> tuple[float, np.ndarray]:
    """Scalar and vector part of the unit quaternion of a rotation matrix."""
    rotvec = cv2.Rodrigues(R)[0].ravel()
    angle = float(np.linalg.norm(rotvec))
    axis = rotvec / angle if angle > 0 else rotvec
    return np.cos(angle / 2), axis * np.sin(angle / 2)
