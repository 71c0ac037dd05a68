"""vio: stereo visual-inertial odometry that bills every frame in bytes and microjoules."""

__version__ = "0.1.0"
