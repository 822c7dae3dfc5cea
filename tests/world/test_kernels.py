"""Compiled kernels against plain references and known answers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from drive import dynamics
from drive.geometry import boxes_overlap
from drive.jit import kernel
from drive.sim.tracker import VEHICLE
from drive.world import advance, shapes, traffic
from drive.world.state import DT_S
from drive.world.town.populate import town_world
from drive.world.traffic import FREE_M
from drive.world.world import World

move_ego, idm = kernel(advance.move_ego), kernel(traffic.idm)
on_road, overlap, project_on = kernel(shapes.on_road), kernel(shapes.overlap), kernel(shapes.project_on)


@pytest.fixture(scope="module")
def world() -> World:
    return town_world(3)


def test_overlap_equals_the_separating_axis_reference() -> None:
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(-4, 4, (2000, 2, 2)), rng.uniform(-4, 4, (2000, 2, 1)), rng.uniform(0.5, 5, (2000, 2, 2))], -1)
    fast = [overlap(*a, *b) for a, b in boxes]
    np.testing.assert_array_equal(fast, boxes_overlap(boxes[:, 0], boxes[:, 1]))
    assert 200 < sum(fast) < 1800


def test_on_road_equals_shapely(world: World) -> None:
    sc = world.static
    road = shapely.union_all([shapely.Polygon(p.exterior, p.holes) for p in world.map.drivable])
    low, high = road.bounds[:2], road.bounds[2:]
    points = np.random.default_rng(1).uniform(low, high, (4000, 2))
    fast = np.array([on_road(x, y, sc.road_start, sc.road_ptr, sc.road_edges) for x, y in points])
    np.testing.assert_array_equal(fast, shapely.contains_xy(road, points))
    assert 100 < fast.sum() < 3900
    assert not on_road(low[0] - 1, low[1] - 500, sc.road_start, sc.road_ptr, sc.road_edges)


def test_ego_moves_like_the_shared_bicycle(world: World) -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        ego = np.concatenate([rng.uniform(-1, 1, 3), [rng.uniform(2, 15)], rng.uniform(-2, 2, 1), rng.uniform(-0.3, 0.3, 1), [0, 0]])
        command = np.array([rng.uniform(-4, 3), rng.uniform(-0.5, 0.5)])
        moved = move_ego(world.static, ego, *command)
        np.testing.assert_allclose(moved[:6], dynamics.step(ego[:6], command, VEHICLE, DT_S), atol=1e-12)


def test_ego_never_rolls_backwards(world: World) -> None:
    ego = np.zeros(8)
    ego[3] = 0.5
    for _ in range(20):
        ego = move_ego(world.static, ego, -8.0, 0.0)
    assert ego[3] == 0.0 and ego[0] < 0.2


def test_project_on_a_straight_path() -> None:
    path = np.column_stack([np.arange(30.0), np.zeros(30), np.zeros(30), np.full(30, 10.0)])
    assert project_on(path, 0, 30, 12.3, 1.5, 10.0) == (pytest.approx(12.3), pytest.approx(1.5))
    assert project_on(path, 0, 30, 12.3, -1.5, 10.0)[1] == pytest.approx(-1.5)


def test_idm_known_answers() -> None:
    driver = np.array([1.0, 1.5, 2.0, 1.5, 2.0])
    assert idm(0.0, 10.0, FREE_M, 0.0, driver) == 1.5
    assert idm(10.0, 10.0, FREE_M, 0.0, driver) == 0.0
    assert idm(0.0, 10.0, 2.0, 0.0, driver) == pytest.approx(0.0)  # stands at its smallest gap
    equilibrium = (2.0 + 8.0 * 1.5) / np.sqrt(1 - 0.8**4)
    assert idm(8.0, 10.0, equilibrium, 8.0, driver) == pytest.approx(0.0, abs=1e-12)
    assert idm(10.0, 10.0, 5.0, 0.0, driver) == -8.0
