"""Oriented boxes: the ego's body, and overlap against shapely."""

from __future__ import annotations

import numpy as np
from shapely.geometry import Polygon

from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M, EGO_WIDTH_M, box_corners, boxes_overlap, ego_boxes


def test_ego_body_reaches_as_far_as_its_length_says() -> None:
    corners = box_corners(ego_boxes(np.zeros(3)))
    assert np.isclose(corners[:, 0].max(), EGO_CENTRE_AHEAD_M + EGO_LENGTH_M / 2)
    assert np.isclose(np.ptp(corners[:, 1]), EGO_WIDTH_M)
    turned = ego_boxes(np.array([1.0, 2.0, np.pi / 2]))
    np.testing.assert_allclose(turned[:2], [1.0, 2.0 + EGO_CENTRE_AHEAD_M])


def test_overlap_agrees_with_shapely() -> None:
    rng = np.random.default_rng(0)
    low, high = [-4, -4, -7, 0.5, 0.5], [4, 4, 7, 5, 5]
    a, b = rng.uniform(low, high, (2, 2000, 5))
    expected = [Polygon(p).intersects(Polygon(q)) for p, q in zip(box_corners(a), box_corners(b), strict=True)]
    assert 200 < sum(expected) < 1800
    np.testing.assert_array_equal(boxes_overlap(a, b), expected)


def test_touching_counts_and_nan_does_not() -> None:
    box = np.array([0.0, 0.0, 0.0, 2.0, 2.0])
    assert boxes_overlap(box, [2.0, 0.0, 0.0, 2.0, 2.0])
    assert not boxes_overlap(box, [2.0 + 1e-9, 0.0, 0.0, 2.0, 2.0])
    assert not boxes_overlap(box, [np.nan, 0.0, 0.0, 2.0, 2.0])
