"""Kernels compiled once per version: by two processes, and for all that are started meanwhile."""

import contextlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event, Thread

from vio._jit import COMPILED, cache_dir, load_compiler, ready

try:
    import fcntl
except ImportError:  # a system without: two processes may compile the same
    fcntl = None

MARK = "odometry-compiled"
POLL_S = 0.3
CHILD = "-m", "vio.apart"


def is_cold() -> bool:
    """Whether the first `warm_up` of this version is still to come; says nothing of results."""
    return not (cache_dir() / MARK).exists()


def warm_up(odometry, progress=None):
    """Compile or load every kernel, and remember that it was done.

    Args:
        progress: called as progress(kernels ready, kernels in all) while they are compiled;
            a few are not needed by every rig.
    """
    load_compiler()
    if not is_cold() or not can_keep():
        odometry.warm_up()
        return
    with lock(cache_dir() / "lock"), told(progress):
        if is_cold() and cores() > 1:
            compile_in_two(odometry)
        odometry.warm_up()
        (cache_dir() / MARK).touch()


def can_keep() -> bool:
    """Whether compiled kernels, and that they are, can be written to their folder."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(cache_dir(), os.W_OK)


def compile_in_two(odometry):
    """Compile the back end here and the front end in a child.

    What both need, both compile, each into a folder of its own: numba's files of a kernel are
    not made to be written by two. A child that fails leaves its share to the caller.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir()) as apart:
        with subprocess.Popen(
            [sys.executable, *CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NUMBA_CACHE_DIR": apart},
        ) as child:
            try:
                with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
                    pickle.dump((odometry.rig, odometry.config), pipe)
                odometry.warm_up_backend()
                child.wait()
            finally:
                child.kill()
        take_over(Path(apart))


def take_over(apart: Path):
    """Move what a child has compiled to where this process looks for it; keeps what is there."""
    for index in list(apart.rglob("*.nbi")):
        folder = COMPILED / index.parent.relative_to(apart)
        if not (folder / index.name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            for path in index.parent.glob(f"{index.stem}.*"):
                shutil.move(path, folder / path.name)


def cores() -> int:
    """How many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@contextlib.contextmanager
def lock(path: Path):
    """Wait until no other process holds `path`, and hold it; a dead process holds nothing."""
    with path.open("w") as file:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def told(progress):
    """Report how many kernels are ready, again and again, if anyone wants to know."""
    if not progress:
        yield
        return
    stop = Event()

    def watch():
        while not stop.wait(POLL_S):
            progress(*ready())

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
