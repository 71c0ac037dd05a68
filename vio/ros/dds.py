"""Environment that Fast DDS needs for images, and how to keep a session to itself.

Its default shared-memory segment of 512 kB does not hold two 752x480 images: with best effort
one of a stereo pair is lost, with reliable each loss stalls the sender for a second or more.
"""

import os

from vio.config import config_folder

PROFILE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLD_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
OLD_DISTROS = ("foxy", "galactic", "humble", "iron", "jazzy")


def environment(given=None) -> dict:
    """Variables to add to `given` (default: os.environ); empty if the user has a choice there."""
    given = os.environ if given is None else given
    if PROFILE in given or OLD_PROFILE in given:
        return {}
    if "fastrtps" not in given.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp"):
        return {}
    name = OLD_PROFILE if given.get("ROS_DISTRO") in OLD_DISTROS else PROFILE
    return {name: str(config_folder() / "fastdds.xml")}


def set_profile():
    """Use the profile in this process; call before rclpy.init."""
    os.environ.update(environment())


def isolated(domain: int) -> dict:
    """Variables of a session that no other hears."""
    return {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
