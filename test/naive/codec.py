"""The compressed pyramid, whole images at a time: lists of blocks instead of packed bytes."""

import numpy as np

from vio.frontend.codec import MAGNITUDE, SPREAD  # the format's own steps


def nearest(table, value):
    """Index of the entry nearest to a value, the smaller one of two."""
    return int(np.argmin(np.abs(table.astype(int) - min(value, 255))))


def get_nibble(data, at, index):
    return int(np.unpackbits(data[at:], bitorder="little").reshape(-1, 4)[index] @ [1, 2, 4, 8])


def four_codes(data, at, k, bits):
    """Codes 4 k .. 4 k + 3 of those that stand side by side from a byte on."""
    codes = np.unpackbits(data[at:], bitorder="little").reshape(-1, bits)
    return tuple(codes[4 * k : 4 * k + 4] @ (1 << np.arange(bits)))


def halve_row(up, a, b, down):
    """One row of the next level by direct 4x4 weights."""
    wide = np.pad(np.stack([up, a, b, down]).astype(int), ((0, 0), (1, 2)), mode="edge")
    weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1])
    columns = range(len(up) // 2)
    return np.array([(np.sum(wide[:, 2 * x : 2 * x + 4] * weights) + 32) // 64 for x in columns])


def halve(image):
    """The next level: rows and columns beyond the border repeat it."""
    tall = np.pad(image, ((1, 2), (0, 0)), mode="edge")
    rows = range(image.shape[0] // 2)
    return np.array([halve_row(*tall[2 * y : 2 * y + 4]) for y in rows], np.uint8)


def blocks_of(image):
    """(rows, cols, 4, 4) blocks of an image whose border repeats."""
    h, w = image.shape
    full = np.pad(image, ((0, -h % 4), (0, -w % 4)), mode="edge")
    return full.reshape(-(-h // 4), 4, -(-w // 4), 4).transpose(0, 2, 1, 3)


def assemble(blocks):
    rows, cols = blocks.shape[:2]
    return blocks.transpose(0, 2, 1, 3).reshape(4 * rows, 4 * cols)


def encode_rows(image, bits):
    """(low, spread, codes) per block of a level above the finest."""
    blocks = blocks_of(image.astype(int))
    low = blocks.min(axis=(2, 3))
    width = blocks.max(axis=(2, 3)) - low
    spread = np.vectorize(lambda v: int(SPREAD[nearest(SPREAD, v)]))(width)
    steps = 1 << bits
    codes = (blocks - low[..., None, None]) * steps // spread[..., None, None]
    return low, spread, np.minimum(codes, steps - 1)


def decode_block(low, spread, codes, bits):
    """The middle of every pixel's step."""
    return low + (codes + 0.5) * spread / (1 << bits)


def decode_level(image, bits):
    """What a level above the finest reads as, whole blocks."""
    if bits == 8:
        return assemble(blocks_of(image)).astype(float)
    low, spread, codes = encode_rows(image, bits)
    return assemble(decode_block(low[..., None, None], spread[..., None, None], codes, bits))


def decode_line(level, y):
    """Row y of a decoded level in whole grey values."""
    return np.minimum(np.floor(level[y]), 255)


def interpolate(level):
    """Twice the size: 3/4 of the nearer and 1/4 of the farther neighbour, both ways."""
    for axis in (0, 1):
        n = level.shape[axis]
        at = np.arange(n)
        before = np.take(level, np.maximum(at - 1, 0), axis)
        after = np.take(level, np.minimum(at + 1, n - 1), axis)
        both = np.stack([0.75 * level + 0.25 * before, 0.75 * level + 0.25 * after], axis + 1)
        shape = list(level.shape)
        shape[axis] *= 2
        level = both.reshape(shape)
    return level


def subtract_above(line, near, far):
    """`line` minus the level above, rounded to whole grey values."""
    row = 0.75 * near + 0.25 * far
    n = np.arange(len(row))
    before, after = row[np.maximum(n - 1, 0)], row[np.minimum(n + 1, len(row) - 1)]
    above = np.stack([0.75 * row + 0.25 * before, 0.75 * row + 0.25 * after], 1).ravel()
    return line - np.floor(above + 0.5)


def encode_finest(image, above, bits):
    """(mean, signed sizes) per block: codes of what the image differs from whole greys above."""
    h = image.shape[0]
    rows = []
    for y in range(h):
        near, far = y >> 1, (y >> 1) - 1 + 2 * (y & 1)
        near, far = (min(max(k, 0), above.shape[0] - 1) for k in (near, far))
        rows.append(subtract_above(image[y].astype(int), above[near], above[far]))
    blocks = blocks_of(np.array(rows))
    total = np.abs(blocks).sum(axis=(2, 3)).astype(int)
    mean = np.vectorize(lambda v: int(MAGNITUDE[nearest(MAGNITUDE, v >> 4)]))(total)
    size = np.ones(blocks.shape)
    if bits == 2:
        size = np.where(8 * np.abs(blocks) > 9 * mean[..., None, None], 1.75, 0.5)
    return mean, np.where(blocks >= 0, size, -size)


def cut(image, levels):
    """What fills the coarsest level's pixels, and a byte of codes across, from the top left."""
    h, w = image.shape
    down, across = 2 ** (levels - 1), max(2 ** (levels - 1), 8)
    return image[: h - h % down, : w - w % across]


def receive(image, bits):
    """Decoded levels (floats) of the whole pyramid, cut to their sizes."""
    raw = [cut(image, len(bits))]
    while len(raw) < len(bits):
        raw.append(halve(raw[-1]))
    out = [decode_level(level, n) for level, n in zip(raw, bits)]
    out = [level[: r.shape[0], : r.shape[1]] for level, r in zip(out, raw)]
    if bits[0] != 8:
        whole = np.array([decode_line(out[1], y) for y in range(len(out[1]))])
        mean, size = encode_finest(raw[0], whole, bits[0])
        detail = assemble(size * mean[..., None, None])
        up = interpolate(out[1])
        h, w = up.shape
        out[0] = up + detail[:h, :w]
    return out


def load_region(level, box):
    """Pixels of a box of a decoded level."""
    x0, y0, x1, y1 = box
    return level[y0:y1, x0:x1]


def reduce_rows(image, first, factor):
    """One row: the mean of factor x factor pixels of the rows from `first` on, rounded."""
    rows = image[first : first + factor].astype(float)
    width = image.shape[1] // factor
    squares = rows[:, : width * factor].reshape(factor, width, factor)
    return np.floor(squares.mean(axis=(0, 2)) + 0.5).astype(np.uint8)
