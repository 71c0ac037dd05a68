"""Rotations: every kernel against matrix functions, and the laws of the group."""

import numpy as np
import pytest
from naive import so3 as naive
from naive.derivative import jacobian
from scipy.spatial.transform import Rotation

from vio.geometry import so3

RNG = np.random.default_rng(0)
AXES = RNG.normal(size=(6, 3))
AXES /= np.linalg.norm(AXES, axis=1, keepdims=True)
ANGLES = [0.0, 1e-12, 9e-6, 1.1e-5, 1e-3, 0.5, 2.0, 3.1]
VECTORS = [angle * axis for angle in ANGLES for axis in AXES]
IDS = [f"{np.linalg.norm(v):.1e}" for v in VECTORS]


def call(kernel, *inputs, shape=(3, 3)):
    out = np.full(shape, np.nan)
    kernel(*(np.ascontiguousarray(a) for a in inputs), out)
    return out


@pytest.mark.parametrize("w", VECTORS, ids=IDS)
def test_against_twin(w):
    R = call(so3.exp, w)
    np.testing.assert_allclose(R, naive.exp(w), atol=1e-14)
    np.testing.assert_allclose(call(so3.log, R, shape=3), w, atol=1e-10)
    np.testing.assert_allclose(call(so3.log, R, shape=3), naive.log(R), atol=1e-7)
    np.testing.assert_allclose(call(so3.right_jacobian, w), naive.right_jacobian(w), atol=1e-10)
    inverse = call(so3.right_jacobian_inverse, w)
    np.testing.assert_allclose(inverse, naive.right_jacobian_inverse(w), atol=1e-9)


def test_products_and_normalise_against_twin():
    A, B = RNG.normal(size=(2, 3, 3))
    np.testing.assert_array_equal(call(so3.copy, A), A)
    np.testing.assert_allclose(call(so3.multiply, A, B), naive.multiply(A, B), atol=1e-14)
    np.testing.assert_allclose(call(so3.multiply_tn, A, B), naive.multiply_tn(A, B), atol=1e-14)
    bent = naive.exp(VECTORS[-1]) + 1e-3 * A
    R = bent.copy()
    so3.normalise(R)
    np.testing.assert_allclose(R, naive.normalise(bent), atol=1e-13)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-14)


def test_quadratic_form_of_jacobians():
    out = np.zeros((3, 3))
    so3._jacobian(0.3, -0.2, 0.9, 0.4, -0.7, out)
    np.testing.assert_allclose(out, naive._jacobian(0.3, -0.2, 0.9, 0.4, -0.7), atol=1e-15)


@pytest.mark.parametrize("axis", np.vstack([AXES, np.eye(3)]))
@pytest.mark.parametrize("short", [0.0, 1e-9, 1e-7, 3e-7, 1e-6, 1e-5])
def test_log_near_half_a_turn(axis, short):
    R = call(so3.exp, (np.pi - short) * axis)
    w = call(so3.log, R, shape=3)
    assert np.linalg.norm(w) == pytest.approx(np.pi - short, abs=1e-8)
    np.testing.assert_allclose(call(so3.exp, w), R, atol=1e-6)


@pytest.mark.parametrize("w", VECTORS[6:], ids=IDS[6:])
def test_laws(w):
    R = call(so3.exp, w)
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-14)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(call(so3.exp, -w), R.T, atol=1e-14)
    # R Exp(d) R^T = Exp(R d)
    d = np.array([0.1, -0.3, 0.2])
    np.testing.assert_allclose(R @ call(so3.exp, d) @ R.T, call(so3.exp, R @ d), atol=1e-13)
    Jr, Ji = call(so3.right_jacobian, w), call(so3.right_jacobian_inverse, w)
    np.testing.assert_allclose(Jr @ Ji, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("w", VECTORS[18:], ids=IDS[18:])
def test_jacobians_against_differences(w):
    R = call(so3.exp, w)
    J = jacobian(lambda d: call(so3.log, R.T @ call(so3.exp, w + d), shape=3), 3)
    np.testing.assert_allclose(call(so3.right_jacobian, w), J, atol=1e-8)
    J = jacobian(lambda d: call(so3.log, R @ call(so3.exp, d), shape=3), 3)
    np.testing.assert_allclose(call(so3.right_jacobian_inverse, w), J, rtol=1e-6, atol=1e-7)


def test_quaternions_there_and_back():
    R = np.array([naive.exp(w) for w in VECTORS] + [naive.exp(np.pi * a) for a in AXES])
    quat = so3.quat_xyzw(R)
    assert (quat[:, 3] >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0)
    np.testing.assert_allclose(Rotation.from_quat(quat).as_matrix(), R, atol=1e-12)
