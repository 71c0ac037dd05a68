"""The left image with its features: green with a stereo match, red without, size by age."""

import cv2
import numpy as np


def annotated(image, tracks) -> np.ndarray:
    """(H, W, 3) uint8 bgr."""
    drawn = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    matched = np.isfinite(tracks.uv1[:, 0])
    for (u, v), pair, age in zip(tracks.uv0, matched, tracks.ages):
        colour = (80, 220, 80) if pair else (60, 60, 240)
        cv2.circle(drawn, (round(float(u)), round(float(v))), 2 + min(int(age) // 10, 4), colour, 1)
    return drawn
