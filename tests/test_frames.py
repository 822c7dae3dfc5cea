"""Frames: known rotations, round trips, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive.frames import (
    angle_of,
    compose_se2,
    heading_of,
    invert_se2,
    invert_se3,
    quaternion_to_rotation,
    rotation_z,
    se2_to_se3,
    se3,
    transform_points,
    wrap_angle,
)

angles = st.floats(-10, 10)
metres = st.floats(-1e5, 1e5)


def test_quaternions_agree_with_pyquaternion() -> None:
    from pyquaternion import Quaternion

    for _ in range(20):
        q = Quaternion.random()
        np.testing.assert_allclose(quaternion_to_rotation(q.elements), q.rotation_matrix, atol=1e-12)


def test_a_scaled_quaternion_is_refused() -> None:
    with pytest.raises(ValueError, match="not a unit quaternion"):
        quaternion_to_rotation([2.0, 0.0, 0.0, 0.0])


@given(metres, metres, angles, metres, metres, angles)
def test_se2_composition_is_se3_composition(x: float, y: float, a: float, u: float, v: float, b: float) -> None:
    outer, inner = np.array([x, y, a]), np.array([u, v, b])
    product = se2_to_se3(outer) @ se2_to_se3(inner)
    pose = compose_se2(outer, inner)
    np.testing.assert_allclose(pose[:2], product[:2, 3], atol=1e-9 * 1e5)
    assert abs(wrap_angle(pose[2] - heading_of(product))) < 1e-9


@given(metres, metres, angles)
def test_inverses(x: float, y: float, a: float) -> None:
    pose = np.array([x, y, a])
    np.testing.assert_allclose(compose_se2(invert_se2(pose), pose), 0.0, atol=1e-8)
    matrix = se3(rotation_z(a), [x, y, 1.0])
    np.testing.assert_allclose(invert_se3(matrix) @ matrix, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(transform_points(matrix, [0.0, 0.0, 0.0]), [x, y, 1.0])


def test_angles_are_the_same_bits_wherever_arrays_lie() -> None:
    angle = np.random.default_rng(0).normal(size=1000)
    memory = np.zeros(4 * len(angle))
    vectors = memory[: 3 * len(angle)].reshape(-1, 3)
    vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)
    apart, behind = np.empty(len(angle)), memory[3 * len(angle) :]
    np.arctan2(vectors[:, 1], vectors[:, 0], out=behind)
    np.arctan2(vectors[:, 1], vectors[:, 0], out=apart)
    assert np.abs(behind - apart).max() < 1e-15  # not the same bits on every machine: what angle_of is there for
    assert np.array_equal(angle_of(vectors), apart) and np.isscalar(angle_of([0.0, 2.0])) and angle_of([0.0, 2.0]) == np.pi / 2
    assert np.array_equal(heading_of(np.broadcast_to(np.eye(3), (2, 3, 3))), [0.0, 0.0])
