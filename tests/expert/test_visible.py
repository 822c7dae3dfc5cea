"""The visible expert: what it must not know does not change its plans, and it drives towns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive.expert.belief import believed
from drive.expert.visible import VisibleExpert
from drive.expert.ways import BEHIND_M, CAP_MPS, Ways
from drive.frames import Array
from drive.schema import Window
from drive.sim.episodes import Episode, make_world
from drive.sim.rollout import rollout
from drive.world.advance import advance, light_colours
from drive.world.observe import observe
from drive.world.state import ACTIVE, AS_RECORDED, BY_LANE, DT_S, FAULT, PEDESTRIAN, RED_LIGHT, WAIT, S, State
from drive.world.visible import seen_agents
from drive.world.world import World

SEED = 821_003


@pytest.fixture(scope="module")
def town() -> World:
    return make_world(Episode("town", SEED))


@pytest.fixture(scope="module")
def states(town: World) -> list[State]:
    """Every tenth second of a drive by lane."""
    state, kept = town.start, [town.start]
    for step in range(1, 500):
        state = advance(town.static, state, 0.0, 0.0, BY_LANE, False)
        if step % 50 == 0:
            kept.append(state)
    return kept


def plan(world: World, state: State) -> Array:
    return VisibleExpert().plan_in_world(world, state, observe(world, state.ego[None], Window())).best


def test_plans_do_not_know_when_lights_change(town: World, states: list[State]) -> None:
    """Cycles of any length that show the same now give the same plans."""
    for state in states:
        now = light_colours(town.static.light_cycle, town.static.light_time, state.step * DT_S)
        cycle = town.static.light_cycle.copy()
        cycle[:, :, 0], cycle[:, :, 1] = 2 - now[:, None], 1e4
        cycle[:, 0, 0], cycle[:, 0, 1] = now, state.step * DT_S + 0.05  # another colour from the next step on
        lying = replace(town, static=town.static._replace(light_cycle=cycle, light_time=np.tile([0.0, 1e4], (len(now), 1))))
        assert (plan(lying, state) == plan(town, state)).all()


def test_plans_do_not_know_routes_patience_and_who_is_hidden(town: World, states: list[State]) -> None:
    for state in states:
        hidden = ~seen_agents(town, state)
        marks, move, static = state.marks.copy(), state.move.copy(), town.static
        marks[hidden, ACTIVE] = 0
        move[1:, WAIT] = 77.0
        path, first = static.path.copy(), int(static.path_ptr[1])
        path[first:, :2] = path[first:, :2] + 500.0
        others = replace(town, static=static._replace(path=path, idm=np.concatenate([static.idm[:1], static.idm[1:] * 0.5])))
        assert (plan(others, state._replace(marks=marks, move=move)) == plan(town, state)).all()


def test_the_plan_knows_what_shows(town: World, states: list[State]) -> None:
    """Somebody who stands in sight right ahead is braked for: the test above does not hold for a planner that sees nothing."""
    state = next(one for one in states if one.ego[3] > 5.0)
    pose, marks, move = state.pose.copy(), state.marks.copy(), state.move.copy()
    k = int(np.flatnonzero(town.static.kind == PEDESTRIAN)[0])
    ahead = town.static.path[int(state.ego[6]) + 14]
    pose[k], marks[k, ACTIVE], move[k] = ahead[:3], 1, 0.0
    assert plan(town, state._replace(pose=pose, marks=marks, move=move))[-1, 0] < plan(town, state)[-1, 0] - 3.0


def test_believed_world_keeps_poses_and_lanes(town: World, states: list[State]) -> None:
    followed = 0
    for state in states:
        static, now = believed(town, state)
        seen = np.flatnonzero(seen_agents(town, state))
        assert (now.pose == state.pose[seen]).all() and (now.ego == state.ego).all()
        assert (static.mode[static.kind == PEDESTRIAN] == AS_RECORDED).all()
        after = advance(static, now, 0.0, 0.0, BY_LANE, True)
        lane = static.mode == BY_LANE
        lane[0] = False
        gone = np.hypot(*(after.pose[lane, :2] - now.pose[lane, :2]).T)
        assert (gone < 2.5).all()  # nobody jumps onto its believed way
        followed += int(lane.sum())
    assert followed > 10


def test_ways_lead_from_where_the_pose_is(town: World) -> None:
    ways, static = Ways(town), town.static
    for k in range(1, len(static.kind)):
        if static.mode[k] != BY_LANE:
            continue
        found = ways.at(town.start.pose[k])
        assert found, f"agent {k} drives on a lane"
        own = static.path[int(static.path_ptr[k]) : int(static.path_ptr[k + 1])]
        ahead = own[min(int(town.start.move[k, S]) + 40, len(own) - 1), :2]
        near = [np.hypot(*(way.points[:, :2] - ahead).T).min() for way, _, _ in found]
        assert min(near) < 2.5, f"none of the ways of agent {k} is its own"
        for way, station, _ in found:
            assert station >= BEHIND_M - 3 and way.points[:, 3].max() <= CAP_MPS


@pytest.mark.parametrize("traffic", ["empty", "reactive"])
def test_it_drives_a_town(traffic: str) -> None:
    run = rollout(make_world(Episode("town", SEED, traffic=traffic)), VisibleExpert())
    assert run.outcome == "arrived" and not run.flags[:, [FAULT, RED_LIGHT]].any()


def test_the_cap_is_one(town: World) -> None:
    static, _ = believed(town, town.start)
    assert static.path[: static.path_ptr[1], 3].max() <= CAP_MPS
