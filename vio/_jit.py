"""The only file that touches numba: the `kernel` decorator and the kernel cache.

The cache folder is named by a hash of every source file that holds kernels, of those they
import from the package, and of the numba and numpy versions: numba itself does not notice
an edit in what a cached kernel takes from another file, and would go on returning the old
numbers.
"""

import functools
import hashlib
import importlib
import os
import re
import sys
from pathlib import Path
from types import FunctionType

import numba
import numpy as np
from numba.types import unliteral

PACKAGE = Path(__file__).resolve().parent
HOLDS_KERNELS = re.compile(rb"^@kernel$", re.MULTILINE)
IMPORTS = re.compile(rb"^from vio\.([a-z_.]+) import", re.MULTILINE)


def source_hash() -> str:
    """Hash of all sources that kernels are made of and of the compiler's versions, 12 digits."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    sources = {path: path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))}
    holders = {path for path, text in sources.items() if HOLDS_KERNELS.search(text)}
    parts = {Path(__file__).resolve()} | holders
    for path in holders:  # constants come from there
        names = [name.decode().replace(".", "/") for name in IMPORTS.findall(sources[path])]
        parts |= {PACKAGE / f"{name}.py" for name in names} & set(sources)
    for path in sorted(parts):
        digest.update(str(path.relative_to(PACKAGE)).encode())
        digest.update(sources[path])
    return digest.hexdigest()[:12]


def cache_root() -> Path:
    """Folder that holds the kernel caches; `VIO_CACHE_DIR` overrides `~/.cache/vio`."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vio"
    return Path(os.environ.get("VIO_CACHE_DIR") or default)


def cache_dir() -> Path:
    """Folder of the compiled kernels of exactly this version of the package."""
    return cache_root() / "kernels" / source_hash()


if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(cache_dir())
COMPILED = Path(numba.config.CACHE_DIR)

KERNELS = []
INNER = "_inner"


def apart(compiled):
    """Tell the compiler that what one argument writes no other one reads; returns `compiled`.

    Loops then need no checks of overlap before they take many elements at a time, and many a
    loop is too short for such checks. numba keeps this to itself, as a flag of its compiler.
    """

    def promise(flags):
        flags.noalias = True
        return flags

    if not numba.config.DISABLE_JIT:
        compiled._compiler._customize_flags = promise
    return compiled


def kernel(function):
    """Compile a module-level function on arrays; no fastmath, no hidden threads.

    An array that it writes must not overlap another argument.

    `error_model="numpy"` makes a division by zero give inf instead of an exception,
    `nogil` lets a node's other threads run meanwhile, `no_cfunc_wrapper` leaves out what only
    callers in C need. Without `_nrt` nothing can be allocated, and references to arrays and their
    slices are not counted, which takes longer than much of what is done with them. Other kernels
    call a twin without the way in from Python, which costs more to compile than many a kernel;
    and a constant is to them a number like any other, or numba would compile the twin once more
    for each.
    """
    options = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True, "cache": True}
    options |= {"_nrt": False}
    compiled = apart(numba.njit(**options)(function))
    KERNELS.append(compiled)
    if numba.config.DISABLE_JIT:
        return compiled

    @functools.cache
    def inner():  # when it is first called for: a start that only loads needs none
        twin = FunctionType(function.__code__, function.__globals__, function.__name__)
        twin.__qualname__ = function.__name__ + INNER  # its name in the cache
        return apart(numba.njit(**options, no_cpython_wrapper=True)(twin))

    compiled.get_call_template = lambda args, kws: inner().get_call_template(
        tuple(map(unliteral, args)), kws
    )
    compiled.get_overload = lambda signature: inner().get_overload(signature)
    return compiled


def bound(compiled, *first):
    """A kernel with its first arguments given for good.

    A call from Python looks up the types of all arguments, those of every array of a record: for
    the window's tables that takes as long as many a kernel. Here only the first call does; later
    ones must have arguments of the same types, layouts included: none that come from outside.
    """

    def look_up(*rest):
        nonlocal call
        args = *first, *rest
        out = compiled(*args)
        if not numba.config.DISABLE_JIT:
            entry = compiled.overloads[tuple(map(numba.typeof, args))].entry_point
            call = functools.partial(entry, *first)
        return out

    call = look_up
    return lambda *rest: call(*rest)


def ready() -> tuple[int, int]:
    """How many of the odometry's kernels have been compiled, and how many there are."""
    named = {k.__name__ for k in KERNELS if not k.py_func.__module__.startswith("vio.sim")}
    files = {path.name.split("-")[0].split(".")[1] for path in cache_dir().rglob("*.nbi")}
    return len({name.removesuffix(INNER) for name in files} & named), len(named)


def load_compiler() -> None:
    """Load what numba needs before its first kernel, but not SciPy's BLAS.

    numba looks for it to see whether `np.cov` can be had, which takes longer than all else;
    no kernel here calls BLAS, and a program that has loaded it already keeps it.
    """
    absent = "scipy.linalg" not in sys.modules
    if absent:
        sys.modules["scipy.linalg"] = None  # an import of it now fails at once
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        if absent:
            del sys.modules["scipy.linalg"]
