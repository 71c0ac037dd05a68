"""Instructions and cache misses of a frame on a simulated processor: valgrind's cachegrind.

The same clip is flown over two lengths; their difference is free of the start-up. The simulated
processor has no AVX-512, so kernels are compiled for one that it can follow, natively and once,
into the cache that both flights then read.
"""

import re
from pathlib import Path

from vio.bench.clip import Build, fly
from vio.bench.pool import in_parallel
from vio.types import VioError

LINE_BYTES = 64
CACHE_BYTES = 1 << 20
LENGTHS = 30, 60
MODEL = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+sse4.2,+popcnt,+bmi",
    "OPENBLAS_NUM_THREADS": "1",  # its threads spin for a while after the start
    "PYTHONHASHSEED": "0",  # a start whose sets have another order takes other instructions
}
COMMAND = (
    "valgrind", "--tool=cachegrind", "--cache-sim=yes", "--smc-check=all-non-file",
    "--I1=32768,8,64", "--D1=32768,8,64", f"--LL={CACHE_BYTES},16,{LINE_BYTES}",
)  # fmt: skip


def per_frame(clip: Path, build: Build, out: Path, jobs: int) -> dict:
    """Instructions and bytes of last-level misses per frame of a clip."""
    fly(clip, build, 1, environment=MODEL)  # compiles what the simulated processor then loads
    logs = [out / f"cachegrind-{n}.log" for n in LENGTHS]
    work = [(clip, build, n, log) for n, log in zip(LENGTHS, logs)]
    short, long = in_parallel(count, work, jobs)
    frames = LENGTHS[1] - LENGTHS[0]
    return {
        "instructions": (long["I refs"] - short["I refs"]) / frames,
        "miss_bytes": (long["LL misses"] - short["LL misses"]) / frames * LINE_BYTES,
    }


def count(clip: Path, build: Build, frames: int, log: Path) -> dict:
    """Totals of one flight by name, as cachegrind prints them."""
    data = log.with_suffix(".out")
    before = (*COMMAND, f"--log-file={log}", f"--cachegrind-out-file={data}")
    fly(clip, build, frames, before, MODEL)
    text = log.read_text()
    data.unlink(missing_ok=True)
    found = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"==\d+== (I +refs|LL misses): +([\d,]+)", text)
    }
    found = {" ".join(name.split()): value for name, value in found.items()}
    if set(found) != {"I refs", "LL misses"}:
        raise VioError(f"{log}: valgrind printed no totals; see there")
    return found
