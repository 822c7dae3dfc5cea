"""The band of a trajectory: through the given points, of the given width, in time; and where the ground is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_scene import TIMES, make_camera, straight

from drive.viz.ribbon import RIBBON_WIDTH_M, ground_height, make_ribbon


def test_straight_ribbon_is_a_rectangle():
    ribbon = make_ribbon(straight(5.0), TIMES)
    np.testing.assert_allclose(ribbon.left[:, 1], RIBBON_WIDTH_M / 2, atol=1e-9)
    np.testing.assert_allclose(ribbon.right[:, 1], -RIBBON_WIDTH_M / 2, atol=1e-9)
    np.testing.assert_allclose(ribbon.centre[[0, -1], 0], [0, 15], atol=1e-9)
    np.testing.assert_allclose(ribbon.fraction, ribbon.centre[:, 0] / 15, atol=1e-3)
    assert ribbon.quads.shape == (len(ribbon.centre) - 1, 4, 2)


def test_curved_ribbon_runs_through_every_point_with_its_width():
    angle = TIMES * 0.4
    arc = 12 * np.stack([np.sin(angle), 1 - np.cos(angle)], -1)
    ribbon = make_ribbon(arc, TIMES)
    nearest = np.linalg.norm(ribbon.centre[:, None] - arc, axis=-1).min(0)
    assert nearest.max() < 0.13  # half a step of the fine path
    np.testing.assert_allclose(np.linalg.norm(ribbon.left - ribbon.right, axis=1), RIBBON_WIDTH_M, atol=1e-9)
    assert (np.diff(ribbon.fraction) > 0).all()


def test_braking_to_a_stop_never_overshoots():
    x = np.array([4.0, 7.0, 9.0, 10.0, 10.0, 10.0])
    ribbon = make_ribbon(np.column_stack([x, np.zeros(6)]), TIMES)
    assert ribbon.centre[:, 0].max() == pytest.approx(10.0) and (np.diff(ribbon.centre[:, 0]) > 0).all()


def test_standing_car_has_no_ribbon():
    assert make_ribbon(np.zeros((6, 3)), TIMES) is None


def test_ground_is_the_median_lower_face_of_near_boxes(make_sample):
    sample = make_sample([make_camera(0)])
    assert ground_height([sample]) == 0.0, "one box within reach is too few"
    agents = sample.target.agents
    low = replace(agents, centres=agents.centres - [15.0, 0, 0.4])
    lowered = replace(sample, target=replace(sample.target, agents=low))
    assert ground_height([lowered] * 3) == pytest.approx(-0.4)
