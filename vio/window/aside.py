"""How far cam1 sees everything to one side of where the window puts it."""

from vio._jit import kernel
from vio.events import AT
from vio.window.sight import camera_poses, stand, view

FARTHEST, HALVINGS = 8.0, 12
"""Largest median that can be told [px], and how often the range of it is halved: to 0.004 px."""


@kernel
def look_aside(sight, slot, off, median):
    """Median residual of cam1 in a frame.

    Args:
        sight: Sight. slot: of the frame. off: (N, 2) scratch.
        median: (2,) out [px]; of no use where no landmark is seen.

    Returns:
        landmarks it is the median of, N at the most.
    """
    landmarks, step = sight.landmarks, sight.ext.step
    cams, counts = sight.cams, sight.counts
    n, known = 0, 0
    camera_poses(sight.slots, sight.ext, 1, cams)
    for m in range(landmarks.id.shape[0]):
        if landmarks.active[m] == 0:
            continue
        known += 1
        weight = landmarks.weight[m, slot, 1] * step[1]
        if weight == 0.0 or n == off.shape[0]:
            continue
        x, y, rho = landmarks.point[m, 0], landmarks.point[m, 1], landmarks.point[m, 2]
        Y = stand(cams, landmarks.host[m], 0, x, y, rho)
        qx, qy, qz = view(cams, slot, 0, 1, Y, rho)
        off[n, 0] = (qx / qz - landmarks.xy[m, slot, 1, 0] * step[0]) * weight
        off[n, 1] = (qy / qz - landmarks.xy[m, slot, 1, 1] * step[0]) * weight
        n += 1
    for axis in range(2):
        low, high = -FARTHEST, FARTHEST
        for _ in range(HALVINGS):
            middle, below = 0.5 * (low + high), 0
            for k in range(n):
                below += off[k, axis] < middle
            if 2 * below > n:
                high = middle
            else:
                low = middle
        median[axis] = 0.5 * (low + high)
    counts[AT.asides] += 1
    counts[AT.aside_known] += known
    counts[AT.aside_seen] += n
    return n
