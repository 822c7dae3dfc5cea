"""How well traffic itself drives, without an ego: contacts between agents per agent-minute, longest standstill at junctions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.sim.jit import kernel
from drive.sim.shapes import overlap
from drive.sim.state import ACTIVE, BY_LANE, DT_S, WAIT, Ints, State, Static
from drive.sim.world import World

FAR_AWAY_M = 1e5


@dataclass(frozen=True)
class Census:
    """contacts: pairs of agents that touched, once each; agent_minutes driven; longest_wait_s of any vehicle."""

    contacts: int
    agent_minutes: float
    longest_wait_s: float
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
    active, longest = 0, 0.0
    pairs: list[tuple[int, int, int]] = []
    for _ in range(round(seconds / DT_S)):
        state = world.step(state, (0.0, 0.0))
        touched = touching_pairs(world.static, state)
        pairs.extend((int(i), int(j), int(state.step)) for i, j in np.argwhere(touched > seen))
        seen = np.maximum(seen, touched)
        active += int(state.marks[1:, ACTIVE].sum())
        driving = (world.static.mode == BY_LANE) & (state.marks[:, ACTIVE] == 1)
        longest = max(longest, float(state.move[driving, WAIT].max(initial=0.0)))
    return Census(len(pairs), active * DT_S / 60, longest, tuple(pairs))
