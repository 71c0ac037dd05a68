"""Health of a node in /diagnostics: numbers over the last seconds, a level, and words."""

import time
from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType

from vio.ros import qos
from vio.types import Status

STEADY = Clock(clock_type=ClockType.STEADY_TIME)
"""For timers: the clock of a recording may stand still or jump back."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
LEVELS = {
    Status.INITIALISING: WARN,
    Status.TRACKING: OK,
    Status.DEGRADED: WARN,
    Status.LOST: ERROR,
}


class Recent:
    """The newest values of a quantity, for rates and percentiles; fed by one thread."""

    def __init__(self, size: int = 200):
        self.values = deque(maxlen=size)
        self.times = deque(maxlen=size)

    def add(self, value: float):
        """One value, now."""
        self.values.append(value)
        self.times.append(time.monotonic())

    def rate_hz(self, span_s: float = 5.0) -> float:
        """Values per second over the last `span_s`."""
        now = time.monotonic()
        return sum(now - t < span_s for t in list(self.times)) / span_s

    def percentile(self, q: float) -> float:
        """A percentile of the values, NaN without any."""
        values = list(self.values)
        return float(np.percentile(values, q)) if values else float("nan")

    def mean(self) -> float:
        """Mean of the values, NaN without any."""
        values = list(self.values)
        return float(np.mean(values)) if values else float("nan")


class Diagnostics:
    """Publishes one DiagnosticStatus a second.

    Args:
        node: to publish with. report: () -> (level, message, {key: value}).
    """

    def __init__(self, node, report):
        self.node, self.report = node, report
        self.publisher = qos.publisher(node, DiagnosticArray, "/diagnostics", qos.results(10))
        self.timer = node.create_timer(1.0, self.send, clock=STEADY)

    def send(self):
        """Send the report now."""
        level, text, values = self.report()
        status = DiagnosticStatus(level=level, name=self.node.get_fully_qualified_name()[1:])
        status.message, status.hardware_id = text, "vio"
        status.values = [KeyValue(key=k, value=shown(v)) for k, v in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.node.get_clock().now().to_msg()
        self.publisher.publish(message)


def shown(value) -> str:
    """A value as text: floats short, the rest as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def health_of(message: DiagnosticArray) -> dict:
    """Name of a node -> its level, its message, and text by key."""
    return {
        status.name: {
            "level": status.level[0] if isinstance(status.level, bytes) else int(status.level),
            "message": status.message,
            **{item.key: item.value for item in status.values},
        }
        for status in message.status
    }
