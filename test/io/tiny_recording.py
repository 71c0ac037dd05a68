"""A tiny stereo-inertial recording, and how to write it in every format the readers know."""

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

T0 = 1_403_636_579_758_555_392
MS = 10**6
WIDTH, HEIGHT = 64, 48
FRAMES = 6

FRAME_NS = [T0 + 50 * MS * k for k in range(FRAMES)]
IMU_NS = [T0 - 10 * MS + 5 * MS * k for k in range(FRAMES * 10 + 5)]

SENSOR_YAML = """%YAML:1.0
sensor_type: camera
T_BS:
  cols: 4
  rows: 4
  data: [0.0, -1.0, 0.0, {x},
         1.0, 0.0, 0.0, 0.2,
         0.0, 0.0, 1.0, 0.3,
         0.0, 0.0, 0.0, 1.0]
rate_hz: 20
resolution: [64, 48]
camera_model: pinhole
intrinsics: [50.0, 51.0, 31.0, 23.0]
distortion_model: radial-tangential
distortion_coefficients: [-0.28, 0.07, 2e-4, 1.8e-05]
"""
IMU_YAML = """sensor_type: imu
T_BS:
  cols: 4
  rows: 4
  data: [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
rate_hz: 200
gyroscope_noise_density: 1.7e-04
gyroscope_random_walk: 1.9e-05
accelerometer_noise_density: 2e-3
accelerometer_random_walk: 3.0e-3
"""
CAMCHAIN = """cam0:
  T_cam_imu:
  - [0.0, 1.0, 0.0, -0.2]
  - [-1.0, 0.0, 0.0, 0.1]
  - [0.0, 0.0, 1.0, -0.3]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  intrinsics: [50.0, 51.0, 31.0, 23.0]
  distortion_model: radtan
  distortion_coeffs: [-0.28, 0.07, 0.0002, 1.8e-05]
  resolution: [64, 48]
  rostopic: /cam0/image_raw
  timeshift_cam_imu: {shift}
cam1:
  T_cn_cnm1:
  - [1.0, 0.0, 0.0, 0.0]
  - [0.0, 1.0, 0.0, 0.1]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  intrinsics: [50.0, 51.0, 31.0, 23.0]
  distortion_model: radtan
  distortion_coeffs: [-0.28, 0.07, 0.0002, 1.8e-05]
  resolution: [64, 48]
  timeshift_cam_imu: {shift}
"""
KALIBR_IMU = """rostopic: /imu0
update_rate: 200.0
accelerometer_noise_density: 2e-3
accelerometer_random_walk: 3.0e-3
gyroscope_noise_density: 1.7e-04
gyroscope_random_walk: 1.9e-05
"""


def picture(k: int, cam: int) -> np.ndarray:
    rng = np.random.default_rng([k, cam])
    return rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def imu_values(k: int) -> list[float]:
    return [0.1 * k, -0.2, 1e-3 * k, 0.5, -0.25 * k, 9.81]


def truth_values(k: int) -> list[float]:
    return [0.01 * k, -1.0, 2.0, 0.6, 0.0, 0.8, 0.0]  # p, quat_wxyz


def write_calibration(folder: Path, shift: float = 0.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "camchain-imucam.yaml").write_text(CAMCHAIN.format(shift=shift))
    (folder / "imu.yaml").write_text(KALIBR_IMU)


def write_euroc(path: Path, suffix: str = ".png", truth: bool = True) -> Path:
    root = path / "mav0"
    for cam in (0, 1):
        folder = root / f"cam{cam}"
        (folder / "data").mkdir(parents=True)
        (folder / "sensor.yaml").write_text(SENSOR_YAML.format(x=0.1 + 0.1 * cam))
        lines = ["#timestamp [ns],filename"]
        for k, t_ns in enumerate(FRAME_NS):
            cv2.imwrite(str(folder / "data" / f"{t_ns}{suffix}"), picture(k, cam))
            lines.append(f"{t_ns},{t_ns}{suffix}")
        (folder / "data.csv").write_text("\r\n".join(lines) + "\r\n")
    (root / "imu0").mkdir()
    (root / "imu0" / "sensor.yaml").write_text(IMU_YAML)
    rows = [",".join(map(repr, (t, *imu_values(k)))) for k, t in enumerate(IMU_NS)]
    (root / "imu0" / "data.csv").write_text("#timestamp [ns],w,a\n" + "\n".join(rows) + "\n")
    if truth:
        folder = root / "state_groundtruth_estimate0"
        folder.mkdir()
        rows = [",".join(map(repr, (t, *truth_values(k)))) for k, t in enumerate(IMU_NS)]
        (folder / "data.csv").write_text("#timestamp,p,q\n" + "\n".join(rows) + "\n")
    return path


