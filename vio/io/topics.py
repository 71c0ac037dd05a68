"""Which topic of a bag is which sensor: asked for, else EuRoC's names, else told by type."""

from vio.types import VioError

DEFAULTS = {"cam0": "/cam0/image_raw", "cam1": "/cam1/image_raw", "imu": "/imu0"}
IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
IMU = ("sensor_msgs/msg/Imu",)
TRUTHS = (  # the fuller ones first
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/TransformStamped",
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PointStamped",
)
TRUTH_WORDS = ("truth", "gt", "vicon", "mocap", "optitrack", "leica")
_SIDES = {"cam0": ("cam0", "left", "infra1"), "cam1": ("cam1", "right", "infra2")}


SENSORS = ("cam0", "cam1", "imu", "truth")


def parsed(words) -> dict[str, str]:
    """Sensor -> topic of words like `imu=/imu0`; VioError for any other."""
    pairs = {}
    for word in words:
        sensor, _, topic = word.partition("=")
        if sensor not in SENSORS or not topic:
            raise VioError(f"--topic {word}: write it as {'|'.join(SENSORS)}=/topic")
        pairs[sensor] = topic
    return pairs


def choose_topics(types: dict[str, str], asked: dict[str, str], mono: bool, where) -> dict:
    """Choose the topics to read.

    Truth is taken only from topics whose name says so, since a bag may well hold the output of
    another odometry.

    Args:
        types: message type of each topic.
        asked: the caller's choice, any of cam0, cam1, imu, truth.
        mono: leave cam1 aside.
        where: bag, for error messages.

    Returns:
        Sensor name to topic; `truth` is left out when there is none.

    Raises:
        VioError: a topic is not there, has the wrong type, or cannot be told; lists the topics.
    """
    chosen = {}
    for sensor in ("cam0", "imu") if mono else ("cam0", "cam1", "imu"):
        wanted = IMU if sensor == "imu" else IMAGES
        topic = asked.get(sensor) or guess(sensor, types)
        if topic is None or types.get(topic) not in wanted:
            problem = f"no topic '{topic}' of type" if topic else f"cannot tell {sensor} among"
            cure = f"name it with --topic {sensor}=..."
            if sensor == "cam1":
                cure += " or use --mono"
            listing = ", ".join(f"{name} ({kind})" for name, kind in sorted(types.items()))
            raise VioError(
                f"{where}: {problem} {wanted[0]}; {cure}; the bag has: {listing or 'nothing'}"
            )
        if topic in chosen.values():
            raise VioError(
                f"{where}: '{topic}' cannot be both cam0 and cam1; name them with "
                "--topic cam0=... --topic cam1=..., or use --mono"
            )
        chosen[sensor] = topic
    truth = asked.get("truth") or guess_truth(types)
    if truth is not None:
        if types.get(truth) not in TRUTHS:
            raise VioError(
                f"{where}: ground truth '{truth}' is {types.get(truth, 'not in the bag')}; "
                f"expected one of {', '.join(TRUTHS)}"
            )
        chosen["truth"] = truth
    return chosen


def guess(sensor: str, types: dict[str, str]) -> str | None:
    """The topic of a sensor, or None if it cannot be told."""
    default = DEFAULTS[sensor]
    for topic in (default, f"{default}/compressed"):
        if topic in types:
            return topic
    if sensor == "imu":
        fitting = [topic for topic, kind in types.items() if kind in IMU]
        return fitting[0] if len(fitting) == 1 else None
    images = [topic for topic, kind in types.items() if kind in IMAGES]
    raw = [t for t in images if not (t.endswith("/compressed") and t[:-11] in images)]
    sided = [t for t in raw if any(word in t.lower() for word in _SIDES[sensor])]
    if len(sided) == 1:
        return sided[0]
    if sensor == "cam0" and len(raw) == 1:
        return raw[0]
    return None


def guess_truth(types: dict[str, str]) -> str | None:
    """The topic that looks most like ground truth, or None."""
    named = [
        (TRUTHS.index(kind), topic)
        for topic, kind in types.items()
        if kind in TRUTHS and any(word in topic.lower() for word in TRUTH_WORDS)
    ]
    return min(named)[1] if named else None
