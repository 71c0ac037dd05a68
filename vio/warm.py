"""Whether the kernels of this very version are compiled: told to people, never to the odometry."""

from threading import Event, Thread

from vio._jit import cache_dir, compiled, load_compiler

MARK = "odometry-compiled"
POLL_S = 0.3


def is_cold() -> bool:
    """Whether the first `warm_up` of this version is still to come."""
    return not (cache_dir() / MARK).exists()


def warm_up(odometry, progress=None):
    """Compile or load every kernel, and remember that it was done.

    Args:
        progress: called as progress(kernels ready, kernels in all) while they are compiled;
            a few are not needed by every rig.
    """
    stop = Event()
    watcher = Thread(target=watch, args=(stop, progress), daemon=True)
    if progress and is_cold():
        watcher.start()
    try:
        load_compiler()
        odometry.warm_up()
    finally:
        stop.set()
        if watcher.is_alive():
            watcher.join()
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        (cache_dir() / MARK).touch()
    except OSError:
        pass  # a read-only cache folder only costs the notice


def watch(stop: Event, progress):
    """Report how many kernels are ready until told to stop."""
    while not stop.wait(POLL_S):
        progress(*compiled())
