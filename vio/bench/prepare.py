"""Renders the recordings of the suite, several at once; what is there is kept."""

import os
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from vio.bench.pool import in_parallel
from vio.bench.sequences import Places
from vio.sim.sequence import plan, render_sequence
from vio.sim.spec import SimSpec

IMU_HZ = 200.0
POLL_S = 1.0


def prepare(places: Places, specs: dict[str, SimSpec], jobs: int = 0, progress=None) -> list[Path]:
    """Render the specifications that are not there yet; interrupted, it goes on where it was.

    Args:
        specs: name to what to render. jobs: processes, 0 for one per core.
        progress: called as progress(images done, images in total).

    Returns:
        Their folders, in order.
    """
    missing = {name: spec for name, spec in specs.items() if not places.is_rendered(name)}
    if missing:
        cores = os.cpu_count() or 1
        jobs = min(jobs or cores, len(missing))
        places.rendered.mkdir(parents=True, exist_ok=True)
        work = {places.rendered / n: replace(s, workers=cores // jobs) for n, s in missing.items()}
        stop = Event()
        watcher = Thread(target=watch, args=(work, stop, progress), daemon=True)
        watcher.start()
        try:
            in_parallel(render_sequence, list(work.items()), jobs)
        finally:
            stop.set()
            watcher.join()
    return [places.rendered / name for name in specs]


def watch(work: dict[Path, SimSpec], stop: Event, progress) -> None:
    """Report how many images are on disk until told to stop: the renderers are other processes."""
    if progress is None:
        return
    total = sum(2 * len(plan(spec, IMU_HZ)[1]) for spec in work.values())
    while not stop.wait(POLL_S):
        progress(sum(images(out) for out in work), total)


def images(out: Path) -> int:
    """Images of a rendering, finished or not."""
    folder = out if out.is_dir() else out.with_name(out.name + ".partial")
    return sum(1 for _ in folder.glob("mav0/cam?/data/*.png"))
