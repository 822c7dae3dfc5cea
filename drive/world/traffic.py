"""Compiled traffic rules: who is ahead, how hard to brake for it (IDM), when to enter a junction.

A driver looks along its own path for anything in its way (other paths, the ego and people included), keeps the IDM's
distance to it (Treiber, Hennecke, Helbing 2000), and enters a controlled connector only where its light, those who go
first and the room behind the junction allow it. Once it can no longer stop it is committed, and everyone else waits: at
most one of two that cross can be committed, since drivers decide one after the other.
"""

from __future__ import annotations

import math

from drive.frames import Array
from drive.jit import part
from drive.world.shapes import point_on
from drive.world.state import (
    ACCEL_MAX,
    ACTIVE,
    BRAKE,
    BY_LANE,
    BY_PLANNER,
    COMMITTED,
    FACTOR,
    GAP,
    GATE,
    HEADWAY,
    OBSTACLE,
    PEDESTRIAN,
    TOWED,
    WAIT,
    Ints,
    S,
    State,
    Static,
    V,
)

FREE_M = 1e6
SIDE_GAP_M = 0.35  # wanted clearance to the side
HARD_BRAKE = 8.0
GATE_STOP_M = 0.8  # before the line
GATES_AHEAD = 4
PATIENCE_S = 30.0  # who has waited longer pulls out before those who can still brake gently
ZIPPER_S = 4.0  # where lanes merge, who has stood longer at its line goes before who has not
WALK_SECONDS = 3  # people are followed this far ahead on their way


@part
def idm(v: float, cap: float, gap: float, v_ahead: float, p: Array) -> float:
    """Acceleration of the intelligent driver model with parameters p (factor, headway, gap, acceleration, brake)."""
    if p[FACTOR] <= 0.0:
        return -p[BRAKE]
    wanted = max(cap * p[FACTOR], 0.1)
    free = p[ACCEL_MAX] * (1 - (v / wanted) ** 4) if v < wanted else max(-p[BRAKE], -p[BRAKE] * (v / wanted - 1) * 4)
    if gap >= FREE_M:
        return free
    star = p[GAP] + max(0.0, v * p[HEADWAY] + v * (v - v_ahead) / (2 * math.sqrt(p[ACCEL_MAX] * p[BRAKE])))
    ratio = star / max(gap, 0.05)
    return min(free, max(p[ACCEL_MAX] * (1 - (v / wanted) ** 4 - ratio * ratio), -HARD_BRAKE))


@part
def gap_on_path(
    sc: Static, i: int, front: float, reach: float, half_width: float, x: float, y: float, h: float, length: float, width: float
) -> tuple[float, float]:
    """How far ahead of `front` on agent i's path a box stands in the way, and the path's heading there; FREE_M where it does not."""
    first, count = sc.path_ptr[i], sc.path_ptr[i + 1] - sc.path_ptr[i]
    around = 0.5 * math.hypot(length, width) + half_width + 0.5
    c, s = math.cos(h), math.sin(h)
    k = front
    end = min(front + reach, float(count - 1))
    while k <= end:
        px, py, ph = point_on(sc.path, first, count, k, sc.offset[i])
        dx, dy = px - x, py - y
        d = math.sqrt(dx * dx + dy * dy)
        if d > around:
            k += max(0.5, d - around)
            continue
        turn_s, turn_c = abs(math.sin(ph - h)), abs(math.cos(ph - h))
        lx, ly = abs(c * dx + s * dy), abs(c * dy - s * dx)
        if lx < 0.5 * length + half_width * turn_s and ly < 0.5 * width + half_width * turn_c:
            return k - front, ph
        k += 0.5
    return FREE_M, 0.0


