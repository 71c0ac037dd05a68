"""What pictures and gyro say of the same turns: the gyro's bias, and how late its stamps are.

The rotation between two frames must make all epipolar normals coplanar: the least eigenvalue of
their scatter is what does not fit (Kneip & Lynen, ICCV 2013; He et al., "Rotation-Translation-
Decoupled Solution", CVPR 2023). The sums over the features do not depend on the rotation, so one
call tries many. Of the shapes, K are intervals between frames and O offsets.
"""

import numpy as np

GRID_S, SIGMA_BIAS, STEP, ROUNDS = 0.01, 0.2, 1e-3, 12  # s, rad/s, rad
GAIN = 8.0
"""How much likelier than none an offset must be, in logarithms: four standard deviations."""
EPSILON = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_i, _j, _k], EPSILON[_i, _k, _j] = 1.0, -1.0
NORMALS = np.einsum("ijk,lmn->jmknil", EPSILON, EPSILON).reshape(9, 81)
AXES, PAIRS = STEP * np.eye(3), ((1, 0), (2, 0), (2, 1))


def rotations(w) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), by Rodrigues' formula."""
    angle = np.maximum(np.linalg.norm(w, axis=-1), 1e-12)[..., None, None]
    K = -(EPSILON @ w[..., None, :, None])[..., 0] / angle
    return np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * (K @ K)


def logs(R) -> np.ndarray:
    """Rotation vectors (..., 3) of rotation matrices (..., 3, 3) that turn by less than pi."""
    axis = 0.5 * (R.reshape(*R.shape[:-2], 9) @ -EPSILON.reshape(3, 9).T)
    angle = np.arccos(np.clip(0.5 * (np.trace(R, axis1=-2, axis2=-1) - 1.0), -1.0, 1.0))
    return axis / np.maximum(np.sinc(angle / np.pi), 1e-9)[..., None]


NUDGES = rotations(np.vstack([np.zeros(3), AXES, -AXES, [AXES[i] + AXES[j] for i, j in PAIRS]]))


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

    def fit(self, best, free=False):
        """Gauss-Newton: what does not fit is a parabola in each turn, so biases are solved for.

        Args:
            best: the offset to start at. free: whether a better one may take its place.

        Returns:
            costs (O,), biases (O, 3) and the best offset.
        """
        R, J, JT = self.R, self.J, self.J.swapaxes(2, 3)
        at = R[:, best]
        for k in range(ROUNDS):
            if k and k % 2 == 0:
                self.reweigh(at)
            left, slope, curve = self.parabolas(at)
            off, curve = logs(at.swapaxes(1, 2)[:, None] @ R)[..., None], curve[:, None]
            H = (JT @ curve @ J).sum(axis=0) + np.eye(3) / SIGMA_BIAS**2
            biases = -np.linalg.solve(H, (JT @ (slope[:, None] + curve @ off)).sum(axis=0))
            off += J @ biases
            costs = (off * (slope[:, None] + 0.5 * curve @ off)).sum(axis=(0, 2, 3)) + left.sum()
            costs += 0.5 * (biases**2).sum(axis=(1, 2)) / SIGMA_BIAS**2
            best = int(np.argmin(costs)) if free else best
            at = R[:, best] @ rotations((J[:, best] @ biases[best])[..., 0])
        return costs, biases[..., 0], best

    def parabolas(self, at):
        """What does not fit around the turns `at` (K, 3, 3): (K,), slopes (K, 3, 1), (K, 3, 3)."""
        left = np.linalg.eigvalsh(normals_scatter(self.scatters, at[:, None] @ NUDGES))[..., 0]
        c = 0.5 * np.maximum(left, 0.0) / self.sigma**2
        plus, minus, H = c[:, 1:4], c[:, 4:7], np.zeros((len(at), 3, 3))
        H[:, range(3), range(3)] = plus - 2 * c[:, :1] + minus
        for k, (i, j) in enumerate(PAIRS):
            H[:, i, j] = H[:, j, i] = c[:, 7 + k] - plus[:, i] - plus[:, j] + c[:, 0]
        w, V = np.linalg.eigh(H / STEP**2)
        curve = V * np.maximum(np.abs(w), 1.0)[:, None] @ V.swapaxes(1, 2)
        return c[:, 0], (plus - minus)[..., None] / (2 * STEP), curve

    def reweigh(self, at):
        """Weigh the features by the Cauchy loss at the turns `at` (K, 3, 3).

        One wild match must not decide.
        """
        smallest = np.linalg.eigh(normals_scatter(self.scatters, at))[1][:, :, 0]
        for k, (a, b) in enumerate(self.rays):
            off = (np.cross(a, b @ at[k].T) @ smallest[k]) ** 2
            self.scatters[k] = scatter(a, b, 1.0 / (1.0 + off / (9 * self.sigma**2)))


def gyro_bias(rays, R, J, R_imu_cam, sigma):
    """Gyro bias (3,) [rad/s] from the turns R (K, 3, 3) integrated at none; see Turns."""
    return Turns(rays, R[:, None], J[:, None], R_imu_cam, sigma).fit(0)[1][0]


def coarse_offset(rays, integrate, R_imu_cam, sigma, reach_s):
    """The offset within +-`reach_s` at which gyro and pictures agree best, if that is certain [s].

    Args:
        rays, R_imu_cam, sigma: of Turns. integrate: offset -> R (K, 3, 3), J (K, 3, 3).

    Returns:
        zero if none is better by GAIN, or the best is at an end.
    """
    n = int(np.ceil(reach_s / GRID_S))
    grid = GRID_S * np.arange(-n, n + 1)
    R, J = (np.stack(parts, axis=1) for parts in zip(*map(integrate, grid)))
    costs, _, best = Turns(rays, R, J, R_imu_cam, sigma).fit(n, free=True)
    noise = max(1.0, 2.0 * costs[best] / sum(len(a) for a, _ in rays))
    if best in (0, grid.size - 1) or costs[n] - costs[best] < GAIN * noise:
        return 0.0
    left, mid, right = costs[best - 1 : best + 2]
    return grid[best] + GRID_S * 0.5 * (left - right) / (left - 2 * mid + right)
