"""QoS of every topic in one place.

Sensors: best effort fits drivers of either kind; queues are deep because a Python callback may
come late, and the five messages of the usual sensor profile lose IMU samples then.
"""

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

_KINDS = {"best_effort": ReliabilityPolicy.BEST_EFFORT, "reliable": ReliabilityPolicy.RELIABLE}


def sensor(reliability: str, depth: int) -> QoSProfile:
    """A subscription to a sensor."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=_KINDS[reliability])


def results(depth: int = 100) -> QoSProfile:
    """What the nodes publish, and the links between them: nothing may be lost."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE
    )


def latched() -> QoSProfile:
    """/tf_static: the last message waits for those who come later."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def publisher(node, kind, topic: str, profile: QoSProfile):
    """A publisher without event handlers: each would cost time in every wait of the executor."""
    quiet = PublisherEventCallbacks(use_default_callbacks=False)
    return node.create_publisher(kind, topic, profile, event_callbacks=quiet)


def subscribe(node, kind, topic: str, callback, profile: QoSProfile, **options):
    """A subscription, likewise."""
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False, **options)
    return node.create_subscription(kind, topic, callback, profile, event_callbacks=quiet)
