"""window_optimizer: tracks and IMU intervals to poses; the second half of the odometry.

vio/tracks, vio/imu_interval --> vio/odometry, vio/pose, vio/path, vio/landmarks,
                                 vio/bill, /tf, vio/feedback
"""

import time

from sensor_msgs.msg import PointCloud2

from vio.events import Tally
from vio.imu.buffer import ImuBuffer
from vio.memory.arena import Arena
from vio.odometry import Odometry, Stopwatch, ledger
from vio.ros import convert, packing, qos
from vio.ros.base import StackNode
from vio.ros.bill import Biller
from vio.ros.engine import Health, calibration_values, warm_up
from vio.ros.main import exit_with
from vio.ros.outputs import Outputs
from vio.ros.pairing import Pairing
from vio.window.backend import Backend


class WindowOptimizer(StackNode):
    """Knows where the robot is."""

    def __init__(self, **options):
        super().__init__("window_optimizer", **options)
        warm_up(Odometry(self.rig, self.config), self.get_logger())
        self.arena = Arena(ledger(self.rig, self.config))
        offset_s = self.rig.time_offset_s
        x = self.arena["slots.calibration"]
        self.imu = ImuBuffer(self.rig.imu, self.config.imu, offset_s, self.arena, x)
        self.backend = Backend(self.rig, self.config, self.imu, self.arena)
        self.outputs = Outputs(self, self.rig, self.settings)
        self.feedback = qos.publisher(self, PointCloud2, "vio/feedback", qos.results())
        self.biller, self.health = Biller(self.rig, self.config, self.settings.target), Health()
        self.pairing = Pairing()
        self.session, self.tracker, self.last_ns = time.time_ns(), None, 0
        self.open()
        self.listen(PointCloud2, "vio/tracks", self.on_tracks, "tracks", 0.0, qos.results())
        self.listen(
            PointCloud2, "vio/imu_interval", self.on_interval, "intervals", 0.0, qos.results()
        )

    def on_tracks(self, message):
        """Features of a frame."""
        t_ns = convert.to_ns(message.header.stamp)
        if self.intake.heard("tracks", t_ns):
            self.intake.arrived(t_ns, "tracks")
            self.pairing.tracks(convert.record_values(packing.TRACKS, message))
            self.forward()

    def on_interval(self, message):
        """IMU of an interval."""
        if self.intake.heard("intervals", convert.to_ns(message.header.stamp)):
            self.pairing.interval(convert.record_values(packing.INTERVAL, message))
            self.forward()

    def forward(self):
        """Hand what belongs together to the worker."""
        for values, samples in self.pairing.ready():
            self.worker.put(values, samples)

    def process(self, values, imu):
        """One frame (worker's thread)."""
        began, watch = time.monotonic(), Stopwatch()
        tally = Tally(packing.counts_of(values))
        self.follow(values)
        tracks = packing.tracks_of(values)
        self.imu.append(imu)
        estimate = self.backend.process(tracks, tally)
        feedback = self.backend.feedback()
        watch.lap("window")
        self.outputs.send(estimate, imu[-1]["gyro"] if imu.size else None)
        record = packing.feedback_values(feedback, self.session)
        name = self.settings.imu_frame
        self.feedback.publish(convert.record_message(packing.FEEDBACK, record, tracks.t_ns, name))
        watch.lap("publish")
        self.backend.marginalise(tally)
        watch.lap("marginalise")
        self.outputs.send_landmarks(tracks, feedback)
        known = self.biller.of_frame(tracks.t_ns, tally.counts, watch.laps_ns)
        self.outputs.send_bill(known)
        self.health.note(
            estimate.status, tracks.ids.size, known, time.monotonic() - began,
            self.intake.arrivals.get(tracks.t_ns),
            window_support=self.backend.window.support(), restarts=self.backend.restarts,
            **calibration_values(estimate),
        )  # fmt: skip

    def follow(self, values):
        """Notice a tracker that began anew: its features are not those of before."""
        session, t_ns = int(values["session"]), int(values["t_ns"])
        if self.tracker is not None and session != self.tracker:
            if t_ns <= self.last_ns:
                self.reset()
            elif self.backend.running:
                self.backend.lose()
            else:
                self.backend.initialiser.reset()
        self.tracker, self.last_ns = session, t_ns

    def reset(self):
        """Forget everything; the next start is at the origin (worker's thread)."""
        self.arena.clear()
        self.imu.reset()
        self.backend.reset()
        self.outputs.clear()
        self.session = time.time_ns()

    def resume(self):
        """Go on from the last pose."""
        self.pairing = Pairing()
        if self.backend.running:
            self.backend.lose()

    def report(self):
        """Level, message and numbers for /diagnostics."""
        return self.health.report({**self.biller.report(), **self.pairing.counts})


def main():
    """Entry point."""
    exit_with(WindowOptimizer)


if __name__ == "__main__":
    main()
