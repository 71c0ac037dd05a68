"""ROS 1 bags and rosbag2 recordings (sqlite3, mcap, zstd), read without ROS.

A bag lies in order of arrival. A first pass takes IMU, truth and the stamps of the images; from
then on the order is known, and the second pass holds an image only until its turn comes.
"""

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from vio.io.calibration import find_calibration, load_rig
from vio.io.dataset import Dataset
from vio.io.groundtruth import unit_quaternions
from vio.io.images import decode, gray_from_raw
from vio.io.topics import IMAGES, choose_topics
from vio.types import IMU_DTYPE, TRUTH_DTYPE, CameraImage, VioError

MAX_HELD = 200
MAX_STEP_BACK_NS = 10**9

log = logging.getLogger(__name__)


class BagDataset(Dataset):
    """A recording in a bag.

    Stamps are the headers', not the time of arrival. IMU samples and images are sorted by
    them; what came out of order is counted, repeated stamps are dropped and counted.

    Args:
        path: `.bag`, `.mcap` or `.db3` file, or rosbag2 folder.
        mono: leave the right camera aside.
        calibration: for `load_rig`; default: in the bag's folder, or beside it.
        topics: any of {"cam0", "cam1", "imu", "truth": topic}.
    """

    def __init__(self, path: Path, *, mono: bool = False, calibration=None, topics=None):
        path = Path(path)
        if calibration is None:
            folders = (path, path.parent) if path.is_dir() else (path.parent,)
            found = [f for f in folders if find_calibration(f)]
            if not found:
                raise VioError(
                    f"{path}: no calibration beside the bag; put camchain-imucam.yaml and "
                    "imu.yaml there, or name a file with --calibration"
                )
            calibration = found[0]
        name = path.resolve().name if path.is_dir() else path.stem
        super().__init__(path, name, load_rig(calibration, mono=mono))
        with opened(path) as reader:
            types = {topic: info.msgtype for topic, info in reader.topics.items()}
            self._topics = choose_topics(types, topics or {}, mono, path)
            log.info("%s: reading %s", path, self._topics)
            self._index(reader, 1 if mono else 2)

    def _index(self, reader, n_cameras: int) -> None:
        """First pass: everything but the images."""
        sensors = {topic: sensor for sensor, topic in self._topics.items()}
        imu, truth, seen = [], [], [[], []]
        for connection, log_ns, raw in reader.messages(connections_of(reader, sensors)):
            sensor = sensors[connection.topic]
            t_ns = header_stamp(raw, reader.is2)
            if sensor == "imu":
                message = reader.deserialize(raw, connection.msgtype)
                imu.append(
                    (t_ns, vector(message.angular_velocity), vector(message.linear_acceleration))
                )
            elif sensor == "truth":
                message = reader.deserialize(raw, connection.msgtype)
                truth.append((t_ns, *truth_of(message, connection.topic)))
            else:
                seen[int(sensor[3])].append((t_ns, log_ns))
        self.imu = self._in_order(np.array(imu, IMU_DTYPE), "imu", "imu")
        finite = np.isfinite(self.imu["gyro"]) & np.isfinite(self.imu["accel"])
        if not finite.all():
            bad = int(self.imu["t_ns"][~finite.all(axis=1)][0])
            raise VioError(
                f"{self.path}: topic {self._topics['imu']}: NaN or infinite IMU value at "
                f"{bad} ns; filter it out of the bag"
            )
        dtype = np.dtype([("t_ns", "i8"), ("log_ns", "i8")])
        found = [
            self._in_order(np.array(seen[cam], dtype), f"cam{cam}", "image")
            for cam in range(n_cameras)
        ]
        self.stamps_ns = [rows["t_ns"].copy() for rows in found]
        self._log_ns = [dict(rows.tolist()) for rows in found]
        if truth:
            rows = np.array(truth, TRUTH_DTYPE)
            self.truth = rows[np.unique(rows["t_ns"], return_index=True)[1]]

    def _in_order(self, rows: np.ndarray, sensor: str, kind: str) -> np.ndarray:
        """Sorted by stamp, the first of equal stamps kept."""
        topic = self._topics[sensor]
        if len(rows) == 0:
            cure = "; use --mono to run on cam0 alone" if sensor == "cam1" else "; record it again"
            raise VioError(f"{self.path}: topic {topic} has no messages{cure}")
        steps = np.diff(rows["t_ns"])
        if len(steps) and steps.min() < -MAX_STEP_BACK_NS:
            raise VioError(
                f"{self.path}: topic {topic}: stamps go back by {-steps.min() * 1e-9:.1f} s; "
                "the bag holds several recordings: cut it into one for each"
            )
        kept = np.unique(rows["t_ns"], return_index=True)[1]
        for fault, count in (
            (f"reordered_{kind}", int((steps < 0).sum())),
            (f"duplicate_{kind}", len(rows) - len(kept)),
        ):
            if count:
                self.faults[fault] += count
                log.warning("%s: topic %s: %d %s", self.path, topic, count, fault.replace("_", " "))
        return rows[kept]

    def read_images(self, wanted) -> Iterator[CameraImage]:
        """See Dataset."""
        cams = {self._topics[f"cam{cam}"]: cam for cam in range(len(self.stamps_ns))}
        arrivals = [self._log_ns[cam][t_ns] for t_ns, cam in wanted]
        pending, held = iter(wanted), {}
        due, left = next(pending), set(wanted)
        with opened(self.path) as reader:
            for connection, _, raw in reader.messages(
                connections_of(reader, cams), min(arrivals), max(arrivals) + 1
            ):
                key = (header_stamp(raw, reader.is2), cams[connection.topic])
                if key not in left:
                    continue
                left.discard(key)
                held[key] = raw, connection
                while due in held:
                    yield CameraImage(*due, self._decode(reader, *held.pop(due), *due))
                    due = next(pending, None)
                if len(held) > MAX_HELD:
                    raise VioError(
                        f"{self.path}: over {MAX_HELD} images lie before the one for {due[0]} ns "
                        f"of cam{due[1]}; sort the bag by time"
                    )

    def _decode(self, reader, raw, connection, t_ns: int, cam: int) -> np.ndarray | None:
        where = f"{self.path}: topic {connection.topic}"
        message = reader.deserialize(raw, connection.msgtype)
        if connection.msgtype == IMAGES[0]:
            size = (message.height, message.width, message.step, bool(message.is_bigendian))
            image = gray_from_raw(message.data, message.encoding, *size, where)
        else:
            image = decode(bytes(message.data))
        if image is None:
            self.note_fault("corrupt_image", t_ns, cam, f"{where}, stamp {t_ns} ns")
        else:
            self.check_size(image, cam, where)
        return image


