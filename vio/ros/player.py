"""When which measurement of a recording leaves: paced by the clock, or in lockstep.

Pure: the node gives it a way to publish, to wait and to know what has been answered.
"""

import time

from vio.types import CameraImage

MAX_LONE = 8


class Schedule:
    """Wall time of a stamp: the recording's own pace times `rate`."""

    def __init__(self, rate: float):
        self.rate, self.begin_ns, self.begin_s = rate, None, None

    def due_s(self, t_ns: int) -> float:
        """When a stamp is to leave (monotonic clock) [s]."""
        if self.begin_ns is None:
            self.begin_ns, self.begin_s = t_ns, time.monotonic()
        return self.begin_s + (t_ns - self.begin_ns) * 1e-9 / self.rate


class Flight:
    """Frames sent whose odometry has not come back yet, in lockstep.

    A frame without its right image leaves the stack only once later data shows that the image
    will not come, so such a frame is not waited for until more than `MAX_LONE` are out.
    """

    def __init__(self, in_flight: int, cameras: int):
        self.in_flight, self.cameras = in_flight, cameras
        self.sent = {}  # stamp -> images sent of it
        self.timeouts = 0

    def add(self, image: CameraImage):
        """An image has been sent."""
        self.sent[image.t_ns] = self.sent.get(image.t_ns, 0) + 1

    def answered(self, t_ns: int):
        """The odometry of a frame has come."""
        self.sent.pop(t_ns, None)

    def full(self) -> bool:
        """Whether to wait before the next frame is sent."""
        whole = sum(count == self.cameras for count in self.sent.values())
        return whole >= self.in_flight or len(self.sent) > MAX_LONE

    def give_up(self):
        """Stop waiting for what is out: it did not come in time."""
        self.timeouts += len(self.sent)
        self.sent.clear()
