"""Offline runner: dataset -> Sequencer -> Odometry -> run folder.

The same recording, configuration and machine give the same bytes in `trajectory.tum`:
nothing here looks at the clock to decide anything, and no frame is ever dropped.
"""

import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vio import runfolder
from vio.config import Config, dump
from vio.energy import plan
from vio.eval.trajectory import from_truth, quaternions
from vio.events import NAMES
from vio.io.tum import TumWriter
from vio.odometry import Odometry, ledger
from vio.record import Record
from vio.sync import Sequencer
from vio.types import VioError
from vio.viz.view import View
from vio.warm import warm_up


def run(
    dataset,
    config: Config,
    out=None,
    start_s: float = 0.0,
    seconds: float | None = None,
    mono: bool = False,
    view: View | None = None,
    progress=None,
    target: str | None = None,
    compiling=None,
) -> dict:
    """Replay a recording through the odometry and write the run folder.

    An interruption (SIGINT) or error in the middle leaves a complete folder for the part
    done, with `"complete": false` in `metrics.json`, and is raised again.

    Args:
        dataset: a `vio.io` dataset.
        config: settings, written to `config.yaml` as used.
        out: existing folder to write to; None makes `runs/<name>-<time>`.
        start_s: where to begin, after the first frame of the recording [s].
        seconds: how much to replay; None means to the end.
        mono: use cam0 only.
        view: told of every frame.
        progress: `progress(frames done, frames in all)`, called per frame.
        target: name or file of an energy target; its figures then join the metrics.
        compiling: `compiling(kernels ready, kernels in all)`, called while they are compiled.

    Returns:
        The content of `metrics.json`.

    Raises:
        VioError: nothing to replay in that interval, or the dataset has a fault.
    """
    view = view or View()
    start_ns, end_ns, expected_ns = interval(dataset, start_s, seconds)
    folder = Path(out) if out is not None else runfolder.create(dataset.name, None)
    price = pricing(target)  # a mistake in it must not cost a run
    runfolder.write_json(folder / "run.json", runfolder.provenance(dataset.name, config.seed))
    (folder / "config.yaml").write_text(dump(config))
    sizes = plan.describe(dataset.rig, config, ledger(dataset.rig, config), mono)
    runfolder.write_json(folder / plan.FILE, sizes)

    odometry = Odometry(dataset.rig, config)
    sequencer = Sequencer(dataset.rig, mono)
    record = Record()
    began, complete = time.perf_counter(), False
    try:
        with trajectory_writer(folder / "trajectory.tum") as write:
            warm_up(odometry, compiling)
            began = time.perf_counter()  # compiling is no part of the run
            for frame, imu in frames(dataset, sequencer, start_ns, end_ns):
                before = time.process_time_ns()
                result = odometry.process(frame, imu)
                sequencer.expect_late(result.estimate.time_offset_s)
                record.add(result, time.process_time_ns() - before)
                if result.estimate.usable:
                    write(result.estimate)
                view.update(frame, result)
                if progress:
                    progress(len(record), len(expected_ns))
        complete = True
    finally:
        wall_s = time.perf_counter() - began
        if not complete:  # judge only the part that was reached
            expected_ns = expected_ns[expected_ns <= record.last_ns()]
        metrics = {
            "complete": complete,
            **record.summary(expected_ns, from_truth(dataset.truth), wall_s),
            **price(sizes, record.events, record.stamps()),
            "faults": dict(Counter(dataset.faults) + Counter(sequencer.counts)),
        }
        metrics = runfolder.plain(metrics)
        runfolder.write_json(folder / "metrics.json", metrics)
        record.write(folder, NAMES)
        view.close(folder)
    return metrics


def pricing(target: str | None):
    """A function from sizes, tallies and stamps to the energy figures on a target, {} for None."""
    if target is None:
        return lambda sizes, events, t_ns: {}
    from vio.energy import table  # a run without a target starts sooner
    from vio.energy.run import run_metrics

    table.load(target)
    return lambda sizes, events, t_ns: run_metrics(sizes, events, t_ns, target)


def interval(dataset, start_s: float, seconds: float | None):
    """First and last stamp to replay, and the (M,) stamps of the frames between them."""
    stamps = np.asarray(dataset.camera_stamps_ns, np.int64)
    if len(stamps) == 0:
        raise VioError(f"{dataset.name}: there is no frame in it")
    start_ns = int(stamps[0]) + round(start_s * 1e9)
    end_ns = None if seconds is None else start_ns + round(seconds * 1e9)
    inside = stamps[stamps >= start_ns]
    if end_ns is not None:
        inside = inside[inside <= end_ns]
    if len(inside) == 0:
        length_s = (stamps[-1] - stamps[0]) / 1e9
        raise VioError(
            f"{dataset.name}: no frame left after --start and --seconds;"
            f" the recording is {length_s:.1f} s long"
        )
    return start_ns, end_ns, inside


def frames(dataset, sequencer: Sequencer, start_ns, end_ns):
    """(StereoFrame, imu) in time order, each once the IMU covers it; the rest at the end."""
    for measurement in dataset.measurements(start_ns, end_ns):
        sequencer.push(measurement)
        while (item := sequencer.pop()) is not None:
            yield item
    yield from sequencer.flush()


@contextmanager
def trajectory_writer(path: Path):
    """A function that appends one Estimate to a TUM file."""
    with TumWriter(path) as writer:

        def write(estimate):
            quat_xyzw = quaternions(estimate.R_world_imu[None])[0]
            writer.write(estimate.t_ns, estimate.p_world_imu, quat_xyzw)

        yield write