@part
def look_ahead(sc: Static, st: State, i: int, reach: float) -> tuple[float, float]:
    """Gap to the nearest thing in agent i's way within `reach`, and its speed along the path; (FREE_M, 0) where free."""
    x, y, h = st.pose[i, 0], st.pose[i, 1], st.pose[i, 2]
    half, front = 0.5 * sc.size[i, 0], st.move[i, S] + 0.5 * sc.size[i, 0]
    half_width = 0.5 * sc.size[i, 1] + SIDE_GAP_M
    v = st.move[i, V]
    best, best_v = FREE_M, 0.0
    c, s = math.cos(h), math.sin(h)
    for j in range(len(sc.kind)):
        if j == i or st.marks[j, ACTIVE] == 0 or sc.tow[j] == i:
            continue
        dx, dy = st.pose[j, 0] - x, st.pose[j, 1] - y
        size = 0.5 * (sc.size[j, 0] + sc.size[j, 1])
        far = min(reach, best) + half + size + WALK_SECONDS * 2.0
        if dx * dx + dy * dy > far * far or c * dx + s * dy < -(half + size):
            continue
        vj, hj = st.move[j, V], st.pose[j, 2]
        gap, ph = gap_on_path(sc, i, front, min(reach, best), half_width, st.pose[j, 0], st.pose[j, 1], hj, sc.size[j, 0], sc.size[j, 1])
        if gap < best:
            best, best_v = gap, max(0.0, vj * math.cos(hj - ph))
        if sc.kind[j] == PEDESTRIAN and vj > 0.2:
            for seconds in range(1, WALK_SECONDS + 1):
                wx, wy = st.pose[j, 0] + seconds * vj * math.cos(hj), st.pose[j, 1] + seconds * vj * math.sin(hj)
                gap, ph = gap_on_path(sc, i, front, min(reach, best), half_width, wx, wy, hj, 0.8, 0.8)
                passed = (gap + 2 * half) / max(v, 0.5) < seconds - 0.7
                if gap < best and not passed and v * v < 2 * 4.5 * max(gap - 0.5, 0.1):
                    best, best_v = gap, 0.0
    return best, best_v


@part
def seconds_for(distance: float, v: float, a: float) -> float:
    """Time to cover a distance from speed v with constant acceleration a > 0."""
    return (math.sqrt(v * v + 2 * a * max(distance, 0.0)) - v) / a


@part
def must_wait_for(sc: Static, st: State, colours: Ints, i: int, g: int, j: int) -> bool:
    """Whether agent i at its gate g has to let agent j pass."""
    own = sc.gate_connector[g]
    line = sc.gate_span[g, 0]
    front_i = st.move[i, S] + 0.5 * sc.size[i, 0]
    half_j = 0.5 * sc.size[j, 0]
    trailer_j = half_j
    for t in range(j + 1, min(j + 2, len(sc.kind))):
        if sc.tow[t] == j:
            trailer_j += sc.size[t, 0] + 1.0
    front_j, rear_j = st.move[j, S] + half_j, st.move[j, S] - trailer_j
    for q in range(st.marks[j, GATE], min(st.marks[j, GATE] + GATES_AHEAD, sc.gate_ptr[j + 1])):
        row = sc.conflict[own, sc.gate_connector[q]]
        if row < 0 or rear_j > sc.gate_span[q, 0] + sc.conflict_span[row, 3] + 1.0:
            continue
        if q < st.marks[j, COMMITTED]:
            return True
        if sc.zipper[own] == 1 and sc.gate_span[q, 0] - front_j < 3.0 and abs(st.move[i, WAIT] - st.move[j, WAIT]) > ZIPPER_S:
            if st.move[j, WAIT] > st.move[i, WAIT]:
                return True
            continue
        priority = sc.conflict_priority[row]
        if priority > 0:
            continue
        light = sc.connector_light[sc.gate_connector[q]]
        if light >= 0 and colours[light] == 2:
            return False
        vj = st.move[j, V]
        to_conflict = sc.gate_span[q, 0] + sc.conflict_span[row, 2] - front_j
        if to_conflict > 80.0 or (vj < 0.3 and st.move[j, WAIT] > 2.0):
            continue
        if st.move[i, WAIT] > PATIENCE_S and to_conflict > 4.0 + 0.5 * vj + vj * vj / (2 * 2.0):
            continue
        if priority == 0 and not (front_j - sc.gate_span[q, 0] > front_i - line + 1.0 and vj > 0.3):
            continue
        clear = seconds_for(line + sc.conflict_span[row, 1] + sc.size[i, 0] - front_i, st.move[i, V], 1.2)
        arrive = seconds_for(to_conflict, vj, 1.0)
        if arrive < clear + (1.2 if st.move[i, WAIT] < 20.0 else 0.4):
            return True
    return False


