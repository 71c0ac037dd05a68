"""How long it takes from the command to the first frame, with warm and with cold kernels."""

import os
import subprocess
import sys
import tempfile
import time

from vio.bench.clip import HERE
from vio.types import VioError

REPEATS = 5


def startup(session) -> dict:
    """Seconds of `vio run` over a single frame, all of the process; and of `vio warmup`, cold."""
    from vio.bench.cost import cases

    folder = cases(session)[0][1]
    with tempfile.TemporaryDirectory() as scratch:
        run = ("run", folder, "--seconds", "0.01", "--quiet", "--out", f"{scratch}/run")
        command(run)  # loads files into the system's cache, compiles what is not compiled
        out = {"warm_s": min(command(run) for _ in range(REPEATS))}
        if not session.quick:
            out["cold_s"] = command(("warmup", "--quiet"), VIO_CACHE_DIR=f"{scratch}/cache")
    return out


def command(words, **variables) -> float:
    """Seconds a `vio` command takes, with its bytecode kept as every user's is."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vio.cli", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "", **variables},
    )
    if done.returncode != 0:
        raise VioError(f"vio {words[0]} failed: {done.stderr.strip()}")
    return time.perf_counter() - began
