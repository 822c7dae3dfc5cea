"""Recorded lights on the ways that lead over their lanes: where a way enters one, and who passed it at red."""

from __future__ import annotations

import numpy as np

from drive.curves import resample, unit
from drive.frames import Array, wrap_angle
from drive.maps import Light, RoadMap, StopLine
from drive.world.state import DT_S

ON_LANE_M, ON_LANE_RAD = 2.0, 0.5  # a way that leads over a lane
SAME_LINE_M = 3.0


def gates_on(way: Array, road_map: RoadMap) -> list[tuple[float, float, StopLine]]:
    """Where a way [M, 4] (a point a metre) enters lanes with a light: (in, out, stop line); of lanes that fork, the one it follows."""
    lane_of = {light.id: light.lanes[0] for light in road_map.lights}
    found: list[tuple[float, float, float, StopLine]] = []
    for stop in road_map.stop_lines:
        if stop.light is None:
            continue
        middle = stop.line.mean(0)
        lane = road_map.lane(lane_of[stop.light])
        line = resample(lane.centreline, 1.0)
        line = line[int(np.argmin(np.hypot(*(line - middle).T))) :]
        at = int(np.argmin(np.hypot(*(way[:, :2] - middle).T)))
        across = stop.line[0] - stop.line[1]
        turn = abs(float(wrap_angle(way[at, 2] - np.arctan2(across[0], -across[1]))))
        both = min(len(line), len(way) - at)
        off = float(np.hypot(*(way[at : at + both, :2] - line[:both]).T).mean()) if both else np.inf
        if np.hypot(*(way[at, :2] - middle)) < ON_LANE_M and turn < ON_LANE_RAD and off < ON_LANE_M:
            found.append((float(at), float(at + len(line)), off, stop))
    found.sort(key=lambda gate: (gate[0], gate[2]))
    kept: list[tuple[float, float, float, StopLine]] = []
    for gate in found:
        rivals = [other for other in kept if abs(other[0] - gate[0]) < SAME_LINE_M]
        if not rivals or gate[2] < min(other[2] for other in rivals):
            kept = [other for other in kept if other not in rivals] + [gate]
    return [(start, end, stop) for start, end, _, stop in kept]


def red_passed(rows: Array, valid: np.ndarray, ahead_m: float, stop: StopLine, light: Light) -> int | None:
    """The first step at which a record's front (`ahead_m` before its point) passes a stop line whose light is red, or None."""
    front = rows[:, :2] + ahead_m * unit(rows[:, 2])
    right, left = stop.line
    along = unit(float(np.arctan2(*(left - right)[::-1])) - np.pi / 2)
    before = (front - right) @ along
    side = (front - right) @ (left - right) / float((left - right) @ (left - right))
    passes = (before[:-1] < 0) & (before[1:] >= 0) & valid[:-1] & valid[1:] & (side[1:] >= 0) & (side[1:] <= 1)
    steps = [int(k) for k in np.flatnonzero(passes) if light.colour(k * DT_S) == "red"]
    return steps[0] if steps else None
