"""One preallocated block for all state and scratch of the estimator, with a named ledger."""

from typing import NamedTuple

import numpy as np

GUARD_BYTES = 64
GUARD, POISON = 0xC5, 0xA5


class Buffer(NamedTuple):
    """One line of the ledger.

    `lifetime` is `run` (state kept between frames), `front` or `back` (scratch of one half of
    the odometry, which lie over each other because the halves run in turn), or `frame` (scratch
    of both).
    Packed buffers are byte arrays; `format` says what is in them and `elements` how many
    (pixels, say). Who writes and reads a buffer is in `vio/memory/roles.py`.
    """

    name: str
    shape: tuple
    dtype: str
    lifetime: str
    note: str
    format: str = ""
    elements: int = 0

    @property
    def bytes(self) -> int:
        """Size in bytes; also what it takes of the arena."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    @property
    def count(self) -> int:
        """Elements held, packed or not."""
        return self.elements or int(np.prod(self.shape, dtype=np.int64))

    @property
    def bits(self) -> float:
        """Bits per element, side information of packed ones included."""
        return 8 * self.bytes / self.count

    @property
    def form(self) -> str:
        """Element format in words."""
        kind = {"f": "float", "i": "int", "u": "uint"}[np.dtype(self.dtype).kind]
        return self.format or f"{kind}{8 * np.dtype(self.dtype).itemsize}"


HALVES = ("front", "back")


def half_bytes(ledger) -> list[int]:
    """Scratch of the front and of the back half."""
    return [sum(b.bytes for b in ledger if b.lifetime == half) for half in HALVES]


def overlap(ledger) -> int:
    """Bytes saved by laying the scratch of the two halves over each other.

    The larger one is rounded up to 8 bytes, for what stands behind it.
    """
    front, back = half_bytes(ledger)
    return front + back - -(-max(front, back) // 8) * 8


def arena_bytes(ledger) -> int:
    """Size of the arena: the sum of the ledger's lines less the overlap."""
    return sum(b.bytes for b in ledger) - overlap(ledger)


class Arena:
    """The block and its views: `arena[name]` is a C-contiguous ndarray into the block.

    Buffers stand in order of falling element size, so each is aligned without padding.
    """

    def __init__(self, ledger: list[Buffer], guards: bool = False):
        """Lay out the block.

        Args:
            ledger: its lines. guards: put bytes of a fixed pattern before, between and behind
                the buffers, so that `check_guards` finds what was written beside them; the
                halves' scratch then lies side by side.
        """
        self.ledger = ledger
        self.total_bytes = arena_bytes(ledger)
        gap = GUARD_BYTES if guards else 0
        order = sorted(ledger, key=lambda b: -np.dtype(b.dtype).itemsize)
        side_by_side = sum(b.bytes for b in ledger) + gap * (len(order) + 1)
        size = side_by_side if guards else self.total_bytes
        # Zeros of 8 bytes: the block begins where the widest element may stand.
        self.block = np.zeros(-(-size // 8), np.int64).view(np.uint8)[:size]
        self._views, self._guards = {}, []
        if guards:
            end = self._place(order, 0, gap)
            self._guards.append(("the end", self.block[end : end + gap]))
        else:
            for half in HALVES:
                self._place([b for b in order if b.lifetime == half], 0, 0)
            rest = [b for b in order if b.lifetime not in HALVES]
            self._place(rest, size - sum(b.bytes for b in rest), 0)
        self.clear()

    def _place(self, buffers, at, gap) -> int:
        """Lay buffers side by side from byte `at`, `gap` bytes before each; returns the end."""
        for buffer in buffers:
            if buffer.name in self._views:
                raise ValueError(f"two buffers are called {buffer.name}")
            self._guards.append((buffer.name, self.block[at : at + gap]))
            raw = self.block[at + gap : at + gap + buffer.bytes]
            self._views[buffer.name] = raw.view(buffer.dtype).reshape(buffer.shape)
            at += gap + buffer.bytes
        return at

    def __getitem__(self, name: str) -> np.ndarray:
        return self._views[name]

    def group(self, prefix: str, record):
        """A NamedTuple `record` whose fields are the buffers `prefix.field`."""
        return record(*(self[f"{prefix}.{name}"] for name in record._fields))

    def clear(self):
        """Zero every buffer."""
        self.block[:] = 0
        for _, guard in self._guards:
            guard[:] = GUARD

    def poison(self):
        """Fill all scratch with NaN or 0xA5: nothing may be expected in it.

        To be called between frames; what a kernel then reads before it wrote shows.
        """
        for buffer in self.ledger:
            if buffer.lifetime != "run":
                view = self._views[buffer.name]
                if view.dtype.kind == "f":
                    view[...] = np.nan
                else:
                    view.reshape(-1).view(np.uint8)[:] = POISON

    def check_guards(self) -> list[str]:
        """Names of the buffers before which the guard was overwritten; `the end` for the last."""
        return [name for name, guard in self._guards if (guard != GUARD).any()]
