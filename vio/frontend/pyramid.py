"""Image pyramid: each level halves the one below with the separable filter [1 3 3 1] / 8.

The even filter puts pixel x of level l at (x + 0.5) 2^l - 0.5 of level 0. One line buffer.
"""

from vio._jit import kernel


@kernel
def halve(image, line, out):
    """out[y, x] = 4x4 weighted mean around the 2x2 block of `image`.

    Args:
        image: (H, W) uint8. line: (W + 2,) uint16 scratch. out: (H // 2, W // 2) uint8.

    Returns:
        pixels written.
    """
    height, width = image.shape
    for y in range(out.shape[0]):
        up, down = max(2 * y - 1, 0), min(2 * y + 2, height - 1)
        for x in range(width):
            line[x + 1] = image[up, x] + 3 * (image[2 * y, x] + image[2 * y + 1, x]) + image[down, x]
        line[0] = line[1]
        line[width + 1] = line[width]
        for x in range(out.shape[1]):
            s = line[2 * x] + 3 * (line[2 * x + 1] + line[2 * x + 2]) + line[2 * x + 3]
            out[y, x] = (s + 32) >> 6
    return out.shape[0] * out.shape[1]
