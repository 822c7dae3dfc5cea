"""The world as who sees it through cameras has to take it: a smaller world in which only what shows is true.

- Lights stay as they are: nobody sees when one will change.
- Agents that cameras cannot see (`drive.world.visible`) are not there.
- Nobody's route, patience, pace or script is known. A vehicle on a lane follows it, and at the next junction takes a way that crosses the
  ego's with priority where there is one, else the straightest; who is on no lane, and everybody on foot, goes on as now.
- One speed cap (`CAP_MPS`) holds everywhere; bends are seen. In recorded worlds the way's own caps are kept: they are the human's.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from drive.expert.ways import CAP_MPS, Way, Ways
from drive.frames import Array
from drive.world.advance import light_colours
from drive.world.paths import bend_caps
from drive.world.state import (
    ACC,
    ACTIVE,
    AS_RECORDED,
    BY_LANE,
    COMMITTED,
    CONTACT,
    DT_S,
    GATE,
    PEDESTRIAN,
    SCRIPT,
    STANDING,
    TOWED,
    WAIT,
    Ints,
    S,
    State,
    Static,
    V,
)
from drive.world.visible import seen_agents
from drive.world.world import CAR_DRIVER, NEVER, World

GATES_AHEAD = 4
COMMITTED_MPS2 = 4.0  # who would have to brake harder before its line is taken to go
PAST_LINE_M = 0.5  # so has whose front is so far over it
PARKED_NEAR_M = 90.0


@dataclass(frozen=True, eq=False)
class Believed:
    """What is taken of one agent: how it moves, its path with gates, where it is on that, how many gates it is committed to."""

    mode: int
    points: Array
    gates: tuple[tuple[float, float, int], ...] = ()
    station: float = 0.0
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class _Known:
    """What is the same in every state of a world."""

    ways: Ways
    path: Array


_known: WeakKeyDictionary[World, _Known] = WeakKeyDictionary()


def believed(world: World, state: State) -> tuple[Static, State]:
    """The small world that a driver at a state of a world has reason to believe in; the ego is the same in both."""
    known = _of(world)
    seen = np.flatnonzero(seen_agents(world, state))
    agents = [_agent(world, state, known.ways, int(i)) for i in seen[1:]]
    position = {int(i): k for k, i in enumerate(seen)}
    static = _static(world, state, known, seen, agents, position)
    return static, _state(static, state, seen, agents)


def _of(world: World) -> _Known:
    if world not in _known:
        count = int(world.static.path_ptr[1])
        path = world.static.path[:count].copy()
        if not len(world.static.human):
            path[:, 3] = bend_caps(path[:, 2], np.full(count, CAP_MPS))
        _known[world] = _Known(Ways(world), path)
    return _known[world]


def _agent(world: World, state: State, ways: Ways, i: int) -> Believed:
    """What is believed of agent i."""
    static, pose = world.static, state.pose[i]
    ahead = pose[:2] + np.array([[0.0, 0.0], [1.0, 0.0]]) @ np.array([[np.cos(pose[2]), np.sin(pose[2])], [0.0, 0.0]])
    stub = np.column_stack([ahead, np.full(2, pose[2]), np.full(2, CAP_MPS)])
    if static.mode[i] in (STANDING, TOWED):
        return Believed(int(static.mode[i]), stub)
    if static.kind[i] == PEDESTRIAN:
        return Believed(AS_RECORDED, stub)
    options = ways.at(pose)
    if not options:
        return Believed(AS_RECORDED, stub)
    way, station, left = max(options, key=lambda one: _threat(world, state, one[0], one[1]))  # of equals the first, the straightest
    return Believed(BY_LANE, way.points, way.gates, station, left)


def _threat(world: World, state: State, way: Way, station: float) -> int:
    """2 where a way crosses the ego's next ones and goes first, 1 where nobody does, else 0."""
    static, worst = world.static, 0
    first = max(int(state.marks[0, GATE]), int(static.gate_ptr[0]))
    for own in static.gate_connector[first : min(first + GATES_AHEAD, int(static.gate_ptr[1]))]:
        for _, end, other in way.gates:
            row = static.conflict[own, other] if end > station else -1
            if row >= 0:
                worst = max(worst, 1 - int(static.conflict_priority[row]))
    return worst


