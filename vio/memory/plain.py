"""The same capacities laid out plainly, for comparison: what the arena would take without tricks.

The layout is that of a straightforward program: 8-bit images with their pyramids, previous left
and current left and right, because a plain tracker compares two frames; every number of the graph
8 bytes (double or int64); an observation a record (landmark, frame, camera, x, y, weight);
covariances and matrices full squares; the normal equations reduced to poses and motions from a
stored coupling with all landmarks. Scratch of the front end counts as it is, line buffers of a
streamed image do not count: a plain program reads its frame. docs/memory.md argues line by line.

`lean` is the least that can be called plain: observations a dense table of single-precision
numbers without ids, and no coupling with the landmarks.
"""

import numpy as np

from vio.memory.arena import HALVES, arena_bytes, half_bytes, overlap
from vio.memory.roles import GROUPS, role

RECORD = 6
"""Numbers of a plain observation: landmark, frame, camera, x, y, weight."""


def side(count: int) -> int:
    """Side of the square whose packed triangle has `count` elements."""
    return int((np.sqrt(8 * count + 1) - 1) / 2 + 0.5)


def plain_bytes(buffer, ledger, cameras: int, lean: bool = False) -> int:
    """Bytes that stand for one buffer in the plain layout.

    Args:
        buffer: line of `ledger`. ledger: all lines. cameras: how many. lean: least plain layout.
    """
    name = buffer.name
    if name == "frame":  # previous and current left, current right
        return (1 + cameras) * buffer.count
    if name == "track.template" or name.startswith("stream."):
        return 0  # the previous frame, and the whole current one, stand for them
    if role(name).group == "scratch":
        return buffer.bytes
    if name in ("work.folds", "work.root", "work.gain") and not lean:
        return 0  # of one landmark; the stored coupling with all of them stands for these
    if name == "landmarks.xy":  # (M, S, 2, 2): landmark, slot, camera, coordinate
        observations = int(np.prod(buffer.shape[:3]))
        return observations * (8 if lean else 8 * RECORD)
    if name == "landmarks.weight":  # part of the record
        return 4 * buffer.count if lean else 0
    if name == "preintegrated.whiten":  # the full covariance
        return buffer.shape[0] * side(buffer.shape[1]) ** 2 * 8
    if name == "prior.L":
        return side(buffer.count) ** 2 * 8
    if name == "system.H":
        dim = side(buffer.count)
        points = next((b.shape[0] for b in ledger if b.name == "landmarks.point"), 0)
        # Coupling (dim, 3 M), landmark blocks (M, 3, 3) and right-hand sides (M, 3).
        return 8 * (dim * dim + (0 if lean else points * (3 * dim + 12)))
    return 8 * buffer.count


def group_bytes(ledger) -> dict:
    """Bytes of the arena by group.

    Scratch of the two halves lies over each other: each is charged its share of the bytes that
    both take together, so that the groups sum to the arena.
    """
    halves = half_bytes(ledger)
    shared, each = max(halves), max(sum(halves), 1)
    groups = dict.fromkeys(GROUPS, 0)
    for b in ledger:
        mine = b.bytes * shared // each if b.lifetime in HALVES else b.bytes
        groups[role(b.name).group] += mine
    groups["scratch"] += arena_bytes(ledger) - sum(groups.values())  # what rounding adds
    return groups


def plain_layout(ledger, cameras: int) -> dict:
    """Bytes of the plain layout by group with the factors it is larger by; the same for `lean`."""
    own, out = group_bytes(ledger), {}
    for key, lean in (("plain", False), ("lean", True)):
        groups = dict.fromkeys(GROUPS, 0)
        for b in ledger:
            groups[role(b.name).group] += plain_bytes(b, ledger, cameras, lean)
        total = sum(groups.values())
        factors = {
            group: round(groups[group] / own[group], 2) if own[group] else None
            for group in ("frames", "graph", "solver")
        }
        factors["total"] = round(total / arena_bytes(ledger), 2)
        out[key] = {"total_bytes": total, "groups": groups, "factors": factors}
    return {**out["plain"], "lean": out["lean"]}


def describe(ledger, cameras: int) -> dict:
    """The ledger as a tree for JSON: `total_bytes`, `overlap_bytes`, `groups`, `plain`, `buffers`.

    The buffers less the overlap are the total, and so are the groups. cameras: how many.
    """
    buffers = []
    for b in ledger:
        r = role(b.name)
        buffers.append(
            {
                "name": b.name,
                "group": r.group,
                "shape": list(b.shape),
                "dtype": b.dtype,
                "format": b.form,
                "bits_per_element": round(b.bits, 3),
                "bytes": b.bytes,
                "plain_bytes": plain_bytes(b, ledger, cameras),
                "lifetime": b.lifetime,
                "writer": r.writer,
                "reader": r.reader,
                "note": b.note,
            }
        )
    return {
        "total_bytes": arena_bytes(ledger),
        "overlap_bytes": overlap(ledger),
        "groups": group_bytes(ledger),
        "plain": plain_layout(ledger, cameras),
        "buffers": buffers,
    }
