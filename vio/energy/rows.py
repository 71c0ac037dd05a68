"""Shorthand to write a stage's model down: counts per event of named tensors, then patterns.

`Rows` collects element reads and writes of one event, also of the small matrix routines that
kernels call; `uses` turns them into `Use` with the access pattern of each tensor.
"""

from vio.energy.memory import indexed

LOG, EXP, JACOBIAN = (9, 3), (3, 9), (3, 9)


class Rows:
    """Element reads and writes per event."""

    def __init__(self, event):
        self.event, self.counts = event, {}

    def add(self, tensor, reads=0, writes=0, times=1):
        """Reads and writes of a tensor; returns self, so that calls chain."""
        entry = self.counts.setdefault(tensor, [0, 0])
        entry[0] += times * reads
        entry[1] += times * writes
        return self

    def multiply(self, a, b, out, times=1):
        """`so3.multiply` and `multiply_tn`."""
        return self.add(a, 27, 0, times).add(b, 27, 0, times).add(out, 0, 9, times)

    def exp(self, w, out, times=1):
        """`so3.exp`, and the Jacobians: three numbers in, nine out."""
        return self.add(w, 3, 0, times).add(out, 0, 9, times)

    def log(self, R, out, times=1):
        """`so3.log`, away from half a turn."""
        return self.add(R, 9, 0, times).add(out, 0, 3, times)

    def normalise(self, R, times=1):
        """`so3.normalise`: three dot products taken off, three rows scaled."""
        return self.add(R, 3 * 12 + 3 * 6, 3 * 3 + 3 * 3, times)


def of_its_size(plan, pattern):
    """A pattern (`resident`, `line_buffer`) over the whole of each tensor it is asked for."""

    def make(stage, tensor, event, *, reads, writes):
        size = plan.size(tensor)
        return pattern(stage, tensor, event, reads=reads, writes=writes, size=size)

    return make


def record(n):
    """`indexed` by records of n elements that lie side by side."""

    def make(stage, tensor, event, *, reads, writes):
        return indexed(stage, tensor, event, reads=reads, writes=writes, record=n)

    return make


def uses(stage, rows, patterns) -> list:
    """The `Use` of every tensor of a list of Rows.

    Args:
        patterns: tensor -> function (stage, tensor, event, reads=, writes=) -> Use; a tensor
            without one is `indexed` by single elements.
    """
    out = []
    for item in rows:
        for tensor, (reads, writes) in item.counts.items():
            if reads or writes:
                make = patterns.get(tensor, indexed)
                out.append(make(stage, tensor, item.event, reads=reads, writes=writes))
    return out
