"""Error of the frame codec on a recording's left images; prints the table of the decision page.

Usage: python test/codec_error.py DATASET [every so many images]
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent
LEVELS = 4


def pyramid(image, bits):
    """Decoded levels [(h, w) float32] of an image coded with `bits` per level."""
    from images import compress, decode

    data, table, _ = compress(image, bits)
    return [decode(data, table, level) for level in range(len(bits))]


def blocks(image):
    """(n, 16) pixels of the whole 4x4 blocks."""
    h, w = (n // 4 * 4 for n in image.shape)
    cut = image[:h, :w].reshape(h // 4, 4, w // 4, 4)
    return cut.transpose(0, 2, 1, 3).reshape(-1, 16).astype(float)


def range_truncation(b):
    """One bit per pixel between the block's darkest value and its range: 28 bits a block."""
    from vio.frontend.codec import SPREAD, SPREAD_EDGES

    low = b.min(axis=1, keepdims=True)
    reach = b.max(axis=1, keepdims=True) - low
    spread = SPREAD[np.searchsorted(SPREAD_EDGES, reach, side="right")]
    return low + (np.minimum(2 * (b - low) // spread, 1) + 0.5) * spread / 2


def moment_truncation(b):
    """Block truncation that keeps mean and deviation, 8 bit each: 32 bits a block."""
    mean, sigma = b.mean(axis=1, keepdims=True), b.std(axis=1, keepdims=True)
    up = b >= mean
    q = up.sum(axis=1, keepdims=True)
    ratio = np.sqrt(q / np.maximum(16 - q, 1e-9))
    return np.where(up, mean + sigma / np.maximum(ratio, 1e-9), mean - sigma * ratio)


def rate(level, bits):
    """Bits per pixel: the codes and a block's 4-bit range, and above the finest 8-bit base."""
    return bits + (4 if level == 0 else 12) / 16


def main():
    sys.path[:0] = [str(ROOT), str(ROOT.parent)]
    from vio.io.open import open_dataset
    from vio.replay import frames
    from vio.sync import Sequencer

    source = open_dataset(Path(sys.argv[1]), mono=False)
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    squares = {}

    def add(name, level, error):
        total, count = squares.get((name, level), (0.0, 0))
        squares[name, level] = total + float((error**2).sum()), count + error.size

    for k, (frame, _) in enumerate(frames(source, Sequencer(source.rig, False), None, None)):
        if k % every or frame.cam0 is None:
            continue
        raw = pyramid(frame.cam0, (8,) * LEVELS)
        for first in (1, 2):
            for second in (1, 2, 4):
                coded = pyramid(frame.cam0, (first, second, 4, 4))
                name = f"ours, {rate(0, first):.2f} on {rate(1, second):.2f} bit"
                add(name, 0, coded[0] - raw[0])
                if first == 1:
                    add(f"ours, {rate(1, second):.2f} bit", 1, coded[1] - raw[1])
        for bits in (1, 2, 4):
            add(
                f"ours, {rate(2, bits):.2f} bit",
                2,
                pyramid(frame.cam0, (1, 2, bits, 4))[2] - raw[2],
            )
        for level in range(3):
            b = blocks(raw[level])
            add("one bit and range, 1.75 bit", level, range_truncation(b) - b)
            add("one bit, mean and deviation, 2.00 bit", level, moment_truncation(b) - b)
    print("| level | code | RMS error [grey levels] |\n| --- | --- | --- |")
    for (name, level), (total, count) in sorted(squares.items(), key=lambda item: item[0][::-1]):
        print(f"| {level} | {name} | {np.sqrt(total / count):.2f} |")


if __name__ == "__main__":
    main()
