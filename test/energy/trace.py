"""Arrays that log every element a kernel reads or writes, for kernels run as plain Python.

A view (a row, a slice) logs to the array it was taken from, by the address of each element, so
the log is a trace of addresses. Integers come out as Python ints, as the compiler widens them.
"""

import numpy as np


class Trace:
    """The log: tensor -> [reads, writes], and the addresses in order if asked for."""

    def __init__(self, addresses=False):
        self.counts, self.log = {}, [] if addresses else None

    def array(self, name, values):
        """A logging stand-in for an ndarray; it shares the memory."""
        index = np.arange(values.size).reshape(values.shape)
        self.counts.setdefault(name, [0, 0])
        return TracingArray(self, name, values, index)

    def group(self, prefix, record):
        """The same for every field of a NamedTuple of arrays."""
        fields = (self.array(f"{prefix}.{f}", getattr(record, f)) for f in record._fields)
        return type(record)(*fields)

    def note(self, name, index, write):
        """Log elements (scalar or array of addresses)."""
        self.counts[name][write] += index.size
        if self.log is not None:
            self.log += [(name, int(i), write) for i in np.ravel(index)]


class TracingArray:
    """An ndarray that tells its Trace."""

    def __init__(self, trace, name, values, index):
        self.trace, self.name, self.values, self.index = trace, name, values, index
        self.whole = values.dtype.kind in "iu" and values.dtype != np.uint64

    shape = property(lambda self: self.values.shape)
    size = property(lambda self: self.values.size)
    dtype = property(lambda self: self.values.dtype)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        values = self.values[key]
        if isinstance(values, np.ndarray) and values.ndim:
            return TracingArray(self.trace, self.name, values, self.index[key])
        self.trace.note(self.name, self.index[key], False)
        return int(values) if self.whole else values

    def __setitem__(self, key, value):
        if isinstance(value, TracingArray):
            self.trace.note(value.name, value.index, False)
            value = value.values
        self.trace.note(self.name, self.index[key], True)
        self.values[key] = value

    def __iter__(self):
        return (self[i] for i in range(len(self.values)))


def buffered(log, name, room, row=1, writes=False):
    """Element reads (or writes) of one tensor that pass an LRU buffer of `room` elements.

    The buffer holds whole rows of `row` elements; a miss fetches the row. With `writes` the
    count is of rows written back, at eviction and at the end, times `row`.
    """
    held, passed = {}, 0
    for tensor, at, write in log:
        if tensor != name:
            continue
        key = at // row
        dirty = held.pop(key, None)
        if dirty is None:
            dirty = False
            if not write and not writes:
                passed += row
            while (len(held) + 1) * row > room:
                passed += row * (held.pop(next(iter(held))) and writes)
        held[key] = dirty or write
    return passed + row * sum(held.values()) * writes