def _static(world: World, state: State, known: _Known, seen: Ints, agents: list[Believed], position: dict[int, int]) -> Static:
    static = world.static
    count, own = len(seen), slice(int(static.gate_ptr[0]), int(static.gate_ptr[1]))
    paths = [known.path, *(_points(agents, n) for n in range(len(agents)))]
    gates = [gate for agent in agents for gate in agent.gates]
    driver = np.tile(np.array(CAR_DRIVER), (count, 1))
    driver[0] = static.idm[0]
    near = np.hypot(*(static.parked[:, :2] - state.ego[:2]).T) < PARKED_NEAR_M
    return static._replace(
        kind=static.kind[seen],
        mode=np.array([static.mode[0], *(agent.mode for agent in agents)], dtype=np.int64),
        size=static.size[seen],
        path=np.concatenate(paths),
        path_ptr=_pointers([len(path) for path in paths]),
        offset=np.array([static.offset[0], *(agent.offset for agent in agents)]),
        idm=driver,
        script=np.tile([NEVER, 0.0, 0.0, 0.0, 0.0], (count, 1)),
        tow=np.array([position.get(int(tow), -1) if tow >= 0 else -1 for tow in static.tow[seen]], dtype=np.int64),
        spawn=np.zeros(count, dtype=np.int64),
        gate_ptr=_pointers([own.stop - own.start, *(len(agent.gates) for agent in agents)]),
        gate_span=np.concatenate([static.gate_span[own], np.array([gate[:2] for gate in gates], dtype=np.float64).reshape(-1, 2)]),
        gate_connector=np.concatenate([static.gate_connector[own], np.array([gate[2] for gate in gates], dtype=np.int64)]),
        xing_ptr=np.zeros(count + 1, dtype=np.int64),
        xing_at=np.zeros(0),
        xing_id=np.zeros(0, dtype=np.int64),
        light_cycle=_frozen(static, state),
        recorded=np.zeros((0, count, 4)),
        recorded_valid=np.zeros((0, count), dtype=bool),
        parked=np.ascontiguousarray(static.parked[near]),
    )


def _points(agents: list[Believed], n: int) -> Array:
    """The path of an agent; a trailer rides on its tractor's, which stands right before it."""
    return agents[n - 1].points if n and agents[n].mode == TOWED else agents[n].points


def _frozen(static: Static, state: State) -> Array:
    """Cycles in which every light keeps what it shows."""
    cycle = static.light_cycle.copy()
    cycle[:, :, 0] = light_colours(static.light_cycle, static.light_time, state.step * DT_S)[:, None]
    return cycle


def _state(static: Static, state: State, seen: Ints, agents: list[Believed]) -> State:
    move, marks = state.move[seen], state.marks[seen]
    move[:, WAIT], move[:, SCRIPT] = 0.0, -1.0
    move[1:, ACC] = 0.0
    for k, agent in enumerate(agents, 1):
        marks[k, GATE] = marks[k, COMMITTED] = static.gate_ptr[k]
        if agent.mode == BY_LANE:
            move[k, S] = agent.station
            marks[k, [GATE, COMMITTED]] += _passed(agent, float(static.size[k, 0]), float(move[k, V]))
    marks[:, ACTIVE] = 1
    marks[0] = state.marks[0]
    marks[1:, CONTACT] = state.marks[seen[1:], CONTACT]
    return State(state.step, state.ego, move, state.pose[seen], marks, state.flags)


def _passed(agent: Believed, length: float, speed: float) -> tuple[int, int]:
    """How many gates of its path are behind an agent, and to how many it is committed."""
    front, rear = agent.station + 0.5 * length, agent.station - 0.5 * length
    reach = max(speed**2 / (2 * COMMITTED_MPS2), 0.0) - PAST_LINE_M
    return sum(rear > end for _, end, _ in agent.gates), sum(front + reach > begin for begin, _, _ in agent.gates)


def _pointers(counts: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


