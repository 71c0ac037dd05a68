"""First stereo match of a feature: walk its epipolar curve on a coarse level."""

import math

import numpy as np

from vio._jit import kernel
from vio.frontend.codec import HEIGHT, NOTHING, WIDTH, load_region
from vio.frontend.klt import LARGEST, REACH, box_around, inside
from vio.frontend.patch import PATCH, SIZE, project_patch, steepest_descent, unpack_template
from vio.geometry.camera import project, unproject


@kernel
def search_epipolar(
    data,
    table,
    level,
    templates,
    bits,
    model_a,
    params_a,
    model_b,
    params_b,
    R_b_a,
    p_b_a,
    uv_a,
    wanted,
    nearest,
    regions,
    patch,
    basis,
    lanes,
    inv_depth,
):
    """Best inverse depth of each wanted feature among hypotheses one coarse pixel apart.

    Args:
        data, table: compressed frame of camera b. level: of it to search in.
        templates: (N, L, B) uint8 of `bits` bits per pixel.
        uv_a: (N, 2) float32 px. wanted: (N,) uint8.
        nearest: depth [m] where the walk ends.
        regions: (2, 25, 26), patch: (100,), basis: (192,), lanes: (72,) float32, scratch.
        inv_depth: (N,) float32 out 1/m, written where the correlation is good.

    Returns:
        (hypotheses tried, regions loaded, blocks decoded, of them of level 0, of level 1,
        features matched).
    """
    tried, loads, blocks, blocks0, blocks1, matched = 0, 0, 0, 0, 0, 0
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    scale = np.float32(1 << level)
    n = np.float32(SIZE)
    limit, room = np.float32(0.5 * PATCH + 1.0), LARGEST - REACH - half
    pixels = regions[0] if level == 0 else regions[1]
    focal = 0.5 * (params_b[0] + params_b[1])
    base = math.sqrt(p_b_a[0] ** 2 + p_b_a[1] ** 2 + p_b_a[2] ** 2)
    step = float(1 << level) / (focal * base)
    count = int(1.0 / (nearest * step)) + 2
    height, width = table[level, HEIGHT], table[level, WIDTH]
    for k in range(uv_a.shape[0]):
        if wanted[k] == 0:
            continue
        unpack_template(templates[k, level], bits, patch)
        h00, h01, h11, energy = steepest_descent(patch, basis, lanes)
        x, y = unproject(model_a, params_a, uv_a[k, 0], uv_a[k, 1])
        X = R_b_a[0, 0] * x + R_b_a[0, 1] * y + R_b_a[0, 2]
        Y = R_b_a[1, 0] * x + R_b_a[1, 1] * y + R_b_a[1, 2]
        Z = R_b_a[2, 0] * x + R_b_a[2, 1] * y + R_b_a[2, 2]
        # A region lies ahead: the walk goes on where the line leads as the inverse depth grows.
        along_x, along_y = p_b_a[0] * Z - p_b_a[2] * X, p_b_a[1] * Z - p_b_a[2] * Y
        part = room / max(abs(along_x), abs(along_y), 1e-9)
        ahead_x, ahead_y = np.float32(along_x * part), np.float32(along_y * part)
        reach_x, reach_y = REACH + half + abs(ahead_x), REACH + half + abs(ahead_y)
        best, best_rho = np.float32(0.6), -1.0
        box, held = NOTHING, NOTHING
        for i in range(count):
            rho = i * step
            depth = Z + rho * p_b_a[2]
            if depth < 0.05:
                break
            ud, vd = project(
                model_b, params_b, (X + rho * p_b_a[0]) / depth, (Y + rho * p_b_a[1]) / depth
            )
            u, v = (np.float32(ud) + half) / scale - half, (np.float32(vd) + half) / scale - half
            if not inside((0, 0, width, height), u, v, limit, limit):
                continue
            if not inside(box, u, v, REACH, REACH):
                box = box_around(table, level, u + ahead_x, v + ahead_y, reach_x, reach_y)
                own, extra, held = load_region(data, table, level, box, held, regions)
                loads, blocks = loads + 1, blocks + own + extra
                blocks0 += own * (level == 0)
                blocks1 += own * (level == 1) + extra
            lx, ly = u - np.float32(box[0] - 1), v - np.float32(box[1])
            _, _, dt, s1, s2 = project_patch(pixels, lx, ly, one, zero, zero, one, basis, lanes)
            tried += 1
            variance = s2 - s1 * s1 / n
            if dt > zero and variance > zero:
                score = dt / math.sqrt(variance * energy + one)
                if score > best:
                    best, best_rho = score, rho
        if best_rho >= 0.0:
            inv_depth[k] = best_rho
            matched += 1
    return tried, loads, blocks, blocks0, blocks1, matched
