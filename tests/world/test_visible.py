"""What cameras can see of boxes: known answers, and a town's agents."""

from __future__ import annotations

import numpy as np
import pytest

from drive.schema import Window
from drive.sim.episodes import Episode, make_world
from drive.world.state import ACTIVE
from drive.world.target import target_of
from drive.world.things import list_things
from drive.world.visible import EYE_HEIGHT_M, RANGE_M, SEEN, seen_agents, seen_shares, visibility
from drive.world.world import World

EYE = np.array([0.0, 0.0, EYE_HEIGHT_M])
NOTHING = np.zeros((0, 6))


def car(x: float, y: float, height: float = 1.5) -> list[float]:
    return [x, y, 0.0, 4.5, 1.8, height]


def shares(boxes: list[list[float]], walls: list[list[float]] | None = None) -> list[float]:
    return seen_shares(EYE, np.array(boxes), np.array(walls) if walls else NOTHING).tolist()


def test_nothing_between() -> None:
    assert shares([car(20, 0), car(-30, 4)]) == [1.0, 1.0]


def test_behind_a_house_nothing_beside_it_a_part() -> None:
    house = [10.0, 0.0, 0.0, 4.0, 8.0, 9.0]
    assert shares([car(30, 0)], [house]) == [0.0]
    assert shares([car(30, 20)], [house]) == [1.0]
    assert 0.0 < shares([[30.0, 15.0, np.pi / 2, 4.5, 1.8, 1.5]], [house])[0] < 1.0


def test_a_turned_wall_hides_what_its_box_around_would_not() -> None:
    wall = [10.0, 0.0, np.pi / 4, 20.0, 0.5, 9.0]  # from (3, -7) to (17, 7)
    assert shares([car(20, 2), car(5, 10)], [wall]) == [0.0, 1.0]


def test_a_lorry_shows_above_a_car_and_not_the_reverse() -> None:
    assert shares([car(10, 0), car(20, 0, 3.4)]) == [1.0, 1.0]
    assert shares([car(20, 0), [10.0, 0.0, 0.0, 8.0, 2.4, 3.4]])[0] == 0.0
    assert shares([car(10, 0), car(20, 0)])[1] < SEEN


def test_shares_do_not_depend_on_order_nor_on_the_place_of_the_world() -> None:
    rng = np.random.default_rng(3)
    boxes = np.column_stack([rng.uniform(-40, 40, (30, 2)), rng.uniform(-3, 3, 30), rng.uniform(1, 9, (30, 3))])
    told, order = seen_shares(EYE, boxes, NOTHING), rng.permutation(30)
    assert (seen_shares(EYE, boxes[order], NOTHING) == told[order]).all()
    moved, turn = boxes.copy(), np.array([[0.0, 1.0], [-1.0, 0.0]])
    moved[:, :2], moved[:, 2] = boxes[:, :2] @ turn + [100, -50], boxes[:, 2] + np.pi / 2
    assert np.allclose(seen_shares(np.array([100.0, -50.0, EYE_HEIGHT_M]), moved, NOTHING), told, atol=1 / 9 + 1e-9)


def test_more_in_the_way_never_shows_more() -> None:
    rng = np.random.default_rng(4)
    boxes = np.column_stack([rng.uniform(-40, 40, (20, 2)), rng.uniform(-3, 3, 20), rng.uniform(1, 9, (20, 3))])
    walls = np.column_stack([rng.uniform(-40, 40, (10, 2)), rng.uniform(-3, 3, 10), rng.uniform(4, 20, (10, 3))])
    assert (seen_shares(EYE, boxes, walls) <= seen_shares(EYE, boxes, NOTHING)).all()


@pytest.fixture(scope="module")
def town() -> World:
    return make_world(Episode("town", 821_001))


def single_agents(world: World) -> np.ndarray:
    """Neither towed nor towing, [A]."""
    tow = world.static.tow
    return (tow < 0) & ~np.isin(np.arange(len(tow)), tow)


def test_levels_of_a_town_agree_with_who_is_seen(town: World) -> None:
    state, things = town.start, list_things(town)
    levels, seen = visibility(town, state, things), seen_agents(town, state)
    near = np.hypot(*(state.pose[:, :2] - state.ego[:2]).T) <= RANGE_M
    rows = things.agent[(things.agent > 0) & single_agents(town)[things.agent]]
    rows = rows[state.marks[rows, ACTIVE] == 1]
    by_agent = dict(zip(things.agent.tolist(), levels.tolist(), strict=True))
    assert len(rows) > 10 and [by_agent[k] >= 2 for k in rows.tolist()] == seen[rows].tolist()
    assert seen[0] and not seen[single_agents(town) & ~near].any()
    assert {1, 4} <= set(levels.tolist())


def test_a_target_tells_levels_at_t0_alone(town: World) -> None:
    agents = target_of(town, [town.start, town.step(town.start, (0.0, 0.0))], 0, Window()).agents
    assert agents is not None
    now = agents.visibility[:, agents.now]
    assert ((now >= 1) == agents.valid[:, agents.now]).all() and now.max() == 4
    assert not np.delete(agents.visibility, agents.now, axis=1).any()
