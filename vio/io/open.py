"""The reader of a recording, by what lies at its path."""

from pathlib import Path

from vio.io.euroc import EurocDataset
from vio.types import VioError

BAGS = (".bag", ".mcap", ".db3")


def open_dataset(path, *, mono: bool = False, calibration=None, topics=None, prefetch: int = 0):
    """Open a recording, whatever its format.

    Args:
        path: EuRoC (ASL) folder, ROS 1 `.bag`, rosbag2 folder, lone `.mcap` or `.db3`, or a
            folder that holds exactly one of these files.
        mono: use the left camera only.
        calibration: file or folder for `load_rig`; default: beside the recording.
        topics: overrides for bags, any of {"cam0", "cam1", "imu", "truth": topic}.
        prefetch: images decoded ahead in one thread; 0 decodes in the caller's.

    Returns:
        A Dataset.

    Raises:
        VioError: nothing readable there, or its content is broken beyond use.
    """
    path = Path(path)
    recording = find_recording(path)
    if recording.is_dir() and not (recording / "metadata.yaml").is_file():
        dataset = EurocDataset(recording, mono=mono, calibration=calibration)
    else:
        try:
            from vio.io.rosbag import BagDataset
        except ModuleNotFoundError as error:
            raise VioError(f"{path}: bags need '{error.name}'; pip install rosbags") from None
        dataset = BagDataset(recording, mono=mono, calibration=calibration, topics=topics)
    dataset.prefetch = prefetch
    return dataset


def find_recording(path: Path) -> Path:
    """The ASL folder, rosbag2 folder or bag file that `path` stands for."""
    if not path.exists():
        raise VioError(f"{path}: no such file or folder; check the path, or try `vio demo`")
    if path.is_file():
        if path.suffix in BAGS:
            return path
        raise VioError(
            f"{path}: not a recording; give an EuRoC folder, a .bag, .mcap or .db3 file, "
            "or a rosbag2 folder (unpack archives first)"
        )
    for folder in (path / "mav0", path):
        if any((folder / name).is_dir() for name in ("cam0", "cam1", "imu0")):
            return folder
    if (path / "metadata.yaml").is_file():
        return path
    bags = sorted(p for p in path.iterdir() if p.suffix in BAGS)
    if len(bags) == 1:
        return bags[0]
    found = f"{len(bags)} bags" if bags else "neither mav0/, metadata.yaml nor a bag"
    raise VioError(f"{path}: holds {found}; give the folder or file of one recording")
