"""Live view in the Rerun viewer; needs the extra `viz`."""

from vio.types import VioError
from vio.viz.view import View


class RerunView(View):
    """Opens the viewer and streams images, features and the path to it.

    Raises:
        VioError: the viewer is not installed.
    """

    def __init__(self, name: str):
        try:
            import rerun
        except ImportError:
            raise VioError("--rerun needs the viewer: pip install 'vio[viz]'") from None
        self.rerun = rerun
        self.path = []
        rerun.init(f"vio {name}", spawn=True)
        rerun.log("world", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)

    def update(self, frame, result):
        """Send one frame."""
        rerun, estimate, tracks = self.rerun, result.estimate, result.tracks
        rerun.set_time("flight", duration=(frame.t_ns - self.first(frame)) / 1e9)
        if frame.cam0 is not None:
            rerun.log("cam0", rerun.Image(frame.cam0))
            rerun.log("cam0/tracks", rerun.Points2D(tracks.uv0, class_ids=tracks.ids % 65536))
        if estimate.usable:
            self.path.append(estimate.p_world_imu.copy())
            rerun.log("world/path", rerun.LineStrips3D([self.path]))
            rerun.log(
                "world/imu",
                rerun.Transform3D(translation=estimate.p_world_imu, mat3x3=estimate.R_world_imu),
            )

    def first(self, frame) -> int:
        """Stamp of the first frame seen [ns]."""
        self.first_ns = getattr(self, "first_ns", frame.t_ns)
        return self.first_ns
