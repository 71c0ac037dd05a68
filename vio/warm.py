"""Whether the kernels of this very version are compiled: told to people, never to the odometry."""

from vio._jit import cache_dir

MARK = "odometry-compiled"


def is_cold() -> bool:
    """Whether the first `warm_up` of this version is still to come."""
    return not (cache_dir() / MARK).exists()


def warm_up(odometry):
    """Compile or load every kernel, and remember that it was done."""
    odometry.warm_up()
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        (cache_dir() / MARK).touch()
    except OSError:
        pass  # a read-only cache folder only costs the notice
