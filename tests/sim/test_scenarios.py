"""Safety-critical families: built from seeds, dangerous to who does not brake, drivable."""

from __future__ import annotations

import pytest

from drive.sim.expert import Expert, LaneFollower
from drive.sim.rollout import Loop, rollout
from drive.sim.scenarios import FAMILIES, family_world
from drive.sim.scores import score
from drive.sim.world import state_hash


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_worlds_repeat_and_carry_their_family(family: str) -> None:
    world = family_world(family, 50)
    assert world.family == family and state_hash(world.start) == state_hash(family_world(family, 50).start)
    assert state_hash(world.start) != state_hash(family_world(family, 51).start)


def test_who_does_not_brake_hits_something() -> None:
    hits = [score(rollout(family_world(f, 53), LaneFollower())).values["at_fault_collision"] for f in sorted(FAMILIES)]
    assert sum(hits) >= 4


@pytest.mark.parametrize("family", ["cut-in", "frontal", "hard-brake", "jaywalker", "occluded-pedestrian", "side", "stationary"])
def test_the_expert_copes(family: str) -> None:
    assert score(rollout(family_world(family, 53), Expert(), Loop(5.0))).values["success"] == 1.0


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="no family 'meteor'"):
        family_world("meteor", 1)
