"""Patch alignment: a feature keeps its own 8x8 template and is found again in each image.

Inverse-compositional Lucas-Kanade (Baker & Matthews, IJCV 2004) whose steepest-descent images
are projected off the template's brightness and contrast, so that gain and offset need not be
estimated (project-out, ibid. part 3). The template is seen through a 2x2 warp that follows the
predicted motion, and is refreshed only when that warp or the match goes stale: a track does
not drift with its length. Each level reads one small region of the image, as a rule once.
"""

import math

import numpy as np

from vio._jit import kernel
from vio.frontend.codec import BLOCK, BLOCKS, HEIGHT, NOTHING, REGION, WIDTH, load_region
from vio.frontend.patch import (
    PATCH,
    SIZE,
    TEMPLATE,
    cut_template,
    is_bent,
    project_bent,
    project_patch,
    steepest_descent,
    unpack_template,
)

COARSE = np.float32(5.0)  # steps end this much earlier on a level that others follow
REACH = np.float32(0.5 * (PATCH - 1) + 0.01)  # px, from the centre to the outermost pixel
LARGEST = np.float32(0.5 * (REGION - 1 - BLOCK))  # px, half of what surely fits in a region


@kernel
def box_around(table, level, x, y, reach_x, reach_y):
    """The blocks that cover x +- reach_x, y +- reach_y, as far as they are in the level.

    Returns:
        (x0, y0, x1, y1) px, sides of REGION at the most; empty far outside.
    """
    wide, high = BLOCK * table[level, BLOCKS], -(-table[level, HEIGHT] // BLOCK) * BLOCK
    x0, y0 = max(int(x - reach_x), 0) // BLOCK * BLOCK, max(int(y - reach_y), 0) // BLOCK * BLOCK
    x1 = min(((int(x + reach_x) + 1) // BLOCK + 1) * BLOCK, min(wide, x0 + REGION))
    y1 = min(((int(y + reach_y) + 1) // BLOCK + 1) * BLOCK, min(high, y0 + REGION))
    return x0, y0, x1, y1


@kernel
def inside(box, x, y, reach_x, reach_y):
    """Whether x +- reach_x, y +- reach_y lies between the pixels of a box."""
    x0, y0, x1, y1 = box
    wide = x - np.float32(x0) >= reach_x and np.float32(x1 - 1) - x >= reach_x
    return wide and y - np.float32(y0) >= reach_y and np.float32(y1 - 1) - y >= reach_y


@kernel
def mark_stale(ids, warps, score, correlation, wanted):
    """Mark the features whose match has become poor or whose warp has gone far from one.

    Args:
        ids: (N,) int32, -1 = free. warps: (N, 2, 2) float32. score: (N,) float32.
        correlation: least score that is good. wanted: (N,) uint8 out.
    """
    for k in range(ids.size):
        a, b, c, d = warps[k, 0, 0], warps[k, 0, 1], warps[k, 1, 0], warps[k, 1, 1]
        area = a * d - b * c
        bent = (area < 0.6) | (area > 1.7) | (abs(a) + abs(b) + abs(c) + abs(d) > 3.4)
        poor = score[k] < correlation
        wanted[k] = (ids[k] >= 0) & (bent | poor)


@kernel
def take_templates(data, table, uv, wanted, bits, regions, patch, templates):
    """Store the patches of features at their present place, on every level.

    Args:
        data, table: compressed frame. uv: (N, 2) float32 px. wanted: (N,) uint8; becomes 2 where
            the patch of the finest level leaves the image: nothing is stored there.
        bits: 8, or 4. regions: (2, 25, 26) float32, patch: (100,) float32, scratch.
        templates: (N, L, B) uint8 out; zero on a coarser level that it leaves.

    Returns:
        (templates stored, templates cleared, features that left the image, blocks decoded, of
        them of level 0, of level 1).
    """
    half = np.float32(0.5)
    first = np.float32(0.5 * (TEMPLATE - 1))  # from the first pixel to the centre
    stored, cleared, left, blocks, blocks0, blocks1 = 0, 0, 0, 0, 0, 0
    for k in range(uv.shape[0]):
        if wanted[k] == 0:
            continue
        u, v, held = uv[k, 0], uv[k, 1], NOTHING
        for level in range(templates.shape[1] - 1, -1, -1):
            scale = np.float32(1 << level)
            x, y = (u + half) / scale - half, (v + half) / scale - half
            right, down = x - first + TEMPLATE, y - first + TEMPLATE
            whole = right < table[level, WIDTH] and down < table[level, HEIGHT]
            if not (x >= first and y >= first and whole):
                templates[k, level][:] = 0
                cleared += 1
                if level == 0:
                    wanted[k] = 2
                    left += 1
                continue
            box = box_around(table, level, x, y, first, first)
            own, extra, held = load_region(data, table, level, box, held, regions)
            pixels = regions[0] if level == 0 else regions[1]
            px, py = x - first - np.float32(box[0] - 1), y - first - np.float32(box[1])
            cut_template(pixels, px, py, bits, patch, templates[k, level])
            stored, blocks = stored + 1, blocks + own + extra
            blocks0, blocks1 = blocks0 + own * (level == 0), blocks1 + own * (level == 1) + extra
    return stored, cleared, left, blocks, blocks0, blocks1


@kernel
def align(
    data,
    table,
    templates,
    bits,
    warps,
    uv,
    first_level,
    last_level,
    params,
    regions,
    patch,
    basis,
    lanes,
    score,
):
    """Find every feature again: coarse to fine, `uv` is the prediction and becomes the answer.

    Args:
        data, table: compressed frame. templates: (N, L, B) uint8 of `bits` bits per pixel.
        warps: (N, 2, 2) float32, template to image. uv: (N, 2) float32 px of level 0, in/out;
            a NaN is passed over, and one not found becomes NaN.
        first_level: (N,) int8 coarsest level tried. last_level: finest level used.
        params: (4,) float32: most iterations per level, step [px of the level] that ends them,
            least correlation on the finest level, least gradient energy.
        regions: (2, 25, 26), patch: (100,), basis: (192,), lanes: (72,) float32, scratch.
        score: (N,) float32 out: normalised correlation on the finest level, 0 = not found.

    Returns:
        (regions loaded, blocks decoded, of them of level 0, of level 1, levels prepared,
        iterations, of them through a bent warp, features found, features given, of them with a
        warp that can be followed).
    """
    loads, blocks, prepared, iterations, strayed, found = 0, 0, 0, 0, 0, 0
    blocks0, blocks1, given, tried = 0, 0, 0, 0
    most = int(params[0])
    one, half = np.float32(1.0), np.float32(0.5)
    n, side = np.float32(SIZE), np.float32(0.5 * PATCH)
    for k in range(uv.shape[0]):
        score[k] = 0.0
        u, v = uv[k, 0], uv[k, 1]
        if not (u == u):
            continue
        given += 1
        uv[k, 0] = uv[k, 1] = np.nan
        a00, a01, a10, a11 = warps[k, 0, 0], warps[k, 0, 1], warps[k, 1, 0], warps[k, 1, 1]
        wide, high = abs(a00) + abs(a01), abs(a10) + abs(a11)
        limit_x, limit_y = wide * side + one, high * side + one
        if not (limit_x < LARGEST and limit_y < LARGEST):
            continue
        reach_x, reach_y = wide * REACH, high * REACH
        tried += 1
        bent = is_bent(a00, a10)
        result = np.float32(0.0)
        held = NOTHING
        for level in range(first_level[k], last_level - 1, -1):
            scale = np.float32(1 << level)
            small = params[1] if level == last_level else COARSE * params[1]
            x, y = (u + half) / scale - half, (v + half) / scale - half
            start_x, start_y = x, y
            unpack_template(templates[k, level], bits, patch)
            h00, h01, h11, energy = steepest_descent(patch, basis, lanes)
            prepared += 1
            det = h00 * h11 - h01 * h01
            result = np.float32(0.0)
            if det <= params[3] * (h00 + h11) or energy <= np.float32(0.0):
                continue
            whole = (0, 0, table[level, WIDTH], table[level, HEIGHT])
            box = NOTHING
            converged, within = False, True
            pixels = regions[0] if level == 0 else regions[1]
            for _ in range(most):
                within = inside(whole, x, y, limit_x, limit_y)
                if not within:
                    break
                if not inside(box, x, y, reach_x, reach_y):
                    box = box_around(table, level, x, y, reach_x + half, reach_y + half)
                    own, extra, held = load_region(data, table, level, box, held, regions)
                    loads, blocks = loads + 1, blocks + own + extra
                    blocks0 += own * (level == 0)
                    blocks1 += own * (level == 1) + extra
                lx, ly = x - np.float32(box[0] - 1), y - np.float32(box[1])
                if bent:
                    told = project_bent(pixels, lx, ly, a00, a01, a10, a11, basis)
                else:
                    told = project_patch(pixels, lx, ly, a00, a01, a10, a11, basis, lanes)
                dx, dy, dt, s1, s2 = told
                iterations, strayed = iterations + 1, strayed + bent
                variance = s2 - s1 * s1 / n
                if dt <= np.float32(0.0) or variance <= np.float32(0.0):
                    break
                result = dt / math.sqrt(variance * energy)
                gain = dt / energy
                ex = (h11 * dx - h01 * dy) / (det * gain)
                ey = (h00 * dy - h01 * dx) / (det * gain)
                step = ex * ex + ey * ey
                if step > np.float32(4.0):  # at most two pixels at a time
                    shrink = np.float32(2.0) / math.sqrt(step)
                    ex, ey = ex * shrink, ey * shrink
                x -= a00 * ex + a01 * ey
                y -= a10 * ex + a11 * ey
                if step < small * small:
                    converged = True
                    break
            moved = (x - start_x) * (x - start_x) + (y - start_y) * (y - start_y)
            good = within and result > np.float32(0.3) and moved < np.float32(64.0)
            if good:
                u, v = (x + half) * scale - half, (y + half) * scale - half
            elif level == last_level:
                result = np.float32(0.0)
            if level == last_level and not converged and result < np.float32(0.9):
                result = np.float32(0.0)
        height, width = table[0, HEIGHT], table[0, WIDTH]
        if result >= params[2] and u > half and v > half and u < width - 2 and v < height - 2:
            uv[k, 0], uv[k, 1] = u, v
            score[k] = result
            found += 1
    return loads, blocks, blocks0, blocks1, prepared, iterations, strayed, found, given, tried
