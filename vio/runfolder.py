"""What a run leaves behind: where it goes, how it is named, and strict JSON."""

import json
import math
import os
import platform
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path

import vio
from vio.types import VioError

PACKAGES = ("numpy", "scipy", "numba", "opencv-python", "opencv-python-headless", "rosbags")

FILES = (
    "trajectory.tum",
    "metrics.json",
    "config.yaml",
    "run.json",
    "events.npz",
    "ledger.json",
    "estimates.npz",
    "trajectory.png",
    "features.png",
)
"""Everything a run may write."""

MARKS = ("run.json", "dataset_player.log")
"""What `vio run` and `vio ros play` write first: one of them tells a run's folder from another."""


def create(name: str, out=None) -> Path:
    """A folder for one run: `out`, or `runs/<name>-<time>` with `runs/latest` pointing to it.

    Raises:
        VioError: the folder cannot be made, or holds files of these names that no run wrote.
    """
    named_by_time = out is None
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = Path("runs") / f"{name}-{stamp}" if named_by_time else Path(out)
    try:
        if named_by_time:  # two runs within one second must not share a folder
            first, count = folder, 1
            while folder.exists():
                count += 1
                folder = first.with_name(f"{first.name}-{count}")
        folder.mkdir(parents=True, exist_ok=True)
        found = [name for name in FILES if (folder / name).exists()]
        if found and not any((folder / name).exists() for name in MARKS):
            raise VioError(f"{folder}/{found[0]}: no run wrote it; give --out another folder")
        for name in FILES:  # what an earlier run left in --out must not pass for this one's
            (folder / name).unlink(missing_ok=True)
        if named_by_time:
            point_latest(folder)
    except OSError as error:
        raise VioError(f"{folder}: cannot write there ({error.strerror}); use --out") from None
    return folder


def point_latest(folder: Path):
    """Make the `latest` link beside `folder` point to it; skipped where links are not allowed."""
    link = folder.parent / "latest"
    fresh = folder.parent / f".latest-{os.getpid()}"
    try:
        fresh.symlink_to(folder.name)
        os.replace(fresh, link)
    except OSError:
        fresh.unlink(missing_ok=True)


def write_json(path: Path, tree: dict):
    """Indented JSON that every parser reads: NaN and infinities become null."""
    path.write_text(json.dumps(plain(tree), indent=2, allow_nan=False) + "\n")


def plain(value):
    """`value` with numpy scalars as Python numbers and non-finite numbers as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def provenance(dataset: str, seed: int) -> dict:
    """What is needed to repeat a run: versions, revision, seed, host, command."""
    return {
        "dataset": dataset,
        "seed": seed,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": versions(),
        "git": revision(),
        "host": {
            "name": platform.node(),
            "system": f"{platform.system()} {platform.release()}",
            "machine": platform.machine(),
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
        },
    }


def versions() -> dict:
    """Versions of vio, Python and the packages a result may depend on."""
    found = {"vio": vio.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def revision():
    """Revision and whether files differ from it, or None outside a git checkout of vio."""
    root = Path(vio.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "status", "--porcelain=v2", "--branch"]
    try:
        told = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    lines = told.stdout.splitlines()
    head = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    if told.returncode != 0 or not head:
        return None
    return {"revision": head[0], "dirty": any(not line.startswith("#") for line in lines)}


def cpu_name() -> str:
    """The processor's name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
