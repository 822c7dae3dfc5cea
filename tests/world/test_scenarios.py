"""Safety-critical families: built from seeds, dangerous to who does not brake, drivable."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from drive.expert.expert import Expert, LaneFollower
from drive.expert.proposals import bend_at, sharpest_bend, shifted_route
from drive.sim.rollout import Loop, rollout
from drive.sim.scores import score
from drive.world.town.scenarios import FAMILIES, family_world
from drive.world.world import World, state_hash


@cache
def made(family: str) -> World:
    return family_world(family, 53)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_worlds_repeat_and_carry_their_family(family: str) -> None:
    world = made(family)
    assert world.family == family and state_hash(world.start) == state_hash(family_world(family, 53).start)
    assert state_hash(world.start) != state_hash(family_world(family, 50).start)


def test_who_does_not_brake_hits_something() -> None:
    hits = [score(rollout(made(f), LaneFollower())).values["at_fault_collision"] for f in sorted(FAMILIES)]
    assert sum(hits) >= 4


@pytest.mark.parametrize("family", ["cut-in", "frontal", "hard-brake", "jaywalker", "occluded-pedestrian", "side", "stationary"])
def test_the_expert_copes(family: str) -> None:
    assert score(rollout(made(family), Expert(), Loop(5.0))).values["success"] == 1.0


@pytest.mark.parametrize(
    ("family", "seed"),
    [
        ("stationary", 730002),  # somebody queues behind the standing car
        ("stationary", 730012),  # he waits near a junction, behind a cyclist that was passed
        ("hard-brake", 730022),  # oncoming traffic would meet the ego in its lane
    ],
)
def test_the_expert_goes_around_what_stands(family: str, seed: int) -> None:
    assert score(rollout(family_world(family, seed), Expert(), Loop(5.0))).values["success"] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_expert_copes_with_many(family: str) -> None:
    worth = [score(rollout(family_world(family, seed), Expert(), Loop(5.0))).values["success"] for seed in range(750000, 750020)]
    assert sum(worth) >= 19


def test_a_detour_is_planned_again_as_it_was() -> None:
    """From a place on a detour's line, the line is the same: else every new plan steers out later than the last."""
    route = np.zeros((200, 4))
    route[:, 0], route[:, 3] = np.arange(200), 10.0
    first = shifted_route(route, 20.0, 0.0, 0.0, 12.0, 0.0, 60.0, 70.0, 2.8)
    slope = (first[53, 1] - first[52, 1]) / 1.0
    again = shifted_route(route, 52.0, float(first[52, 1]), slope, 12.0, 0.0, 60.0, 70.0, 2.8)
    assert np.abs(first[53:, :2] - again[53:, :2]).max() < 0.02
    assert first[65, 1] == pytest.approx(2.8) and first[40, 1] == pytest.approx(0.0) and first[90, 1] == pytest.approx(0.0)


def test_sharp_bends_of_a_detour_are_driven_slowly() -> None:
    route = np.zeros((200, 4))
    route[:, 0], route[:, 3] = np.arange(200), 14.0
    line = shifted_route(route, 50.0, 0.0, 0.0, 12.0, 0.0, 60.0, 70.0, 2.8)
    worst = max(line[k, 3] ** 2 * bend_at(line, k) for k in range(50, 84))
    assert worst <= 2.5 + 1e-6 < 14.0**2 * sharpest_bend(line, 50.0, 84.0)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="no family 'meteor'"):
        family_world("meteor", 1)
