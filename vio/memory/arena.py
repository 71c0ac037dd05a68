"""One preallocated block for all state and scratch of the estimator, with a named ledger."""

from typing import NamedTuple

import numpy as np

GUARD_BYTES = 64
GUARD, POISON = 0xC5, 0xA5


class Buffer(NamedTuple):
    """One line of the ledger.

    `lifetime` is `run` (state kept between frames) or `frame` (scratch of one call).
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


class Arena:
    """The block and its views: `arena[name]` is a C-contiguous ndarray into the block.

    Buffers stand in order of falling element size, so each is aligned without padding and
    `total_bytes` is the exact sum of the ledger.
    """

    def __init__(self, ledger: list[Buffer], guards: bool = False):
        """Lay out the block.

        Args:
            ledger: its lines. guards: put bytes of a fixed pattern before, between and behind
                the buffers, so that `check_guards` finds what was written beside them.
        """
        self.ledger = ledger
        self.total_bytes = sum(b.bytes for b in ledger)
        gap = GUARD_BYTES if guards else 0
        order = sorted(ledger, key=lambda b: -np.dtype(b.dtype).itemsize)
        size = self.total_bytes + gap * (len(order) + 1)
        # Zeros of 8 bytes: the block begins where the widest element may stand.
        self.block = np.zeros(-(-size // 8), np.int64).view(np.uint8)[:size]
        self._views, self._guards, at = {}, [], 0
        for buffer in order:
            if buffer.name in self._views:
                raise ValueError(f"two buffers are called {buffer.name}")
            self._guards.append((buffer.name, self.block[at : at + gap]))
            raw = self.block[at + gap : at + gap + buffer.bytes]
            self._views[buffer.name] = raw.view(buffer.dtype).reshape(buffer.shape)
            at += gap + buffer.bytes
        self._guards.append(("the end", self.block[at : at + gap]))
        self.clear()

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
        """Fill the `frame` buffers with NaN or 0xA5: nothing may be expected in them.

        To be called between frames; what a kernel then reads before it wrote shows.
        """
        for buffer in self.ledger:
            if buffer.lifetime == "frame":
                view = self._views[buffer.name]
                if view.dtype.kind == "f":
                    view[...] = np.nan
                else:
                    view.reshape(-1).view(np.uint8)[:] = POISON

    def check_guards(self) -> list[str]:
        """Names of the buffers before which the guard was overwritten; `the end` for the last."""
        return [name for name, guard in self._guards if (guard != GUARD).any()]
