"""Settings of the nodes themselves; those of the odometry are in vio/config.py.

Each becomes a ROS parameter of the same name, each setting of the core `vio.<section>.<key>`.
"""

from dataclasses import dataclass, fields
from pathlib import Path

from vio import config as core
from vio.config import Config, checked, nested, overlay, setting
from vio.io.calibration import load_rig
from vio.types import Rig, VioError

CORE = "vio."


@dataclass(frozen=True)
class NodeSettings:
    """What a robot decides: rig, names of frames, queues, what to publish."""

    calibration: str = setting(
        "", "path", "EuRoC folder or Kalibr camchain yaml of the rig; looked for in config/ too"
    )
    config: str = setting(
        "", "path", "YAML files under the parameters, as `vio run --config`, by ,"
    )
    mono: bool = setting(False, "1", "use the left camera only")
    reliability: str = setting(
        "best_effort", "", "QoS asked of the sensors", choices=("best_effort", "reliable")
    )
    image_queue: int = setting(20, "1", "images held for each camera before the callback", 1, 1000)
    imu_queue: int = setting(1000, "1", "IMU samples held before the callback", 10, 100000)
    frame_queue: int = setting(20, "1", "frames waiting to be processed; the oldest goes", 1, 1000)
    max_wait_s: float = setting(0.1, "s", "patience for a right image, IMU time", 0.0, 10.0)
    odom_frame: str = setting("odom", "", "world frame of every pose")
    base_frame: str = setting("base_link", "", "frame of the robot")
    imu_frame: str = setting("imu", "", "frame of the IMU")
    cam0_frame: str = setting("cam0_optical_frame", "", "frame of the left camera")
    cam1_frame: str = setting("cam1_optical_frame", "", "frame of the right camera")
    base_imu_xyz_m: str = setting("0 0 0", "m", "position of the IMU in the base frame: x y z")
    base_imu_quat_xyzw: str = setting(
        "0 0 0 1", "1", "rotation of the IMU into the base frame: x y z w"
    )
    publish_tf: bool = setting(True, "1", "send odom -> base on /tf")
    publish_static_tf: bool = setting(False, "1", "send base -> imu -> cameras on /tf_static")
    publish_path: bool = setting(True, "1", "send the path, once a second")
    publish_landmarks: bool = setting(True, "1", "send the landmarks in view")
    annotate: bool = setting(False, "1", "send the left image with its features drawn in")
    path_length: int = setting(2000, "1", "poses in the path; the oldest go", 2, 100000)
    imu_odometry: bool = setting(True, "1", "send odometry at the rate of the IMU")
    smooth_s: float = setting(
        0.1, "s", "time constant over which an update fades into the IMU-rate odometry", 0.0, 5.0
    )
    feedback_wait_s: float = setting(
        0.25, "s", "split nodes: patience for the window's feedback on the frame before", 0.0, 10.0
    )
    target: str = setting(
        "navion65", "path", "energy target of the bill, name or file; empty: no joules"
    )
    check_s: float = setting(3.0, "s", "time until a missing input is named", 0.5, 60.0)


@dataclass(frozen=True)
class PlayerSettings:
    """Parameters of the player."""

    dataset: str = setting("", "path", "EuRoC folder, ROS 1 .bag or rosbag2 folder")
    calibration: str = setting("", "path", "calibration; default: beside the recording")
    topics: str = setting("", "", "topics of a bag by ,: cam0=/left,imu=/imu/data")
    rate: float = setting(1.0, "1", "speed, 1 is the recording's own", 0.01, 100.0)
    lockstep: bool = setting(False, "1", "wait for the odometry of each frame instead")
    in_flight: int = setting(2, "1", "lockstep: frames sent before the first is answered", 1, 8)
    timeout_s: float = setting(5.0, "s", "lockstep: patience for one odometry", 0.1, 600.0)
    start_s: float = setting(0.0, "s", "where to begin", 0.0, 1e6)
    seconds: float = setting(0.0, "s", "how much to play; 0 is all", 0.0, 1e6)
    mono: bool = setting(False, "1", "play the left camera only")
    loops: int = setting(1, "1", "times to play; stamps start over each time", 1, 1000)
    imu_listeners: int = setting(1, "1", "subscribers of the IMU to wait for (split: 2)", 0, 10)
    odometry_listeners: int = setting(
        1, "1", "subscribers of the odometry to wait for, the player too (recorded: 2)", 1, 10
    )
    wait_s: float = setting(300.0, "s", "patience for the stack to be there", 0.0, 3600.0)
    settle_s: float = setting(1.0, "s", "pause once it is there", 0.0, 60.0)
    out: str = setting("", "path", "folder for trajectory.tum and played.json")


@dataclass(frozen=True)
class RecorderSettings:
    """Parameters of the recorder."""

    out: str = setting("", "path", "folder for bag/ and odometry.tum")
    storage: str = setting("mcap", "", "format of the bag", choices=("mcap", "sqlite3"))


def base_settings(text: str) -> Config:
    """The core's settings with the YAML files named in the parameter `config`."""
    return core.load([name.strip() for name in text.split(",") if name.strip()])


def with_overrides(config: Config, values: dict) -> Config:
    """`config` with `{"vio.section.key": value}` laid over it and checked."""
    for name, value in values.items():
        tree = nested(name.removeprefix(CORE), value)
        config = overlay(config, tree, f"parameter {name}")
    return config


def from_values(kind, values: dict):
    """A settings dataclass of `{name: value}`, checked."""
    specs = {f.name: f for f in fields(kind)}
    return kind(**{n: checked(n, v, specs[n], f"parameter {n}") for n, v in values.items()})


def known_names() -> set:
    """Every parameter the nodes have."""
    return {f.name for f in fields(NodeSettings)} | {
        CORE + name for name, _, _ in core.flatten(Config())
    }


def calibration_path(text: str) -> Path:
    """The calibration as given, or inside the built-in config folder."""
    if not text:
        raise VioError(
            "parameter calibration: not set; give the EuRoC folder or Kalibr camchain yaml of the"
            " rig, e.g. -p calibration:=camchain-imucam.yaml"
        )
    for path in (Path(text).expanduser(), core.config_folder() / text):
        if path.exists():
            return path
    raise VioError(f"parameter calibration: {text}: no such file or folder; check the path")


def load_calibration(settings: NodeSettings) -> Rig:
    """The rig of the parameters `calibration` and `mono`."""
    return load_rig(calibration_path(settings.calibration), mono=settings.mono)


def numbers(text: str, count: int, name: str) -> list[float]:
    """`count` numbers of a text like "0 0 0.1"."""
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != count:
        raise VioError(f"parameter {name}: '{text}' is not {count} numbers; write '0 0 0'")
    return values
