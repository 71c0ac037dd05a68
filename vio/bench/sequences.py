"""Where the suite's recordings are, and how those that can be rendered are rendered.

Two folders: `data` holds what was recorded (`mh01_real`, `v102_rendered`, and `flights/NAME` with
poses, IMU and camera stamps of whole flights), `rendered` holds what `vio sim` makes of it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from vio.sim.spec import SimSpec

WHOLE_S = 3600.0
"""Longer than any flight."""
FLIGHT_FILES = {
    "trajectory": "trajectory_smoothed.tum.gz",
    "imu": "imu.csv.gz",
    "camera_stamps": "camera_stamps_ns.txt.gz",
}
RECORDED = ("mh01_real", "v102_rendered")
PROFILE_SECONDS = 30.0
PROFILES = {
    f"{profile}{seed}": SimSpec(profile=profile, seconds=PROFILE_SECONDS, seed=seed)
    for profile in ("gentle", "aggressive", "rover")
    for seed in (0, 1)
}
QUICK = {"quick": SimSpec(profile="gentle", seconds=8.0, seed=0)}


@dataclass(frozen=True)
class Places:
    """Folders of the suite.

    Attributes:
        data: recordings, or None if there are none here.
        rendered: rendered recordings, made when first needed.
    """

    data: Path | None
    rendered: Path

    @staticmethod
    def choose(data, rendered, cache: Path) -> "Places":
        """From the arguments, else VIO_SHARED_DATA and VIO_RENDERED, else below `cache`."""
        data = data or os.environ.get("VIO_SHARED_DATA") or None
        rendered = rendered or os.environ.get("VIO_RENDERED") or cache / "sequences"
        return Places(Path(data) if data else None, Path(rendered))

    def recorded(self) -> dict[str, Path]:
        """Name to folder of the recordings that are here."""
        if self.data is None:
            return {}
        return {name: self.data / name for name in RECORDED if (self.data / name).is_dir()}

    def flights(self) -> dict[str, SimSpec]:
        """Name to specification of every whole flight whose motion and IMU are here."""
        folder = self.data / "flights" if self.data else None
        if folder is None or not folder.is_dir():
            return {}
        out = {}
        for flight in sorted(p for p in folder.iterdir() if p.is_dir()):
            files = {key: flight / name for key, name in FLIGHT_FILES.items()}
            if all(file.is_file() for file in files.values()):
                out[flight.name] = SimSpec(seconds=WHOLE_S, **files)
        return out

    def is_rendered(self, name: str) -> bool:
        """Whether a rendered recording is complete."""
        return (self.rendered / name / "sim.yaml").is_file()
