"""Headings of positions: known drives, standing, reversing, noise; rear axle <-> another point of the car."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drive.bicycle_fit import _cost, _Drive, _residuals, _slopes, _weights, fitted_headings, readable_headings
from drive.frames import Array, wrap_angle
from drive.poses import axle_poses, moved_point, signed_lengths

AXLE, LIDAR = (0.0, 0.0), (0.943713, 0.02)
mounts = pytest.mark.parametrize("mount", [AXLE, LIDAR], ids=["axle", "lidar"])
NOISE_M, REPEATS = 0.1, 200


def arc(lengths: np.ndarray, radius: float) -> Array:
    """Poses [T, 3] after steps of signed lengths [T] on a circle to the left."""
    turned = np.cumsum(lengths) / radius
    return np.stack([radius * np.sin(turned), radius * (1 - np.cos(turned)), turned], -1)


DRIVES = {
    "straight": arc(np.full(6, 4.0), 1e9),
    "left": arc(np.full(6, 3.0), 10.0),
    "right, from a stop": arc(np.array([0.1, 0.6, 1.2, 2.0, 2.8, 3.5]), -12.0),
    "to a stop in a bend": arc(np.array([3.0, 2.2, 1.4, 0.6, 0.0, 0.0]), 15.0),
    "standing": np.zeros((6, 3)),
    "reversing at 1 m/s": arc(np.full(6, -0.5), 1e9),
    "reversing in a bend": arc(np.full(6, -0.8), 8.0),
    "ahead, then back": arc(np.array([1.0, 0.5, 0.0, -0.5, -1.0, -1.0]), 10.0),
}
every_drive = pytest.mark.parametrize("name", DRIVES)


@mounts
@every_drive
def test_headings_of_a_known_drive(name: str, mount: tuple[float, float]) -> None:
    poses = DRIVES[name]
    found = axle_poses(moved_point(poses, mount), mount)
    assert np.abs(wrap_angle(found[:, 2] - poses[:, 2])).max() < 0.04
    np.testing.assert_allclose(found[:, :2], poses[:, :2], atol=0.04)


@mounts
@every_drive
def test_headings_do_not_follow_noise(name: str, mount: tuple[float, float]) -> None:
    """Points off by decimetres turn no car: the error of a heading stays below a tenth of a radian, most of them far below."""
    poses = DRIVES[name]
    noise = np.random.default_rng(0).normal(0, NOISE_M, (REPEATS, 6, 2))
    error = wrap_angle(fitted_headings(moved_point(poses, mount) + noise, mount) - poses[:, 2])
    assert np.sqrt((error**2).mean()) < 0.1 and np.abs(error).max() < 0.5


@pytest.mark.parametrize("mount", [AXLE, LIDAR], ids=["axle", "lidar"])
def test_who_stands_keeps_the_heading(mount: tuple[float, float]) -> None:
    """Six equal points a decimetre to the right are an inaccurate standstill, and no turn."""
    aside = np.repeat([[0.0, -0.11]], 6, 0)
    assert np.abs(fitted_headings(aside, mount)).max() < 0.01
    assert (fitted_headings(np.zeros((3, 6, 2)), mount) == 0.0).all()


@pytest.mark.parametrize("radius", [8.0, -8.0, 25.0, 1e6])
@pytest.mark.parametrize("steps", [np.full(6, 3.0), np.array([0.5, 1.0, 1.8, 2.6, 3.4, 4.0])])
def test_headings_are_those_at_the_points(radius: float, steps: np.ndarray) -> None:
    """Not those of the chords, which come half a step late (0.19 rad where steps are 3 m long and the circle's radius 8 m)."""
    poses = arc(steps, radius)
    np.testing.assert_allclose(fitted_headings(poses[:, :2]), wrap_angle(poses[:, 2]), atol=0.01)


def test_any_leading_dimensions_and_lengths() -> None:
    paths = np.random.default_rng(1).normal(0, 0.5, (2, 3, 6, 2)).cumsum(-2)
    found = fitted_headings(paths, LIDAR)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[i], fitted_headings(paths[i], LIDAR))
    assert fitted_headings(np.zeros((0, 6, 2))).shape == (0, 6) and fitted_headings(np.zeros((4, 0, 2))).shape == (4, 0)
    np.testing.assert_allclose(fitted_headings([[1.0, 0.0]]), [0.0])
    assert fitted_headings(arc(np.full(64, 0.4), 20.0)[:, :2])[-1] == pytest.approx(64 * 0.4 / 20, abs=0.02)


@given(arrays(np.float64, (6, 2), elements=st.floats(-1000, 1000)))
def test_any_points_give_headings(points: np.ndarray) -> None:
    found = fitted_headings(points, LIDAR)
    assert np.isfinite(found).all() and (np.abs(found) <= np.pi).all()


@mounts
def test_the_compiled_fit_is_the_readable_one(mount: tuple[float, float]) -> None:
    """Drives with noise, walks at random, standstills, one step and many."""
    rng = np.random.default_rng(4)
    drives = np.stack([moved_point(poses, mount) for poses in DRIVES.values()])
    paths = [drives + rng.normal(0, NOISE_M, (20, *drives.shape)), drives, rng.normal(0, 0.5, (40, 6, 2)).cumsum(-2)]
    for points in [*paths, rng.normal(0, 0.05, (40, 6, 2)), np.array([[[2.0, -0.1]]]), rng.normal(0.4, 0.1, (3, 20, 2)).cumsum(-2)]:
        difference = wrap_angle(fitted_headings(points, mount) - readable_headings(points, mount))
        assert np.abs(difference).max() < 1e-8


@mounts
def test_round_trip_with_headings_is_exact(mount: tuple[float, float]) -> None:
    poses = np.random.default_rng(2).uniform(-3, 3, (5, 6, 3))
    np.testing.assert_allclose(axle_poses(moved_point(poses, mount), mount, poses[..., 2]), poses, atol=1e-12)
    path = poses[..., :2]
    np.testing.assert_allclose(moved_point(axle_poses(path, mount), mount), path, atol=1e-12)


def test_lengths_of_steps_are_negative_in_reverse() -> None:
    for name, expected in (("straight", 4.0), ("reversing at 1 m/s", -0.5)):
        np.testing.assert_allclose(signed_lengths(np.concatenate([np.zeros((1, 3)), DRIVES[name]])), expected)
    # A standstill said a little inaccurately reverses nowhere.
    assert (signed_lengths([[0.0, 0, 0], [-0.005, 0, 0], [0.005, 0, 0]]) > 0).all()


def test_slopes_are_those_of_the_residuals() -> None:
    rng = np.random.default_rng(3)
    drive = np.concatenate([rng.normal(2, 1, (3, 6)), rng.normal(0, 0.1, (3, 6))], -1)
    points, mount, step = rng.normal(0, 3, (3, 6, 2)), np.array(LIDAR), 1e-6
    slopes = _slopes(_Drive.of(drive, mount), _weights(points))
    for j, change in enumerate(step * np.eye(12)):
        after, before = (_residuals(_Drive.of(drive + s * change, mount), points) for s in (1, -1))
        np.testing.assert_allclose(slopes[:, :, j], (after - before) / (2 * step), atol=1e-5)
    assert (_cost(drive, points, mount) > 0).all()
