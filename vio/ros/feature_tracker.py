"""feature_tracker: images and IMU to tracks; the first half of the odometry on its own.

cam0/image_raw, cam1/image_raw, imu0, vio/feedback --> vio/tracks, vio/tracks_image
"""

import threading
import time

from sensor_msgs.msg import Image, PointCloud2

from vio import events
from vio.frontend.frontend import Frontend
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.odometry import Odometry, ledger
from vio.ros import convert, packing, qos
from vio.ros.annotate import annotated
from vio.ros.base import StackNode
from vio.ros.bill import Biller
from vio.ros.engine import Health, warm_up
from vio.ros.main import exit_with
from vio.types import Status


class FeatureTracker(StackNode):
    """Tracks features; predicts their motion from IMU and the window's last word."""

    def __init__(self, **options):
        super().__init__("feature_tracker", **options)
        warm_up(Odometry(self.rig, self.config), self.get_logger())
        self.arena = Arena(ledger(self.rig, self.config))
        offset_s = self.rig.time_offset_s
        x = self.arena["slots.calibration"]
        self.imu = ImuBuffer(self.rig.imu, self.config.imu, offset_s, self.arena, x)
        self.frontend = Frontend(self.rig, self.config, self.imu, self.arena)
        self.biller, self.health = Biller(self.rig, self.config, ""), Health()  # the window prices
        self.news, self.feedback = threading.Condition(), None
        self.answering, self.late_feedback = True, 0
        self.last_ns, self.session = 0, time.time_ns()
        self.tracks = qos.publisher(self, PointCloud2, "vio/tracks", qos.results())
        self.image = None
        if self.settings.annotate:
            self.image = qos.publisher(self, Image, "vio/tracks_image", qos.results(1))
        qos.subscribe(self, PointCloud2, "vio/feedback", self.on_feedback, qos.results())
        self.open()
        self.when_linked(self.tracks, 2, self.begin)

    def begin(self):
        """Hear the sensors, now that both other nodes hear the tracks."""
        self.listen_to_cameras()
        self.listen_to_imu()

    def on_feedback(self, message):
        """The window's word on the frame before (executor's thread)."""
        feedback = packing.feedback_of(convert.record_values(packing.FEEDBACK, message))
        self.intake.sequencer.expect_late(feedback.estimate.time_offset_s)
        with self.news:
            self.feedback, self.answering = feedback, True
            self.news.notify()

    def wait_for_feedback(self):
        """Feedback on the last frame; an older one, or None, when it does not come in time.

        Whoever has not answered once is not waited for again until he answers.
        """
        if self.last_ns == 0:
            return None

        def there():
            return self.feedback is not None and self.feedback.estimate.t_ns >= self.last_ns

        with self.news:
            patience_s = self.settings.feedback_wait_s if self.answering else 0.0
            if not self.news.wait_for(there, patience_s):
                self.late_feedback += 1
                self.answering = False
            return self.feedback

    def process(self, frame, imu):
        """One frame (worker's thread)."""
        feedback = self.wait_for_feedback()
        began = time.monotonic()
        cpu_ns = time.thread_time_ns()
        tally = events.Tally()
        self.imu.append(imu)
        tracks = self.frontend.process(frame, feedback, tally)
        self.last_ns = frame.t_ns
        values = packing.tracks_values(tracks, self.session, tally.counts)
        name = self.settings.cam0_frame
        self.tracks.publish(convert.record_message(packing.TRACKS, values, frame.t_ns, name))
        if self.image is not None and frame.cam0 is not None:
            drawn = annotated(frame.cam0, tracks)
            self.image.publish(convert.image_message(frame.t_ns, drawn, name))
        laps = {"frontend": time.thread_time_ns() - cpu_ns}
        known = self.biller.of_frame(frame.t_ns, tally.counts, laps)
        self.health.note(
            Status.TRACKING if tracks.image else Status.DEGRADED, tracks.ids.size, known,
            time.monotonic() - began, self.intake.arrivals.get(frame.t_ns),
        )  # fmt: skip

    def reset(self):
        """Forget every feature; the window hears of it by the new session."""
        self.arena.clear()
        self.imu.reset()
        self.frontend.reset()
        with self.news:
            self.feedback = None
        self.last_ns, self.session = 0, time.time_ns()

    resume = reset

    def report(self):
        """Level, message and numbers for /diagnostics."""
        return self.health.report({"late_feedback": self.late_feedback})


def main():
    """Entry point."""
    exit_with(FeatureTracker)


if __name__ == "__main__":
    main()
