"""A patch in plain double precision, sampling with scipy, algebra with numpy."""

import numpy as np
from scipy.ndimage import map_coordinates


def bilinear(image, x, y):
    return map_coordinates(image.astype(float), [y, x], order=1, mode="nearest")


def cut_template(region, left, top):
    """(10, 10) from a corner on, clipped to grey values."""
    gx, gy = np.meshgrid(left + np.arange(10), top + np.arange(10))
    return bilinear(region, gx, gy).clip(0, 255)


def unpack_template(stored, bits):
    """(10, 10) of stored bytes: raw, or darkest value, step and codes, low nibble first."""
    if bits == 8:
        return stored.reshape(10, 10).astype(float)
    codes = np.stack([stored[2:] & 15, stored[2:] >> 4], axis=1).reshape(10, 10)
    return stored[0] + stored[1] * codes.astype(float)


def steepest_descent(template):
    """(basis (3, 8, 8), Gram matrix (2, 2), energy)."""
    T = template.astype(float)
    gx, gy, t = (T[1:-1, 2:] - T[1:-1, :-2]) / 2, (T[2:, 1:-1] - T[:-2, 1:-1]) / 2, T[1:-1, 1:-1]
    nuisance = np.stack([np.ones(64), t.ravel()], axis=1)
    Q, _ = np.linalg.qr(nuisance)
    G = np.stack([gx.ravel(), gy.ravel()], axis=1)
    G = G - Q @ (Q.T @ G)
    t = t - t.mean()
    basis = np.stack([G[:, 0].reshape(8, 8), G[:, 1].reshape(8, 8), t])
    return basis, G.T @ G, float(np.sum(t * t))


def patch(image, x, y, warp):
    """(8, 8) sampled through the warp about (x, y)."""
    v, u = np.meshgrid(np.arange(8) - 3.5, np.arange(8) - 3.5, indexing="ij")
    warp = np.asarray(warp, float)
    return bilinear(image, x + warp[0, 0] * u + warp[0, 1] * v, y + warp[1, 0] * u + warp[1, 1] * v)


def project_patch(image, x, y, warp, basis):
    values = patch(image, x, y, warp)
    dots = [float(np.sum(b * values)) for b in basis]
    return np.array([*dots, values.sum(), (values**2).sum()])
