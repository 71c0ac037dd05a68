"""What the model counts: accesses to tensors and arithmetic, each per event of the odometry.

A `Use` says what one event (a region loaded, a residual linearised, a solve...) does to one
tensor as the kernel's source has it (level 0), and what is left of that beyond a buffer of a
given size. It knows no target: `memory.py` maps it to levels, `price.py` to joules.
"""

from enum import Enum
from typing import NamedTuple


class Level(str, Enum):
    """Places an access can happen, nearest first. The list is closed."""

    REGISTER = "register"
    SCRATCH = "scratch"
    L1 = "l1"
    SRAM = "sram"
    L2 = "l2"
    DRAM = "dram"
    LINK = "link"


ON_CHIP = (Level.SCRATCH, Level.L1, Level.SRAM, Level.L2)
"""Levels whose bytes are reported as `sram`."""


class Op(str, Enum):
    """Arithmetic by type and width. Shifts, comparisons and selections count as additions."""

    ADD_I8 = "add_i8"
    ADD_I16 = "add_i16"
    ADD_I32 = "add_i32"
    MUL_I8 = "mul_i8"
    MUL_I32 = "mul_i32"
    ADD_F32 = "add_f32"
    MUL_F32 = "mul_f32"
    DIV_F32 = "div_f32"
    SQRT_F32 = "sqrt_f32"
    ADD_F64 = "add_f64"
    MUL_F64 = "mul_f64"
    DIV_F64 = "div_f64"
    SQRT_F64 = "sqrt_f64"


class Step(NamedTuple):
    """A buffer of `room` elements or more lets this many accesses per event through."""

    room: float
    reads: float
    writes: float


class Use(NamedTuple):
    """Accesses of one stage to one tensor, per event.

    Attributes:
        event: name of a tally, or of a feature derived from tallies (`events_of`).
        reads, writes: elements accessed at level 0 per event.
        run: elements that lie side by side in one access, inf for a stream.
        steps: what larger and larger buffers save; empty when nothing is reused.
        pattern: how it was declared, for the report.
    """

    stage: str
    tensor: str
    event: str
    reads: float
    writes: float
    run: float
    steps: tuple[Step, ...]
    pattern: str

    def beyond(self, room: float) -> tuple[float, float]:
        """(reads, writes) per event that pass a buffer of `room` elements."""
        best = self.reads, self.writes
        for step in self.steps:
            if step.room <= room:
                best = step.reads, step.writes
        return best


class Work(NamedTuple):
    """Arithmetic of one stage per event: operation -> count."""

    stage: str
    event: str
    ops: dict


def level0(uses, counts) -> dict:
    """Reads and writes of every tensor as the kernels' source makes them.

    Args:
        uses: list of Use. counts: event name -> number.

    Returns:
        tensor -> [reads, writes].
    """
    totals = {}
    for use in uses:
        entry = totals.setdefault(use.tensor, [0, 0])
        n = counts.get(use.event, 0)
        entry[0] += use.reads * n
        entry[1] += use.writes * n
    return totals
