"""Both camera models against OpenCV, a root finder and central differences."""

import numpy as np
import pytest
from naive import camera as naive
from world import EQUIDISTANT, RADTAN

from vio.geometry import camera

RNG = np.random.default_rng(1)
POINTS = np.vstack([[0.0, 0.0], [1e-10, 0.0], RNG.uniform(-0.9, 0.9, (20, 2)) * [0.9, 0.6]])
CAMERAS = pytest.mark.parametrize("model, params", [(0, RADTAN), (1, EQUIDISTANT)])


@CAMERAS
def test_project_against_opencv_and_differences(model, params):
    for x, y in POINTS:
        ours = np.array(camera.project_jacobian(model, params, x, y))
        twin = naive.project_jacobian(model, params, x, y)
        np.testing.assert_allclose(ours[:2], twin[:2], atol=1e-9)
        np.testing.assert_allclose(ours[2:], twin[2:], atol=2e-4)
        np.testing.assert_allclose(
            camera.project(model, params, x, y), naive.project(model, params, x, y), atol=1e-9
        )


@CAMERAS
def test_unproject_inverts_project(model, params):
    for x, y in POINTS:
        u, v = camera.project(model, params, x, y)
        back = camera.unproject(model, params, u, v)
        np.testing.assert_allclose(back, (x, y), atol=1e-9)
        np.testing.assert_allclose(back, naive.unproject(model, params, u, v), atol=1e-8)


@CAMERAS
def test_corners_of_the_image_come_back(model, params):
    for u, v in [(0, 0), (751, 0), (0, 479), (751, 479)]:
        ray = camera.unproject(model, params, float(u), float(v))
        np.testing.assert_allclose(camera.project(model, params, *ray), (u, v), atol=1e-5)


@CAMERAS
def test_undistort_against_twin(model, params):
    uv = RNG.uniform([0, 0], [751, 479], (12, 2)).astype(np.float32)
    uv[[3, 7]] = np.nan
    rays, weights = np.zeros((12, 2)), np.zeros(12, np.float32)
    assert camera.undistort(model, params, uv, rays, weights) == 10
    rays_twin, weights_twin = naive.undistort(model, params, uv)
    np.testing.assert_allclose(rays, rays_twin, atol=1e-7)
    np.testing.assert_allclose(weights, weights_twin, rtol=1e-5)
