"""dataset_player: a recording as topics and /clock, at its own pace or in lockstep.

EuRoC folder, ROS 1 bag, rosbag2 --> cam0/image_raw, cam1/image_raw, imu0, /clock
vio/odometry --> trajectory.tum and played.json, when `out` is given
"""

import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu

from vio.io.open import open_dataset
from vio.io.topics import parsed
from vio.ros import convert, params, qos
from vio.ros.logbook import Logbook
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
        topics = parsed(filter(None, s.topics.split(",")))
        self.dataset = open_dataset(
            s.dataset, mono=s.mono, calibration=s.calibration or None, topics=topics, prefetch=4
        )
        self.logbook, self.clock_ns = Logbook(s.out), 0
        self.cameras = len(self.dataset.rig.cameras)
        reliable = qos.results()
        self.images = [
            qos.publisher(self, Image, f"cam{cam}/image_raw", qos.results(30))
            for cam in range(self.cameras)
        ]
        self.imu = qos.publisher(self, Imu, "imu0", qos.results(1000))
        self.clock_out = qos.publisher(self, Clock, "/clock", reliable)
        qos.subscribe(self, Odometry, "vio/odometry", self.on_odometry, reliable)
        rapid = self.logbook.imu_odometry
        qos.subscribe(self, Odometry, "vio/imu_odometry", rapid, qos.results(1000))
        qos.subscribe(self, DiagnosticArray, "/diagnostics", self.logbook.diagnostics, reliable)
        self.flight = Flight(s.in_flight, self.cameras)
        self.news, self.done, self.stopping, self.code = threading.Condition(), False, False, 0
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def on_odometry(self, message):
        """The answer to a frame."""
        t_ns = self.logbook.odometry(message)
        with self.news:
            self.flight.answered(t_ns)
            self.news.notify()

    def play(self):
        """The player's own thread."""
        try:
            self.wait_for_stack()
            self.logbook.begun_s = time.monotonic()
            for _ in range(self.settings.loops):
                self.play_once()
            self.wait_for(lambda: not self.flight.sent, self.settings.timeout_s)
            self.logbook.ended_s = time.monotonic()
            self.wait_for(lambda: False, 1.5)  # the last diagnostics
        except VioError as error:
            self.get_logger().error(str(error))
            self.code = 2
        finally:
            self.done = True

    def wait_for_stack(self):
        """Wait until those who must hear the recording are there."""
        s = self.settings
        if s.imu_listeners and not self.wait_for(lambda: not self.lacking(), s.wait_s):
            raise VioError(
                f"after {s.wait_s:g} s too few listen: {', '.join(self.lacking())}; "
                "start the stack, or play with imu_listeners:=0"
            )
        self.wait_for(lambda: False, s.settle_s)

    def lacking(self) -> list[str]:
        """Who is not there yet."""
        s, odometry = self.settings, self.resolve_topic_name("vio/odometry")
        heard = [(p.topic_name, p.get_subscription_count(), 1) for p in self.images]
        heard.append((self.imu.topic_name, self.imu.get_subscription_count(), s.imu_listeners))
        heard.append((odometry, self.count_subscribers(odometry), s.odometry_listeners))
        heard.append((f"{odometry} (senders)", self.count_publishers(odometry), 1))
        return [f"{count} of {least} on {name}" for name, count, least in heard if count < least]

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
        self.logbook.sent(item, due_s)
        if isinstance(item, CameraImage):
            with self.news:
                self.flight.add(item)
            frame = f"cam{item.cam}_optical_frame"
            self.images[item.cam].publish(convert.image_message(item.t_ns, item.image, frame))
        else:
            if abs(item.t_ns - self.clock_ns) >= CLOCK_NS:
                self.clock_ns = item.t_ns
                self.clock_out.publish(Clock(clock=convert.to_time(item.t_ns)))
            self.imu.publish(convert.imu_message(item, "imu"))

    def close(self):
        """Stop and write what is known."""
        self.stopping = True
        self.thread.join(2.0)
        self.logbook.write(lockstep_timeouts=self.flight.timeouts)


def main():
    """Entry point."""
    exit_with(DatasetPlayer)


if __name__ == "__main__":
    main()
