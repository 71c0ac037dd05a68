"""dataset_player: a recording as topics and /clock, at its own pace or in lockstep.

EuRoC folder, ROS 1 bag, rosbag2 --> cam0/image_raw, cam1/image_raw, imu0, /clock
vio/odometry --> trajectory.tum and played.json, when `out` is given
"""

import json
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu

from vio.io.dataset import open_dataset
from vio.io.tum import TumWriter
from vio.ros import convert, params, qos
from vio.ros.main import exit_with
from vio.ros.player import Flight, Schedule
from vio.ros.settings import PlayerSettings
from vio.types import CameraImage, VioError

CLOCK_NS = 25_000_000


class DatasetPlayer(Node):
    """Publishes a recording; no frame is ever left out."""

    def __init__(self, **options):
        super().__init__("dataset_player", **options)
        self.settings = s = params.declare_settings(self, PlayerSettings)
        if not s.dataset:
            raise VioError("parameter dataset: not set; give -p dataset:=PATH")
        self.dataset = open_dataset(
            s.dataset, mono=s.mono, calibration=s.calibration or None, prefetch=4
        )
        self.cameras = 1 if self.dataset.rig.cam1 is None else 2
        reliable = qos.results()
        self.images = [
            qos.publisher(self, Image, f"cam{cam}/image_raw", qos.results(30))
            for cam in range(self.cameras)
        ]
        self.imu = qos.publisher(self, Imu, "imu0", qos.results(1000))
        self.clock_out = qos.publisher(self, Clock, "/clock", reliable)
        qos.subscribe(self, Odometry, "vio/odometry", self.on_odometry, reliable)
        self.rapid_in = qos.subscribe(
            self, Odometry, "vio/imu_odometry", self.on_imu_odometry, qos.results(1000)
        )
        qos.subscribe(self, DiagnosticArray, "/diagnostics", self.on_diagnostics, reliable)
        self.counts, self.health, self.clock_ns = Counter(), {}, 0
        self.due, self.latencies, self.rapid = {}, [], []
        self.flight = Flight(s.in_flight, self.cameras)
        self.news, self.done, self.stopping, self.code = threading.Condition(), False, False, 0
        self.begun_s = self.ended_s = 0.0
        self.writer = TumWriter(Path(s.out) / "trajectory.tum") if s.out else None
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def on_odometry(self, message):
        """The answer to a frame."""
        now = time.monotonic()
        t_ns, p, quat = convert.pose_of(message)
        self.counts["odometry_received"] += 1
        if t_ns in self.due:
            self.latencies.append((now - self.due[t_ns]) * 1e3)
        if convert.known(message):
            self.counts["poses"] += 1
            if self.writer is not None:
                self.writer.write(t_ns, p, quat)
        with self.news:
            self.flight.answered(t_ns)
            self.news.notify()

    def on_imu_odometry(self, message):
        """A pose at the rate of the IMU, and those that came with it."""
        self.keep(message)
        qos.drain(self.rapid_in, self.keep)

    def keep(self, message):
        """Remember a pose at the rate of the IMU."""
        t_ns, p, _ = convert.pose_of(message)
        v = message.twist.twist.linear
        self.rapid.append((t_ns, *p, v.x, v.y, v.z))

    def on_diagnostics(self, message):
        """Health of the stack, kept for the report."""
        for status in message.status:
            level = status.level
            self.health[status.name] = {
                "level": level[0] if isinstance(level, bytes) else int(level),
                "message": status.message,
                **{item.key: item.value for item in status.values},
            }

    def play(self):
        """The player's own thread."""
        try:
            self.wait_for_stack()
            self.begun_s = time.monotonic()
            for _ in range(self.settings.loops):
                self.play_once()
            self.wait_for(lambda: not self.flight.sent, self.settings.timeout_s)
            self.ended_s = time.monotonic()
            self.wait_for(lambda: False, 1.5)  # the last diagnostics
        except VioError as error:
            self.get_logger().error(str(error))
            self.code = 2
        finally:
            self.done = True

    def wait_for_stack(self):
        """Wait until those who must hear the recording are there."""

        def there():
            heard = all(p.get_subscription_count() for p in self.images)
            heard &= self.imu.get_subscription_count() >= self.settings.imu_listeners
            return heard and self.count_publishers(self.resolve_topic_name("vio/odometry")) > 0

        if self.settings.imu_listeners and not self.wait_for(there, self.settings.wait_s):
            raise VioError(
                f"nobody listens on {self.images[0].topic_name} and {self.imu.topic_name} after "
                f"{self.settings.wait_s:.0f} s; start the stack, or play with imu_listeners:=0"
            )
        self.wait_for(lambda: False, self.settings.settle_s)

    def wait_for(self, condition, timeout_s: float) -> bool:
        """Wait until a condition holds, time is over or the node is to stop."""
        end_s = time.monotonic() + timeout_s
        with self.news:
            while not self.stopping and not condition():
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    return False
                self.news.wait(min(left_s, 0.1))
        return not self.stopping

    def play_once(self):
        """Send the recording from begin to end."""
        s = self.settings
        first = int(self.dataset.camera_stamps_ns[0]) + round(s.start_s * 1e9)
        last = first + round(s.seconds * 1e9) if s.seconds else None
        schedule = Schedule(s.rate)
        for item in self.dataset.measurements(first, last):
            if self.stopping:
                return
            if s.lockstep:
                self.keep_step(item)
            else:
                due_s = schedule.due_s(item.t_ns)
                if (left_s := due_s - time.monotonic()) > 0:
                    time.sleep(left_s)
            self.send(item, time.monotonic() if s.lockstep else due_s)

    def keep_step(self, item):
        """Before a new left image: wait until enough of the earlier frames are answered."""
        if isinstance(item, CameraImage) and item.cam == 0:
            if not self.wait_for(lambda: not self.flight.full(), self.settings.timeout_s):
                if not self.stopping:
                    self.get_logger().warning(f"no odometry in time: {sorted(self.flight.sent)}")
                    self.flight.give_up()

    def send(self, item, due_s: float):
        """Publish one measurement, due at `due_s`, and its time."""
        if isinstance(item, CameraImage):
            self.counts[f"cam{item.cam}_sent"] += 1
            self.due.setdefault(item.t_ns, due_s)
            with self.news:
                self.flight.add(item)
            frame = f"cam{item.cam}_optical_frame"
            self.images[item.cam].publish(convert.image_message(item.t_ns, item.image, frame))
        else:
            self.counts["imu_sent"] += 1
            if abs(item.t_ns - self.clock_ns) >= CLOCK_NS:
                self.clock_ns = item.t_ns
                self.clock_out.publish(Clock(clock=convert.to_time(item.t_ns)))
            self.imu.publish(convert.imu_message(item, "imu"))

    def close(self):
        """Stop and write what is known."""
        self.stopping = True
        self.thread.join(2.0)
        if self.writer is not None:
            self.writer.close()
            path = Path(self.settings.out)
            np.save(path / "imu_odometry.npy", np.array(self.rapid))
            (path / "played.json").write_text(json.dumps(self.summary(), indent=2) + "\n")

    def summary(self) -> dict:
        """What was sent and what came back."""
        late = np.array(self.latencies)
        lost = max(self.counts["cam0_sent"] - self.counts["odometry_received"], 0)
        return {
            **self.counts,
            "frames_lost": lost,
            "imu_odometry_received": len(self.rapid),
            "lockstep_timeouts": self.flight.timeouts,
            "latency_ms_p50": float(np.percentile(late, 50)) if late.size else None,
            "latency_ms_p99": float(np.percentile(late, 99)) if late.size else None,
            "latency_ms_max": float(late.max()) if late.size else None,
            "begun_s": self.begun_s,
            "ended_s": self.ended_s or time.monotonic(),
            "diagnostics": self.health,
        }


def main():
    """Entry point."""
    exit_with(DatasetPlayer)


if __name__ == "__main__":
    main()
