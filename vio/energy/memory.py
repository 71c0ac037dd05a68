"""Access patterns, and the hierarchy that serves them.

A pattern is declared per tensor of a stage; what a buffer saves is derived from it:

    sequential      elements side by side; a latch of a word makes one access of its elements
    line_buffer     the same in lines that never leave where they fit
    reuse_rows      a sliding window over rows; a buffer of its rows reads each row once
    window_gather   a square patch read many times; a buffer of the patch reads it once
    indexed         records at any place, each moved in whole words; nothing is reused
    resident        scratch of one call: a buffer of its size keeps it from ever leaving
    reused          any other working set, with what is left beyond it
"""

import math
from typing import NamedTuple

from vio.energy.actions import Level, Step, Use

LATCH = 8
"""Elements of the latch between a memory and a stream."""


def sequential(stage, tensor, event, *, reads=0, writes=0, repeat=1) -> Use:
    """A stream; each element is read `repeat` times running, words are held in a latch."""
    steps = (Step(LATCH, reads / repeat, writes),)
    return Use(stage, tensor, event, reads, writes, math.inf, steps, "sequential")


def line_buffer(stage, tensor, event, *, reads=0, writes=0, size) -> Use:
    """Lines of `size` elements in all that live within a call, walked side by side."""
    steps = (Step(LATCH, reads, writes), Step(size, 0, 0))
    return Use(stage, tensor, event, reads, writes, math.inf, steps, "line_buffer")


def reuse_rows(stage, tensor, event, *, reads, rows, row, unique) -> Use:
    """A window `rows` high over rows of `row` elements, `unique` different elements in all."""
    steps = (Step(rows * row, unique, 0),)
    return Use(stage, tensor, event, reads, 0, math.inf, steps, f"reuse_rows({rows})")


def window_gather(stage, tensor, event, *, reads, side, windows=1) -> Use:
    """`windows` square patches per event, each read many times."""
    steps = (Step(side * side, windows * side * side, 0),)
    return Use(stage, tensor, event, reads, 0, side, steps, f"window_gather({side})")


def indexed(stage, tensor, event, *, reads=0, writes=0, record=1) -> Use:
    """Records of `record` elements at any place."""
    steps = (Step(record, reads, writes),) if record > 1 else ()
    return Use(stage, tensor, event, reads, writes, record, steps, "indexed")


def resident(stage, tensor, event, *, reads=0, writes=0, size) -> Use:
    """Scratch of `size` elements that lives and dies within a call."""
    return Use(stage, tensor, event, reads, writes, size, (Step(size, 0, 0),), "resident")


def reused(stage, tensor, event, *, reads=0, writes=0, run=1, steps) -> Use:
    """Any other reuse: `steps` of (room, reads left, writes left)."""
    made = tuple(Step(*step) for step in steps)
    return Use(stage, tensor, event, reads, writes, run, made, "reused")


class Tensor(NamedTuple):
    """What the ledger says of one buffer: elements, bits of each, and how it is split.

    `banks` memories of equal size hold it; an access opens one of them.
    """

    name: str
    elements: int
    bits: float
    banks: int = 1

    @property
    def total_bits(self) -> float:
        """Size [bit]."""
        return self.elements * self.bits


class LevelSpec(NamedTuple):
    """One level of a target.

    Attributes:
        capacity_bits: room of the level; of each tensor's own buffer when `dedicated`.
        port_bits: widest access. line_bits: least that is moved, 0 where single words are.
        keeps: tensors live here for good, smallest first, until it is full.
        dedicated: each tensor has a memory of its own here, as on a chip built for the job, and
            an access costs what a memory of that size costs.
    """

    level: Level
    capacity_bits: float
    port_bits: int
    line_bits: int = 0
    keeps: bool = False
    dedicated: bool = False


class Access(NamedTuple):
    """Accesses of one kind per event, at one level: a column of the pricing matrix."""

    stage: str
    tensor: str
    event: str
    level: Level
    write: bool
    accesses: float  # per event, each `bits` wide
    bits: float  # width of one access
    moved_bits: float  # per event, what the reader asked for
    bank_bits: float  # size of the memory accessed


