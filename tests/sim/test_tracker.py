"""Plans as the tracker follows them: ahead, standing, in reverse."""

from __future__ import annotations

import numpy as np
import pytest

from drive.poses import axle_poses
from drive.schema import Plan
from drive.sim.tracker import make_track
from drive.world.state import HEADING, SPEED, X, Y

TIMES = np.arange(1, 7) * 0.5


def ego_at(speed: float) -> np.ndarray:
    ego = np.zeros(8)
    ego[X], ego[Y], ego[HEADING], ego[SPEED] = 10.0, 5.0, 0.7, speed
    return ego


@pytest.mark.parametrize("speed", [4.0, 0.0, -1.0])
def test_a_plan_of_positions_is_followed_straight(speed: float) -> None:
    """Also in reverse: the curve between two poses leaves along the heading at the signed speed, so it makes no loop."""
    plan = Plan(axle_poses(np.column_stack([speed * TIMES, np.zeros(6)]))[None], TIMES)
    track = make_track(plan, ego_at(speed), 0)
    along = (track.poses[:, :2] - [10.0, 5.0]) @ [np.cos(0.7), np.sin(0.7)]
    np.testing.assert_allclose(track.poses[:, 2], 0.7, atol=1e-6)
    np.testing.assert_allclose(along, speed * 0.1 * np.arange(len(along)), atol=1e-6)
    np.testing.assert_allclose(track.profiles.speed, speed, atol=1e-6)
