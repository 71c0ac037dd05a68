"""Corner detection: one Shi-Tomasi-like score per pixel, the best corner of each free cell.

Score = det / trace of the structure tensor over a 5x5 window (the harmonic mean of its
eigenvalues, Noble 1988: Harris without the constant). Rows stream through a ring of five.
"""

import numpy as np

from vio._jit import kernel

WINDOW = 5


@kernel
def detect(image, cell, occupied, threshold, border, ring, sums, out_xy, out_score):
    """Best corner of every free cell of a grid.

    Args:
        image: (H, W) uint8. cell: cell side [px]. occupied: (rows, cols) uint8, nonzero = skip.
        threshold: least score [grey^2]. border: margin without corners [px], >= 3.
        ring: (5, 3, W) int32 products of gradients of the last five rows, scratch.
        sums: (3, W) int32 their column sums, scratch.
        out_xy: (rows * cols, 2) float32 px. out_score: (rows * cols,) float32, 0 where none.

    Returns:
        (pixels scored, cells with a corner).
    """
    height, width = image.shape
    rows, cols = occupied.shape
    out_score[:] = 0.0
    ring[:] = 0
    sums[:] = 0
    scored, found = 0, 0
    for y in range(1, height - 1):
        line = ring[y % WINDOW]
        for x in range(1, width - 1):
            gx = np.int32(image[y, x + 1]) - np.int32(image[y, x - 1])
            gy = np.int32(image[y + 1, x]) - np.int32(image[y - 1, x])
            xx, xy, yy = gx * gx, gx * gy, gy * gy
            sums[0, x] += xx - line[0, x]
            sums[1, x] += xy - line[1, x]
            sums[2, x] += yy - line[2, x]
            line[0, x], line[1, x], line[2, x] = xx, xy, yy
        yc = y - 2
        if yc < border or yc >= height - border:
            continue
        row = yc // cell
        if row >= rows:
            continue
        for col in range(cols):
            if occupied[row, col]:
                continue
            at = row * cols + col
            best = out_score[at]
            first, last = max(col * cell, border), min((col + 1) * cell, width - border)
            for x in range(first, last):
                a = sums[0, x - 2] + sums[0, x - 1] + sums[0, x] + sums[0, x + 1] + sums[0, x + 2]
                b = sums[1, x - 2] + sums[1, x - 1] + sums[1, x] + sums[1, x + 1] + sums[1, x + 2]
                c = sums[2, x - 2] + sums[2, x - 1] + sums[2, x] + sums[2, x + 1] + sums[2, x + 2]
                fa, fb, fc = np.float32(a), np.float32(b), np.float32(c)
                score = (fa * fc - fb * fb) / (fa + fc + np.float32(1.0))
                if score > best:
                    best = score
                    out_xy[at, 0] = x
                    out_xy[at, 1] = yc
            if last > first:
                scored += last - first
            out_score[at] = best
    limit = np.float32(threshold)
    for at in range(rows * cols):
        if out_score[at] < limit:
            out_score[at] = 0.0
        else:
            found += 1
    return scored, found
