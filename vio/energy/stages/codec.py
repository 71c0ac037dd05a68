"""The compressed frame: received row by row, decoded block by block.

Everything here is fixed by the sizes of the image and the bits of its levels, so one event is
one image, one block or one line.
"""

from vio.energy.rows import Rows

BLOCK = 4
REGION = 24


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
    frame, data, event = Frame(plan), f"frame{cam}", f"cam{cam}"
    w, h = frame.size[0]
    area = plan.reduce**2
    r = Rows(event).add(f"image{cam}", w * h * area).add("stream.lines", 0, w * h)
    if area > 1:  # cleared, summed, divided
        r.add("stream.line", w * area + w, w + w * area, h)
    if frame.raw:
        r.add("stream.lines", w * h).add(data, 0, w * h)
    for level in range(1, len(frame.size)):
        halve(r, frame, level)
        encode(r, frame, level, data)
    if not frame.raw:
        finest(r, frame, data)
    return [r]


def halve(r, frame, level):
    """`halve_row`, all rows of a level."""
    below, (w, h) = frame.size[level - 1][0], frame.size[level]
    source = "stream.lines" if level == 1 else "stream.rings"
    r.add(source, 4 * below, 0, h).add("stream.line", 2 + 4 * w, below + 2, h)
    r.add("stream.rings", 0, w, h)


def encode(r, frame, level, data):
    """`encode_rows`, all blocks of a level >= 1."""
    w, h = frame.size[level]
    if frame.bits[level] == 8:
        r.add("stream.rings", w * h).add(data, 0, w * h)
        return
    rows, columns = frame.blocks(level)
    n, nibble = rows * columns, frame.bits[level] == 1
    r.add("stream.rings", 48, 0, n)
    r.add(data, 1 + 4 * nibble, 2 + 4 * frame.code_bytes(level), n)


def finest(r, frame, data):
    """`decode_line` of level 1 and `encode_finest`."""
    (w, h), (w1, h1) = frame.size[:2]
    r.add(data, frame.line_reads(1), 0, h1).add("stream.decoded", 0, w1, h1)
    rows, columns = frame.blocks(0)
    lines, half = 4 * rows, w // 2
    r.add("stream.decoded", 2 * half, 0, lines).add("stream.mixed", 2 + 4 * half, half + 2, lines)
    r.add("stream.lines", 2 * half, 0, lines).add("stream.residual", 0, 2 * half, lines)
    r.add("stream.residual", 16, 0, rows * columns).add(data, 1, 1, rows * columns)
    if frame.bits[0] == 2:
        r.add("stream.residual", 16, 0, rows * columns).add(data, 0, 4, rows * columns)
    else:
        stride = -(-columns * BLOCK // 8)
        r.add("stream.residual", 8, 0, lines * stride).add(data, 0, 1, lines * stride)


def load(plan, data, all_, zero, one, blocks) -> list:
    """`load_region`: 36 blocks each; level 0 adds blocks of level 1 and interpolates them.

    Args:
        all_, zero, one: events of regions: any level, level 0, level 1; None if there are none.
        blocks: event of blocks decoded in all.
    """
    frame, n = Frame(plan), REGION // BLOCK
    coarse = frame.block_reads(2) if len(frame.bits) > 2 else frame.block_reads(1)
    out = [Rows(all_).add(data, 36 * coarse).add("front.region", 0, REGION * REGION)]
    if one:
        out.append(Rows(one).add(data, 36 * (frame.block_reads(1) - coarse)))
    if not zero:
        return out
    if frame.raw:
        return [*out, Rows(zero).add(data, 36 * (16 - coarse))]
    r = Rows(zero).add(data, REGION * n * 2 - 36 * coarse)
    r.add("front.above", REGION * (4 + REGION))
    r.add("front.region", REGION * REGION, REGION * REGION)
    above = [Rows(blocks), Rows(all_)]
    for item, sign in zip(above, (1, -36)):
        item.add(data, sign * frame.block_reads(1)).add("front.above", 0, sign * 16)
    return [*out, r, *above]
