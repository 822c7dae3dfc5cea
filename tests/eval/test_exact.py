"""Protocol `exact`: its kernel against the readable one and shapely, and what counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from shapely import Polygon

from drive.eval.openloop.batch import Plans, make_batch, recorded_plans
from drive.eval.openloop.exact import EXACT, boxes_touch, collisions
from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M, EGO_WIDTH_M, box_corners, boxes_overlap
from drive.jit import kernel
from drive.schema import SceneSample


def random_boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.concatenate([rng.uniform(-4, 4, (n, 2)), rng.uniform(-7, 7, (n, 1)), rng.uniform(0.3, 6, (n, 2))], -1)


def test_kernel_equals_the_readable_test_and_shapely() -> None:
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 3000), random_boxes(rng, 3000)
    touch = kernel(boxes_touch)
    fast = np.array([touch(x, y) for x, y in zip(a, b, strict=True)])
    np.testing.assert_array_equal(fast, boxes_overlap(a, b))
    polygons = [(Polygon(p), Polygon(q)) for p, q in zip(box_corners(a), box_corners(b), strict=True)]
    np.testing.assert_array_equal(fast, [p.intersects(q) for p, q in polygons])
    assert 0.2 < fast.mean() < 0.8


def test_touching_counts_and_a_millimetre_apart_does_not() -> None:
    """A box ahead of the ego's bumper: the body reaches half its length ahead of its centre."""
    bumper = EGO_CENTRE_AHEAD_M + EGO_LENGTH_M / 2
    for gap, hit in ((0.0, True), (-1e-3, True), (1e-3, False)):
        boxes = np.zeros((1, 1, 7, 5))
        boxes[..., 0], boxes[..., 3:] = bumper + 2.0 + gap, (4.0, 2.0)
        assert (collisions(np.zeros((1, 6, 3)), boxes, np.ones((1, 1, 7), dtype=bool)) == hit).all()


def test_body_turns_with_the_plan() -> None:
    """A post beside the car is hit only when the car stands across."""
    boxes = np.zeros((1, 1, 7, 5))
    boxes[..., :2], boxes[..., 3:] = (0.0, EGO_WIDTH_M), (0.2, 0.2)
    valid = np.ones((1, 1, 7), dtype=bool)
    poses = np.zeros((1, 6, 3))
    assert not collisions(poses, boxes, valid).any()
    poses[..., 2] = np.pi / 2
    assert collisions(poses, boxes, valid).all()


def test_only_road_users_annotated_at_that_step_count(drives: Callable[..., list[SceneSample]]) -> None:
    """Plans that stand on one agent's centre hit exactly where that agent is a road user and annotated."""
    batch = make_batch(drives(1, frames=20, agents=1, seed=3))
    for road_user in (True, False):
        poses = np.concatenate([batch.agent_boxes[:, 0, 1:, :2], np.zeros((len(batch), 6, 1))], -1)
        plans = Plans(poses[..., :2], poses, np.ones(len(batch), dtype=bool))
        batch.agent_road_user[:] = road_user
        result = EXACT.results(batch, plans)["collision_3s"]
        there = batch.agent_valid[:, 0, 1:][batch.complete].any(1)
        np.testing.assert_array_equal(result.values.astype(bool), there & road_user)


def test_failed_samples_collide_and_have_no_distance(drives: Callable[..., list[SceneSample]]) -> None:
    batch = make_batch(drives(2))
    log = recorded_plans(batch)
    usable = np.arange(len(batch)) % 2 == 0
    results = EXACT.results(batch, Plans(log.xy, log.poses, usable))
    failed = ~usable[batch.complete]
    for name, result in results.items():
        np.testing.assert_array_equal(result.failed, failed)
        if name.startswith("l2"):
            np.testing.assert_array_equal(result.valid, ~failed)
            assert result.mean == 0
        else:
            assert result.valid.all() and (result.values[failed] == 1).all()
