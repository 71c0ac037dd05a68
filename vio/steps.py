"""What several commands do: take settings, open a recording, find its truth, run and show it.

Nothing slow is imported before it is needed.
"""

from pathlib import Path

from vio.console import kernel_bar, note, note_if_cold, progress_bar, show
from vio.types import VioError


def replay(
    source, settings, out, start, seconds, mono, view, as_json, quiet, name=None, target=None
) -> Path:
    """Run, with progress and the closing table; the run folder."""
    from vio import runfolder

    silent = quiet or as_json
    note_if_cold(silent)
    from vio.replay import interval
    from vio.replay import run as run_dataset

    interval(source, start, seconds)  # a mistake here must not leave an empty folder
    folder = runfolder.create(name or source.name, out)
    try:
        with kernel_bar(silent) as compiling, progress_bar("frames", silent) as progress:
            metrics = run_dataset(
                source, settings, folder, start, seconds, mono, view, progress, target, compiling
            )
    except KeyboardInterrupt:
        note(f"interrupted; results so far in {folder}", False)
        raise
    except OSError as error:  # a full disk, most likely
        where = error.filename or folder
        raise VioError(f"{where}: {error.strerror}; results so far in {folder}") from error
    show(metrics, f"{name or source.name}{' (mono)' if mono else ''}", as_json, quiet)
    note(f"results in {folder}", silent)
    return folder


def load_config(files, assignments):
    """The effective configuration of the options --config and --set."""
    from vio.config import load

    return load(files or (), assignments or ())


def opened(path: Path, mono: bool, calibration: Path | None = None, topics=None):
    """The dataset at `path`; its problems name the file. `topics`: of a bag, as `imu=/imu0`."""
    from vio.io.open import open_dataset
    from vio.io.topics import parsed

    return open_dataset(path, mono=mono, calibration=calibration, topics=parsed(topics or ()))


def read_truth(path: Path, calibration: Path | None = None, topics=None):
    """TRUTH_DTYPE array of a trajectory file or of a recording, or None."""
    from vio.io.groundtruth import read_groundtruth
    from vio.io.open import BAGS

    is_recording = path.is_dir() or path.suffix in BAGS
    if not is_recording:
        return read_groundtruth(path)
    return opened(path, True, calibration, topics).truth  # one camera is enough to have truth
