"""The image sensor: lens, vignetting, exposure, noise, eight bits."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from vio._jit import kernel


@dataclass(frozen=True)
class Sensor:
    """How light becomes grey levels.

    Attributes:
        exposure_s: shutter time [s].
        target: mean that the automatic exposure aims at [grey levels].
        shot: noise variance per grey level. read: sigma of the dark noise [grey levels].
    """

    exposure_s: float
    target: float
    shot: float
    read: float


DAY = Sensor(exposure_s=0.009, target=100.0, shot=0.012, read=0.8)
DARK = Sensor(exposure_s=0.018, target=36.0, shot=0.12, read=2.2)
CAM_GAIN = (1.0, 1.07)
ADAPT_S = 0.6


def exposure_gains(mean_radiance, t_s, sensor: Sensor, rng) -> np.ndarray:
    """Grey levels per unit of radiance (N,): a sluggish exposure control, with some wander.

    Args:
        mean_radiance: (N,) of each frame. t_s: (N,) frame times [s].
    """
    wanted = np.log(sensor.target / np.maximum(mean_radiance, 1e-3))
    log_gain = np.empty(len(wanted))
    log_gain[0] = wanted[0]
    for i in range(1, len(wanted)):
        pull = 1.0 - np.exp(-(t_s[i] - t_s[i - 1]) / ADAPT_S)
        log_gain[i] = log_gain[i - 1] + pull * (wanted[i] - log_gain[i - 1])
    wander = np.sin(2 * np.pi * (rng.uniform(0.03, 0.08) * t_s + rng.uniform()))
    return np.exp(log_gain + 0.05 * wander)


def vignette(rays: np.ndarray) -> np.ndarray:
    """Relative brightness (H, W) float32 of pixels with unit rays (H, W, 3)."""
    return (1.0 - 0.6 * (1.0 - rays[..., 2] ** 2)).astype(np.float32)


@kernel
def develop(radiance, shading, gain, shot, read, key, out):
    """Turn radiance (H, W) float32 into an image (H, W) uint8.

    A lens blur of sigma 0.5 px, vignetting `shading` (H, W), `gain`, then shot and read
    noise drawn from a counter that starts at `key`, so that the result depends on nothing else.
    """
    height, width = out.shape
    side, centre = 0.1065, 0.787
    for v in range(height):
        above, below = max(v - 1, 0), min(v + 1, height - 1)
        for u in range(width):
            left, right = max(u - 1, 0), min(u + 1, width - 1)
            upper = side * (radiance[above, left] + radiance[above, right])
            lower = side * (radiance[below, left] + radiance[below, right])
            middle = side * (radiance[v, left] + radiance[v, right])
            upper += centre * radiance[above, u]
            lower += centre * radiance[below, u]
            middle += centre * radiance[v, u]
            grey = gain * shading[v, u] * (side * (upper + lower) + centre * middle)
            value = grey + sqrt(shot * grey + read * read) * normal(key + np.uint64(v * width + u))
            out[v, u] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


@kernel
def normal(counter):
    """A standard normal number (the sum of four uniform ones) that belongs to a uint64."""
    h = mixed(counter)
    mask = np.uint64(0xFFFF)
    total = np.int64(h & mask) + np.int64((h >> np.uint64(16)) & mask)
    total += np.int64((h >> np.uint64(32)) & mask) + np.int64(h >> np.uint64(48))
    return (total / 65536.0 - 2.0 + 2.0 / 65536.0) * 1.7320508075688772


@kernel
def mixed(counter):
    """Scramble a uint64 so that neighbours have nothing in common (splitmix64)."""
    h = counter * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


def noise_key(seed: int, frame: int, cam: int) -> np.uint64:
    """Start of the noise counter of one image: far from that of any other."""
    return np.random.SeedSequence([seed, 4, frame, cam]).generate_state(1, np.uint64)[0]
