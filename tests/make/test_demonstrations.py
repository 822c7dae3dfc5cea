"""Demonstrations: displaced where they say, answers that lead back, the same from the same seed, shards that are whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.expert.proposals import on_route
from drive.frames import compose_se2
from drive.make.closeness import right_behind
from drive.make.demonstrations import demonstrations, displaced, hardest_braking
from drive.make.recipe import FIRST_TEST_TOWN, Displacement, Recipe
from drive.make.shards import make_shards, open_folder, read_shard
from drive.planners.load import load_planner
from drive.schema import COMMANDS, Window
from drive.sim.episodes import Episode, make_world
from drive.world.state import HEADING, LATERAL, SPEED, STATION, STEER, TOUCHING, State
from drive.world.town.populate import EMPTY, TrafficConfig, town_world
from drive.world.world import World, state_hash


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Episode("town", 10_001, traffic="empty"))


def _knowing(**displacement: float) -> Recipe:
    """A recipe by the expert that knows all, of states as they come."""
    return Recipe(teacher="expert", balanced=False, displacement=Displacement(**displacement))


def test_a_displaced_ego_stands_where_it_was_put(world: World) -> None:
    there = displaced(world, world.start, 0.8, 0.1, 5.0)
    assert there.ego[LATERAL] - world.start.ego[LATERAL] == pytest.approx(0.8 + np.sin(0.1) * world.static.body[2], abs=0.03)
    assert there.ego[HEADING] - world.start.ego[HEADING] == pytest.approx(0.1)
    assert there.ego[SPEED] == 5.0 and abs(there.ego[STEER]) < 0.3
    assert state_hash(displaced(world, world.start, 0.0, 0.0, float(world.start.ego[SPEED]))) != state_hash(there)


def test_answers_lead_back_to_the_route(world: World) -> None:
    shown = demonstrations(world, 60, _knowing(kept=0.0, fresh=0.0), np.random.default_rng(0))
    points = world.static.path[: int(world.static.path_ptr[1]), :2]
    at = np.arange(0, len(points) - 1, 0.05)
    route = np.stack([np.interp(at, np.arange(len(points)), points[:, n]) for n in range(2)], -1)
    gaps = []
    for one in shown:
        places = compose_se2(one.state.ego[:3], one.future)[:, :2]
        far = [float(np.hypot(*(route - place).T).min()) for place in (one.state.ego[:2], places[-1])]
        gaps.append(far)
    before, after = np.array(gaps).T
    assert before.mean() > 0.3 and after[before > 0.5].mean() < 0.35 * before[before > 0.5].mean()


def test_turns_and_speeds_are_mixed_and_the_seed_decides(world: World) -> None:
    first, second, other = (demonstrations(world, 80, _knowing(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert [state_hash(a.state) for a in first] == [state_hash(b.state) for b in second]
    assert [state_hash(a.state) for a in first] != [state_hash(b.state) for b in other]
    commands = np.array([one.command for one in first])
    assert 0.2 < np.mean(commands != COMMANDS.index("straight")) < 0.8
    speeds = np.array([one.dynamics[0] for one in first])
    assert (speeds < 0.1).any() and (speeds > 6).any()


def test_a_standing_ego_is_shown_to_start(world: World) -> None:
    shown = demonstrations(world, 150, _knowing(kept=0.0, fresh=1.0), np.random.default_rng(3))
    standing = [one.future[-1, 0] for one in shown if one.dynamics[0] == 0.0]
    assert len(standing) > 20 and np.mean(np.array(standing) > 2.0) > 0.6


def gap_m(world: World, state: State) -> float:
    """From the ego's bumper to who is next on its route."""
    front = float(state.ego[STATION] + 0.5 * world.static.body[0])
    begins = on_route(world.static, state, 30.0)[:, 0]
    return float(begins[begins > front - 1.0].min(initial=np.inf)) - front


@pytest.mark.parametrize("past_s", [0.0, 0.5])
def test_who_is_put_right_behind_somebody_stops_there(past_s: float) -> None:
    world = make_world(Episode("town", 20_001))
    stopping = {}
    for close in (0.0, 0.8):
        recipe = Recipe(displacement=Displacement(close=close), past=past_s > 0, window=Window(past_s=past_s or 2.0))
        shown = demonstrations(world, 60, recipe, np.random.default_rng(0))
        gaps = np.array([gap_m(world, one.state) for one in shown])
        assert not any(one.state.flags[TOUCHING] for one in shown) and gaps.min() > -1.0  # begins are known to the metre
        near = [(one.dynamics[0], np.hypot(*one.future[-1, :2]) < gap) for one, gap in zip(shown, gaps, strict=True) if gap < 5.0]
        stopping[close] = sum(speed > 0.5 and stops for speed, stops in near)
    assert stopping[0.8] >= stopping[0.0] + 4, stopping


def test_nobody_is_put_behind_nobody(world: World) -> None:
    assert right_behind(world, world.start, np.random.default_rng(0)) is None


def test_test_towns_and_other_recipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are for tests"):
        make_shards(tmp_path, Recipe(), range(FIRST_TEST_TOWN - 1, FIRST_TEST_TOWN + 1), 1, load_planner)
    open_folder(tmp_path / "towns", Recipe())
    open_folder(tmp_path / "towns", Recipe())
    with pytest.raises(ValueError, match="another recipe"):
        open_folder(tmp_path / "towns", replace(Recipe(), per_town=7))
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="no file of demonstrations"):
        read_shard(tmp_path / "broken.npz")


def test_braking_is_told_by_positions() -> None:
    times = 0.5 * np.arange(1, 7)
    until = np.minimum(times, 8 / 3)  # stands from then on
    even = np.stack([8.0 * until - 0.5 * 3.0 * until**2, 0 * times], -1)
    assert hardest_braking(even, 8.0, 0.5) == pytest.approx(3.0, abs=0.05)
    assert hardest_braking(np.stack([8.0 * times, 0 * times], -1), 8.0, 0.5) == 0.0
    struck = np.stack([np.full(6, 4.0), np.zeros(6)], -1)
    assert hardest_braking(struck, 8.0, 0.5) == pytest.approx(16.0)


def test_no_answer_stops_dead() -> None:
    """In the first drive through town 20001 some answers did: their car touches somebody."""
    rng = np.random.default_rng([20_001, 11])
    busy = TrafficConfig() if rng.random() >= Recipe().empty_share else EMPTY
    world = town_world(20_001, traffic=busy)
    shown = demonstrations(world, 12, Recipe(), rng)
    assert len(shown) == 12
    braking = [hardest_braking(one.future, float(one.dynamics[0]), 0.5) for one in shown]
    assert max(braking) < 9.0
