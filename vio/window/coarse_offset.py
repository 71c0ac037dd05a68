"""A first guess of the time offset, for a start in motion: when do pictures turn as the gyro does?

For each offset of a grid the gyro's bias is fitted so that the epipolar normals between
neighbouring frames become coplanar, as in `initialise.gyro_bias`; the offset that leaves least
wins. The sums over the features do not depend on the rotation (Kneip & Lynen, ICCV 2013), so a
trial is cheap.
"""

import numpy as np

GRID_S = 0.01
EPSILON = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_i, _j, _k], EPSILON[_i, _k, _j] = 1.0, -1.0
NORMALS = np.einsum("ijk,lmn->jmknil", EPSILON, EPSILON).reshape(81, 9)


def sums(a, b):
    """(3, 3, 3, 3) sum of a a b b over matched unit rays (n, 3) of two frames."""
    aa = (a[:, :, None] * a[:, None, :]).reshape(-1, 9)
    bb = (b[:, :, None] * b[:, None, :]).reshape(-1, 9)
    return (aa.T @ bb).reshape(3, 3, 3, 3)


def coplanarity(S, R):
    """(E,) smallest eigenvalue of the normals' scatter for rotations R (E, 3, 3) from b to a."""
    T = np.einsum("ekp,jmpq,enq->ejmkn", R, S, R, optimize=True).reshape(-1, 81)
    return np.linalg.eigvalsh((T @ NORMALS).reshape(-1, 3, 3))[:, 0]


def rotations(w) -> np.ndarray:
    """Rotation matrices (E, 3, 3) of rotation vectors (E, 3), by Rodrigues' formula."""
    angle = np.maximum(np.linalg.norm(w, axis=1), 1e-12)[:, None, None]
    K = -np.einsum("ijk,ek->eij", EPSILON, w) / angle
    return np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * (K @ K)


class Trial:
    """Cost of a gyro bias for intervals integrated at one offset."""

    def __init__(self, scatter, R, J, R_imu_cam, sigma, sigma_bias):
        self.scatter, self.R, self.J, self.R_imu_cam = scatter, R, J, R_imu_cam
        self.sigma, self.sigma_bias = sigma, sigma_bias

    def cost(self, biases):
        """(E,) of biases (E, 3)."""
        total = 0.5 * (biases**2).sum(axis=1) / self.sigma_bias**2
        for S, R, J in zip(self.scatter, self.R, self.J):
            turned = self.R_imu_cam.T @ R @ rotations(biases @ J.T) @ self.R_imu_cam
            total += 0.5 * np.maximum(coplanarity(S, turned), 0.0) / self.sigma**2
        return total

    def fit(self, bias, steps=3, h=2e-3):
        """(cost, bias) near the minimum, from `bias` on, by Newton on differences."""
        E = np.eye(3) * h
        corners = [E[i] + E[j] for i in range(3) for j in range(i)]
        offsets = np.vstack([np.zeros(3), E, -E, corners])
        best = np.inf
        for _ in range(steps):
            c = self.cost(bias + offsets)
            if c[0] >= best:
                break
            best, kept = c[0], bias
            g, H = (c[1:4] - c[4:7]) / (2 * h), np.diag((c[1:4] - 2 * c[0] + c[4:7]) / h**2)
            for k, (i, j) in enumerate(((1, 0), (2, 0), (2, 1))):
                H[i, j] = H[j, i] = (c[7 + k] - c[1 + i] - c[1 + j] + c[0]) / h**2
            w, V = np.linalg.eigh(H)
            step = -V @ ((V.T @ g) / np.maximum(np.abs(w), 1.0))
            bias = bias + step * min(1.0, 0.1 / max(np.linalg.norm(step), 1e-12))
        return best, kept


def coarse_offset(rays, integrate, R_imu_cam, sigma, reach_s, sigma_bias=0.2):
    """The offset within +-`reach_s` at which gyro and pictures agree best [s], and the costs.

    Args:
        rays: list of (unit rays a (n, 3), unit rays b (n, 3)) in cam0, per interval.
        integrate: offset -> (R (n, 3, 3), J (n, 3, 3) by the gyro bias) of the intervals.
        sigma: angular noise of a ray [rad].

    Returns:
        (offset, cost there, cost at zero); the offset is zero if the best is at an end.
    """
    scatter = [sums(a, b) for a, b in rays]
    n = int(np.ceil(reach_s / GRID_S))
    grid = np.arange(-n, n + 1)
    costs, bias = np.zeros(grid.size), np.zeros(3)
    for k in np.argsort(np.abs(grid), kind="stable"):  # from the middle out, each bias from it
        trial = Trial(scatter, *integrate(grid[k] * GRID_S), R_imu_cam, sigma, sigma_bias)
        costs[k], _ = trial.fit(bias)
    best = int(np.argmin(costs))
    if best in (0, grid.size - 1):  # no minimum within reach
        return 0.0, costs[n], costs[n]
    left, mid, right = costs[best - 1 : best + 2]
    offset = GRID_S * (grid[best] + 0.5 * (left - right) / (left - 2 * mid + right))
    return offset, mid, costs[n]
