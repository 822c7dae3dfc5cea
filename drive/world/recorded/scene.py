"""A recorded scene as a world: the human's way is the route, agents drive theirs again or stand; `logs` and `tables_world` read files.

A track is what a recording says of one agent at every simulation step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from drive.curves import unit
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.maps import RoadMap
from drive.world.map_arrays import map_tables
from drive.world.paths import Path as Way
from drive.world.paths import metre_points
from drive.world.recorded.excuses import Crossings, RecordedTrack, told_contacts, touches
from drive.world.recorded.human_road import with_humans_road
from drive.world.state import (
    AS_RECORDED,
    BUS,
    BY_LANE,
    CAR,
    CYCLIST,
    DT_S,
    MOTORCYCLE,
    OBSTACLE,
    PEDESTRIAN,
    STATION,
    TRAILER,
    TRUCK,
)
from drive.world.world import EGO_SIZE_M, MAX_AGENTS, Actor, World, assemble, ego_actor

CITY_LIMIT_MPS = 16.7  # 60 km/h; recordings hold no limits, or a placeholder
MOVED_M = 3.0  # a vehicle that moved less counts as parked
GOAL_SHARE = 0.9  # of the human's way that counts as arrival
GOAL_SLACK_M = 0.1  # who stands where the human stood has arrived
BEYOND_M = 80.0
MAX_STEPS = 5_000
KINDS = {
    "vehicle.bicycle": CYCLIST,
    "vehicle.motorcycle": MOTORCYCLE,
    "vehicle.bus": BUS,
    "vehicle.truck": TRUCK,
    "vehicle.construction": TRUCK,
    "vehicle.trailer": TRAILER,
    "vehicle": CAR,
    "human": PEDESTRIAN,
}
TYPES = {"VEHICLE": CAR, "PEDESTRIAN": PEDESTRIAN, "CYCLIST": CYCLIST}


def check_extent(where: str, frames: int, steps: int, agents: int) -> None:
    """Raises ValueError where a record is too short, too long or too full to be driven."""
    if frames < 2 or steps < 2:
        raise ValueError(f"{where}: {max(frames, 0)} frames that last {max(steps, 0)} steps of {DT_S} s; a drive needs two of each")
    if steps > MAX_STEPS:
        raise ValueError(f"{where}: {steps} steps of {DT_S} s, at most {MAX_STEPS}; cut the record")
    if agents > MAX_AGENTS:
        raise ValueError(f"{where}: {agents} agents, at most {MAX_AGENTS}")


def recorded_world(
    name: str,
    road_map: RoadMap,
    human: Array,
    others: dict[str, RecordedTrack],
    origin: dict[str, Any],
    reactive: bool = True,
    size: tuple[float, float, float] = EGO_SIZE_M,
    notes: Sequence[str] = (),
) -> World:
    """The world of a recording: human [T, 4] as in `RecordedTrack`, the other agents by name, the ego's size.

    What the record itself does is no fault in its world, whoever does it (`excuses.py`); it is told in the world's notes, after
    `notes`. Raises ValueError where the ego is off the drivable area for most of the record.
    """
    seen = {key: track for key, track in others.items() if track.valid.any()}
    road_map, told = with_humans_road(road_map, human, size, name)
    tables = map_tables(road_map)
    crossing = Crossings(road_map, tables)
    route, stops, red = crossing.of_human(_route(human, road_map), human, size)
    touched = [key for key, track in seen.items() if touches(human, size, track)]
    actors = [ego_actor(route, 0.0, float(human[0, 3]), size)]
    actors += [replace(_actor(track, reactive, crossing), excused=key in touched) for key, track in seen.items()]
    static, start = assemble(replace(tables, arrays=tables.arrays | stops), actors, np.zeros((0, 5)), human[0, :3], human)
    centres = human[:, :2] + EGO_CENTRE_AHEAD_M * unit(human[:, 2])
    way = float(np.hypot(*np.diff(centres, axis=0).T).sum())
    goal = float(start.ego[STATION]) + GOAL_SHARE * way - GOAL_SLACK_M if _moved(human) else float("nan")
    told = [*notes, *told, *red, *crossing.notes(), *told_contacts(touched)]
    told += [] if _moved(human) else [f"the human moves less than {MOVED_M:g} m: success and route completion are undefined"]
    origin = origin | {"traffic": "reactive" if reactive else "replay"}
    limit = (len(human) - 1) * DT_S
    return World(name, road_map, static, start, goal, limit, "log", ("ego", *seen), None, origin, tuple(told))


def _moved(rows: Array) -> bool:
    """Whether who took these places [T, >= 2] went anywhere: no two of the corners of their hull's box are MOVED_M apart."""
    return bool(np.hypot(*np.ptp(rows[:, :2], axis=0)) >= MOVED_M)


