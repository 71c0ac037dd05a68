"""Slow readable twins of vio/sim/sensor.py."""

import math

import numpy as np


def develop(radiance, shading, gain, shot, read, key):
    """Lens blur with repeated borders, gain, noise by pixel number, rounding."""
    kernel = np.array([0.1065, 0.787, 0.1065])
    padded = np.pad(radiance.astype(float), 1, mode="edge")
    h, w = radiance.shape
    blurred = sum(
        kernel[i] * kernel[j] * padded[i : i + h, j : j + w] for i in range(3) for j in range(3)
    )
    grey = gain * shading * blurred
    noise = np.array([normal(int(key) + k) for k in range(h * w)]).reshape(h, w)
    value = grey + np.sqrt(shot * grey + read**2) * noise
    return np.clip(np.floor(value + 0.5), 0, 255).astype(np.uint8)


def mixed(counter):
    """splitmix64 in Python's long integers."""
    h = counter * 0x9E3779B97F4A7C15 % 2**64
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    h = (h ^ h >> 27) * 0x94D049BB133111EB % 2**64
    return h ^ h >> 31


def normal(counter):
    """Sum of the four 16-bit parts of the hash, to mean 0 (almost) and variance 1."""
    parts = [mixed(counter) >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
    return sum((part + 0.5) / 65536 - 0.5 for part in parts) * math.sqrt(3)
