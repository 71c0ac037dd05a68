"""Walk along the epipolar curve: correlation of every hypothesis, then the best."""

import numpy as np
from naive.camera import project, unproject
from naive.patch import patch


def search_epipolar(image, level, template, camera_a, camera_b, R, p, uv, nearest):
    """(inverse depth or None, hypotheses tried) of one feature."""
    focal = 0.5 * (camera_b[1][0] + camera_b[1][1])
    step = 2.0**level / (focal * np.linalg.norm(p))
    ray = R @ np.array([*unproject(*camera_a, *np.asarray(uv, float)), 1.0])
    scores = []
    for i in range(int(1.0 / (nearest * step)) + 2):
        X = ray + i * step * p
        if X[2] < 0.05:
            break
        u, v = (np.asarray(project(*camera_b, X[0] / X[2], X[1] / X[2])) + 0.5) / 2**level - 0.5
        if not (5 <= u < image.shape[1] - 6 and 5 <= v < image.shape[0] - 6):
            continue
        a = patch(image, u, v, np.eye(2)).ravel()
        b = template[1:-1, 1:-1].astype(float).ravel()
        a, b = a - a.mean(), b - b.mean()
        scores.append((a @ b / np.sqrt((a @ a) * (b @ b) + 1.0), i * step))
    best = max(scores, default=(0.0, 0.0))
    return (best[1] if best[0] > 0.6 else None), len(scores)
