"""What every node of the stack has: parameters, reset and pause, checks, diagnostics."""

import re
import time

from rclpy.node import Node
from sensor_msgs.msg import Image, Imu
from std_srvs.srv import SetBool, Trigger

from vio.ros import checks, params, qos
from vio.ros.diagnostics import ERROR, STEADY, WARN, Diagnostics
from vio.ros.intake import Intake
from vio.ros.settings import load_calibration
from vio.ros.worker import Worker

LINK_S = 5.0


class StackNode(Node):
    """A node of the stack. Subclasses define `process`, `reset`, `report`; then call `open`.

    Messages come in on the executor's thread, `process(frame, imu)` runs on the worker's.
    """

    def __init__(self, name: str, **options):
        super().__init__(name, **options)
        self.settings, self.config = params.declare_all(self)
        self.rig = load_calibration(self.settings)
        self.intake = Intake(self.rig, self.settings)
        self.inputs, self.said = [], None
        self.worker = None

    def open(self):
        """Start to work: called once everything is compiled and built.

        It says so because a logger's first word takes 40 ms: rclpy looks through all modules for
        who speaks, and a frame would wait for that.
        """
        self.get_logger().info("ready for messages")
        self.worker = Worker(self.process, self.settings.frame_queue)
        self.create_service(Trigger, "~/reset", self.on_reset)
        self.create_service(SetBool, "~/pause", self.on_pause)
        self.diagnostics = Diagnostics(self, self.full_report)
        self.create_timer(self.settings.check_s, self.check, clock=STEADY)

    def when_linked(self, publisher, count: int, begin):
        """Call `begin` once `count` others hear a link: what comes before that would be lost.

        After `LINK_S` it begins all the same; they may come later.
        """
        end_s = time.monotonic() + LINK_S

        def look():
            if publisher.get_subscription_count() >= count or time.monotonic() > end_s:
                self.destroy_timer(timer)
                begin()

        timer = self.create_timer(0.05, look, clock=STEADY)

    def listen_to_cameras(self):
        """Subscribe to the images."""
        depth = self.settings.image_queue
        for cam, camera in enumerate(self.intake.cameras):
            topic = f"cam{cam}/image_raw"
            self.listen(
                Image, topic, lambda m, c=cam, t=topic: self.on_image(m, c, t),
                f"cam{cam}", camera.rate_hz, qos.sensor(self.settings.reliability, depth),
            )  # fmt: skip

    def listen_to_imu(self):
        """Subscribe to the IMU."""
        profile = qos.sensor(self.settings.reliability, self.settings.imu_queue)
        self.listen(Imu, "imu0", self.on_imu, "imu", self.rig.imu.rate_hz, profile)

    def listen(self, kind, topic: str, callback, name: str, rate_hz: float, profile):
        """Subscribe to an input and let the checks watch it."""
        item = checks.Input(name, self.resolve_topic_name(topic), rate_hz)

        def mismatch(info):
            item.incompatible = getattr(info.last_policy_kind, "name", str(info.last_policy_kind))

        self.inputs.append(item)
        qos.subscribe(self, kind, topic, callback, profile, incompatible_qos=mismatch)

    def on_image(self, message, cam: int, topic: str):
        """An image of camera `cam`."""
        self.intake.image(message, cam, topic)
        self.forward()

    def on_imu(self, message):
        """An IMU sample."""
        self.intake.imu(message)
        self.forward()

    def forward(self):
        """Hand frames that are complete to the worker."""
        if self.intake.jumped():
            self.get_logger().warning("stamps jumped back; starting anew")
            self.worker.order(self.reset)
        for frame, imu in self.intake.frames():
            self.worker.put(frame, imu)

    def on_reset(self, request, response):
        """Forget everything; the next start is at the origin."""
        self.worker.order(self.reset)
        response.success, response.message = True, "starting anew"
        return response

    def on_pause(self, request, response):
        """Take nothing in; go on from the last pose afterwards."""
        if self.intake.paused and not request.data:
            self.intake.restart()
            self.worker.order(self.resume)
        self.intake.paused = request.data
        response.success, response.message = True, "paused" if request.data else "running"
        return response

    def check(self):
        """Say what is missing at the inputs, once for each change."""
        found = self.problems()
        kinds = [re.sub(r"\b\d[\d.]*", "", text) for text in found]  # the same but for its numbers
        if kinds != self.said:
            for text in found:
                self.get_logger().error(text)
            if not found:
                self.get_logger().info("all inputs are there")
            self.said = kinds

    def problems(self) -> list[str]:
        """What is wrong with the inputs."""
        return checks.problems(
            self.inputs, self.intake, self.count_publishers,
            self.get_clock().now().nanoseconds, self.get_parameter("use_sim_time").value,
        )  # fmt: skip

    def full_report(self):
        """The subclass' report with what all nodes count, and the worst of both levels."""
        level, text, values = self.report()
        if self.worker.error is not None:
            level, text = ERROR, f"stopped by {type(self.worker.error).__name__}"
        found = self.problems()
        if self.intake.paused:
            level, text = max(level, WARN), "paused"
        elif found:
            level, text = max(level, ERROR), "; ".join([text, *found])
        values["dropped_frames"] = self.worker.dropped
        values.update(sorted(self.intake.totals().items()))
        return level, text, values

    def close(self):
        """Stop the worker before the context goes."""
        if self.worker is not None:
            self.worker.stop()
