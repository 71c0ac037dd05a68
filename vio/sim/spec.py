"""What to simulate: the one argument of `vio.sim.render_sequence`."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from vio.types import VioError

PROFILES = ("hover", "gentle", "aggressive", "rover")

RENDERER = 1
"""Version of everything that decides the bytes of a data set; raise it with any change."""


@dataclass(frozen=True)
class SimSpec:
    """A simulated recording.

    Attributes:
        profile: motion: one of PROFILES; ignored when `trajectory` is given.
        seconds: length [s]; of a recorded trajectory at most this much.
        seed: of the motion, the world and all noise.
        dark: low light: weak signal, strong noise, twice the exposure time.
        blur: motion blur over the exposure time (9 ms, 18 ms when dark).
        trajectory: recorded poses to fly, TUM text of T_world_imu, maybe .gz; or None.
        imu: recorded IMU that belongs to `trajectory`, EuRoC columns, maybe .gz;
            or None to synthesise it.
        camera_stamps: recorded camera stamps [ns], one per line, maybe .gz; or None.
        start_s: where in the recorded trajectory to begin [s].
        speed: scale of the motion in time; 0 stands still.
        workers: threads, 0 for one per core. Does not change the result.
        compression: PNG level, 0 to 9.
        scale: size of the images relative to 752x480, for quick tests.
    """

    profile: str = "gentle"
    seconds: float = 20.0
    seed: int = 0
    dark: bool = False
    blur: bool = False
    trajectory: Path | None = None
    imu: Path | None = None
    camera_stamps: Path | None = None
    start_s: float = 0.0
    speed: float = 1.0
    workers: int = 0
    compression: int = 1
    scale: float = 1.0


def check(spec: SimSpec) -> None:
    """Raise VioError, with the cure, for a specification that cannot be rendered."""
    if spec.profile not in PROFILES:
        raise VioError(f"profile '{spec.profile}': unknown; choose from {', '.join(PROFILES)}")
    if not 1.0 <= spec.seconds:
        raise VioError(f"seconds {spec.seconds}: a sequence needs at least 1 s")
    if not 0.0 <= spec.speed <= 5.0:
        raise VioError(f"speed {spec.speed}: must be in [0, 5]; 1 is the profile's own speed")
    if not 0.05 <= spec.scale <= 2.0:
        raise VioError(f"scale {spec.scale}: must be in [0.05, 2]")
    if not 0 <= spec.compression <= 9:
        raise VioError(f"compression {spec.compression}: PNG levels are 0 to 9")
    if spec.seed < 0:
        raise VioError(f"seed {spec.seed}: must not be negative")
    if spec.start_s < 0.0:
        raise VioError(f"start_s {spec.start_s}: must not be negative")
    if spec.trajectory is None:
        for name in ("imu", "camera_stamps"):
            if getattr(spec, name) is not None:
                raise VioError(f"{getattr(spec, name)}: recorded {name} needs a trajectory too")
        if spec.start_s:
            raise VioError("start_s: only a recorded trajectory can be started later")
    if spec.imu is not None and spec.speed != 1.0:
        raise VioError(f"{spec.imu}: a recorded imu fits speed 1 only; leave out imu or speed")


def identity(spec: SimSpec) -> dict:
    """All that decides the bytes of the data set, as plain values for YAML."""
    out = {"renderer": RENDERER}
    for f in fields(spec):
        value = getattr(spec, f.name)
        if f.name in ("trajectory", "imu", "camera_stamps") and value is not None:
            value = {"file": Path(value).name, "sha256": digest(value)}
        if f.name != "workers":
            out[f.name] = value
    return out


def digest(path) -> str:
    """SHA-256 of a file's content."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise VioError(f"{path}: {error.strerror or error}; give a readable file") from None
