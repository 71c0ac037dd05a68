"""What `vio bench` does, free of the terminal."""

import os
from pathlib import Path

from vio import runfolder
from vio._jit import cache_root
from vio.bench import report, suite
from vio.bench.clip import Build
from vio.bench.metric import Baseline
from vio.bench.prepare import prepare
from vio.bench.sequences import PROFILES, QUICK, Places
from vio.config import Config, config_folder
from vio.odometry import Odometry
from vio.sim.rig import euroc_rig
from vio.types import VioError
from vio.warm import is_cold, warm_up


def places(data, rendered) -> Places:
    """Where recordings are, from options and environment."""
    found = Places.choose(data, rendered, cache_root())
    if found.data and not found.data.is_dir():
        raise VioError(f"{found.data}: no such folder; --data or VIO_SHARED_DATA names recordings")
    return found


def prepare_all(where: Places, jobs: int, progress) -> list[Path]:
    """Render everything that can be."""
    return prepare(where, {**QUICK, **PROFILES, **where.flights()}, jobs, progress)


def baseline_file() -> Path:
    """The committed baseline."""
    return config_folder() / "bench" / "baseline.json"


def run(where, out, jobs, quick, only, against, update, say, progress):
    """Run the suite and write its folder.

    Returns:
        (content of bench.json, tables and lines to show).
    """
    unknown = sorted(set(only) - set(suite.GROUPS))
    if unknown:
        raise VioError(f"--only {unknown[0]}: the groups are {', '.join(suite.GROUPS)}")
    other = Build.parse(against) if against else None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VioError(f"{out}: cannot write there ({error.strerror}); use --out") from None
    session = suite.Session(
        where, out.resolve(), jobs or os.cpu_count() or 1, quick, other, say, progress
    )
    if is_cold():  # or every process would compile the same
        warm_up(Odometry(euroc_rig(), Config()))
    cpu, baseline = runfolder.cpu_name(), Baseline.load(baseline_file())
    metrics = suite.run(session, only)
    about = runfolder.provenance("bench", 0) | {"quick": quick}
    found = runfolder.plain(report.tree(metrics, baseline, cpu, about))
    detail = {k: v for k, v in session.detail.items() if k != "flown"}
    runfolder.write_json(out / "bench.json", found | {"detail": detail})
    from vio.bench.plots import draw

    pictures = [f"picture in {path}" for path in draw(detail, out)]
    if update:
        baseline.renewed(metrics, cpu).save(baseline_file())
        pictures.append(f"baseline in {baseline_file()}")
    return found, [*report.tables(found, detail), *pictures]
