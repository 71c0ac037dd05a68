"""Views of a running odometry. `View` itself shows nothing: the runner needs no `if`."""

from collections import deque
from pathlib import Path

import numpy as np

from vio.types import FrameResult, StereoFrame

TRAIL_FRAMES = 12
"""Length of the drawn feature trails."""


class View:
    """The silent view, and the interface of all others."""

    def update(self, frame: StereoFrame, result: FrameResult):
        """Take in one processed frame; images are only valid during the call."""

    def close(self, folder: Path):
        """The run is over and `folder` is complete; runs also after an interruption."""


class PlotView(View):
    """Draws `trajectory.png` and `features.png` into the run folder.

    Args:
        truth: TRUTH_DTYPE array or None.
    """

    def __init__(self, truth=None):
        self.truth = truth
        self.poses = []
        self.recent = deque(maxlen=TRAIL_FRAMES)
        self.shot = None

    def update(self, frame, result):
        """Remember the pose, and the frame with the most matched features that has trails."""
        estimate, tracks = result.estimate, result.tracks
        if estimate.usable:
            self.poses.append((estimate.t_ns, *estimate.p_world_imu, *pose_std(estimate)))
        self.recent.append((tracks.ids, tracks.uv0))
        matched = np.isfinite(tracks.uv1).all(axis=1).sum()
        richest = self.shot is None or matched > self.shot["matched"]
        if frame.cam0 is not None and len(self.recent) == TRAIL_FRAMES and richest:
            self.shot = {
                "matched": matched,
                "images": [None if i is None else i.copy() for i in (frame.cam0, frame.cam1)],
                "tracks": tracks,
                "recent": list(self.recent),
            }

    def close(self, folder):
        """Write the pictures for which there is something to show."""
        from vio.viz import plots  # matplotlib takes a second to import

        if len(self.poses) >= 3:
            plots.save_trajectory(folder / "trajectory.png", np.array(self.poses), self.truth)
        if self.shot is not None:
            plots.save_features(folder / "features.png", **self.shot)


def pose_std(estimate) -> np.ndarray:
    """(3,) standard deviation of the position [m]."""
    return np.sqrt(np.maximum(np.diag(estimate.cov)[3:6], 0))
