"""Patches: kernels against their twins, through warps that a row of pixels follows or not."""

import numpy as np
import pytest
from images import basis as new_basis
from images import lanes, pixels, regions
from naive import patch as naive

from vio.frontend import patch

F = np.float32


def smooth(seed=0, shape=(24, 24)):
    """Grey values with texture in both directions."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    wave = np.sin(0.4 * x + 0.2 * y) + np.cos(0.3 * y - 0.1 * x)
    return (128 + 45 * wave + rng.normal(0, 4, shape)).clip(0, 255).astype(F)


@pytest.mark.parametrize("left, top", [(0.0, 0.0), (3.25, 12.75), (12.9, 1.1)])
def test_cut_template_against_twin(left, top):
    region, out = np.random.default_rng(8).uniform(0, 255, (24, 24)).astype(F), np.zeros(100)
    patch.cut_template(region, F(left), F(top), 8, pixels(), out)
    expected = naive.cut_template(region, left, top)
    assert np.abs(out.reshape(10, 10) - expected).max() < 0.51
    coarse = np.zeros(52, np.uint8)
    patch.cut_template(region, F(left), F(top), 4, pixels(), coarse)
    error = np.abs(naive.unpack_template(coarse, 4) - expected)
    assert error.max() <= 0.51 * coarse[1] < 10


@pytest.mark.parametrize("bits", [8, 4])
def test_unpack_template_against_twin(bits):
    stored = np.random.default_rng(3).integers(0, 256, patch.template_bytes(bits)).astype(np.uint8)
    out = pixels()
    patch.unpack_template(stored, bits, out)
    np.testing.assert_array_equal(out.reshape(10, 10), naive.unpack_template(stored, bits))


@pytest.mark.parametrize("seed", range(4))
def test_steepest_descent_against_twin(seed):
    template = smooth(seed)[:10, :10] + F(30 * seed)
    out = new_basis()
    h00, h01, h11, energy = patch.steepest_descent(template.ravel(), out, lanes())
    twin, gram, energy_twin = naive.steepest_descent(template)
    found = out.reshape(3, 8, 8)
    np.testing.assert_allclose(found, twin, atol=1e-3)
    np.testing.assert_allclose([h00, h01, h11], gram[[0, 0, 1], [0, 1, 1]], rtol=1e-4, atol=0.1)
    assert energy == pytest.approx(energy_twin, rel=1e-5)
    # blind to brightness and contrast
    for k in range(2):
        blind = np.sum(found[k] * (3 * template[1:-1, 1:-1] + 17))
        assert abs(blind) < 1e-2 * np.abs(found[k]).sum()


def projected(region, x, y, warp, basis):
    """By the kernel for this warp, in a region whose spare row and column must not matter."""
    a = np.asarray(warp, F)
    padded = regions()[0]
    padded[:] = np.nan
    padded[:24, 1:25] = region
    given = padded, F(x) + F(1), F(y), a[0, 0], a[0, 1], a[1, 0], a[1, 1], basis
    if patch.is_bent(a[0, 0], a[1, 0]):
        return patch.project_bent(*given)
    return patch.project_patch(*given, np.full(patch.LANES, np.nan, F))


WARPS = {
    "none": np.eye(2),
    "wide": [[1.14, 0.0], [0.0, 1.0]],
    "narrow": [[0.86, 0.1], [0.0, 0.9]],
    "up": [[1.0, 0.3], [-0.14, 1.2]],
    "down": [[0.95, -0.3], [0.14, 0.8]],
    "bent": [[1.1, 0.2], [-0.2, 0.9]],
    "turned": [[0.0, -1.0], [1.0, 0.0]],
}


@pytest.mark.parametrize("name", WARPS)
def test_project_patch_against_twin(name):
    region, warp = smooth(1), np.asarray(WARPS[name], float)
    assert patch.is_bent(*warp[:, 0].astype(F)) == (name in ("bent", "turned"))
    basis, _, _ = naive.steepest_descent(smooth(2)[:10, :10])
    basis = basis.astype(F)
    reach = 3.5 * np.abs(warp).sum(axis=1)
    ends = [(a, b) for a in (reach[0] + 1e-3, 22.999 - reach[0]) for b in (reach[1], 22 - reach[1])]
    inner = np.random.default_rng(5).uniform(reach, 23 - reach, (40, 2))
    scale = np.abs(basis).sum() * 255
    for x, y in [(11.3, 12.8), (11.5, 11.5), *ends, *inner]:
        x, y = F(x), F(y)
        got = projected(region, x, y, warp, basis.ravel())
        expected = naive.project_patch(region, float(x), float(y), warp.astype(F), basis)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6 * scale)


def test_a_bent_warp_is_one_that_leaves_three_rows_and_columns():
    for a00, a10 in np.random.default_rng(0).uniform([0.7, -0.3], [1.3, 0.3], (300, 2)).astype(F):
        strays = max(abs(7 * (a00 - F(1))), abs(7 * a10)) > 1
        assert patch.is_bent(a00, a10) == strays
    assert patch.is_bent(F(np.nan), F(0)) and not patch.is_bent(F(1), F(0))
