"""Worlds: pure steps, the same bytes, nothing seen of the future; traffic that drives well."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from drive.expert.expert import Expert
from drive.schema import Window
from drive.world.census import census
from drive.world.observe import command_at, observe
from drive.world.paths import Path, metre_points, wander
from drive.world.state import ACTIVE, AS_RECORDED, CAR, CONTACT, CONTACT_NAMES, DT_S, FAULT, FRONT, RED_LIGHT, STANDING, TOUCHING, V
from drive.world.town.populate import TrafficConfig, set_stage, town_world
from drive.world.town.town import make_town
from drive.world.world import Actor, World, assemble, ego_actor, state_hash


@pytest.fixture(scope="module")
def world() -> World:
    return town_world(2)


def recorded_world(futures: int) -> World:
    """An ego and three recorded cars whose first 20 steps are the same for every `futures`, the later ones not."""
    stage = set_stage(4, traffic=TrafficConfig())
    rng, actors = np.random.default_rng(futures), [ego_actor(stage.path, stage.start_m, 5.0)]
    for n in range(3):
        rows = np.zeros((60, 4))
        rows[:, :3] = stage.path.points[int(stage.start_m) + 25 + 12 * n, :3]
        rows[20:, :2] += rng.normal(0, 3, (40, 2)).cumsum(0)
        actors.append(Actor(CAR, AS_RECORDED, (4.5, 1.9, 1.5), stage.path, recorded=rows, valid=np.ones(60, dtype=bool)))
    static, start = assemble(stage.tables, actors, np.zeros((0, 5)))
    return World("made", stage.town.map, static, start, stage.goal_m, 5.0)


def test_step_is_pure_and_repeats_to_the_byte(world: World) -> None:
    before = state_hash(world.start)
    once, again = world.step(world.start, (1.0, 0.1)), world.step(world.start, (1.0, 0.1))
    assert state_hash(world.start) == before
    assert state_hash(once) == state_hash(again) != state_hash(world.step(world.start, (1.0, 0.2)))
    assert state_hash(town_world(2).start) == before


@pytest.mark.parametrize("action", [(np.nan, 0.0), (np.inf, 0.0), (1.0,), (1.0, 2.0, 3.0)])
def test_bad_actions_are_refused(world: World, action: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="two finite numbers"):
        world.step(world.start, action)


def test_nothing_depends_on_the_future() -> None:
    answers = []
    for futures in (1, 2):
        made = recorded_world(futures)
        states = [made.start]
        for _ in range(15):
            states.append(made.step(states[-1], (0.0, 0.0)))
        seen = observe(made, np.stack([s.ego for s in states]), Window())
        plan = Expert().plan_in_world(made, states[-1], seen)
        answers.append((state_hash(states[-1]), seen.past.poses.tobytes(), seen.command, plan.trajectories.tobytes()))
        later = states[-1]
        for _ in range(30):
            later = made.step(later, (0.0, 0.0))
        answers[-1] += (state_hash(later),)
    assert answers[0][:4] == answers[1][:4]
    assert answers[0][4] != answers[1][4]  # the futures do differ


def test_observation_of_a_straight_start(world: World) -> None:
    seen = observe(world, world.start.ego[None], Window())
    v = world.start.ego[3]
    np.testing.assert_allclose(seen.past.poses[:, 0], v * seen.past.times_s, atol=1e-9)
    assert seen.past.valid.all() and seen.speed_mps == v and seen.frames == ()


def test_command_tells_the_turn(world: World) -> None:
    first, last = world.static.path_ptr[:2]
    headings = world.static.path[first:last, 2]
    for station in range(0, int(world.goal_m), 25):
        turn = headings[min(station + 30, len(headings) - 1)] - headings[station]
        assert command_at(world, station) == ("straight" if abs(turn) < 0.6 else "left" if turn > 0 else "right")


def test_contacts_have_kinds() -> None:
    stage = set_stage(4, traffic=TrafficConfig())
    ahead = Path(metre_points(stage.path.points[int(stage.start_m) + 20 :, :2], 10.0))
    actors = [ego_actor(stage.path, stage.start_m, 8.0), Actor(CAR, STANDING, (4.5, 1.9, 1.5), ahead, 3.0)]
    static, state = assemble(stage.tables, actors, np.zeros((0, 5)))
    made = World("wall", stage.town.map, static, state, stage.goal_m, 20.0)
    for _ in range(40):
        state = made.step(state, (1.0, 0.0))
        if state.flags[FAULT]:
            break
    assert state.flags[TOUCHING] and CONTACT_NAMES[state.marks[1, CONTACT]] == "stopped_agent"
    assert FRONT > 0 and state.marks[1, ACTIVE]


def test_a_red_light_that_is_run_is_seen() -> None:
    flagged = 0
    for seed in range(6):
        world = town_world(seed, traffic=TrafficConfig(vehicles=(0, 0), walkers=(0, 0), least_met=0))
        if not len(world.static.stop_line):
            continue
        line, light = world.static.stop_line[0], world.map.lights[world.static.stop_light[0]]
        along = np.array([line[3] - line[1], line[0] - line[2]])  # forward: right of (right end -> left end)
        heading = float(np.arctan2(along[1], along[0]))
        ego = world.start.ego.copy()
        middle = (line[:2] + line[2:]) / 2
        ego[:4] = [*(middle - 5.0 * np.array([np.cos(heading), np.sin(heading)])), heading, 8.0]
        for step in range(0, 400, 37):
            state = world.start._replace(ego=ego, step=step)
            colours = []
            ran = False
            for _ in range(6):
                colours.append(light.colour(state.step * 0.1))
                state = world.step(state, (0.0, 0.0))
                ran |= bool(state.flags[RED_LIGHT])
            if len(set(colours)) == 1:
                assert ran == (colours[0] == "red")
                flagged += ran
    assert flagged > 3


def test_traffic_drives_well_for_three_minutes() -> None:
    for seed in (20, 21):
        seen = census(town_world(seed), 180.0)
        assert seen.contacts == 0 and seen.agent_minutes > 60 and seen.deadlock_s < 60.0


def test_a_jam_is_seen_as_one() -> None:
    """Everybody stops for good: contacts stay none, every junction with somebody at its line is deadlocked."""
    world = town_world(20)
    still = world.static._replace(idm=np.where(np.arange(5) == 0, 0.0, world.static.idm), mode=world.static.mode)
    assert census(replace(world, static=still), 90.0).deadlock_s > 70.0


def test_nobody_circles_in_a_roundabout() -> None:
    """A bus takes the straightest way elsewhere; in a ring, which is straighter than every exit, it would go on for ever."""
    road_map, rng = make_town(5).map, np.random.default_rng(0)
    rings = {j.id for j in road_map.junctions if j.kind == "roundabout"}
    ways = [wander(road_map, lane.id, 1500.0, rng, wide=True) for lane in road_map.lanes if lane.kind == "road"]
    passed = 0
    for way in ways:
        for ring, visit in groupby(way, lambda name: road_map.lane(name).junction):
            if ring in rings:
                lanes = list(visit)
                passed += len(lanes) > 2
                assert len(lanes) <= len(set(lanes)) + 1  # once around at most
    assert passed > 10


@pytest.mark.slow
def test_traffic_drives_well_over_a_hundred_towns() -> None:
    seen = [census(town_world(seed), 120.0) for seed in range(100, 200)]
    assert sum(s.contacts for s in seen) < 0.01 * sum(s.agent_minutes for s in seen)
    assert max(s.deadlock_s for s in seen) < 60.0


def test_nobody_jumps_in_the_first_step() -> None:
    towing = 0
    for seed in range(6):
        made = town_world(seed)
        after = made.step(made.start, (0.0, 0.0))
        moved = np.hypot(*(after.pose - made.start.pose)[:, :2].T)
        there = (made.start.marks[:, ACTIVE] == 1) & (after.marks[:, ACTIVE] == 1)
        most = DT_S * np.maximum(made.start.move[:, V], after.move[:, V]) + 0.3
        assert (moved <= most)[there].all(), (seed, np.flatnonzero(there & (moved > most)))
        towing += int((made.static.tow >= 0).sum())
    assert towing
