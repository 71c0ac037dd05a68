"""Corner score of every pixel at once, then the best of every cell."""

import numpy as np


def score_map(image):
    """det / (trace + 1) of the 5x5 structure tensor; NaN where the window leaves the image."""
    I = image.astype(np.float64)
    gx, gy = np.zeros_like(I), np.zeros_like(I)
    gx[:, 1:-1] = I[:, 2:] - I[:, :-2]
    gy[1:-1] = I[2:] - I[:-2]

    def box(values):
        out = np.full(I.shape, np.nan)
        for y in range(3, I.shape[0] - 3):
            for x in range(3, I.shape[1] - 3):
                out[y, x] = values[y - 2 : y + 3, x - 2 : x + 3].sum()
        return out

    a, b, c = box(gx * gx), box(gx * gy), box(gy * gy)
    return (a * c - b * b) / (a + c + 1.0)


def detect(image, cell, occupied, threshold, border):
    """(xy, score, scored, found); xy and score per cell, score 0 where there is none."""
    S = score_map(image)
    height, width = image.shape
    rows, cols = occupied.shape
    xy, score = np.zeros((rows * cols, 2)), np.zeros(rows * cols)
    scored = 0
    for row in range(rows):
        for col in range(cols):
            if occupied[row, col]:
                continue
            y0, y1 = max(row * cell, border), min((row + 1) * cell, height - border)
            x0, x1 = max(col * cell, border), min((col + 1) * cell, width - border)
            if y1 <= y0 or x1 <= x0:
                continue
            part = S[y0:y1, x0:x1]
            scored += part.size
            y, x = np.unravel_index(np.argmax(part), part.shape)
            if part[y, x] >= threshold:
                xy[row * cols + col] = x0 + x, y0 + y
                score[row * cols + col] = part[y, x]
    return xy, score, scored, int((score > 0).sum())


def occupy(uv, cell, shape):
    """(rows, cols) of 0 and 1: cells of level 1 that hold a pixel of level 0, or are nearest."""
    out = np.zeros(shape, np.uint8)
    for u, v in uv[~np.isnan(uv[:, 0])]:
        row, col = int(v / 2) // cell, int(u / 2) // cell
        out[np.clip(row, 0, shape[0] - 1), np.clip(col, 0, shape[1] - 1)] = 1
    return out


def choose(xy, score, order, cell, uv):
    """Features with the best corners added, each farther than `cell` along x or y from all."""
    out = uv.copy()
    for at in order:
        free = np.flatnonzero(np.isnan(out[:, 0]))
        if score[at] <= 0 or not free.size:
            break
        place = 2 * xy[at] + np.float32(0.5)
        apart = np.abs(out[~np.isnan(out[:, 0])] - place).max(axis=1)
        if (apart >= cell).all():
            out[free[0]] = place
    return out


def gradient_row(up, here, down):
    """(gx, gy) of all pixels but the first and the last."""
    up, here, down = (np.asarray(r, int) for r in (up, here, down))
    return here[2:] - here[:-2], down[1:-1] - up[1:-1]


def add_products(a, b, sums):
    return np.asarray(sums, int) + np.asarray(a, int) * np.asarray(b, int)


def take_products(a, b, sums):
    return np.asarray(sums, int) - np.asarray(a, int) * np.asarray(b, int)


def score_row(xx, xy, yy):
    a, b, c = (np.convolve(np.asarray(s, float), np.ones(5), "valid") for s in (xx, xy, yy))
    return (a * c - b * b) / (a + c + 1)
