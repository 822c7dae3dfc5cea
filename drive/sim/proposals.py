"""Compiled forward simulation of proposals: the ego drives like traffic along a shifted route, traffic reacts."""

from __future__ import annotations

import math

import numpy as np

from drive.frames import Array
from drive.sim.advance import advance
from drive.sim.jit import kernel
from drive.sim.shapes import point_on, project_on
from drive.sim.state import (
    ACC,
    ACTIVE,
    AS_RECORDED,
    BY_LANE,
    COMMITTED,
    CYCLIST,
    FAULT,
    GATE,
    HEADING,
    OBSTACLE,
    OFF_ROAD,
    RED_LIGHT,
    SCRIPT,
    SPEED,
    STANDING,
    STATION,
    TOUCHING,
    TRIGGER,
    TTC_LOW,
    WAIT,
    S,
    State,
    Static,
    V,
    X,
    Y,
)

OUT_X, OUT_Y, OUT_HEADING, OUT_SPEED, OUT_STATION, OUT_BAD, OUT_OFF, OUT_TTC, OUT_ACCEL = range(9)
NEAR_M = 80.0
STUCK_S, QUEUE_M = 8.0, 45.0


@kernel
def near_ego(st: State, radius: float) -> State:
    """The same state with agents beyond a radius of the ego out of play."""
    marks = st.marks.copy()
    for j in range(1, len(marks)):
        dx, dy = st.pose[j, 0] - st.ego[X], st.pose[j, 1] - st.ego[Y]
        if dx * dx + dy * dy > radius * radius:
            marks[j, ACTIVE] = 0
    return State(st.step, st.ego, st.move, st.pose, marks, st.flags)


@kernel
def shifted_route(
    route: Array, station: float, lateral: float, slope: float, blend: float, target: float, begin: float, end: float, side: float
) -> Array:
    """The route [N, 4] shifted sideways: from `lateral` with `slope` at a station to `target` over `blend` metres, plus a detour.

    The detour goes `side` metres to the left between stations `begin` and `end`, with ramps before and after.
    """
    out = route.copy()
    n = len(route)
    ramp = 14.0
    for k in range(n):
        t = min(max((k - station) / blend, 0.0), 1.0)
        d = lateral * (2 * t**3 - 3 * t**2 + 1) + slope * blend * (t**3 - 2 * t**2 + t) + target * (3 * t**2 - 2 * t**3)
        if side != 0.0 and begin - ramp < k < end + ramp:
            u = min(1.0, (k - begin + ramp) / ramp, (end + ramp - k) / ramp)
            u = u * u * (3 - 2 * u)
            w = min(max((k - station) / max(min(blend, begin - station), 1.0), 0.0), 1.0)
            d = d * (1 - u * w) + side * u * w
        out[k, 0] -= math.sin(route[k, 2]) * d
        out[k, 1] += math.cos(route[k, 2]) * d
    for k in range(n):
        a, b = max(k - 1, 0), min(k + 1, n - 1)
        h = math.atan2(out[b, 1] - out[a, 1], out[b, 0] - out[a, 0])
        out[k, 2] = route[k, 2] + (h - route[k, 2] + math.pi) % (2 * math.pi) - math.pi
    return out


@kernel
def forecast(sc: Static, st: State, steps: int) -> Array:
    """Rows [steps + 1, 9] (columns OUT_*) of the ego driving like traffic along its path; the pose is the rear axle's."""
    rows = np.zeros((steps + 1, 9))
    now = st
    for k in range(steps + 1):
        if k > 0:
            now = advance(sc, now, 0.0, 0.0, BY_LANE, True)
        e = now.ego
        rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3], rows[k, 4] = e[X], e[Y], e[HEADING], e[SPEED], e[STATION]
        if k > 0:
            bad = now.flags[FAULT] > 0 or now.flags[RED_LIGHT] > 0 or now.flags[TOUCHING] > st.flags[TOUCHING]
            rows[k, 5] = 1.0 if bad else rows[k - 1, 5]
            rows[k, 6], rows[k, 7], rows[k, 8] = now.flags[OFF_ROAD], now.flags[TTC_LOW], now.move[0, ACC]
            if bad:
                rows[k:, :] = rows[k]
                break
    return rows


