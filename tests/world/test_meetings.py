"""Ordinary episodes mean something: long enough, junctions on the way, moving agents met, in every town."""

from __future__ import annotations

import numpy as np
import pytest

from drive.world.advance import advance
from drive.world.meetings import MET_M, MOVING_MPS, meetings
from drive.world.state import ACTIVE, BY_LANE, STATION, V
from drive.world.town.populate import TrafficConfig, set_stage, town_world
from drive.world.town.town import TOWNS
from drive.world.world import World

SPARSE_TOWN = 0  # its first draw of traffic meets too few
MANY = 10**6


def met_plainly(world: World) -> int:
    """Agents met, counted over whole arrays from the saved states."""
    state, met = world.start, np.zeros(len(world.static.kind), dtype=bool)
    while state.ego[STATION] < world.goal_m and state.step < 10 * world.time_limit_s:
        state = advance(world.static, state, 0.0, 0.0, BY_LANE, False)
        near = np.hypot(*(state.pose[:, :2] - state.ego[:2]).T) < MET_M
        met |= near & (state.marks[:, ACTIVE] == 1) & (state.move[:, V] > MOVING_MPS)
    return int(met[1:].sum())


@pytest.mark.parametrize("seed", [SPARSE_TOWN, 1])
def test_the_count_is_that_of_a_plain_one(seed: int) -> None:
    world = town_world(seed, traffic=TrafficConfig(least_met=0))
    plain = met_plainly(world)
    assert meetings(world.static, world.start, world.goal_m, world.time_limit_s, MANY) == plain
    assert meetings(world.static, world.start, world.goal_m, world.time_limit_s, plain - 1) == plain - 1


def test_traffic_is_drawn_again_where_too_few_are_met() -> None:
    least = TrafficConfig().least_met
    first, kept = town_world(SPARSE_TOWN, traffic=TrafficConfig(least_met=0)), town_world(SPARSE_TOWN)
    assert met_plainly(first) < least <= met_plainly(kept)
    assert first.start.ego.tobytes() == kept.start.ego.tobytes() and first.goal_m == kept.goal_m


def test_traffic_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(ValueError, match="never met 14 of them; ask for more"):
        town_world(1, traffic=TrafficConfig(vehicles=(2, 2), walkers=(0, 0)))


def check_episode(seed: int, kind: str) -> None:
    stage = set_stage(seed, TOWNS[kind])
    places = {j.id for j in stage.town.map.junctions if j.kind in ("t", "four-way", "roundabout")}
    passed = places & {stage.town.map.lane(name).junction for name in stage.route}
    assert len(passed) >= 2 and stage.goal_m - stage.start_m >= 300.0, (seed, kind, passed)
    town_world(seed, TOWNS[kind])  # refuses what meets too few


@pytest.mark.parametrize("kind", sorted(TOWNS))
def test_every_ordinary_episode_is_long_and_meets_enough(kind: str) -> None:
    for seed in range(4):
        check_episode(seed, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(TOWNS))
def test_ordinary_episodes_of_three_hundred_seeds(kind: str) -> None:
    for seed in range(1000, 1300):
        check_episode(seed, kind)
