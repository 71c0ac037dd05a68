"""Transfer by motion and depth, stereo triangulation, the epipolar walk."""

import numpy as np
import pytest
from images import (
    PACKED,
    RAW,
    align,
    basis,
    compress,
    decode,
    lanes,
    pixels,
    regions,
    template,
)
from naive import predict as naive
from naive import stereo as naive_stereo
from scipy.spatial.transform import Rotation
from textures import Wall
from world import EQUIDISTANT, RADTAN, rig

from vio.frontend import predict, stereo

CAMERAS = [(0, RADTAN), (1, EQUIDISTANT)]
RIG = rig()
T_1_0 = np.linalg.inv(RIG.cam1.T_imu_cam) @ RIG.cam0.T_imu_cam
R_1_0, P_1_0 = np.ascontiguousarray(T_1_0[:3, :3]), np.ascontiguousarray(T_1_0[:3, 3])


def features(n=40, seed=0):
    rng = np.random.default_rng(seed)
    uv = rng.uniform([40, 40], [710, 440], (n, 2)).astype(np.float32)
    rho = rng.uniform(0.0, 1.0, n).astype(np.float32)
    rho[:4] = 0
    return uv, rho


@pytest.mark.parametrize("a, b", [(0, 0), (0, 1), (1, 0)])
def test_transfer_against_twin(a, b):
    uv, rho = features()
    uv[7] = np.nan
    n = len(uv)
    rng = np.random.default_rng(1)
    from naive.preintegrate import exp

    R, p = exp(rng.normal(0, 0.1, 3)), rng.normal(0, 0.1, 3)
    warp = (np.eye(2) + rng.normal(0, 0.1, (n, 2, 2))).astype(np.float32)
    out, bent = np.zeros((n, 2), np.float32), np.zeros((n, 2, 2), np.float32)
    given, moved = predict.transfer(*CAMERAS[a], *CAMERAS[b], R, p, uv, rho, warp, out, bent)
    assert moved == n - 1 and np.isnan(out[7]).all()
    for k in np.delete(np.arange(n), 7):
        there, J = naive.transfer(CAMERAS[a], CAMERAS[b], R, p, uv[k], float(rho[k]), warp[k])
        np.testing.assert_allclose(out[k], there, atol=2e-3)
        np.testing.assert_allclose(bent[k], J, atol=1e-4)


def test_points_behind_are_dropped():
    uv, rho = features()
    rho[:] = 1.0
    n = len(uv)
    out, warp = np.zeros((n, 2), np.float32), np.zeros((n, 2, 2), np.float32)
    back = np.array([0, 0, -2.0])
    camera = CAMERAS[0]
    out_of = uv, rho, warp, out, warp.copy()
    assert predict.transfer(*camera, *camera, np.eye(3), back, *out_of)[1] == 0
    assert np.isnan(out).all()
    assert naive.transfer(camera, camera, np.eye(3), back, uv[0], 1.0, np.eye(2)) is None


def test_inverse_depth_against_twin():
    uv, rho = features()
    n = len(uv)
    rho[14] = 0.1
    pair = *CAMERAS[0], *CAMERAS[1], R_1_0, P_1_0
    there, warp = np.zeros((n, 2), np.float32), np.zeros((n, 2, 2), np.float32)
    predict.transfer(*pair, uv, rho, warp, there, warp.copy())
    rng = np.random.default_rng(2)
    there += rng.normal(0, 0.5, there.shape).astype(np.float32)
    planted = [10, 11, 12]
    there[planted, 1] += 9.0  # across the epipolar lines, which run along the rows
    there[13] = np.nan
    there[14, 0] += 40.0  # far behind the cameras
    depth, before = np.full(n, -1, np.float32), there.copy()
    given, tested, refused = predict.inverse_depth(*pair, uv, there, 1.5, 0.8, depth)
    assert tested == n - 1
    gone = np.isnan(there[:, 0])
    assert refused == gone.sum() - 1
    assert gone[planted].all() and gone[14]
    for k in range(n):
        if k == 13:
            continue
        expected, off = naive.inverse_depth(CAMERAS[0], CAMERAS[1], R_1_0, P_1_0, uv[k], before[k])
        if gone[k]:
            assert off > 1.5 or expected < 0 or expected > 1 / 0.8
            assert depth[k] == -1
        else:
            assert off < 1.5 + 1e-6
            assert depth[k] == pytest.approx(max(expected, 1e-4), abs=2e-5)
            np.testing.assert_array_equal(there[k], before[k])