class Messages:
    """Builds ROS messages of one generation."""

    def __init__(self, ros2: bool):
        self.ros2 = ros2
        self.store = get_typestore(Stores.ROS2_HUMBLE if ros2 else Stores.ROS1_NOETIC)

    def make(self, kind: str, *args, **kwargs):
        return self.store.types[kind](*args, **kwargs)

    def header(self, t_ns: int):
        time = self.make("builtin_interfaces/msg/Time", t_ns // 10**9, t_ns % 10**9)
        names = {"stamp": time, "frame_id": "f"}
        return self.make("std_msgs/msg/Header", **(names if self.ros2 else {"seq": 7, **names}))

    def image(self, t_ns: int, pixels: np.ndarray, encoding="mono8", step=None, big=0):
        height, width = pixels.shape[:2]
        rows = np.ascontiguousarray(pixels).reshape(height, -1).view(np.uint8)
        step = step or rows.shape[1]
        padded = np.full((height, step), 77, np.uint8)
        padded[:, : rows.shape[1]] = rows
        args = self.header(t_ns), height, width, encoding, big, step, padded.ravel()
        return self.make("sensor_msgs/msg/Image", *args)

    def compressed(self, t_ns: int, data: bytes):
        args = self.header(t_ns), "png", np.frombuffer(data, np.uint8)
        return self.make("sensor_msgs/msg/CompressedImage", *args)

    def vector(self, xyz):
        return self.make("geometry_msgs/msg/Vector3", *map(float, xyz))

    def point(self, xyz):
        return self.make("geometry_msgs/msg/Point", *map(float, xyz))

    def quaternion(self, wxyz):
        w, x, y, z = wxyz
        return self.make("geometry_msgs/msg/Quaternion", x, y, z, w)

    def imu(self, t_ns: int, values):
        none = np.zeros(9)
        return self.make(
            "sensor_msgs/msg/Imu",
            self.header(t_ns),
            self.quaternion([1.0, 0.0, 0.0, 0.0]),
            none,
            self.vector(values[:3]),
            none,
            self.vector(values[3:]),
            none,
        )

    def truth(self, kind: str, t_ns: int, values):
        header, q = self.header(t_ns), self.quaternion(values[3:7])
        if kind == "geometry_msgs/msg/TransformStamped":
            transform = self.make("geometry_msgs/msg/Transform", self.vector(values[:3]), q)
            return self.make(kind, header, "imu", transform)
        p = self.point(values[:3])
        if kind == "geometry_msgs/msg/PointStamped":
            return self.make(kind, header, p)
        pose = self.make("geometry_msgs/msg/Pose", p, q)
        if kind == "geometry_msgs/msg/PoseStamped":
            return self.make(kind, header, pose)
        zero = self.vector([0, 0, 0])
        twist = self.make("geometry_msgs/msg/Twist", zero, zero)
        return self.make(
            kind,
            header,
            "imu",
            self.make("geometry_msgs/msg/PoseWithCovariance", pose, np.zeros(36)),
            self.make("geometry_msgs/msg/TwistWithCovariance", twist, np.zeros(36)),
        )


def messages(ros: Messages, truth: str | None = "geometry_msgs/msg/PoseStamped") -> list:
    """(log time, topic, message) of the recording; logged late and thus out of stamp order."""
    out = []
    for k, t_ns in enumerate(IMU_NS):
        out.append((t_ns + 3 * MS, "/imu0", ros.imu(t_ns, imu_values(k))))
        if truth:
            out.append((t_ns + 4 * MS, "/truth", ros.truth(truth, t_ns, truth_values(k))))
    for k, t_ns in enumerate(FRAME_NS):
        for cam, delay in ((0, 70), (1, 15)):
            message = ros.image(t_ns, picture(k, cam))
            out.append((t_ns + delay * MS, f"/cam{cam}/image_raw", message))
    return out


def write_bag(path: Path, kind: str, make=messages) -> Path:
    """Write a bag of one kind: ros1, sqlite3, mcap, zstd_file, zstd_message; `make(ros)` fills it.

    Returns the `.bag` file or the rosbag2 folder, with a calibration beside it.
    """
    ros = Messages(ros2=kind != "ros1")
    write_calibration(path.parent)
    if kind == "ros1":
        path = path.with_suffix(".bag")
        writer = Writer1(path)
    else:
        plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
        writer = Writer2(path, version=9, storage_plugin=plugin)
        if kind.startswith("zstd"):
            mode = CompressionMode.FILE if kind == "zstd_file" else CompressionMode.MESSAGE
            writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for log_ns, topic, message in sorted(make(ros), key=lambda m: m[0]):
            name = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=ros.store)
            pack = ros.store.serialize_cdr if ros.ros2 else ros.store.serialize_ros1
            writer.write(connections[topic], log_ns, pack(message, name))
    return path