@kernel
def is_stuck(sc: Static, st: State, j: int) -> bool:
    """Whether a vehicle has stood for long without a junction to wait for ahead of it."""
    if sc.mode[j] != BY_LANE or st.move[j, WAIT] < STUCK_S:
        return False
    g = max(st.marks[j, GATE], st.marks[j, COMMITTED])
    return g >= sc.gate_ptr[j + 1] or sc.gate_span[g, 0] - st.move[j, S] > QUEUE_M


@kernel
def blockers(sc: Static, st: State, reach: float) -> Array:
    """Standing things on the ego's route within `reach`: rows (begin, end, rightmost, leftmost) on the route, nearest first.

    Vehicles that merely wait (in a queue before a junction, for a moment) are none.
    """
    first, count = sc.path_ptr[0], sc.path_ptr[1] - sc.path_ptr[0]
    found = np.zeros((len(sc.kind) + len(sc.parked), 4))
    total = 0
    for j in range(1, len(sc.kind) + len(sc.parked)):
        n = j - len(sc.kind)
        if n < 0:
            stands = sc.mode[j] == STANDING or sc.kind[j] == OBSTACLE or (sc.mode[j] == AS_RECORDED and st.move[j, V] < 0.3)
            scripted_stop = sc.script[j, TRIGGER] < 1e8 and st.move[j, V] < 0.2 and st.move[j, SCRIPT] > 1.0 and sc.kind[j] <= CYCLIST
            if st.marks[j, ACTIVE] == 0 or not (stands or scripted_stop or is_stuck(sc, st, j)):
                continue
            x, y, h, length, width = st.pose[j, 0], st.pose[j, 1], st.pose[j, 2], sc.size[j, 0], sc.size[j, 1]
        else:
            x, y, h, length, width = sc.parked[n, 0], sc.parked[n, 1], sc.parked[n, 2], sc.parked[n, 3], sc.parked[n, 4]
        dx, dy = x - st.pose[0, 0], y - st.pose[0, 1]
        if dx * dx + dy * dy > (reach + 10.0) ** 2:
            continue
        begin, end, low, high = 1e9, -1e9, 1e9, -1e9
        for corner in range(4):
            u = 0.5 * length if corner < 2 else -0.5 * length
            w = 0.5 * width if corner % 2 == 0 else -0.5 * width
            px, py = x + math.cos(h) * u - math.sin(h) * w, y + math.sin(h) * u + math.cos(h) * w
            best, at = 1e18, 0
            for k in range(max(int(st.ego[STATION]) - 12, 0), min(int(st.ego[STATION] + reach), count)):
                d = (sc.path[first + k, 0] - px) ** 2 + (sc.path[first + k, 1] - py) ** 2
                if d < best:
                    best, at = d, k
            ph = sc.path[first + at, 2]
            side = -math.sin(ph) * (px - sc.path[first + at, 0]) + math.cos(ph) * (py - sc.path[first + at, 1])
            begin, end, low, high = min(begin, at), max(end, at), min(low, side), max(high, side)
        half = 0.5 * sc.body[1] + 0.3
        if low < half and high > -half and end > st.ego[STATION] - 6.0 and begin < st.ego[STATION] + reach - 2.0:
            found[total, 0], found[total, 1], found[total, 2], found[total, 3] = begin, end, low, high
            total += 1
    out = found[:total]
    return out[np.argsort(out[:, 0])]


@kernel
def rear_axle_on_route(sc: Static, st: State) -> tuple[float, float, float]:
    """Station, offset to the left and heading error of the ego's rear axle on its route."""
    count = sc.path_ptr[1] - sc.path_ptr[0]
    station, lateral = project_on(sc.path, sc.path_ptr[0], count, st.ego[X], st.ego[Y], st.ego[STATION] - sc.body[2])
    _, _, heading = point_on(sc.path, sc.path_ptr[0], count, station, 0.0)
    return station, lateral, (st.ego[HEADING] - heading + math.pi) % (2 * math.pi) - math.pi
