"""Corner detection: one Shi-Tomasi-like score per pixel, the best corner of each free cell.

Score = det / trace of the structure tensor over a 5x5 window (the harmonic mean of its
eigenvalues, Noble 1988: Harris without the constant). Rows stream through a ring of five.
"""

import numpy as np

from vio._jit import kernel
from vio.frontend.codec import HEIGHT, WIDTH, decode_line

WINDOW = 5


@kernel
def gradient_row(up, here, down, gx, gy):
    """Central differences of a row, (W,) uint8 to (W,) int16; the first and last stay."""
    for x in range(1, here.size - 1):
        gx[x] = np.int16(here[x + 1]) - np.int16(here[x - 1])
    for x in range(1, here.size - 1):
        gy[x] = np.int16(down[x]) - np.int16(up[x])


@kernel
def add_products(a, b, sums):
    """sums += a b, (W,) int16 each, sums int32."""
    for x in range(sums.size):
        sums[x] += np.int32(np.int32(a[x]) * np.int32(b[x]))


@kernel
def take_products(a, b, sums):
    """sums -= a b."""
    for x in range(sums.size):
        sums[x] -= np.int32(np.int32(a[x]) * np.int32(b[x]))


@kernel
def score_row(xx, xy, yy, score):
    """det / (trace + 1) of windows of five column sums: xx, xy, yy (n + 4,) int32, score (n,)."""
    for x in range(score.size):
        a = np.float32(np.int32(xx[x] + xx[x + 1] + xx[x + 2] + xx[x + 3] + xx[x + 4]))
        b = np.float32(np.int32(xy[x] + xy[x + 1] + xy[x + 2] + xy[x + 3] + xy[x + 4]))
        c = np.float32(np.int32(yy[x] + yy[x + 1] + yy[x + 2] + yy[x + 3] + yy[x + 4]))
        score[x] = (a * c - b * b) / (a + c + np.float32(1.0))


@kernel
def detect(
    data,
    table,
    level,
    cell,
    occupied,
    threshold,
    border,
    rows,
    ring,
    sums,
    scores,
    out_xy,
    out_score,
):
    """Best corner of every free cell of a grid.

    Args:
        data, table: compressed frame. level: of it that is scanned, >= 1.
        cell: cell side [px]. occupied: (rows, cols) uint8, nonzero = skip.
        threshold: least score [grey^2]. border: margin without corners [px], >= 3.
        rows: (3, W) uint8 decoded rows. ring: (5, 2, W) int16 gradients of five rows.
        sums: (3, W) int32 column sums of their products. scores: (W,) float32. All scratch.
        out_xy: (rows * cols, 2) float32 px. out_score: (rows * cols,) float32, 0 where none.

    Returns:
        (pixels scored, cells with a corner).
    """
    height, width = table[level, HEIGHT], table[level, WIDTH]
    n_rows, cols = occupied.shape
    out_score[:] = 0.0
    ring[:] = 0
    sums[:] = 0
    scored, found = 0, 0
    decode_line(data, table, level, 0, rows[0])
    decode_line(data, table, level, 1, rows[1])
    for y in range(1, height - 1):
        decode_line(data, table, level, y + 1, rows[(y + 1) % 3])
        gx, gy = ring[y % WINDOW, 0], ring[y % WINDOW, 1]
        take_products(gx, gx, sums[0])
        take_products(gx, gy, sums[1])
        take_products(gy, gy, sums[2])
        gradient_row(rows[(y - 1) % 3], rows[y % 3], rows[(y + 1) % 3], gx, gy)
        add_products(gx, gx, sums[0])
        add_products(gx, gy, sums[1])
        add_products(gy, gy, sums[2])
        yc = y - 2
        if yc < border or yc >= height - border:
            continue
        row = yc // cell
        if row >= n_rows:
            continue
        for col in range(cols):
            if occupied[row, col]:
                continue
            at = row * cols + col
            best, best_x, best_y = out_score[at], out_xy[at, 0], out_xy[at, 1]
            first, last = max(col * cell, border), min((col + 1) * cell, width - border)
            n = max(last - first, 0)
            left, right = first - 2, first + n + 2
            score = scores[:n]
            score_row(sums[0, left:right], sums[1, left:right], sums[2, left:right], score)
            for k in range(n):
                value = score[k]
                if value > best:
                    best, best_x, best_y = value, np.float32(first + k), np.float32(yc)
            scored += n
            out_score[at], out_xy[at, 0], out_xy[at, 1] = best, best_x, best_y
    limit = np.float32(threshold)
    for at in range(n_rows * cols):
        if out_score[at] < limit:
            out_score[at] = 0.0
        else:
            found += 1
    return scored, found


@kernel
def occupy(uv, cell, occupied):
    """Mark the cells of the grid (of level 1) that hold a feature.

    Args:
        uv: (N, 2) float32 px of level 0, NaN = none. cell: side [px of level 1].
        occupied: (rows, cols) uint8 out.
    """
    rows, cols = occupied.shape
    occupied[:] = 0
    for k in range(uv.shape[0]):
        if uv[k, 0] == uv[k, 0]:
            row, col = int(uv[k, 1] / 2) // cell, int(uv[k, 0] / 2) // cell
            occupied[max(min(row, rows - 1), 0), max(min(col, cols - 1), 0)] = 1


@kernel
def choose(xy, score, order, cell, uv, wanted):
    """Put the best corners that keep their distance from all features in the free slots.

    Args:
        xy: (C, 2) float32 px of level 1, score: (C,), of the cells; order: (C,) best first.
        cell: least distance along an axis [px of level 0]. uv: (N, 2) float32 px of level 0,
            NaN = free, in/out. wanted: (N,) uint8 out, 1 = new.

    Returns:
        (features added, corners looked at, of them held against the features, such tests, slots
        found in use).
    """
    wanted[:] = 0
    slot, added, looked, held, tests, used = 0, 0, 0, 0, 0, 0
    for at in order:
        while slot < uv.shape[0] and uv[slot, 0] == uv[slot, 0]:
            slot, used = slot + 1, used + 1
        if slot == uv.shape[0]:
            break
        looked += 1
        if score[at] <= 0.0:
            break
        held += 1
        u, v = 2 * xy[at, 0] + np.float32(0.5), 2 * xy[at, 1] + np.float32(0.5)
        alone = True
        for k in range(uv.shape[0]):
            tests += 1
            if (abs(uv[k, 0] - u) < cell) & (abs(uv[k, 1] - v) < cell):
                alone = False
                break
        if alone:
            uv[slot, 0], uv[slot, 1] = u, v
            wanted[slot] = 1
            added += 1
    return added, looked, held, tests, used
