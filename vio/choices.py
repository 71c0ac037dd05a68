"""Words the command line offers to choose from."""

from enum import Enum


class Profile(str, Enum):
    """Motions of the simulator."""

    hover = "hover"
    gentle = "gentle"
    aggressive = "aggressive"
    rover = "rover"


class Align(str, Enum):
    """Alignments before the absolute error."""

    se3 = "se3"
    yaw = "yaw"
    sim3 = "sim3"
    none = "none"
