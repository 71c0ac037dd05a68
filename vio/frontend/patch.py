"""The patch of a feature: cut out and stored, prepared for alignment, sampled and projected.

Sums over a patch run in eight lanes, one per column of it, that are added up at the end: then
the compiler can take a row of a patch as one register, and the sums do not wait for each other.
"""

import numpy as np

from vio._jit import kernel

PATCH = 8  # px, side of the aligned patch
SIZE = PATCH * PATCH
TEMPLATE = PATCH + 2  # px, with the ring the gradients need
LANES = 9 * PATCH  # of the most sums that are taken at once


def template_bytes(bits: int) -> int:
    """Bytes of one stored template at 8 or 4 bits per pixel."""
    return TEMPLATE * TEMPLATE if bits == 8 else 2 + TEMPLATE * TEMPLATE // 2


@kernel
def cut_template(region, left, top, bits, patch, out):
    """Store the template whose first pixel is at (left, top) of a region.

    Args:
        region: (25, 26) float32. bits: 8, or 4 for half the memory. patch: (100,) scratch.
        out: (100,) uint8, or (52,): darkest value, step, and codes of 4 bits.
    """
    ix, iy = int(left), int(top)
    fx, fy = left - np.float32(ix), top - np.float32(iy)
    low, high = np.float32(255.0), np.float32(0.0)
    for i in range(TEMPLATE):
        a, b = region[iy + i], region[iy + i + 1]
        for j in range(TEMPLATE):
            up = a[ix + j] + fx * (a[ix + j + 1] - a[ix + j])
            down = b[ix + j] + fx * (b[ix + j + 1] - b[ix + j])
            value = min(max(up + fy * (down - up), np.float32(0.0)), np.float32(255.0))
            patch[TEMPLATE * i + j] = value
            low, high = min(low, value), max(high, value)
    round_up = np.float32(0.5)
    if bits == 8:
        for k in range(patch.size):
            out[k] = np.uint8(patch[k] + round_up)
        return
    base = int(low)
    step = max((int(high) + 1 - base + 14) // 15, 1)
    out[0], out[1] = base, step
    scale = np.float32(1.0) / np.float32(step)
    for k in range(patch.size // 2):
        q0 = min(int((patch[2 * k] - np.float32(base)) * scale + round_up), 15)
        q1 = min(int((patch[2 * k + 1] - np.float32(base)) * scale + round_up), 15)
        out[2 + k] = q0 | (q1 << 4)


@kernel
def unpack_template(template, bits, patch):
    """Template bytes to (100,) float32."""
    if bits == 8:
        for k in range(patch.size):
            patch[k] = template[k]
        return
    base, step = np.float32(template[0]), np.float32(template[1])
    for k in range(patch.size // 2):
        packed = template[2 + k]
        patch[2 * k] = base + step * np.float32(packed & 15)
        patch[2 * k + 1] = base + step * np.float32(packed >> 4)


@kernel
def total(lanes, which):
    """Sum of the eight lanes of one of the sums."""
    k = PATCH * which
    left = (lanes[k] + lanes[k + 4]) + (lanes[k + 2] + lanes[k + 6])
    return left + ((lanes[k + 1] + lanes[k + 5]) + (lanes[k + 3] + lanes[k + 7]))


@kernel
def steepest_descent(template, out, lanes):
    """Template, centred, and its two projected gradients.

    Args:
        template: (100,) float32. lanes: (72,) float32 scratch.
        out: (192,) float32: gradient x, gradient y, template, (8, 8) each; the gradients are
            orthogonal to the constant and to the template.

    Returns:
        (h00, h01, h11, energy): their 2x2 Gram matrix and the template's squared norm.
    """
    half, n = np.float32(0.5), np.float32(1.0 / SIZE)
    grey = template[TEMPLATE * 5 + 5]  # squares of what is left of it lose no digits
    for j in range(9 * PATCH):
        lanes[j] = 0.0
    for i in range(PATCH):
        for j in range(PATCH):
            k, to = TEMPLATE * (i + 1) + j + 1, PATCH * i + j
            gx = (template[k + 1] - template[k - 1]) * half
            gy = (template[k + TEMPLATE] - template[k - TEMPLATE]) * half
            t = template[k] - grey
            out[to], out[SIZE + to], out[2 * SIZE + to] = gx, gy, t
            lanes[j] += gx
            lanes[PATCH + j] += gy
            lanes[2 * PATCH + j] += t
            lanes[3 * PATCH + j] += gx * t
            lanes[4 * PATCH + j] += gy * t
            lanes[5 * PATCH + j] += t * t
            lanes[6 * PATCH + j] += gx * gx
            lanes[7 * PATCH + j] += gx * gy
            lanes[8 * PATCH + j] += gy * gy
    sx, sy, st = total(lanes, 0), total(lanes, 1), total(lanes, 2)
    mx, my, mt = sx * n, sy * n, st * n
    # Products with the centred template, then what of the gradients lies along it.
    tx, ty, tt = total(lanes, 3) - mx * st, total(lanes, 4) - my * st, total(lanes, 5) - mt * st
    kx, ky = tx / (tt + np.float32(1e-3)), ty / (tt + np.float32(1e-3))
    for k in range(SIZE):
        t = out[2 * SIZE + k] - mt
        gx, gy = out[k] - mx - kx * t, out[SIZE + k] - my - ky * t
        out[k], out[SIZE + k], out[2 * SIZE + k] = gx, gy, t
    h00 = total(lanes, 6) - mx * sx - kx * (tx + tx - kx * tt)
    h01 = total(lanes, 7) - mx * sy - kx * ty - ky * tx + kx * ky * tt
    h11 = total(lanes, 8) - my * sy - ky * (ty + ty - ky * tt)
    return h00, h01, h11, tt


@kernel
def is_bent(a00, a10):
    """Whether a row of samples strays by a pixel or more from one of pixels side by side."""
    last, one = np.float32(PATCH - 1), np.float32(1.0)
    return not (abs(a00 - one) * last <= one and abs(a10) * last <= one)


@kernel
def project_patch(region, x, y, a00, a01, a10, a11, basis, lanes):
    """Sample the warped patch at (x, y) of the region and project it on the basis.

    The warp is not bent: the samples of a row lie among three rows of pixels, sample j between
    pixels j and j + 2 from a common one on, which is one to the left of the first at the most. So
    pixels are read side by side, and those between which a sample lies are picked.

    Args:
        region: (25, 26) float32; what is beyond the samples' own pixels may be any number.
        lanes: (72,) float32 scratch.

    Returns:
        (gx . I, gy . I, template . I, sum I, sum I^2).
    """
    one, last, middle = np.float32(1.0), np.float32(PATCH - 1), np.float32(0.5 * (PATCH - 1))
    stretch, next_x = a00 - one, np.uint64(1)
    row_x = x - a00 * middle - a01 * middle
    row_y = y - a10 * middle - a11 * middle
    for j in range(5 * PATCH):
        lanes[j] = 0.0
    for i in range(PATCH):
        left = np.int32(min(row_x, row_x + last * stretch))
        top = np.int32(min(row_y, row_y + last * a10))
        r0, r1, r2 = region[np.uint64(top)], region[np.uint64(top + 1)], region[np.uint64(top + 2)]
        begin_x, begin_y = row_x - np.float32(left), row_y - np.float32(top)
        for j in range(PATCH):
            step, k0 = np.float32(np.int32(j)), np.uint64(left) + np.uint64(j)
            k1 = k0 + next_x
            k2 = k1 + next_x
            fx, fy = begin_x + step * stretch, begin_y + step * a10
            p00, p01, p02 = r0[k0], r0[k1], r0[k2]
            p10, p11, p12 = r1[k0], r1[k1], r1[k2]
            p20, p21, p22 = r2[k0], r2[k1], r2[k2]
            if fy >= one:
                fy -= one
                p00, p01, p02, p10, p11, p12 = p10, p11, p12, p20, p21, p22
            if fx >= one:
                fx -= one
                p00, p01, p10, p11 = p01, p02, p11, p12
            up = p00 + fx * (p01 - p00)
            value = up + fy * (p10 + fx * (p11 - p10) - up)
            at = PATCH * i + j
            lanes[j] += basis[at] * value
            lanes[PATCH + j] += basis[SIZE + at] * value
            lanes[2 * PATCH + j] += basis[2 * SIZE + at] * value
            lanes[3 * PATCH + j] += value
            lanes[4 * PATCH + j] += value * value
        row_x += a01
        row_y += a11
    return total(lanes, 0), total(lanes, 1), total(lanes, 2), total(lanes, 3), total(lanes, 4)


@kernel
def project_bent(region, x, y, a00, a01, a10, a11, basis):
    """`project_patch` through any warp, sample by sample."""
    dx, dy, dt = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    s1, s2 = np.float32(0.0), np.float32(0.0)
    one = np.uint64(1)
    middle = np.float32(0.5 * (PATCH - 1))
    row_x = x - a00 * middle - a01 * middle
    row_y = y - a10 * middle - a11 * middle
    for i in range(PATCH):
        px, py = row_x, row_y
        for j in range(PATCH):
            ix, iy = np.uint64(np.int32(px)), np.uint64(np.int32(py))  # unsigned: no wrap-around
            fx, fy = px - np.float32(np.int32(px)), py - np.float32(np.int32(py))
            p00, p01 = region[iy, ix], region[iy, ix + one]
            p10, p11 = region[iy + one, ix], region[iy + one, ix + one]
            up = p00 + fx * (p01 - p00)
            value = up + fy * (p10 + fx * (p11 - p10) - up)
            at = PATCH * i + j
            dx += basis[at] * value
            dy += basis[SIZE + at] * value
            dt += basis[2 * SIZE + at] * value
            s1 += value
            s2 += value * value
            px += a00
            py += a10
        row_x += a01
        row_y += a11
    return dx, dy, dt, s1, s2
