"""One preallocated block for all state and scratch of the estimator, with a named ledger."""

from typing import NamedTuple

import numpy as np

ALIGN = 8


class Buffer(NamedTuple):
    """One line of the ledger.

    `lifetime` is `run` (state kept between frames) or `frame` (scratch of one call).
    """

    name: str
    shape: tuple
    dtype: str
    lifetime: str
    note: str

    @property
    def bytes(self) -> int:
        """Size in bytes, without alignment."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


class Arena:
    """The block and its views: `arena[name]` is a C-contiguous ndarray into the block."""

    def __init__(self, ledger: list[Buffer]):
        self.ledger = ledger
        sizes = [-(-b.bytes // ALIGN) * ALIGN for b in ledger]
        self.total_bytes = sum(sizes)
        self.block = np.zeros(self.total_bytes, np.uint8)
        self._views = {}
        at = 0
        for buffer, size in zip(ledger, sizes):
            if buffer.name in self._views:
                raise ValueError(f"two buffers are called {buffer.name}")
            raw = self.block[at : at + buffer.bytes]
            self._views[buffer.name] = raw.view(buffer.dtype).reshape(buffer.shape)
            at += size

    def __getitem__(self, name: str) -> np.ndarray:
        return self._views[name]

    def group(self, prefix: str, record):
        """A NamedTuple `record` whose fields are the buffers `prefix.field`."""
        return record(*(self[f"{prefix}.{name}"] for name in record._fields))
