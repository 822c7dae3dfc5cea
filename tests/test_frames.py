"""Frames: known rotations, round trips, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive.frames import (
    compose_se2,
    heading_of,
    headings_along,
    invert_se2,
    invert_se3,
    quaternion_to_rotation,
    rotation_z,
    se2_to_se3,
    se3,
    tangents_along,
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


def test_headings_follow_the_path_and_ignore_standing() -> None:
    arc = np.radians(np.arange(1, 7) * 10)
    path = 20 * np.stack([np.sin(arc), 1 - np.cos(arc)], -1)
    np.testing.assert_allclose(headings_along(path), arc - np.radians(5), atol=1e-9)
    stopped = np.array([[2.0, 2.0], [2.01, 2.0], [2.01, 2.01]])
    np.testing.assert_allclose(headings_along(stopped), np.pi / 4)
    assert (headings_along(np.zeros((3, 2))) == 0).all()


def test_headings_of_a_car_keep_to_its_turning_circle_and_reverse_facing_ahead() -> None:
    noise = np.array([[0.0, 0.15], [0.1, -0.1], [-0.15, 0.05]])  # a car that stands, said badly
    assert np.abs(headings_along(noise, least_radius_m=4.0)).max() < 0.2 < np.abs(headings_along(noise)).min()
    back = np.stack([-np.arange(1.0, 5.0), np.zeros(4)], -1)
    np.testing.assert_allclose(headings_along(back, least_radius_m=4.0), 0, atol=1e-12)
    arc = np.radians(np.arange(10, 70, 10))
    circle = np.stack([6 * np.sin(arc), 6 * (1 - np.cos(arc))], -1)
    np.testing.assert_allclose(headings_along(circle, least_radius_m=4.0), headings_along(circle), atol=1e-12)


@pytest.mark.parametrize("radius", [8.0, -8.0, 25.0, 1e6])
@pytest.mark.parametrize("steps", [np.full(6, 3.0), np.array([0.5, 1.0, 1.8, 2.6, 3.4, 4.0])])
def test_tangents_of_a_circle_are_exact(radius: float, steps: np.ndarray) -> None:
    turned = np.cumsum(steps) / radius
    xy = radius * np.stack([np.sin(turned), 1 - np.cos(turned)], -1)
    np.testing.assert_allclose(tangents_along(xy), wrap_angle(turned), atol=1e-3)
    lag = wrap_angle(headings_along(xy) - turned)
    np.testing.assert_allclose(np.abs(lag), steps / abs(radius) / 2, atol=1e-9)  # the chords come half a step late


def test_tangents_of_who_stands_or_goes_straight() -> None:
    assert (tangents_along(np.zeros((3, 6, 2))) == 0.0).all()
    np.testing.assert_allclose(tangents_along([[1.0, 0.0]]), [0.0])
    stopping = [[2.0, 0.0], [4.0, 0.0], [4.02, 0.0], [4.02, 0.01], [4.02, 0.01], [4.02, 0.01]]
    assert (tangents_along(stopping) == 0.0).all()
