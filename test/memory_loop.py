"""The odometry on the synthetic wall, over and over: what it allocates, as JSON on stdout.

A script, because the statistics of numba's runtime must be switched on before the first kernel
and the growth of a process is best seen in one that does nothing else.
"""

import inspect
import json
import os
import sys
from pathlib import Path


def outside(name, value, block):
    """Names of arguments that are, or hold, an array that is not a part of `block`.

    A record of records is named by its fields.
    """
    import numpy as np

    if isinstance(value, tuple):
        fields = dict(zip(getattr(value, "_fields", ()), value))
        if any(isinstance(each, tuple) for each in fields.values()):
            return {n for field, each in fields.items() for n in outside(field, each, block)}
        return {name for each in value if outside(name, each, block)}
    if not isinstance(value, np.ndarray):
        return set()
    at = value.ctypes.data - block.ctypes.data
    return set() if 0 <= at <= at + value.nbytes <= block.nbytes else {name}


class Counted:
    """A kernel that notes what it allocated.

    `beside` collects `kernel.parameter` of every array that is not in `block`.
    """

    def __init__(self, kernel, made, block, beside):
        self.kernel, self.made, self.block, self.beside = kernel, made, block, beside
        self.names = list(inspect.signature(kernel.py_func).parameters)

    def __call__(self, *args):
        from numba.core.runtime import rtsys

        for parameter, value in zip(self.names, args):
            found = outside(parameter, value, self.block)
            self.beside |= {f"{self.kernel.__name__}.{name}" for name in found}
        before = rtsys.get_allocation_stats()
        out = self.kernel(*args)
        after = rtsys.get_allocation_stats()
        name = self.kernel.__name__
        count, more = self.made.get(name, (0, 0))
        self.made[name] = (count + 1, more + after.alloc - before.alloc)
        return out


def count_kernels(block):
    """Wrap every kernel that Python modules of the package call.

    Returns:
        ({name: (calls, allocations)}, set of arrays beside `block`), filled later.
    """
    from vio import _jit

    made, beside, kernels = {}, set(), set(map(id, _jit.KERNELS))
    for name, module in list(sys.modules.items()):
        if name.startswith("vio."):
            for key, value in list(vars(module).items()):
                if id(value) in kernels:
                    setattr(module, key, Counted(value, made, block, beside))
    return made, beside


def looked_up(kernel, *first):
    """As `_jit.bound`, but whatever stands for the kernel at the time is called."""
    module, name = sys.modules[kernel.__module__], kernel.__name__
    return lambda *rest: getattr(module, name)(*first, *rest)


def counted_array() -> int:
    """What the statistics say of a compiled function that makes one array."""
    import numba
    import numpy as np
    from numba.core.runtime import rtsys

    before = rtsys.get_allocation_stats().alloc
    numba.njit(lambda n: np.zeros(n).sum())(3)
    return rtsys.get_allocation_stats().alloc - before


def resident_kb() -> int:
    """Memory of this process in RAM [kB], 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main():
    root = Path(__file__).resolve().parent
    sys.path[:0] = [str(root), str(root.parent)]
    from numba.core.runtime import _nrt_python, rtsys
    from textures import Flight

    from vio.config import Config
    from vio.imu import buffer
    from vio.odometry import Odometry
    from vio.window import estimator

    estimator.bound = buffer.bound = looked_up
    rounds, length = int(sys.argv[1]), int(sys.argv[2])
    flight = Flight(length)
    odometry = Odometry(flight.rig, Config())
    samples, live, frames = [], [], 0
    for k in range(rounds):
        if k == 1:  # everything is loaded
            _nrt_python.memsys_enable_stats()
            made, beside = count_kernels(odometry.arena.block)
        odometry.reset()
        for frame, imu in zip(flight.frames, flight.imu):
            result = odometry.process(frame, imu)
            frames += 1
        if k >= 1:
            stats = rtsys.get_allocation_stats()
            live.append(stats.alloc - stats.free)
            samples.append(resident_kb())
    json.dump(
        {
            "frames": frames,
            "status": int(result.estimate.status),
            "live": live,
            "resident_kb": samples,
            "counted": counted_array(),
            "kernels": made,
            "beside": sorted(beside),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
