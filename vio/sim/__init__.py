"""The built-in data set: flies a camera and IMU rig through a painted room."""

from vio.sim.sequence import render_sequence
from vio.sim.spec import PROFILES, SimSpec

__all__ = ["PROFILES", "SimSpec", "render_sequence"]
