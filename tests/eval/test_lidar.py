"""The LiDAR frame of the protocols: axes, round trip."""

from __future__ import annotations

import numpy as np
import pytest

from drive.eval.openloop.lidar import NOMINAL_EGO_FROM_LIDAR, lidar_path, protocol_lidar, rear_axle_path
from drive.frames import rotation_z, se3


@pytest.mark.parametrize("yaw_degrees", [-90, -88.5, 0, 2, 91, 180, -179])
def test_protocol_axes_are_right_and_forward_for_any_mounting(yaw_degrees: float) -> None:
    """A point ahead has positive y, a point to the right positive x, however the data set's LiDAR is turned."""
    lidar = protocol_lidar(se3(rotation_z(np.radians(yaw_degrees)), [1.0, 0.2, 1.8]))
    ahead, right = lidar_path([[10.0, 0, 0], [0, -10.0, 0]], lidar)
    assert ahead[1] > 7 and abs(ahead[0]) < 7.1
    assert right[0] > 7 and abs(right[1]) < 7.1
    assert np.linalg.det(lidar[:3, :3]) == pytest.approx(1)


def test_nuscenes_calibration_is_kept_as_it_is() -> None:
    lidar = se3(rotation_z(-np.pi / 2 + 0.01), [0.94, 0.0, 1.84])
    assert (protocol_lidar(lidar) == lidar).all()
    assert protocol_lidar(None) is NOMINAL_EGO_FROM_LIDAR


def test_turning_on_the_spot_moves_the_lidar_and_not_the_axle() -> None:
    path = lidar_path([[0.0, 0.0, np.pi / 2]], NOMINAL_EGO_FROM_LIDAR)
    # The LiDAR swings from 0.94 m ahead to 0.94 m left of the axle.
    np.testing.assert_allclose(path, [[-0.943713, -0.943713]], atol=1e-12)


def test_round_trip() -> None:
    rng = np.random.default_rng(1)
    poses = np.concatenate([np.cumsum(rng.uniform(0, 4, (20, 6, 2)), 1), rng.uniform(-1, 1, (20, 6, 1))], -1)
    tilted = protocol_lidar(se3(rotation_z(-1.55) @ np.array([[1, 0, 0], [0, 0.9998, -0.02], [0, 0.02, 0.9998]]), [0.9, 0.1, 1.8]))
    path = lidar_path(poses, tilted)
    headings = poses[..., 2] - np.arctan2(tilted[1, 0], tilted[0, 0])
    np.testing.assert_allclose(rear_axle_path(np.concatenate([path, headings[..., None]], -1), tilted), poses, atol=1e-9)
    # Without headings they are guessed from the path, and the path in L comes back all the same.
    np.testing.assert_allclose(lidar_path(rear_axle_path(path, tilted), tilted), path, atol=1e-9)


def test_standing_still_is_exactly_zero() -> None:
    """Protocols truncate: a standstill that reads -1e-17 shifts the drawn car by a cell."""
    lidar = protocol_lidar(se3(rotation_z(-1.57), [0.943713, 0.1, 1.84]))
    assert (lidar_path(rear_axle_path(np.zeros((6, 2)), lidar), lidar) == 0).all()