def homes(tensors: dict, levels) -> dict:
    """Level each tensor lives in: the nearest that keeps things and has room, else the last."""
    placed = {}
    for spec in levels[:-1]:
        if not spec.keeps:
            continue
        room = spec.capacity_bits
        for tensor in sorted(tensors.values(), key=lambda t: t.total_bits):
            if tensor.name not in placed and tensor.total_bits <= room:
                placed[tensor.name] = spec.level
                room -= tensor.total_bits
    return {name: placed.get(name, levels[-1].level) for name in tensors}


def shares(uses, tensors, spec) -> dict:
    """Bits of one level that each tensor of one stage gets: smallest useful buffers first."""
    wanted = sorted({(s.room * tensors[u.tensor].bits, u.tensor) for u in uses for s in u.steps})
    given, left = {}, spec.capacity_bits
    for bits, name in wanted:
        more = bits - given.get(name, 0)
        if (spec.dedicated and bits <= spec.capacity_bits) or more <= left:
            given[name] = bits
            left -= 0 if spec.dedicated else more
    return given


def map_uses(uses, tensors: dict, levels, home: dict) -> list[Access]:
    """Accesses at every level of a hierarchy.

    Level 0 is served by the nearest level that holds a buffer for the tensor; what passes it is
    served by the next, which also fills the nearer one. So nothing grows on the way out, except
    where a level moves whole lines.

    Args:
        levels: LevelSpec, nearest first. home: tensor -> Level it lives in.
    """
    out = []
    order = [spec.level for spec in levels]
    for stage in dict.fromkeys(use.stage for use in uses):
        mine = [use for use in uses if use.stage == stage]
        given = [shares(mine, tensors, spec) for spec in levels]
        for use in mine:
            tensor = tensors[use.tensor]
            last = order.index(home[use.tensor])
            reads, writes = use.reads, use.writes
            nearer = None
            for i in range(last + 1):
                share = given[i].get(use.tensor, 0)
                left = use.beyond(share / tensor.bits)
                idle = share == 0 or (nearer and left[0] >= reads and left[1] >= writes)
                if i < last and idle and not levels[i].line_bits:
                    continue  # bypassed; a cache is not
                whole = i == last or share >= tensor.total_bits
                size = tensor.total_bits / tensor.banks if whole else share
                out += accesses(use, tensor, levels[i], reads, writes, nearer, size)
                nearer = levels[i], size
                reads, writes = min(reads, left[0]), min(writes, left[1])
    return [a for a in out if a.accesses > 0]


def accesses(use, tensor, spec, reads, writes, nearer, size):
    """Reads and writes of one level, and the fills and write-backs of the nearer one.

    Args:
        nearer: (level, size) that asks, None for the datapath. size: of the memory here [bit].
    """
    bank = size if spec.dedicated else spec.capacity_bits
    line = max(spec.line_bits, nearer[0].line_bits if nearer else 0)
    run_bits = use.run * tensor.bits
    if line and nearer:  # whole lines move between caches
        bits, per = line, max(1.0, min(run_bits, line) / tensor.bits)
    else:
        bits = min(spec.port_bits, max(run_bits, tensor.bits))
        per = max(1.0, bits / tensor.bits) if nearer else 1.0
        bits = bits if nearer else min(tensor.bits, spec.port_bits)
        if not nearer and tensor.bits > spec.port_bits:
            per = spec.port_bits / tensor.bits

    def row(where, write, elements, size):
        return Access(
            use.stage, use.tensor, use.event, where.level, write,
            elements / per, bits, elements * tensor.bits, size,
        )  # fmt: skip

    yield row(spec, False, reads, bank)
    yield row(spec, True, writes, bank)
    if nearer:
        near = nearer[1] if nearer[0].dedicated else nearer[0].capacity_bits
        yield row(nearer[0], True, reads, near)
        yield row(nearer[0], False, writes, near)