def _route(human: Array, road_map: RoadMap) -> Way:
    """The way the human's rear axle took, as geometry without times, and on along the lanes behind its end."""
    places, heading = human[:, :2], float(human[-1, 2])
    keep = [0]
    for i in range(1, len(places)):
        if np.hypot(*(places[i] - places[keep[-1]])) >= 1.0:
            keep.append(i)
    line = places[keep]
    found = road_map.nearest_lane((*line[-1], heading))
    ahead = np.zeros((0, 2)) if found is None else _lane_ahead(road_map, found, line[-1])
    if len(ahead) < 2:
        ahead = line[-1] + np.arange(1.0, BEYOND_M)[:, None] * unit(heading)
    if len(line) == 1:
        line = np.concatenate([line - unit(human[0, 2]), line])
    points = metre_points(np.concatenate([line, ahead]), CITY_LIMIT_MPS)
    limits = {lane.speed_limit_mps for lane in road_map.lanes}
    return Way(points if limits == {CITY_LIMIT_MPS} else metre_points(points[:, :2], _limits(points, road_map)))


def _limits(points: Array, road_map: RoadMap) -> Array:
    """The limit of the lane that each point of a way [M, 4] is on, [M]; off the lanes the one before holds."""
    limits = np.full(len(points), CITY_LIMIT_MPS)
    for i, point in enumerate(points):
        found = road_map.nearest_lane(point[:3])
        limits[i] = road_map.lane(found[0]).speed_limit_mps if found else limits[max(i - 1, 0)]
    return limits


def _lane_ahead(road_map: RoadMap, found: tuple[str, float], end: Array) -> Array:
    """Centreline points ahead of a place on a lane and on over first successors, up to BEYOND_M."""
    lane, station = road_map.lane(found[0]), found[1]
    points, seen = [lane.centreline[lane.stations > station + 2.0]], {lane.id}
    while len(points) < 12 and lane.successors and lane.successors[0] not in seen:
        lane = road_map.lane(lane.successors[0])
        seen.add(lane.id)
        points.append(lane.centreline)
    line = np.concatenate(points)
    line = line[np.hypot(*(line - end).T) > 3.0]
    if not len(line):
        return line
    reach = np.cumsum(np.hypot(*np.diff(line, axis=0, prepend=end[None]).T))
    return line[: max(2, int(np.searchsorted(reach, BEYOND_M)))]


def _kind(track: RecordedTrack) -> int:
    for prefix, kind in KINDS.items():
        if track.category.startswith(prefix):
            return kind
    return TYPES.get(track.type, OBSTACLE)


def _actor(track: RecordedTrack, reactive: bool, crossing: Crossings) -> Actor:
    """A recorded agent: as recorded, standing, or driving its recorded way by IDM."""
    rows, valid, kind = track.rows, track.valid, _kind(track)
    spot = Way(np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    recorded = Actor(kind, AS_RECORDED, track.size, spot, recorded=rows, valid=valid)
    if not reactive or kind in (PEDESTRIAN, OBSTACLE):
        return recorded
    seen = rows[valid]
    if not _moved(seen):
        return recorded
    way = _recorded_way(seen)
    if way is None:
        return recorded
    half = 0.3 * track.size[0] + 1.0
    way = crossing.of_agent(way, rows, valid, track.size[0] / 2)
    return Actor(kind, BY_LANE, track.size, way, half, float(seen[0, 3]), spawn=int(np.argmax(valid)))


def _recorded_way(seen: Array) -> Way | None:
    """The recorded track as a path, prolonged straight on at its end; None where it jumps about."""
    keep = [0]
    for i in range(1, len(seen)):
        step = seen[i, :2] - seen[keep[-1], :2]
        if np.hypot(*step) >= 1.0 and float(step @ unit(seen[i, 2])) > 0:
            keep.append(i)
    if len(keep) < 3:
        return None
    line = seen[keep, :2]
    return Way(metre_points(np.concatenate([line, line[-1] + np.arange(1.0, 60.0)[:, None] * unit(seen[keep[-1], 2])]), _caps(seen, keep)))


def _caps(seen: Array, keep: list[int]) -> Array:
    """Wanted speed at each kept point: the fastest it went within three seconds, at least 2 m/s; then the last one."""
    speeds = np.array([seen[max(0, k - 15) : k + 16, 3].max() for k in keep])
    return np.maximum(np.concatenate([speeds, np.full(59, speeds[-1])]), 2.0)
