"""A recording whose calibration is wrong: the imu's clock shifted, cameras not where they are said.

The images stay and so does the truth, which is of the images' clock.
"""

from dataclasses import replace

import numpy as np

from vio.geometry import so3
from vio.types import ImuSample


def turned(turn_deg) -> np.ndarray:
    """(3, 3) rotation by a vector in degrees."""
    R = np.empty((3, 3))
    so3.exp(np.radians(np.asarray(turn_deg, float)), R)
    return R


class Misfit:
    """A dataset with another calibration; everything else is passed on.

    Args:
        dataset: of `vio.io`.
        offset_s: the imu's stamps are later by so much; no calibration says so.
        turn_deg, shift_m: (3,) the cameras in `cams` are said to be turned and moved by, imu frame.
        cams: which of them; both together is an imu in the wrong place.
    """

    def __init__(self, dataset, offset_s=0.0, turn_deg=(0, 0, 0), shift_m=(0, 0, 0), cams=(0, 1)):
        self.dataset, self.offset_ns = dataset, round(offset_s * 1e9)
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = turned(turn_deg), shift_m
        said = {}
        for cam in cams:
            camera = getattr(dataset.rig, f"cam{cam}")
            if camera is not None:
                said[f"cam{cam}"] = replace(camera, T_imu_cam=T @ camera.T_imu_cam)
        self.rig = replace(dataset.rig, **said)

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def measurements(self, start_ns=None, end_ns=None):
        """As of the dataset, the imu's stamps shifted."""
        for m in self.dataset.measurements(start_ns, end_ns):
            if isinstance(m, ImuSample):
                m = ImuSample(m.t_ns + self.offset_ns, m.gyro, m.accel)
            yield m
