"""imu_preintegrator: IMU to one preintegrated record per frame, and odometry at the IMU's rate.

    imu0, vio/tracks (stamps), vio/feedback --> vio/imu_interval, vio/imu_odometry

A record carries its samples too: when a bias moves, the window integrates them again.
"""

import numpy as np
from sensor_msgs.msg import PointCloud2

from vio import events
from vio.imu.buffer import ImuBuffer
from vio.imu.preintegrate import preintegrated_array
from vio.memory.arena import Arena
from vio.odometry import ledger
from vio.ros import convert, packing, qos
from vio.ros.base import StackNode
from vio.ros.diagnostics import OK, WARN, Recent
from vio.ros.intake import Intake
from vio.ros.main import exit_with
from vio.ros.outputs import ImuRateOutput
from vio.ros.propagate import Propagator
from vio.types import IMU_DTYPE


class ImuPreintegrator(StackNode):
    """Knows when frames are from their tracks."""

    def __init__(self, **options):
        super().__init__("imu_preintegrator", **options)
        self.intake = Intake(self.rig, self.settings, images=False)
        arena = Arena(ledger(self.rig, self.config))
        self.imu = ImuBuffer(self.rig.imu, self.config.imu, self.rig.time_offset_s, arena)
        self.step, self.bias = preintegrated_array(1), np.zeros(6)
        self.last_ns, self.records = 0, Recent()
        self.warm_up()
        offset_ns = round(self.rig.time_offset_s * 1e9)
        self.propagator = Propagator(
            self.config.window.gravity, self.settings.smooth_s, offset_ns, self.rig.imu
        )
        self.imu_output = None
        if self.settings.imu_odometry:
            self.imu_output = ImuRateOutput(self, self.rig, self.settings, self.propagator)
        self.intervals = qos.publisher(self, PointCloud2, "vio/imu_interval", qos.results())
        qos.subscribe(self, PointCloud2, "vio/feedback", self.on_feedback, qos.results())
        self.open()
        self.listen(PointCloud2, "vio/tracks", self.on_tracks, "tracks", 0.0, qos.results())
        self.when_linked(self.intervals, 1, self.listen_to_imu)

    def warm_up(self):
        """Compile or load the kernels of this node."""
        samples = np.zeros(3, IMU_DTYPE)
        samples["t_ns"] = np.arange(1, 4) * 5_000_000
        self.imu.append(samples)
        tally = events.Tally()
        self.imu.preintegrate(5_000_000, 15_000_000, self.bias, self.step, 0, tally)
        self.imu.reset()

    def on_tracks(self, message):
        """A frame has been seen: close its interval."""
        self.intake.stub(convert.to_ns(message.header.stamp))
        self.forward()

    def on_imu(self, message):
        """An IMU sample."""
        sample = self.intake.imu(message)
        self.forward()
        if sample is not None and self.imu_output is not None:
            self.imu_output.take(sample)

    def on_feedback(self, message):
        """The newest state: biases to integrate at, and where to carry on from."""
        values = convert.record_values(packing.FEEDBACK, message)
        estimate = packing.feedback_of(values).estimate
        if estimate.usable:
            self.bias = values["bias"]
        self.intake.sequencer.expect_late(estimate.time_offset_s)
        self.propagator.correct(estimate)

    def process(self, frame, imu):
        """One interval (worker's thread)."""
        self.imu.append(imu)
        t0_ns = self.last_ns or frame.t_ns
        if t0_ns < frame.t_ns and self.imu.count:
            tally = events.Tally()
            self.imu.preintegrate(t0_ns, frame.t_ns, self.bias, self.step, 0, tally)
        values = packing.interval_values(t0_ns, frame.t_ns, self.step, imu)
        message = convert.record_message(
            packing.INTERVAL, values, frame.t_ns, self.settings.imu_frame
        )
        self.intervals.publish(message)
        self.last_ns = frame.t_ns
        self.records.add(len(imu))

    def reset(self):
        """Forget everything."""
        self.imu.reset()
        self.propagator.reset()
        self.last_ns = 0

    resume = reset

    def report(self):
        """Level, message and numbers for /diagnostics."""
        rate = self.records.rate_hz()
        values = {
            "record_rate_hz": rate,
            "samples_per_record": self.records.mean(),
            "imu_odometry_largest_update_m": self.propagator.largest_jump_m,
        }
        return (OK, "running", values) if rate > 0 else (WARN, "no frames", values)


def main():
    """Entry point."""
    exit_with(ImuPreintegrator)


if __name__ == "__main__":
    main()