@contextmanager
def opened(path: Path):
    """An open AnyReader; whatever it stumbles over becomes a VioError."""
    try:
        store = get_typestore(Stores.ROS2_HUMBLE)  # for sqlite3 bags without definitions
        with AnyReader([path], default_typestore=store) as reader:
            yield reader
    except VioError:
        raise
    except Exception as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise VioError(
            f"{path}: the bag cannot be read ({what}); fetch it again, "
            "or mend it with `rosbag reindex` or `ros2 bag reindex`"
        ) from error


def connections_of(reader, topics) -> list:
    """The connections of some topics."""
    return [connection for connection in reader.connections if connection.topic in topics]


def header_stamp(raw, is_ros2: bool) -> int:
    """Stamp [ns] of a message that starts with a header, without unpacking the rest.

    It lies at byte 4 in both: after the sequence number in ROS 1, after CDR's preamble (whose
    second byte tells the byte order) in ROS 2.
    """
    order = ">" if is_ros2 and not raw[1] & 1 else "<"
    seconds, nanoseconds = struct.unpack_from(order + "II", raw, 4)
    return seconds * 10**9 + nanoseconds


def vector(message) -> tuple[float, float, float]:
    """x, y, z of a Vector3 or Point."""
    return message.x, message.y, message.z


def truth_of(message, topic: str) -> tuple:
    """TRUTH_DTYPE fields after the stamp, from any of `topics.TRUTHS`."""
    unknown = (math.nan,) * 3
    if hasattr(message, "point"):
        return vector(message.point), (math.nan,) * 4, unknown, unknown, unknown
    if hasattr(message, "transform"):
        p, q = message.transform.translation, message.transform.rotation
    else:
        pose = message.pose.pose if hasattr(message.pose, "pose") else message.pose
        p, q = pose.position, pose.orientation
    p, quat = np.array([vector(p)]), np.array([[q.w, *vector(q)]])
    return p[0], unit_quaternions(p, quat, [f"topic {topic}"])[0], unknown, unknown, unknown