@pytest.fixture(scope="module")
def wall():
    """Both images of a wall 2 m away, slanted, and the true inverse depth of a pixel of cam0."""
    wall, R = Wall(seed=3), np.diag([1.0, -1.0, -1.0])
    from naive.preintegrate import exp

    R_world_cam0 = R @ exp([0.1, 0.25, 0.0])
    p0 = np.array([0.3, 0.2, 2.0])
    R_world_cam1 = R_world_cam0 @ R_1_0.T
    p1 = p0 - R_world_cam1 @ P_1_0
    images = wall.view(RIG.cam0, R_world_cam0, p0), wall.view(RIG.cam1, R_world_cam1, p1)
    rays = wall.rays(RIG.cam0)

    def inverse_depth(uv):
        ray = R_world_cam0 @ rays[int(uv[1]), int(uv[0])]
        return ray[2] / -p0[2]

    return images, inverse_depth


def test_epipolar_walk_finds_known_depths_and_its_twin(wall):
    (image0, image1), truth = wall
    level = 2
    uv = np.array([[x, y] for x in range(150, 650, 50) for y in range(100, 400, 50)], np.float32)
    n = len(uv)
    frame0, frame1 = compress(image0), compress(image1)
    templates = np.zeros((n, level + 1, 100), np.uint8)
    for k in range(n):
        templates[k, level] = template(frame0, level, *((uv[k] + 0.5) / 4 - 0.5))
    wanted = np.ones(n, np.uint8)
    wanted[5] = 0
    depth = np.full(n, -1, np.float32)
    pair = *CAMERAS[0], *CAMERAS[1], R_1_0, P_1_0
    tried, loads, blocks, blocks0, blocks1, matched = stereo.search_epipolar(
        *frame1[:2], level, templates, 8, *pair, uv, wanted, 0.3, regions(), pixels(),
        basis(), lanes(), depth,
    )  # fmt: skip
    assert loads < blocks <= 36 * loads and blocks0 == blocks1 == 0
    small1 = decode(*frame1[:2], level)
    assert depth[5] == -1 and matched == np.count_nonzero(depth >= 0) and loads >= matched
    step = 2.0**level / (0.5 * (EQUIDISTANT[0] + EQUIDISTANT[1]) * np.linalg.norm(P_1_0))
    hit = np.flatnonzero(depth >= 0)
    assert hit.size > 0.9 * n
    error = np.abs(depth[hit] - [truth(u) for u in uv[hit]])
    assert np.mean(error < 1.1 * step) > 0.95, "within one hypothesis of the truth"
    tried_twin = 0
    for k in range(n):
        if wanted[k]:
            best, count = naive_stereo.search_epipolar(
                small1,
                level,
                templates[k, level].reshape(10, 10),
                *CAMERAS,
                R_1_0,
                P_1_0,
                uv[k],
                0.3,
            )
            tried_twin += count
            assert (best is not None) == (depth[k] >= 0)
            if best is not None:
                assert depth[k] == pytest.approx(best, abs=1e-6)
    assert tried == tried_twin


@pytest.mark.parametrize("bits, stored, worst", [(RAW, 8, 0.06), (PACKED, 4, 0.25)])
def test_alignment_after_the_walk_is_sub_pixel(wall, bits, stored, worst):
    (image0, image1), truth = wall
    uv = np.array([[x, y] for x in range(200, 600, 50) for y in range(120, 380, 50)], np.float32)
    n = len(uv)
    frame0, frame1 = compress(image0, bits), compress(image1, bits)
    templates = np.array([[template(frame0, 0, *p, stored)] for p in uv])
    rho = np.array([truth(u) for u in uv], np.float32)
    pair = *CAMERAS[0], *CAMERAS[1], R_1_0, P_1_0
    eye = np.tile(np.eye(2, dtype=np.float32), (n, 1, 1))
    there, warp = np.zeros((n, 2), np.float32), np.zeros((n, 2, 2), np.float32)
    predict.transfer(*pair, uv, rho, eye, there, warp)
    params = np.array([10, 0.02, 0.8, 100.0], np.float32)
    got, score, _ = align(frame1, templates, warp, there + 0.5, 0, params, stored)
    found = score > 0
    assert found.mean() > 0.7
    assert np.median(np.hypot(*(got - there)[found].T)) < worst


def test_count_moved_against_twin():
    rng = np.random.default_rng(3)
    a = rng.uniform(-0.6, 0.6, (120, 2)).astype(np.float32)
    R = Rotation.from_rotvec([0.1, -0.2, 0.3]).as_matrix()
    b = np.column_stack([a, np.ones(120)]) @ R.T
    b = (b[:, :2] / b[:, 2:] + rng.normal(0, 0.02, (120, 2))).astype(np.float32)
    a[::7], b[::11] = np.nan, np.nan
    got = predict.count_moved(a, b, R, 0.02)
    assert got == naive.count_moved(a, b, R, 0.02) and 0 < got[1] < got[0] < 120
    assert predict.count_moved(a, b, R, 1.0)[1] == 0
