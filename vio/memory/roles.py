"""Who writes and who reads every buffer, which group of the bill it is in, what makes it smaller.

The longest prefix of a buffer's name decides. Files are named below `vio/`, without `.py`.
"""

from typing import NamedTuple

GROUPS = ("frames", "graph", "solver", "imu", "scratch")


class Role(NamedTuple):
    """Group of the bill, writers, readers, and the settings that make it smaller."""

    group: str
    writer: str
    reader: str
    smaller: str


FRAME_BITS = "frontend.finest_bits, second_bits, coarse_bits, levels"
ROWS = "frontend.max_features"
SLOTS = "window.max_keyframes, max_states"

ROLES = {
    "frame": Role("frames", "frontend.codec", "frontend.klt, detect, stereo", FRAME_BITS),
    "stream": Role("frames", "frontend.codec", "frontend.codec", "frontend.levels"),
    "track": Role("graph", "frontend.tracker", "frontend.tracker, predict", ROWS),
    "track.template": Role(
        "frames", "frontend.klt", "frontend.klt, stereo", "frontend.template_bits, max_features"
    ),
    "track.inv_depth": Role(
        "graph", "frontend.tracker, predict, stereo", "frontend.predict, tracker", ROWS
    ),
    "track.score": Role("graph", "frontend.klt", "frontend.tracker", ROWS),
    "slots": Role("graph", "window.estimator, optimise", "window, frontend.frontend", SLOTS),
    "landmarks": Role(
        "graph", "window.landmarks, estimator", "window", "window.max_landmarks, max_keyframes"
    ),
    "landmarks.point": Role(
        "graph", "window.landmarks, residual_vision", "window", "window.max_landmarks"
    ),
    "landmarks.xy": Role(
        "graph",
        "window.landmarks",
        "window.residual_vision, landmarks",
        "memory.observation_bits, window.max_landmarks, max_keyframes",
    ),
    "preintegrated": Role("graph", "imu.preintegrate", "window.residual_imu, estimator", SLOTS),
    "prior": Role("solver", "window.marginalise", "window.residual_prior", SLOTS),
    "prior.L": Role(
        "solver", "window.marginalise", "window.residual_prior", f"memory.prior_bits, {SLOTS}"
    ),
    "system": Role("solver", "window.residual_*", "window.solve, marginalise", SLOTS),
    "work": Role("solver", "window.optimise, marginalise", "window", SLOTS),
    "work.backup_points": Role(
        "solver", "window.optimise", "window.optimise", "window.max_landmarks"
    ),
    "signs": Role("solver", "window.displaced, turned", "window.suspicion", "nothing"),
    "imu": Role("imu", "imu.buffer", "imu.preintegrate", "imu.buffer_samples"),
    "imu.work": Role("imu", "imu.preintegrate", "imu.preintegrate", "nothing"),
    "ahead": Role("imu", "imu.preintegrate", "frontend.frontend", "nothing"),
    "front": Role("scratch", "frontend.tracker, klt", "frontend.tracker, klt", ROWS),
    "front.cell": Role("scratch", "frontend.detect", "frontend.tracker", ROWS),
    "front.occupied": Role("scratch", "frontend.tracker", "frontend.detect", ROWS),
    "front.normals": Role("scratch", "frontend.outliers", "frontend.outliers", ROWS),
    "front.inlier": Role("scratch", "frontend.outliers", "frontend.tracker", ROWS),
    "front.ring": Role("scratch", "frontend.detect", "frontend.detect", "the image width"),
    "front.sums": Role("scratch", "frontend.detect", "frontend.detect", "the image width"),
    "front.rows": Role("scratch", "frontend.detect", "frontend.detect", "the image width"),
    "bearings": Role("scratch", "window.estimator", "window.landmarks, initialise", ROWS),
}
"""Prefix of a name -> Role."""

UNKNOWN = Role("scratch", "?", "?", "?")


def role(name: str) -> Role:
    """The role of a buffer; UNKNOWN if no prefix fits, which a test refuses."""
    fits = [prefix for prefix in ROLES if name.startswith(prefix)]
    return ROLES[max(fits, key=len)] if fits else UNKNOWN
