"""What pictures and gyro say of the same turns: the gyro's bias, and how late its stamps are.

The rotation between two frames must make all epipolar normals coplanar: the least eigenvalue of
their scatter is what does not fit (Kneip & Lynen, ICCV 2013; He et al., "Rotation-Translation-
Decoupled Solution", CVPR 2023). The sums over the features do not depend on the rotation, so one
call tries many. Of the shapes, K are intervals between frames, O offsets and E biases.
"""

import numpy as np

GRID_S, SIGMA_BIAS, STEP = 0.01, 0.2, 2e-3  # s, rad/s, rad/s
GAIN = 8.0
"""How much likelier than none an offset must be, in logarithms: four standard deviations."""
EPSILON = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_i, _j, _k], EPSILON[_i, _k, _j] = 1.0, -1.0
NORMALS = np.einsum("ijk,lmn->jmknil", EPSILON, EPSILON).reshape(9, 81)
AXES, PAIRS = STEP * np.eye(3), ((1, 0), (2, 0), (2, 1))
TRIALS = np.vstack([np.zeros(3), AXES, -AXES, [AXES[i] + AXES[j] for i, j in PAIRS]])


def rotations(w) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), by Rodrigues' formula."""
    angle = np.maximum(np.linalg.norm(w, axis=-1), 1e-12)[..., None, None]
    K = -(EPSILON @ w[..., None, :, None])[..., 0] / angle
    return np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * (K @ K)


def scatter(a, b, weight) -> np.ndarray:
    """(81, 9): turns the outer product of a rotation from b to a into the normals' scatter.

    Args:
        a, b: (n, 3) unit rays of the same features in two frames. weight: (n,) or 1.
    """
    aa = (a[:, :, None] * a[:, None, :]).reshape(-1, 9)
    bb = (b[:, :, None] * b[:, None, :]).reshape(-1, 9)
    sums = (bb.T * weight) @ aa @ NORMALS
    return sums.reshape(3, 3, 3, 3, 9).transpose(2, 0, 3, 1, 4).reshape(81, 9)


def normals_scatter(scatters, R) -> np.ndarray:
    """(K, ..., 3, 3) of scatters (K, 81, 9) and rotations (K, ..., 3, 3)."""
    r = R.reshape(len(R), -1, 9)
    outer = (r[:, :, :, None] * r[:, :, None, :]).reshape(len(R), -1, 81)
    return (outer @ scatters).reshape(R.shape)


class Turns:
    """The intervals of a start, integrated at one or more offsets."""

    def __init__(self, rays, R, J, R_imu_cam, sigma):
        """The features count alike until `reweigh`.

        Args:
            rays: per interval unit rays a (n, 3) and b (n, 3) in cam0.
            R, J: (K, O, 3, 3) turn of the imu from b to a, and its Jacobian by the gyro's bias.
            R_imu_cam: (3, 3) of cam0. sigma: angular noise of a ray [rad].
        """
        self.rays, self.sigma = rays, sigma
        self.R, self.J = R_imu_cam.T @ R @ R_imu_cam, R_imu_cam.T @ J
        self.scatters = np.array([scatter(a, b, 1.0) for a, b in rays])

    def turned(self, biases):
        """(K, O, E, 3, 3) rotations of cam0 from b to a at biases (O, E, 3)."""
        return self.R[:, :, None] @ rotations(biases @ self.J.swapaxes(2, 3))

    def cost(self, biases):
        """(O, E) of biases (O, E, 3)."""
        left = np.linalg.eigvalsh(normals_scatter(self.scatters, self.turned(biases)))[..., 0]
        prior = (biases**2).sum(axis=2) / SIGMA_BIAS**2
        return 0.5 * (prior + np.maximum(left, 0.0).sum(axis=0) / self.sigma**2)

    def fit(self, bias, steps=3):
        """Costs (O,) and biases (O, 3) near the minima from `bias` on, by Newton on differences."""
        best, kept = np.full(len(bias), np.inf), bias
        for _ in range(steps):
            c = self.cost(bias[:, None] + TRIALS)
            better = c[:, 0] < best
            best, kept = np.where(better, c[:, 0], best), np.where(better[:, None], bias, kept)
            plus, minus = c[:, 1:4], c[:, 4:7]
            H = np.zeros((len(bias), 3, 3))
            H[:, range(3), range(3)] = plus - 2 * c[:, :1] + minus
            for k, (i, j) in enumerate(PAIRS):
                H[:, i, j] = H[:, j, i] = c[:, 7 + k] - plus[:, i] - plus[:, j] + c[:, 0]
            w, V = np.linalg.eigh(H / STEP**2)
            along = ((minus - plus) / (2 * STEP))[:, None] @ V
            step = (along / np.maximum(np.abs(w), 1.0)[:, None] @ V.swapaxes(1, 2))[:, 0]
            length = np.linalg.norm(step, axis=1, keepdims=True)
            bias = bias + step * np.minimum(1.0, 0.1 / np.maximum(length, 1e-12))
        return best, kept

    def reweigh(self, biases, at=0):
        """Weigh the features by the Cauchy loss at one of the biases (O, 3) of `fit`.

        One wild match must not decide.
        """
        R = self.turned(biases[:, None])[:, at, 0]
        smallest = np.linalg.eigh(normals_scatter(self.scatters, R))[1][:, :, 0]
        for k, (a, b) in enumerate(self.rays):
            off = (np.cross(a, b @ R[k].T) @ smallest[k]) ** 2
            self.scatters[k] = scatter(a, b, 1.0 / (1.0 + off / (9 * self.sigma**2)))


def gyro_bias(rays, R, J, R_imu_cam, sigma, rounds=4):
    """Gyro bias (3,) [rad/s] from the turns R (K, 3, 3) integrated at none; see Turns."""
    turns, bias = Turns(rays, R[:, None], J[:, None], R_imu_cam, sigma), np.zeros((1, 3))
    for _ in range(rounds):
        bias = turns.fit(bias)[1]
        turns.reweigh(bias)
    return bias[0]


def coarse_offset(rays, integrate, R_imu_cam, sigma, reach_s, rounds=4):
    """The offset within +-`reach_s` at which gyro and pictures agree best, if that is certain [s].

    Args:
        rays, R_imu_cam, sigma: of Turns. integrate: offset -> R (K, 3, 3), J (K, 3, 3).

    Returns:
        zero if none is better by GAIN, or the best is at an end.
    """
    n = int(np.ceil(reach_s / GRID_S))
    grid = GRID_S * np.arange(-n, n + 1)
    R, J = (np.stack(parts, axis=1) for parts in zip(*map(integrate, grid)))
    turns, biases = Turns(rays, R, J, R_imu_cam, sigma), np.zeros((grid.size, 3))
    for k in range(rounds):
        costs, biases = turns.fit(biases, steps=5)
        best = int(np.argmin(costs))
        if k < rounds - 1:
            turns.reweigh(biases, best)
    noise = max(1.0, 2.0 * costs[best] / sum(len(a) for a, _ in rays))
    if best in (0, grid.size - 1) or costs[n] - costs[best] < GAIN * noise:
        return 0.0
    left, mid, right = costs[best - 1 : best + 2]
    return grid[best] + GRID_S * 0.5 * (left - right) / (left - 2 * mid + right)
