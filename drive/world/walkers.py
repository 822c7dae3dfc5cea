"""Compiled rules of people on foot: walk along a path, wait at the kerb until a crossing is safe."""

from __future__ import annotations

import math

from drive.jit import part
from drive.world.shapes import overlap
from drive.world.state import ACTIVE, COMMITTED, GATE, Ints, S, State, Static, V
from drive.world.traffic import is_vehicle

KERB_M = 0.6  # people decide this far before the kerb
KIND_BRAKE = 2.0  # what a driver is expected to brake with for someone on foot


@part
def may_cross(sc: Static, st: State, colours: Ints, crossing: int) -> bool:
    """Whether everyone who drives can still stop before a crossing comfortably."""
    light = sc.xing_light[crossing]
    if light >= 0 and colours[light] != 2:
        return False
    for j in range(len(sc.kind)):
        if st.marks[j, ACTIVE] == 0 or not is_vehicle(sc.kind[j], sc.mode[j]):
            continue
        half, v = 0.5 * sc.size[j, 0], st.move[j, V]
        for e in range(sc.xing_ptr[j], sc.xing_ptr[j + 1]):
            if sc.xing_id[e] != crossing:
                continue
            to_front = sc.xing_at[e] - st.move[j, S] - half
            if to_front < -(2 * half + 3.0) or to_front > 80.0:
                continue
            if to_front < 3.0 + 1.2 * v + v * v / (2 * KIND_BRAKE) and not (v < 0.3 and to_front > 1.5):
                return False
    return True


@part
def blocked_on_foot(sc: Static, st: State, i: int) -> bool:
    """Whether something that drives stands right in front of somebody on foot."""
    x, y, h = st.pose[i, 0], st.pose[i, 1], st.pose[i, 2]
    ax, ay = x + 1.0 * math.cos(h), y + 1.0 * math.sin(h)
    for j in range(len(sc.kind)):
        if st.marks[j, ACTIVE] == 0 or not is_vehicle(sc.kind[j], sc.mode[j]):
            continue
        if overlap(ax, ay, h, 1.6, 0.7, st.pose[j, 0], st.pose[j, 1], st.pose[j, 2], sc.size[j, 0] + 0.4, sc.size[j, 1] + 0.4):
            return True
    return False


@part
def walk(sc: Static, st: State, colours: Ints, marks: Ints, i: int) -> float:
    """Speed that somebody on foot takes; writes the decision to cross into `marks`."""
    pace = sc.idm[i, 0]
    g = max(marks[i, COMMITTED], marks[i, GATE])
    if g < sc.gate_ptr[i + 1] and sc.gate_span[g, 0] - st.move[i, S] < KERB_M:
        if not may_cross(sc, st, colours, sc.gate_connector[g]):
            return 0.0
        marks[i, COMMITTED] = g + 1
    if blocked_on_foot(sc, st, i):
        return 0.0
    return pace
