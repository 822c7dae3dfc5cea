"""Which states of a drive are shown, so that what is rare on the way is not rare in what is learned, and each at every phase of its light.

A state belongs to groups by what the ego meets there; every group that a drive has gets the same share of the draws. Where a light rules
the way ahead, the same state is shown at green, yellow and red: only the colour tells these apart, so that a learner has to look at it.
Traffic stands as it did; who is in the junction already is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.expert.proposals import on_route
from drive.frames import Array, compose_se2, invert_se2
from drive.make.recipe import Recipe
from drive.world.advance import light_colours
from drive.world.observe import command_at
from drive.world.state import (
    ACCEL,
    ACTIVE,
    CYCLIST,
    DT_S,
    FAULT,
    GATE,
    HEADING,
    LATERAL,
    MOTORCYCLE,
    PEDESTRIAN,
    SPEED,
    STATION,
    State,
    Static,
    X,
    Y,
)
from drive.world.world import World

LIGHT_M, GATE_M, LEAD_M = 40.0, 25.0, 30.0
STANDING_MPS, STARTING_MPS, STARTING_MPS2 = 0.3, 4.0, 0.4
STANDING_M = 0.25  # what a step at a standstill counts as, in metres driven
RED_MPS2 = 4.0  # a red light is not shown to who would have to brake harder for it
PHASES = (0, 1, 2)  # green, yellow, red: places in `drive.maps.COLOURS`
TURNING_M, TURNING_RAD = 10.0, 0.3  # the route turns by so much within so many metres
COMING_MPS = 1.0  # who is slower stands behind somebody rather than comes up to them
ASTRAY_M, BEFORE_S = 0.8, 3.0  # to a side of the route's middle; before a collision
PEOPLE_M, BESIDE_M = 25.0, 5.0  # somebody on foot or on two wheels so far ahead, and no further to the side
GROUPS = ("green", "yellow", "red", "gate", "lead", "turn", "stop", "start", "plain")
ON_FOOT = (PEDESTRIAN, CYCLIST, MOTORCYCLE)
PEOPLE = "people"  # one group more, where it is asked for: few states have any, and half of who is hit is one of them


def next_gate(static: Static, state: State) -> tuple[int, float] | None:
    """The next gate on the ego's way that it has not entered: its row, and how far its line is ahead of the car's front, m."""
    front = float(state.ego[STATION]) + 0.5 * float(static.body[0])
    for g in range(int(state.marks[0, GATE]), int(static.gate_ptr[1])):
        if static.gate_span[g, 0] > front:
            return g, float(static.gate_span[g, 0]) - front
    return None


def light_ahead(static: Static, state: State) -> tuple[int, float] | None:
    """The light of the next gate within `LIGHT_M`: its row, and how far its line is ahead of the car's front; None where there is none."""
    gate = next_gate(static, state)
    light = int(static.connector_light[static.gate_connector[gate[0]]]) if gate else -1
    return (light, gate[1]) if gate and light >= 0 and gate[1] <= LIGHT_M else None


def people_ahead(static: Static, state: State) -> bool:
    """Whether somebody on foot or on two wheels is ahead, in the way or next to it."""
    there = (state.marks[1:, ACTIVE] != 0) & np.isin(static.kind[1:], ON_FOOT)
    at = compose_se2(invert_se2(state.ego[[X, Y, HEADING]]), state.pose[1:][there])
    return bool(((at[:, 0] > 0) & (at[:, 0] <= PEOPLE_M) & (np.abs(at[:, 1]) <= BESIDE_M)).any())


def groups_of(world: World, state: State, people: bool = False) -> tuple[str, ...]:
    """What the ego meets in a state; people: `PEOPLE` too."""
    static, ego = world.static, state.ego
    found = []
    light, gate = light_ahead(static, state), next_gate(static, state)
    if light is not None:
        found.append(GROUPS[int(light_colours(static.light_cycle, static.light_time, state.step * DT_S)[light[0]])])
    elif gate is not None and gate[1] <= GATE_M and _yields(static, gate[0]):
        found.append("gate")
    if len(on_route(static, state, LEAD_M)):
        found.append("lead")
    if command_at(world, float(ego[STATION])) != "straight":
        found.append("turn")
    if ego[SPEED] < STANDING_MPS:
        found.append("stop")
    elif ego[SPEED] < STARTING_MPS and ego[ACCEL] > STARTING_MPS2:
        found.append("start")
    if people and people_ahead(static, state):
        found.append(PEOPLE)
    return tuple(found) or ("plain",)


