"""vio_node: the whole odometry in one process, the default for small computers.

cam0/image_raw, cam1/image_raw, imu0 --> vio/odometry, vio/imu_odometry, vio/pose, ...
"""

import time

from vio.odometry import Odometry
from vio.ros.base import StackNode
from vio.ros.bill import Biller
from vio.ros.engine import Health, calibration_values, warm_up
from vio.ros.main import exit_with
from vio.ros.outputs import ImuRateOutput, Outputs
from vio.ros.propagate import Propagator


class VioNode(StackNode):
    """Images and IMU in, everything out."""

    def __init__(self, **options):
        super().__init__("vio_node", **options)
        self.odometry = Odometry(self.rig, self.config)
        warm_up(self.odometry, self.get_logger())
        self.outputs = Outputs(self, self.rig, self.settings)
        self.propagator = Propagator(
            self.config.window.gravity, self.settings.smooth_s,
            round(self.rig.time_offset_s * 1e9), self.rig.imu,
        )  # fmt: skip
        self.imu_output = None
        if self.settings.imu_odometry:
            self.imu_output = ImuRateOutput(self, self.rig, self.settings, self.propagator)
        self.biller, self.health = Biller(self.rig, self.config, self.settings.target), Health()
        self.open()
        self.listen_to_cameras()
        self.listen_to_imu()

    def on_imu(self, message):
        """An IMU sample: the frame it completes, and the pose carried on by it."""
        sample = self.intake.imu(message)
        self.forward()
        if sample is not None and self.imu_output is not None:
            self.imu_output.take(sample)

    def process(self, frame, imu):
        """One frame (worker's thread)."""
        began = time.monotonic()
        result = self.odometry.process(frame, imu)
        self.intake.sequencer.expect_late(result.estimate.time_offset_s)
        self.outputs.send(result.estimate, imu[-1]["gyro"] if imu.size else None)
        self.propagator.correct(result.estimate)
        self.outputs.send_landmarks(result.tracks, self.odometry.feedback)
        known = self.biller.of_frame(frame.t_ns, result.events, result.timings_ns)
        self.outputs.send_bill(known)
        self.health.note(
            result.estimate.status, result.tracks.ids.size, known, time.monotonic() - began,
            self.intake.arrivals.get(frame.t_ns),
            window_support=self.odometry.backend.window.support(),
            restarts=self.odometry.backend.restarts, **calibration_values(result.estimate),
        )  # fmt: skip

    def reset(self):
        """Forget everything (worker's thread)."""
        self.odometry.reset()
        self.propagator.reset()
        self.outputs.clear()

    def resume(self):
        """Go on after a pause: features are new, the pose is the last one."""
        self.odometry.frontend.reset()
        if self.odometry.backend.running:
            self.odometry.backend.lose()
        self.odometry.feedback = None

    def report(self):
        """Level, message and numbers for /diagnostics."""
        values = {
            **self.biller.report(),
            "imu_odometry_largest_update_m": self.propagator.largest_jump_m,
        }
        return self.health.report(values)


def main():
    """Entry point."""
    exit_with(VioNode)


if __name__ == "__main__":
    main()