@part
def may_enter(sc: Static, st: State, colours: Ints, i: int, g: int, to_line: float, gap: float, v_ahead: float) -> bool:
    """Whether agent i may drive over the line of its gate g, `to_line` ahead."""
    v, own = st.move[i, V], sc.gate_connector[g]
    light = sc.connector_light[own]
    if light >= 0 and (colours[light] == 2 or (colours[light] == 1 and to_line > v * v / (2 * 3.0))):
        return False
    through = sc.gate_span[g, 1] - sc.gate_span[g, 0] + to_line
    if sc.keep_clear[own] == 1 and v_ahead < 2.5 and gap < through + sc.size[i, 0] + 3.0:
        return False
    for j in range(len(sc.kind)):
        drives = st.marks[j, ACTIVE] == 1 and (sc.mode[j] == BY_LANE or sc.mode[j] == BY_PLANNER)
        if j != i and drives and must_wait_for(sc, st, colours, i, g, j):
            return False
    return True


@part
def drive_agent(sc: Static, st: State, colours: Ints, marks: Ints, i: int) -> float:
    """Acceleration that agent i chooses; writes its commitment into `marks` (of the coming state, read by those after it)."""
    v, half = st.move[i, V], 0.5 * sc.size[i, 0]
    front = st.move[i, S] + half
    first, count = sc.path_ptr[i], sc.path_ptr[i + 1] - sc.path_ptr[i]
    cap = sc.path[first + min(max(int(st.move[i, S]), 0), count - 1), 3]
    g = max(marks[i, COMMITTED], marks[i, GATE])
    reach = 14.0 + 1.5 * v + v * v / 4
    to_line = FREE_M
    if g < sc.gate_ptr[i + 1]:
        to_line = sc.gate_span[g, 0] - front
        if to_line < 25.0:
            reach = max(reach, sc.gate_span[g, 1] - front + sc.size[i, 0] + 8.0)
    gap, v_ahead = look_ahead(sc, st, i, min(reach, 90.0))
    a = idm(v, cap, gap, v_ahead, sc.idm[i])
    if to_line < 6.0 + v * v / (2 * 1.5):
        if may_enter(sc, st, colours, i, g, to_line, gap, v_ahead):
            if to_line < 1.0 + 0.3 * v + v * v / (2 * 2.5):
                marks[i, COMMITTED] = g + 1
        elif to_line > -1.0:
            a = min(a, stop_at(v, to_line - GATE_STOP_M, sc.idm[i]))
    end = count - 1 - front
    if end < 60.0:
        a = min(a, stop_at(v, end, sc.idm[i]))
    return a


@part
def stop_at(v: float, distance: float, p: Array) -> float:
    """Acceleration that comes to rest at a distance: gentle while there is room, then what is needed."""
    if distance <= 0.3:
        return -HARD_BRAKE if v > 0.2 else -1.0
    needed = v * v / (2 * distance)
    if needed < 0.6 * p[BRAKE]:
        return min(p[ACCEL_MAX], (math.sqrt(2 * 0.8 * p[BRAKE] * distance) - v) * 2.0)
    return -min(needed * 1.1, HARD_BRAKE)


@part
def is_vehicle(kind: int, mode: int) -> bool:
    """Whether an agent drives (and so counts at crossings). Takes two numbers: handing on a whole `Static` costs more than the test."""
    return kind != PEDESTRIAN and kind != OBSTACLE and mode != TOWED
