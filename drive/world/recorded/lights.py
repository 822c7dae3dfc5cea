"""Recorded traffic lights: what each showed at every step, and whom it rules.

A recorded light is a light whose cycle is the record. What was not seen, and what flashes, is "off": it rules nobody.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from drive.frames import Array, wrap_angle
from drive.maps import Colour, Lane, Light, RoadMap, StopLine
from drive.world.curves import resample, unit
from drive.world.recorded.features import Features, field
from drive.world.recorded.producers import Producer
from drive.world.state import DT_S

STATES: dict[str, Colour] = {
    f"{prefix}_{word}": colour  # type: ignore[misc]
    for prefix, words in {
        "LANE_STATE": {"STOP": "red", "CAUTION": "yellow", "GO": "green"},
        "LANE_STATE_ARROW": {"STOP": "red", "CAUTION": "yellow", "GO": "green"},
        "TRAFFIC_LIGHT": {"RED": "red", "YELLOW": "yellow", "GREEN": "green"},
    }.items()
    for word, colour in words.items()
}
UNSEEN = ("LANE_STATE_UNKNOWN", "TRAFFIC_LIGHT_UNKNOWN", "None")
ON_LANE_M, ON_LANE_RAD = 2.0, 0.5  # a way that leads over a lane
SAME_LINE_M = 3.0


def recorded_lights(
    states: Any, lanes: dict[str, Lane], producer: Producer, frame: np.ndarray, frames: int, features: Features, where: str
) -> tuple[tuple[Light, ...], tuple[StopLine, ...]]:
    """The lights of `dynamic_map_states`, each over the lane that it names. frame [steps]: the record's frame at every step.

    Raises ValueError where a light's states are not one for every frame.
    """
    lights, stops = [], []
    for key, item in (states if isinstance(states, dict) else {}).items():
        place = f"{where}, dynamic_map_states {key!r}"
        shown = _shown(field(item, "state", dict, place).get("object_state"), frames, place)
        lane = lanes.get(str(item.get("lane")))
        if lane is None:
            features.unused["lights of lanes outside the file"] += 1
            continue
        for state in sorted(set(shown) - set(STATES) - set(UNSEEN)):
            features.unused[f"lights that show {state[:40]}"] += 1
        colours = [STATES.get(shown[k], "off") for k in frame]
        cycle = tuple((colour, DT_S * len(list(run))) for colour, run in groupby(colours))
        light = Light(f"light of lane {lane.id}", (lane.id,), cycle, DT_S / 2)  # half a step keeps clear of the phases' ends
        lights.append(light)
        line = _line(lane, item.get("stop_point"), producer)
        stops.append(StopLine(line, lane.predecessors[0] if lane.predecessors else lane.id, "light", light.id))
    return tuple(lights), tuple(stops)


def _shown(value: Any, frames: int, where: str) -> list[str]:
    if not isinstance(value, list | tuple | np.ndarray) or len(value) != frames:
        raise ValueError(f"{where}, state.object_state: need one for each of {frames} frames")
    return [str(v) for v in value]


def _line(lane: Lane, stop_point: Any, producer: Producer) -> Array:
    """The stop line [2, 2] across a lane, right end first."""
    points = resample(lane.centreline, 0.5)
    try:
        place = np.asarray(stop_point, dtype=np.float64).reshape(-1)[:2]
    except (TypeError, ValueError):
        place = points[0]
    near = int(np.argmin(np.hypot(*(points - place).T))) if len(place) == 2 and np.isfinite(place).all() else 0
    at = min(max(near - round(producer.light_inside_m / 0.5), 0), len(points) - 2)
    step = points[at + 1] - points[at]
    right = unit(float(np.arctan2(step[1], step[0])) - np.pi / 2) * lane.width_m / 2
    return np.stack([points[at] + right, points[at] - right])


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
