"""Compiled forward simulation of proposals: the ego drives like traffic along a shifted route, traffic reacts."""

from __future__ import annotations

import math

import numpy as np

from drive.frames import Array
from drive.jit import kernel, part
from drive.world.advance import advance
from drive.world.shapes import point_on, project_on
from drive.world.state import (
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
RAMP_M, LEAST_BLEND_M = 14.0, 4.0  # of a detour
DETOUR_MPS2 = 2.5  # sideways, at most, on a detour


def near_ego(st: State, radius: float) -> State:
    """The same state with agents beyond a radius of the ego out of play."""
    marks = st.marks.copy()
    dx, dy = st.pose[1:, 0] - st.ego[X], st.pose[1:, 1] - st.ego[Y]
    marks[1:][dx * dx + dy * dy > radius * radius, ACTIVE] = 0
    return st._replace(marks=marks)


@kernel
def shifted_route(
    route: Array, station: float, lateral: float, slope: float, blend: float, target: float, begin: float, end: float, side: float
) -> Array:
    """The route [N, 4] shifted sideways to `target`, and `side` metres to the left between stations `begin` and `end`, with ramps
    before and after. The ego, `lateral` beside the route with `slope` at a station, joins that line over `blend` metres: where it
    is on it already, what was planned before is planned again.

    Speeds are capped where a detour's bends ask for it.
    """
    out, n = route.copy(), len(route)
    if side != 0.0 and station < begin:
        blend = min(blend, max(begin - station, LEAST_BLEND_M))
    here, ahead = _detour_at(station, begin, end, side), _detour_at(station + 1.0, begin, end, side)
    off, turn = lateral - target - here, slope - (ahead - here)
    for k in range(n):
        t = min(max((k - station) / blend, 0.0), 1.0)
        d = target + _detour_at(k, begin, end, side)
        d += off * (2 * t**3 - 3 * t**2 + 1) + turn * blend * (t**3 - 2 * t**2 + t)
        out[k, 0] -= math.sin(route[k, 2]) * d
        out[k, 1] += math.cos(route[k, 2]) * d
    for k in range(n):
        a, b = max(k - 1, 0), min(k + 1, n - 1)
        h = math.atan2(out[b, 1] - out[a, 1], out[b, 0] - out[a, 0])
        out[k, 2] = route[k, 2] + (h - route[k, 2] + math.pi) % (2 * math.pi) - math.pi
    for k in range(max(1, int(station)), min(n - 1, int(end + RAMP_M) + 1) if side != 0.0 else 0):
        out[k, 3] = min(out[k, 3], math.sqrt(DETOUR_MPS2 / max(bend_at(out, k), 1e-3)))
    return out


@part
def _detour_at(station: float, begin: float, end: float, side: float) -> float:
    """How far to the left a detour is at a station."""
    u = min(max(min(1.0, (station - begin + RAMP_M) / RAMP_M, (end + RAMP_M - station) / RAMP_M), 0.0), 1.0)
    return side * u * u * (3 - 2 * u)


@part
def bend_at(line: Array, k: int) -> float:
    """Curvature (1/m, without sign) of a line [N, 4] at a point that is neither its first nor its last."""
    dx, dy = line[k + 1, 0] - line[k - 1, 0], line[k + 1, 1] - line[k - 1, 1]
    turn = (line[k + 1, 2] - line[k - 1, 2] + math.pi) % (2 * math.pi) - math.pi
    return abs(turn) / max(math.hypot(dx, dy), 0.1)


@kernel
def sharpest_bend(line: Array, begin: float, end: float) -> float:
    """The greatest curvature (1/m) of a line [N, 4] between two stations."""
    most = 0.0
    for k in range(max(1, int(begin)), min(len(line) - 1, int(end) + 1)):
        most = max(most, bend_at(line, k))
    return most


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
                for after in range(k + 1, steps + 1):
                    for column in range(len(rows[k])):
                        rows[after, column] = rows[k, column]
                break
    return rows


@part
def is_stuck(sc: Static, st: State, j: int) -> bool:
    """Whether a vehicle has stood for long without a junction to wait for ahead of it."""
    if sc.mode[j] != BY_LANE or st.move[j, WAIT] < STUCK_S:
        return False
    g = max(st.marks[j, GATE], st.marks[j, COMMITTED])
    return g >= sc.gate_ptr[j + 1] or sc.gate_span[g, 0] - st.move[j, S] > QUEUE_M


@kernel
def on_route(sc: Static, st: State, reach: float) -> Array:
    """Whatever is in the ego's way within `reach`: rows (begin, end, rightmost, leftmost on the route; 1 where it stands; for how
    many seconds it has waited).

    Vehicles that merely wait (in a queue before a junction, for a moment) do not stand.
    """
    first, count = sc.path_ptr[0], sc.path_ptr[1] - sc.path_ptr[0]
    found = np.zeros((len(sc.kind) + len(sc.parked), 6))
    total = 0
    for j in range(1, len(sc.kind) + len(sc.parked)):
        n = j - len(sc.kind)
        stands = True
        if n < 0:
            if st.marks[j, ACTIVE] == 0:
                continue
            still = sc.mode[j] == STANDING or sc.kind[j] == OBSTACLE or (sc.mode[j] == AS_RECORDED and st.move[j, V] < 0.3)
            scripted_stop = sc.script[j, TRIGGER] < 1e8 and st.move[j, V] < 0.2 and st.move[j, SCRIPT] > 1.0 and sc.kind[j] <= CYCLIST
            stands = still or scripted_stop or is_stuck(sc, st, j)
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
            found[total, 4], found[total, 5] = 1.0 if stands else 0.0, st.move[j, WAIT] if n < 0 else 0.0
            total += 1
    return found[:total]


@kernel
def rear_axle_on_route(route: Array, ego: Array, behind_m: float) -> tuple[float, float, float]:
    """Station, offset to the left and heading error of the ego's rear axle, so far behind its centre, on its route [N, 4]."""
    station, lateral = project_on(route, 0, len(route), ego[X], ego[Y], ego[STATION] - behind_m)
    _, _, heading = point_on(route, 0, len(route), station, 0.0)
    return station, lateral, (ego[HEADING] - heading + math.pi) % (2 * math.pi) - math.pi
