"""The compressed frame: received row by row, decoded block by block.

Everything here is fixed by the sizes of the image and the bits of its levels, so one event is
one image, one block or one line.
"""

from vio.energy.rows import Rows

BLOCK = 4
DATA = "frame"
"""The buffer: one image at a time."""


class Frame:
    """Sizes of a compressed pyramid.

    Attributes:
        size: (width, height) of each level [px]. bits: of a code, each level, 8 = raw.
    """

    def __init__(self, plan):
        w, h = plan.width, plan.height
        self.bits = plan.level_bits
        self.size = [(w >> k, h >> k) for k in range(len(self.bits))]
        self.raw = self.bits[0] == 8

    def blocks(self, level) -> tuple[int, int]:
        """(rows, columns) of blocks of a level."""
        w, h = self.size[level]
        return -(-h // BLOCK), -(-w // BLOCK)

    def code_bytes(self, level) -> int:
        """Bytes that hold the codes of four pixels side by side."""
        return 2 if self.bits[level] == 4 else 1

    def block_reads(self, level) -> int:
        """Bytes read to decode a block of level >= 1: range, base, codes; or its pixels."""
        return 16 if self.bits[level] == 8 else 2 + BLOCK * self.code_bytes(level)

    def line_reads(self, level) -> int:
        """Bytes read to decode a line of level >= 1."""
        w, n = self.size[level][0], self.blocks(level)[1]
        return w if self.bits[level] == 8 else n * (2 + self.code_bytes(level))


def receive(plan, cam) -> list:
    """`receive`: the image, its line buffers, and all levels written."""
    frame, event = Frame(plan), f"cam{cam}"
    w, h = frame.size[0]
    side = plan.reduce
    r = Rows(event).add(f"image{cam}", w * h * side**2).add("stream.lines", 0, w * h)
    if side > 1:  # cleared, summed row by row, divided
        r.add("stream.line", w * side + w, w + w * side, h)
    if frame.raw:
        r.add("stream.lines", w * h).add(DATA, 0, w * h)
    for level in range(1, len(frame.size)):
        halve(r, frame, level)
        encode(r, frame, level)
    if not frame.raw:
        finest(r, frame)
    return [r]


def halve(r, frame, level):
    """`halve_row`, all rows of a level."""
    below, (w, h) = frame.size[level - 1][0], frame.size[level]
    source = "stream.lines" if level == 1 else "stream.rings"
    r.add(source, 4 * below, 0, h).add("stream.line", 2 + 4 * w, below + 2, h)
    r.add("stream.rings", 0, w, h)


def encode(r, frame, level):
    """`encode_rows`, all blocks of a level >= 1; of level 1 also what a reader will see."""
    w, h = frame.size[level]
    bits, seen = frame.bits[level], level == 1 and not frame.raw
    if bits == 8:
        r.add("stream.rings", w * h * (1 + seen)).add(DATA, 0, w * h)
        r.add("stream.decoded", 0, w * h * seen)
        return
    rows, columns = frame.blocks(level)
    n, padded, lines = rows * columns, BLOCK * columns, BLOCK * rows
    r.add("stream.rings", 8 * w, 0, rows).add("stream.ranges", 0, 2 * padded, rows)
    # Of a block: its bounds, the index of its range, what is stored, what its columns repeat.
    r.add("stream.ranges", 8 + 7, 2 + 2 + 8, n).add("stream.scale", 0, 4, n).add(DATA, 0, 1, n)
    r.add(DATA, 0, -(-columns // 2), rows)
    r.add("stream.rings", w, 0, lines).add("stream.scale", w, 0, lines)
    # Pixels' bounds and the code that the padding repeats; then the codes are packed.
    r.add("stream.ranges", 2 * padded, padded, lines).add(DATA, 0, 2 * bits * columns, rows)
    if seen:
        r.add("stream.ranges", 3 * w, 0, lines).add("stream.decoded", 0, w, lines)


def finest(r, frame):
    """`encode_finest`, all blocks of level 0."""
    w = frame.size[0][0]
    rows, columns = frame.blocks(0)
    lines, half = BLOCK * rows, w // 2
    r.add("stream.decoded", 2 * half, 0, lines).add("stream.mixed", 2 + 4 * half, half + 2, lines)
    r.add("stream.lines", w, 0, lines).add("stream.residual", 0, w, lines)
    # Folded into sums and signs; a block's magnitude is taken from its sums, two by two.
    r.add("stream.residual", 4 * w + 4 * columns, w, rows).add(DATA, 0, columns // 2, rows)
    r.add("stream.mixed", 2 * columns, 2 * columns, rows)
    r.add("stream.ranges", 2, 2, rows * columns)
    r.add("stream.line", 0, w, rows).add(DATA, 0, 2 * frame.bits[0] * columns, rows)
    if frame.bits[0] == 1:
        r.add("stream.line", w, 0, rows)
    else:
        r.add("stream.residual", BLOCK * w, 0, rows).add("stream.ranges", columns, 0, rows)


def load(plan, name) -> list:
    """`load_region`, per block: a level's own bytes; level 0 interpolates level 1 as well.

    Args:
        name: events of blocks decoded, with the suffixes 0 and 1 those of level 0 and 1.
    """
    frame = Frame(plan)
    coarse = frame.block_reads(2 if len(frame.bits) > 2 else 1)
    out = [Rows(name).add(DATA, coarse).add("front.regions", 0, 16)]
    finest = Rows(f"{name}0").add(DATA, (16 if frame.raw else 1 + BLOCK) - coarse)
    if not frame.raw:
        finest.add("front.regions", 32)
    return [*out, finest, Rows(f"{name}1").add(DATA, frame.block_reads(1) - coarse)]
