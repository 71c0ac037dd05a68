import cv2
import naive.raycast
import naive.sample
import naive.sensor
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vio.sim import hits, raycast, sample, sensor
from vio.sim.camera import pixel_rays, project, unproject
from vio.sim.profiles import R_VIEW_CAM
from vio.sim.rig import euroc_rig
from vio.sim.sequence import simulate
from vio.sim.spec import SimSpec
from vio.sim.texture import mip_map, paint
from vio.sim.world import build_world


@pytest.fixture(scope="module")
def gentle():
    renderer, _, _ = simulate(SimSpec("gentle", seconds=3.0, seed=1, scale=0.75))
    return renderer


def test_rays_project_back_to_their_pixels():
    for camera in (euroc_rig().cam0, euroc_rig().cam1):
        grid = np.moveaxis(np.indices((480, 752))[::-1], 0, -1)
        assert np.abs(project(pixel_rays(camera), camera) - grid).max() < 1e-9


def test_scaled_rig_sees_the_same():
    full, half = euroc_rig().cam0, euroc_rig(0.5).cam0
    corner = np.array([[-0.5, -0.5], [751.5, 479.5]])
    np.testing.assert_allclose(
        unproject(corner, full), unproject((corner + 0.5) / 2 - 0.5, half), atol=1e-12
    )


def test_hits_equal_those_of_the_naive_twin():
    rng, n_hits = np.random.default_rng(0), 0
    for _ in range(500):
        half = rng.uniform(0.2, 1.0, 3)
        o = rng.normal(size=3)
        o *= 3.0 / np.linalg.norm(o)
        d = -o + rng.normal(size=3)
        d /= np.linalg.norm(d)
        t, face = hits.hit_box(*o, *d, *half)
        t_naive, face_naive = naive.raycast.hit_box(o, d, half)
        assert t == pytest.approx(t_naive) and face == face_naive
        t, face = hits.hit_cylinder(*o, *d, half[0], half[2])
        t_naive, face_naive = naive.raycast.hit_cylinder(o, d, half[0], half[2])
        assert t == pytest.approx(t_naive) and face == face_naive
        n_hits += np.isfinite(t)
    assert 100 < n_hits < 450


