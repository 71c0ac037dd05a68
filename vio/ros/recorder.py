"""recorder: the results as rosbag2 (through rosbags, so it needs no ros2 bag) and as TUM.

vio/odometry, vio/imu_odometry, vio/pose, vio/landmarks, vio/bill, /diagnostics, /tf
    --> <out>/bag, <out>/odometry.tum
"""

from collections import Counter
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Float64MultiArray

from vio.io.tum import TumWriter
from vio.ros import convert, params, qos
from vio.ros.main import exit_with
from vio.ros.outputs import TFMessage
from vio.ros.settings import RecorderSettings
from vio.types import VioError

TOPICS = {
    "vio/odometry": Odometry,
    "vio/imu_odometry": Odometry,
    "vio/pose": PoseWithCovarianceStamped,
    "vio/landmarks": PointCloud2,
    "vio/bill": Float64MultiArray,
    "/diagnostics": DiagnosticArray,
    **({"/tf": TFMessage} if TFMessage is not None else {}),
}


class Recorder(Node):
    """Writes serialised messages as they come; they are not unpacked."""

    def __init__(self, **options):
        super().__init__("recorder", **options)
        s = params.declare_settings(self, RecorderSettings)
        if not s.out:
            raise VioError("parameter out: not set; give -p out:=FOLDER")
        out = Path(s.out)
        if (out / "bag").exists():
            raise VioError(f"{out}/bag: there already; give another `out` or remove it")
        out.mkdir(parents=True, exist_ok=True)
        plugin = StoragePlugin.MCAP if s.storage == "mcap" else StoragePlugin.SQLITE3
        self.bag = Writer(out / "bag", version=9, storage_plugin=plugin)
        self.bag.open()
        self.tum = TumWriter(out / "odometry.tum")
        self.counts = Counter()
        store = get_typestore(Stores.ROS2_HUMBLE)
        for topic, kind in TOPICS.items():
            self.record(topic, kind, store)

    def record(self, topic: str, kind, store):
        """Write everything that comes on a topic."""
        name = self.resolve_topic_name(topic)
        package = kind.__module__.split(".")[0]
        connection = self.bag.add_connection(
            name, f"{package}/msg/{kind.__name__}", typestore=store
        )

        def write(data):
            self.counts[topic] += 1
            now_ns = self.get_clock().now().nanoseconds
            self.bag.write(connection, now_ns, data)
            if topic == "vio/odometry":
                message = deserialize_message(data, kind)
                if convert.known(message):
                    self.tum.write(*convert.pose_of(message))

        self.create_subscription(kind, topic, write, qos.results(1000), raw=True)

    def close(self):
        """Finish the files: an open bag has no index."""
        self.bag.close()
        self.tum.close()
        self.get_logger().info(f"recorded {dict(self.counts)}")


def main():
    """Entry point."""
    exit_with(Recorder)


if __name__ == "__main__":
    main()
