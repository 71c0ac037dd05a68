"""What is missing at the inputs, and how to cure it: said within seconds, not left to guess."""

import time

RATE_SHARE = 0.25
STAMP_S = 5.0
SILENT_S = 0.5


class Input:
    """One subscribed topic as the checks see it.

    Attributes:
        name: cam0, cam1, imu or the name of a link. topic: resolved name. rate_hz: nominal or 0.
        incompatible: name of the QoS policy that a publisher does not meet, or None.
    """

    def __init__(self, name: str, topic: str, rate_hz: float):
        self.name, self.topic, self.rate_hz = name, topic, rate_hz
        self.incompatible = None


def problems(inputs, intake, publishers, now_ns: int, sim_time: bool) -> list[str]:
    """One line for each input that is not as it should be.

    Args:
        inputs: list of Input. intake: Intake. publishers: topic -> number of publishers.
        now_ns: the node's clock. sim_time: whether that follows /clock.
    """
    return [
        text
        for item in inputs
        if (text := problem(item, intake, publishers(item.topic), now_ns, sim_time))
    ]


def problem(item, intake, n_publishers: int, now_ns: int, sim_time: bool) -> str | None:
    """What is wrong with one input, with the cure, or None."""
    last = intake.last.get(item.name)
    if item.incompatible and last is None:
        return (
            f"{item.topic}: a publisher's QoS does not match ({item.incompatible}); "
            "set reliability:=best_effort"
        )
    if last is None and n_publishers == 0:
        return f"{item.topic}: nobody publishes it; start the driver or remap {item.name}"
    if last is None:
        return (
            f"{item.topic}: {n_publishers} publisher(s) but no message yet; is the driver "
            "streaming, on this ROS_DOMAIN_ID, and is shared memory large enough (docs/ros.md)?"
        )
    if item.name in intake.problems:
        return intake.problems[item.name]
    stamp_ns, heard_s = last
    silent_s = time.monotonic() - heard_s
    if silent_s > SILENT_S:
        return f"{item.topic}: silent for {silent_s:.1f} s; check the sensor and its cable"
    if sim_time and now_ns == 0:
        return "use_sim_time is set but nothing arrives on /clock; play with --clock or unset it"
    off_s = (now_ns - stamp_ns) * 1e-9
    if abs(off_s) > STAMP_S:
        cure = "check the player's --clock" if sim_time else "set use_sim_time:=true for a bag"
        return f"{item.topic}: stamps are {off_s:.0f} s off this clock; {cure}"
    return rate_problem(item, intake)


def rate_problem(item, intake) -> str | None:
    """What is wrong with the rate of an input, by the stamps of its newest messages."""
    stamps = intake.stamps[item.name]
    span_s = (stamps[-1] - stamps[0]) * 1e-9
    if item.rate_hz <= 0 or len(stamps) < 10 or span_s <= 0:
        return None
    rate_hz = (len(stamps) - 1) / span_s
    if abs(rate_hz / item.rate_hz - 1) > RATE_SHARE:
        return (
            f"{item.topic}: {rate_hz:.0f} Hz where the calibration says {item.rate_hz:.0f} Hz; "
            "messages are lost, or the rate in the calibration is wrong"
        )
    return None