def _yields(static: Static, gate: int) -> bool:
    rows = static.conflict[static.gate_connector[gate]]
    return bool((static.conflict_priority[rows[rows >= 0]] < 0).any())


def turning(static: Static, state: State) -> bool:
    """Whether the ego is in a turn, or right before it."""
    first, last = int(static.path_ptr[0]), int(static.path_ptr[1]) - 1
    here = min(first + int(state.ego[STATION]), last)
    return abs(float(static.path[min(here + round(TURNING_M), last), 2] - static.path[here, 2])) > TURNING_RAD


def going_amiss(drive: Sequence[State]) -> NDArray[np.bool_]:
    """Which states of a drive are those of an ego that is off its way, or about to be at fault for a collision, [N]."""
    off = np.array([abs(float(state.ego[LATERAL])) > ASTRAY_M for state in drive])
    fault = np.array([bool(state.flags[FAULT]) for state in drive])
    ahead = round(BEFORE_S / DT_S)
    return off | np.array([fault[k : k + ahead + 1].any() for k in range(len(drive))])


def behind_standing(static: Static, state: State) -> bool:
    """Whether a moving ego comes up to somebody who has stopped in traffic."""
    return bool(state.ego[SPEED] > COMING_MPS and (on_route(static, state, LEAD_M)[:, 5] > 0.0).any())


def balanced_weights(world: World, drive: Sequence[State], recipe: Recipe) -> Array:
    """How likely each state is drawn, [N]: every group the same, within a group even along the way. Of a recipe: people, as of
    `groups_of`; turns, amiss and queues, the shares of the draws that those who are `turning`, `going_amiss` or `behind_standing` have
    before all others."""
    static, stations = world.static, np.array([state.ego[STATION] for state in drive])
    way = np.maximum(np.abs(np.diff(stations, append=stations[-1])), STANDING_M)
    groups = [groups_of(world, state, recipe.people) for state in drive]
    member = np.array([[group in found for group in (*GROUPS, PEOPLE)] for found in groups])
    mass = (way[:, None] * member).sum(0)
    share = np.where(mass > 0, 1.0 / np.maximum(mass, 1e-9), 0.0)
    weights = np.asarray(way * (member @ share))
    for part, those in (
        (recipe.turns, lambda: [turning(static, state) for state in drive]),
        (recipe.amiss, lambda: going_amiss(drive)),
        (recipe.queues, lambda: [behind_standing(static, state) for state in drive]),
    ):
        if part and any(chosen := those()):
            own = way * np.array(chosen)
            weights = (1.0 - part) * weights / weights.sum() + part * own / own.sum()
    return weights


def phase_shifts(world: World, state: State, rng: np.random.Generator) -> list[int]:
    """By how many steps the clock is put forward to show a state at each phase of the light ahead; [0] where there is none.

    When in a phase is drawn; a phase that the light does not have is left out, and red where nobody could stop any more.
    """
    ahead = light_ahead(world.static, state)
    if ahead is None:
        return [0]
    light, metres = ahead
    cycle, (offset, period) = world.static.light_cycle[light], world.static.light_time[light]
    steps = np.arange(round(period / DT_S))
    rest = ((state.step + steps) * DT_S + offset) % period
    colours = cycle[np.minimum(np.searchsorted(cycle[:, 1], rest, side="right"), len(cycle) - 1), 0]
    late = state.ego[SPEED] ** 2 > 2 * RED_MPS2 * metres
    found = [np.flatnonzero(colours == phase) for phase in PHASES if not (phase == 2 and late)]
    return [int(rng.choice(own)) for own in found if len(own)] or [0]