def test_walls_are_hit_where_a_box_would_be_left():
    rng = np.random.default_rng(1)
    lo, hi = np.array([-2.0, -3.0, 0.0]), np.array([4.0, 3.0, 3.0])
    for _ in range(200):
        o = rng.uniform(lo, hi)
        d = rng.normal(size=3)
        d /= np.linalg.norm(d)
        t, face = hits.hit_room(*o, *d, lo, hi)
        assert (t, face) == pytest.approx(naive.raycast.hit_room(o, d, lo, hi))
        end = o + t * d
        assert (end > lo - 1e-9).all() and (end < hi + 1e-9).all()
        assert end[face // 2] == pytest.approx((lo, hi)[face % 2][face // 2])


def test_reading_a_picture_equals_the_naive_twin():
    rng = np.random.default_rng(2)
    levels = mip_map(paint(rng, 0.5, 0.4, (128, 96)))
    texels = np.concatenate([p.ravel() for p in levels])
    offset = np.cumsum([0] + [p.size for p in levels[:-1]])[None].astype(np.int64)
    for width in np.exp(rng.uniform(-2, 5, 300)):
        x, y = rng.uniform(-5, 135, 2)
        level, fraction = sample.mip_level(width, len(levels))
        expected_level, expected_fraction = naive.sample.mip_level(width, len(levels))
        value = sample.trilinear(texels, offset, 0, 128, 96, x, y, level, fraction)
        twin = naive.sample.trilinear(levels, x, y, expected_level, expected_fraction)
        assert (level, fraction) == pytest.approx((expected_level, expected_fraction))
        assert value == pytest.approx(twin)


def test_value_noise_is_bounded_and_continuous():
    x = np.linspace(0, 20, 5001)
    noise = np.array([sample.value_noise(a, 3.3, 5) for a in x])
    np.testing.assert_allclose(noise, [naive.sample.value_noise(a, 3.3, 5) for a in x], atol=1e-12)
    assert np.abs(noise).max() <= 1 and noise.std() > 0.2
    assert np.abs(np.diff(noise)).max() < 4 * (x[1] - x[0])


def test_sensor_equals_the_naive_twin_and_its_noise_has_the_right_size():
    rng = np.random.default_rng(3)
    radiance = rng.uniform(0, 1.2, (40, 50)).astype(np.float32)
    shading = rng.uniform(0.7, 1, (40, 50)).astype(np.float32)
    out = np.empty((40, 50), np.uint8)
    key = sensor.noise_key(5, 6, 1)
    sensor.develop(radiance, shading, 200.0, 0.02, 0.8, key, out)
    twin = naive.sensor.develop(radiance, shading, 200.0, 0.02, 0.8, key)
    difference = out.astype(int) - twin
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.01
    grey, flat = np.ones((200, 200), np.float32), np.ones((200, 200), np.float32)
    out = np.empty((200, 200), np.uint8)
    sensor.develop(grey, flat, 100.0, 0.12, 2.0, sensor.noise_key(0, 1, 0), out)
    assert out.mean() == pytest.approx(100, abs=0.1)
    assert out.std() == pytest.approx(np.sqrt(16 + 1 / 12), rel=0.02)


@pytest.fixture(scope="module")
def world():
    path_p = np.array([[0.0, 0, 1.5], [0.3, 0, 1.5]])
    return build_world(path_p, seed=3, floor=0.0, texel=0.03)


def test_no_object_in_view_is_culled(world):
    o, R_world_cam = np.array([0.1, 0.2, 1.4]), R_VIEW_CAM
    n = len(world.kind)
    o_obj, span, near = np.empty((n, 3)), np.empty((n, 4)), np.empty(n, np.int64)
    raycast.prepare(world, o, o_obj, span)
    np.testing.assert_allclose(o_obj, naive.raycast.prepare(world, o), atol=1e-12)
    rays, n_listed = pixel_rays(euroc_rig(0.5).cam0), 0
    for top in range(0, 240, 16):
        for left in range(0, 376, 16):
            tile = rays[top : top + 16, left : left + 16]
            corners = tile[[0, 0, -1, -1], [0, -1, 0, -1]].copy()
            count, _ = raycast.objects_in_view(world, R_world_cam, corners, span, near)
            seen = naive.raycast.objects_in_view(world, R_world_cam, o, tile)
            assert set(seen) <= set(near[:count])
            n_listed += count
    assert n_listed < 0.3 * n * 15 * 24


@pytest.mark.parametrize("yaw", (0, 1))
def test_a_small_image_equals_the_naive_twin(world, yaw):
    """Tiles, culling, batches and outlines change nothing."""
    rays = pixel_rays(euroc_rig(0.05).cam0)
    R_world_cam = Rotation.from_euler("z", 90 * yaw, degrees=True).as_matrix() @ R_VIEW_CAM
    o = np.array([0.1, 0.2, 1.4])
    shape = rays.shape[:2]
    radiance, distance = np.zeros(shape, np.float32), np.empty(shape, np.float32)
    surface = np.empty(shape, np.int32)
    room = raycast.scratch(world.kind.size, *shape)
    raycast.render(world, rays, R_world_cam, o, 1.0, room, radiance, distance, surface)
    twin = naive.raycast.render(world, rays, R_world_cam, o, raycast.TILE)
    np.testing.assert_array_equal(surface, twin[2])
    np.testing.assert_allclose(distance, twin[1], rtol=1e-6)
    np.testing.assert_allclose(radiance, twin[0], atol=1e-6)
    assert len(np.unique(surface)) > 6


@pytest.mark.parametrize("a, b", [((30, 0), (31, 0)), ((30, 0), (30, 1))])
def test_tracked_corners_follow_the_geometry(gentle, a, b):
    """OpenCV's tracker, on the images only, lands where depth and poses say."""
    first, second = gentle.image(*a), gentle.image(*b)
    depth = gentle.depth(*a).astype(np.float32)
    corners = cv2.goodFeaturesToTrack(first, 300, 0.01, 12).reshape(-1, 2)
    near = cv2.erode(depth, np.ones((9, 9))), cv2.dilate(depth, np.ones((9, 9)))
    at = corners.round().astype(int)
    even = ((near[1] - near[0]) / depth)[at[:, 1], at[:, 0]] < 0.05  # not across an outline
    corners = corners[even & (np.abs(corners - [282, 180]) < [260, 158]).all(1)]
    assert len(corners) > 120
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, None, maxLevel=4)
    rays = unproject(corners.astype(float), gentle.cameras[a[1]])
    z = cv2.remap(depth, corners[:, None], None, cv2.INTER_LINEAR).ravel()
    points = rays / rays[:, 2:] * z[:, None]
    R_a, p_a = gentle.camera_poses(a[1], gentle.t_ns[a[0] : a[0] + 1], 0.0)
    R_b, p_b = gentle.camera_poses(b[1], gentle.t_ns[b[0] : b[0] + 1], 0.0)
    expected = project((points @ R_a[0].T + p_a - p_b) @ R_b[0], gentle.cameras[b[1]])
    error = (tracked - expected)[found.ravel() == 1]
    assert np.median(np.linalg.norm(error, axis=1)) < (0.07 if a[1] == b[1] else 0.15)
    assert np.abs(np.median(error, 0)).max() < 0.03


def test_images_are_rich_well_exposed_and_not_clipped(gentle):
    image = gentle.image(30, 0)
    assert 50 < image.mean() < 130
    assert (image == 255).mean() < 0.01 and (image == 0).mean() < 0.01
    corners = cv2.goodFeaturesToTrack(image, 1000, 0.01, 12).reshape(-1, 2)
    cells = {(int(x) // 71, int(y) // 60) for x, y in corners}
    assert len(cells) >= 44  # of 48


def test_dark_images_are_dark_and_noisy():
    day, _, _ = simulate(SimSpec("hover", 1.0, 5, scale=0.25))
    dark, _, _ = simulate(SimSpec("hover", 1.0, 5, scale=0.25, dark=True))
    noise = [np.std(r.image(3, 0).astype(float) - r.image(4, 0)) for r in (day, dark)]
    assert dark.image(3, 0).mean() < 0.5 * day.image(3, 0).mean()
    assert noise[1] > 1.4 * noise[0]


def test_blur_smooths_a_fast_view():
    def sharpness(**kwargs):
        renderer, _, _ = simulate(SimSpec("aggressive", 4.0, 2, scale=0.25, **kwargs))
        image = cv2.GaussianBlur(renderer.image(-8 + len(renderer.t_ns), 0), (3, 3), 0)
        return cv2.Laplacian(image, cv2.CV_64F).std()

    assert sharpness(blur=True) < 0.9 * sharpness()
