"""The ego's route as a navigator tells it: at the next junction left, straight, right, or which exit of a roundabout, and what then.

In a roundabout the exits that are passed count no more, and the metres are those to the exit: who looks at one moment alone cannot know
how many there were, nor whether the one beside the car was the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from drive.frames import wrap_angle
from drive.maps import Lane, RoadMap
from drive.roads import Navigation, Turn

TOLD = ("t", "four-way", "roundabout")  # junctions where one has to choose
STRAIGHT_RAD = np.deg2rad(40)
SOON_M = 80.0  # a junction that begins so near behind the one before it is told with that


@dataclass(frozen=True)
class Manoeuvre:
    """A junction on a route. begin_m, end_m: stations at which it is entered and left; turn: as in `Navigation`; exits_m: where the exits
    leave that the way comes by in a roundabout, the one that it takes last; empty elsewhere."""

    begin_m: float
    end_m: float
    turn: Turn
    exits_m: tuple[float, ...] = ()


def lane_spans(road_map: RoadMap, lanes: tuple[str, ...]) -> list[tuple[float, float]]:
    """Where a path along lanes (`drive.world.paths.lane_path`) enters and leaves each of them, in metres from its start."""
    way, spans, reach = [road_map.lane(name) for name in lanes], [], 0.0
    for k, lane in enumerate(way):
        reach += float(np.hypot(*(way[k - 1].centreline[-1] - lane.centreline[0]))) if k else 0.0
        spans.append((reach, reach + lane.length_m))
        reach += lane.length_m
    return spans


def manoeuvres(road_map: RoadMap, lanes: tuple[str, ...]) -> tuple[Manoeuvre, ...]:
    """What a navigator tells along lanes that follow each other, in driving order. A junction that they do not leave is left out."""
    kinds = {junction.id: junction.kind for junction in road_map.junctions}
    spans, found = lane_spans(road_map, lanes), []
    for junction, group in groupby(range(len(lanes)), key=lambda k: road_map.lane(lanes[k]).junction):
        rows = list(group)
        if kinds.get(junction or "") not in TOLD or rows[-1] == len(lanes) - 1:
            continue
        way = [road_map.lane(lanes[k]) for k in rows]
        begin, end = spans[rows[0]][0], spans[rows[-1]][1]
        if kinds[junction or ""] == "roundabout":
            exits = tuple(spans[k][1] for k, lane in zip(rows, way, strict=True) if _has_exit(road_map, lane))
            found.append(Manoeuvre(begin, end, "roundabout", exits))
        else:
            found.append(Manoeuvre(begin, end, _turn(way)))
    return tuple(found)


def navigation_at(told: tuple[Manoeuvre, ...], station: float) -> Navigation | None:
    """What a navigator says to an ego whose origin is at a station of the route; None where no junction is left on it."""
    left = [one for one in told if station < one.end_m]
    if not left:
        return None
    then = _said(left[1], station) if len(left) > 1 and left[1].begin_m - left[0].end_m <= SOON_M else None
    return _said(left[0], station, then)


def _said(one: Manoeuvre, station: float, then: Navigation | None = None) -> Navigation:
    if one.turn != "roundabout":
        return Navigation(one.turn, max(0.0, one.begin_m - station), None, then)
    ahead_m = (one.begin_m if station < one.begin_m else max(one.exits_m, default=station)) - station
    return Navigation(one.turn, max(0.0, ahead_m), max(1, sum(station < exit_m for exit_m in one.exits_m)), then)


def _turn(way: list[Lane]) -> Turn:
    steps = np.concatenate([np.diff(lane.centreline, axis=0) for lane in way])
    angle = float(wrap_angle(np.arctan2(*steps[-1, ::-1]) - np.arctan2(*steps[0, ::-1])))
    return "straight" if abs(angle) < STRAIGHT_RAD else "left" if angle > 0 else "right"


def _has_exit(road_map: RoadMap, lane: Lane) -> bool:
    """Whether an exit of its roundabout leaves where a lane ends."""
    return any(_outside(road_map, after) and after.junction == lane.junction for after in map(road_map.lane, lane.successors))


def _outside(road_map: RoadMap, lane: Lane) -> bool:
    return bool(lane.successors) and all(road_map.lane(name).junction != lane.junction for name in lane.successors)
