"""A cache simulator for traces: set-associative, least recently used, write-back.

Independent of the model: it sees addresses in order, no patterns. A write that misses takes the
line without fetching it.
"""


class Cache:
    """`size` bytes in lines of `line` bytes, `ways` per set; counts lines in and out."""

    def __init__(self, size, line=64, ways=8):
        self.line, self.ways = line, ways
        self.sets = [{} for _ in range(size // (line * ways))]
        self.fetched = self.returned = 0

    def access(self, address, write):
        """One read or write of an element that lies within a line."""
        tag = address // self.line
        place = self.sets[tag % len(self.sets)]
        dirty = place.pop(tag, None)
        if dirty is None:
            dirty = False
            self.fetched += not write
            if len(place) == self.ways:
                self.returned += place.pop(next(iter(place)))
        place[tag] = dirty or write

    def flush(self, keep):
        """Write back what is dirty at the end, of the lines for which `keep(address)`."""
        for place in self.sets:
            self.returned += sum(d and keep(tag * self.line) for tag, d in place.items())


def replay(log, itemsize, cache, scratch="-") -> int:
    """Bytes moved between the cache and what lies behind it, for a log of (name, index, write).

    Args:
        itemsize: tensor -> bytes of an element. Tensors lie one after the other, each on a line.
        scratch: prefix of tensors that are dead at the end: they need not be written back.
    """
    base, at, dead = {}, 0, []
    last = {}
    for name, index, _ in log:
        last[name] = max(last.get(name, 0), index)
    for name in sorted(last):
        base[name] = at
        size = (last[name] + 1) * itemsize[name]
        at += -(-size // cache.line) * cache.line
        dead += [(base[name], at)] * name.startswith(scratch)
    for name, index, write in log:
        cache.access(base[name] + index * itemsize[name], write)
    cache.flush(lambda address: not any(low <= address < high for low, high in dead))
    return (cache.fetched + cache.returned) * cache.line
