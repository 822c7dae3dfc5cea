"""How well traffic itself drives, without an ego: contacts between agents per agent-minute, junctions where nobody gets on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.jit import kernel
from drive.world.map_arrays import map_tables
from drive.world.shapes import overlap
from drive.world.state import ACTIVE, BY_LANE, COMMITTED, DT_S, GATE, WAIT, Bools, Ints, S, State, Static, V
from drive.world.world import World

FAR_AWAY_M = 1e5
AT_LINE_M, STANDING_MPS = 6.0, 0.3


@dataclass(frozen=True)
class Census:
    """contacts: pairs of agents that touched, once each; agent_minutes driven; longest_wait_s of any one vehicle (red lights
    count); deadlock_s: longest time in which somebody stood at or in a junction while nobody entered or left it."""

    contacts: int
    agent_minutes: float
    longest_wait_s: float
    deadlock_s: float
    pairs: tuple[tuple[int, int, int], ...]


@kernel
def touching_pairs(sc: Static, st: State) -> Ints:
    """Matrix [A, A] of agents that overlap (upper half), towed pairs left out."""
    count = len(sc.kind)
    found = np.zeros((count, count), dtype=np.int64)
    for i in range(1, count):
        for j in range(i + 1, count):
            if st.marks[i, ACTIVE] == 0 or st.marks[j, ACTIVE] == 0 or sc.tow[j] == i or (sc.kind[i] == 7 and sc.kind[j] == 7):
                continue
            a, b, m, n = st.pose[i], st.pose[j], sc.size[i], sc.size[j]
            if overlap(a[0], a[1], a[2], m[0], m[1], b[0], b[1], b[2], n[0], n[1]):
                found[i, j] = 1
    return found


def without_ego(world: World) -> State:
    """The first state with the ego taken far away."""
    state = world.start
    ego, pose, marks = state.ego.copy(), state.pose.copy(), state.marks.copy()
    ego[:2] += FAR_AWAY_M
    pose[0, :2] += FAR_AWAY_M
    marks[0, ACTIVE] = 0
    return state._replace(ego=ego, pose=pose, marks=marks)


def census(world: World, seconds: float) -> Census:
    """Lets traffic run for a time and counts."""
    state, seen = without_ego(world), np.zeros((len(world.static.kind),) * 2, dtype=np.int64)
    active, longest, deadlock = 0, 0.0, 0.0
    junction_of = _junctions(world)
    stuck = np.zeros(int(junction_of.max(initial=0)) + 1)
    pairs: list[tuple[int, int, int]] = []
    for _ in range(round(seconds / DT_S)):
        before, state = state, world.step(state, (0.0, 0.0))
        touched = touching_pairs(world.static, state)
        pairs.extend((int(i), int(j), int(state.step)) for i, j in np.argwhere(touched > seen))
        seen = np.maximum(seen, touched)
        active += int(state.marks[1:, ACTIVE].sum())
        driving = (world.static.mode == BY_LANE) & (state.marks[:, ACTIVE] == 1)
        longest = max(longest, float(state.move[driving, WAIT].max(initial=0.0)))
        waiting, moved = _at_junctions(world.static, before, state, driving)
        stuck[junction_of[waiting]] += DT_S
        idle = np.setdiff1d(np.arange(len(stuck)), junction_of[waiting])
        stuck[idle] = stuck[junction_of[moved]] = 0.0
        deadlock = max(deadlock, float(stuck.max(initial=0.0)))
    return Census(len(pairs), active * DT_S / 60, longest, deadlock, tuple(pairs))


def _junctions(world: World) -> Ints:
    """The junction (a number) of every gate."""
    names: dict[str | None, int] = {}
    rows = {row: names.setdefault(world.map.lane(lane).junction, len(names)) for lane, row in map_tables(world.map).connector.items()}
    return np.array([rows[int(c)] for c in world.static.gate_connector], dtype=np.int64)


def _at_junctions(sc: Static, before: State, after: State, driving: Bools) -> tuple[Ints, Ints]:
    """Gates that vehicles stand before or in, and gates that they entered or left in this step."""
    gate = after.marks[:, GATE]
    has = driving & (gate < sc.gate_ptr[1:])
    near = has.copy()
    near[has] = sc.gate_span[gate[has], 0] - after.move[has, S] - 0.5 * sc.size[has, 0] < AT_LINE_M
    standing = near & (after.move[:, V] < STANDING_MPS)
    entered = driving & (after.marks[:, COMMITTED] > before.marks[:, COMMITTED])
    left = driving & (gate > before.marks[:, GATE])
    return gate[standing], np.concatenate([after.marks[entered, COMMITTED] - 1, gate[left] - 1])
