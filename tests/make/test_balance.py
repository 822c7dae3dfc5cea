"""States drawn evenly over what the ego meets, each at every phase of its light, answered by the visible expert."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from drive.frames import compose_se2, invert_se2, wrap_angle
from drive.make import shards
from drive.make.balance import (
    GROUPS,
    LEAD_M,
    ON_FOOT,
    PEOPLE,
    balanced_weights,
    behind_standing,
    going_amiss,
    groups_of,
    light_ahead,
    next_gate,
    people_ahead,
    phase_shifts,
    turning,
)
from drive.make.demonstrations import Shown, demonstrations, displaced, drive_by_lane
from drive.make.recipe import Recipe
from drive.make.shards import make_shards, read_shard, shard_path
from drive.planners.load import load_planner
from drive.roads import Navigation
from drive.sim.episodes import Episode, make_world
from drive.world.advance import light_colours
from drive.world.state import ACTIVE, DT_S, FAULT, HEADING, SPEED, STATION, State, V
from drive.world.world import World

SEED = 10_002
RED = 2


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Episode("town", SEED))


@pytest.fixture(scope="module")
def drive(world: World) -> list[State]:
    return drive_by_lane(world)


@pytest.fixture(scope="module")
def shown(world: World, drive: list[State]) -> list[Shown]:
    rng = np.random.default_rng(1)
    return demonstrations(world, 120, Recipe(), rng, drive)


def colour(world: World, state: State, light: int) -> int:
    return int(light_colours(world.static.light_cycle, world.static.light_time, state.step * DT_S)[light])


def test_every_group_gets_the_same_mass(world: World, drive: list[State]) -> None:
    weights = balanced_weights(world, drive, Recipe())
    found = [groups_of(world, state) for state in drive]
    own = {group: np.array([group in one for one in found]) for group in GROUPS}
    assert weights[own["plain"]].sum() == pytest.approx(1.0)
    for group, member in own.items():
        assert not member.any() or weights[member].sum() >= 1.0 - 1e-9, group
    assert weights.sum() == pytest.approx(sum(member.any() for member in own.values()))


def test_people_have_a_share_of_their_own_where_it_is_asked_for(world: World, drive: list[State]) -> None:
    met = np.array([people_ahead(world.static, state) for state in drive])
    assert met.any() and not met.all()
    assert all((PEOPLE in groups_of(world, state, people=True)) == there for state, there in zip(drive, met, strict=True))
    assert not any(PEOPLE in groups_of(world, state) for state in drive)
    before, after = balanced_weights(world, drive, Recipe()), balanced_weights(world, drive, Recipe(people=True))
    assert after[met].sum() / after.sum() > before[met].sum() / before.sum() and after[met].sum() >= 1.0
    assert after.sum() == pytest.approx(before.sum() + 1.0)
    with pytest.raises(ValueError, match="people is a share among balanced"):
        Recipe(balanced=False, people=True)


def test_turns_get_the_share_that_is_asked_for_before_all_else(world: World, drive: list[State]) -> None:
    bent = np.array([turning(world.static, state) for state in drive])
    assert 0.02 < bent.mean() < 0.5
    headings = np.array([state.ego[HEADING] for state in drive])
    stations = np.array([state.ego[STATION] for state in drive])
    for k in np.flatnonzero(bent)[::10]:
        later = int(np.searchsorted(stations, stations[k] + 10.0))
        assert later >= len(drive) or abs(wrap_angle(headings[later] - headings[k])) > 0.1, "it does turn there"
    plain = balanced_weights(world, drive, Recipe())
    own = plain[bent].sum() / plain.sum()
    weights = balanced_weights(world, drive, Recipe(turns=0.5))
    assert weights.sum() == pytest.approx(1.0) and weights[bent].sum() == pytest.approx(0.5 + 0.5 * own)
    assert (balanced_weights(world, drive, Recipe(turns=0.0)) == plain).all()
    with pytest.raises(ValueError, match="turns is a share among balanced"):
        Recipe(balanced=False, turns=0.5)
    assert Recipe.from_json(Recipe(turns=0.5).to_json()).turns == 0.5 and "turns" not in Recipe().to_json()


def test_states_in_which_a_drive_goes_amiss_get_the_share_that_is_asked_for(world: World, drive: list[State]) -> None:
    assert not going_amiss(drive).any()
    moved = [displaced(world, state, 1.5, 0.0, 5.0) if k % 7 == 0 and k < 300 else state for k, state in enumerate(drive[:400])]
    hit = moved[-1].flags.copy()
    hit[FAULT] = 1
    moved[-1] = moved[-1]._replace(flags=hit)
    off, bent = going_amiss(moved), np.array([turning(world.static, state) for state in moved])
    assert np.flatnonzero(off).tolist() == [*range(0, 300, 7), *range(369, 400)], "off its way, and 3 s before the collision"
    weights = balanced_weights(world, moved, Recipe(amiss=0.4))
    assert weights.sum() == pytest.approx(1.0) and 0.4 < weights[off].sum() < 0.8
    both = balanced_weights(world, moved, Recipe(turns=0.5, amiss=0.4))
    assert both.sum() == pytest.approx(1.0) and both[off].sum() >= 0.4 and both[bent].sum() >= 0.6 * 0.5
    assert (balanced_weights(world, drive, Recipe(amiss=0.4)) == balanced_weights(world, drive, Recipe())).all(), "nothing does"
    assert Recipe.from_json(Recipe(amiss=0.4).to_json()).amiss == 0.4 and "amiss" not in Recipe().to_json()


def test_who_comes_up_to_stopped_traffic_gets_the_share_that_is_asked_for(world: World, drive: list[State]) -> None:
    coming = np.array([behind_standing(world.static, state) for state in drive])
    assert 0.005 < coming.mean() < 0.5
    for k in np.flatnonzero(coming)[::5]:
        state = drive[k]
        at = compose_se2(invert_se2(state.ego[:3]), state.pose)
        there = (state.marks[:, ACTIVE] != 0) & (state.move[:, V] < 0.5) & (np.hypot(*at[:, :2].T) < LEAD_M + 15.0) & (at[:, 0] > 0)
        assert state.ego[SPEED] > 1.0 and there[1:].any(), "somebody ahead stands"
    weights = balanced_weights(world, drive, Recipe(queues=0.5))
    assert weights.sum() == pytest.approx(1.0) and weights[coming].sum() >= 0.5
    empty = make_world(Episode("town", SEED, traffic="empty"))
    alone = drive_by_lane(empty)
    assert (balanced_weights(empty, alone, Recipe(queues=0.5)) == balanced_weights(empty, alone, Recipe())).all(), "nobody is there"
    with pytest.raises(ValueError, match="queues is a share among balanced"):
        Recipe(balanced=False, queues=0.5)
    assert Recipe.from_json(Recipe(queues=0.5).to_json()).queues == 0.5 and "queues" not in Recipe().to_json()


def test_where_nothing_turns_all_stays_as_it_is(world: World, drive: list[State]) -> None:
    straight = [state for state in drive if not turning(world.static, state)]
    assert (balanced_weights(world, straight, Recipe(turns=0.5)) == balanced_weights(world, straight, Recipe())).all()


def test_who_is_ahead_is_on_foot_near_and_in_front(world: World, drive: list[State]) -> None:
    state, walker = drive[50], int(np.flatnonzero(np.isin(world.static.kind, ON_FOOT))[0])
    ego = state.ego[:3]

    def placed(ahead: float, left: float, active: bool = True) -> State:
        pose, marks = state.pose.copy(), state.marks.copy()
        marks[1:, ACTIVE] = 0
        marks[walker, ACTIVE] = active
        pose[walker] = compose_se2(ego, np.array([ahead, left, 0.0]))
        return state._replace(pose=pose, marks=marks)

    assert people_ahead(world.static, placed(10.0, 4.0)) and people_ahead(world.static, placed(24.0, -4.0))
    gone = (placed(-3.0, 0.0), placed(26.0, 0.0), placed(10.0, 6.0), placed(10.0, 0.0, active=False))
    assert not any(people_ahead(world.static, one) for one in gone)


def test_groups_say_what_is_there(world: World, drive: list[State]) -> None:
    for state in drive[::25]:
        found, ahead = groups_of(world, state), light_ahead(world.static, state)
        assert ("stop" in found) == (state.ego[SPEED] < 0.3)
        lit = {"green", "yellow", "red"} & set(found)
        assert (ahead is None) == (not lit)
        if ahead is not None:
            assert found[0] == ("green", "yellow", "red")[colour(world, state, ahead[0])]
            gate = next_gate(world.static, state)
            assert gate is not None and gate[1] == ahead[1] > 0


def test_the_same_state_at_every_phase(world: World, shown: list[Shown]) -> None:
    together: dict[bytes, list[Shown]] = {}
    for one in shown:
        together.setdefault(one.state.ego.tobytes() + one.state.pose.tobytes(), []).append(one)
    groups = [group for group in together.values() if len(group) > 1]
    assert len(groups) > 5
    for group in groups:
        ahead = light_ahead(world.static, group[0].state)
        assert ahead is not None
        shows = [colour(world, one.state, ahead[0]) for one in group]
        assert len(set(shows)) == len(shows) and 0 in shows
        far = {shown_colour: one.future[-1, 0] for shown_colour, one in zip(shows, group, strict=True)}
        if RED in far:
            assert far[RED] <= far[0] + 0.5


def test_nobody_is_taught_to_pass_a_red_light(world: World, shown: list[Shown]) -> None:
    reds = 0
    for one in shown:
        ahead = light_ahead(world.static, one.state)
        if ahead is not None and colour(world, one.state, ahead[0]) == RED:
            gone = np.hypot(*one.future[:, :2].T).max()
            assert gone < ahead[1] + 0.3, f"{gone:.1f} m on, the line is {ahead[1]:.1f} m ahead"
            reds += 1
    assert reds > 10


def test_standing_starts_at_green(world: World, shown: list[Shown]) -> None:
    starts = []
    for one in shown:
        ahead = light_ahead(world.static, one.state)
        if ahead is not None and ahead[1] < 15 and one.state.ego[SPEED] == 0.0 and colour(world, one.state, ahead[0]) == 0:
            starts.append(one.future[-1, 0])
    assert len(starts) > 2 and max(starts) > 3.0


def test_red_is_not_shown_to_who_cannot_stop(world: World, drive: list[State]) -> None:
    state = next(one for one in drive if light_ahead(world.static, one) and one.ego[SPEED] > 5.0)
    fast = state._replace(ego=state.ego.copy())
    fast.ego[SPEED] = 40.0
    light = light_ahead(world.static, state)
    assert light is not None
    for now, red in ((state, state.ego[SPEED] ** 2 <= 8.0 * light[1]), (fast, False)):
        shifts = phase_shifts(world, now, np.random.default_rng(0))
        shows = [colour(world, now._replace(step=now.step + shift), light[0]) for shift in shifts]
        assert (RED in shows) == red and len(set(shows)) == len(shows) >= 2


def test_a_town_over_several_drives(tmp_path) -> None:  # type: ignore[no-untyped-def]
    recipe = Recipe(width=32, height=16, per_town=11, drives=2, empty_share=0.0, past=True, target=True)
    make_shards(tmp_path, recipe, range(10_003, 10_004), 1, load_planner)
    shard = read_shard(shard_path(tmp_path, 10_003))
    assert len(shard.commands) == 11 == len(shard.images) and shard.traffic
    times = recipe.window.future_times_s
    targets = [shard.target_of(k, times) for k in range(11)]
    agents = [one.agents for one in targets if one.agents is not None]
    assert len(agents) == 11 and max(int(one.visibility.max()) for one in agents) == 4
    assert all(one.lights is not None and one.route is not None and one.signs is not None for one in targets)
    sizes = Counter(len(one.instances) for one in agents)
    assert len(sizes) > 1


def test_what_a_navigator_says_comes_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    said = [None, Navigation("left", 12.5), Navigation("roundabout", 3.0, 2, Navigation("right", 60.0))]
    said.append(Navigation("straight", 0.0, None, Navigation("roundabout", 41.5, 3)))
    arrays = shards._told(said)
    path = tmp_path / "town.npz"
    empty = {"images": np.zeros((4, 0)), "dynamics": np.zeros((4, 3)), "commands": np.zeros(4), "futures": np.zeros((4, 6, 3))}
    np.savez(path, **empty, traffic=np.array(False), **arrays)
    assert [read_shard(path).navigation_of(k) for k in range(4)] == said
    np.savez(path, **empty, traffic=np.array(False), navigation=arrays["navigation"][:, :3], navigated=arrays["navigated"])
    assert read_shard(path).navigation_of(2) == Navigation("roundabout", 3.0, 2)  # as files were before
