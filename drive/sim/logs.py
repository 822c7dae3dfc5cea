"""Recorded scenes as worlds: ScenarioNet files (`*.pkl`). Lanes get connections from geometry, connectors a width.

What the format leaves open, and what is done about it: there are no connections (an end near a start that points the same
way is one), more than half of the lanes have no polygon (2 m to each side of their centreline), the ego's length and width
are swapped and its position is the rear axle, speed limits are a placeholder, there are no lights and no crossings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from drive.frames import Array, wrap_angle
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.maps import Lane, Polygon, RoadMap, linked
from drive.sim.curves import unit
from drive.sim.paths import Path as Way
from drive.sim.paths import metre_points
from drive.sim.state import AS_RECORDED, BUS, BY_LANE, CAR, CYCLIST, DT_S, MOTORCYCLE, OBSTACLE, PEDESTRIAN, TRAILER, TRUCK
from drive.sim.tables import map_tables
from drive.sim.unpickle import read_pickle
from drive.sim.world import MAX_AGENTS, Actor, World, assemble, ego_actor

CONNECTOR_HALF_WIDTH_M = 2.0
JOIN_M, JOIN_RAD = 1.0, 0.6
CITY_LIMIT_MPS = 16.7  # 60 km/h; the files' own limit is a placeholder
MAX_STEPS, MAX_FEATURES = 5_000, 50_000
MOVED_M = 3.0  # a vehicle that moved less counts as parked
GOAL_SHARE = 0.9  # of the human's way that counts as arrival
BEYOND_M = 80.0
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


def log_world(path: str | Path, reactive: bool = True) -> World:
    """The world of a ScenarioNet file. reactive: recorded vehicles that move drive their recorded way by IDM; else as recorded.

    Raises ValueError naming file and field where the file is broken, hostile or absurd.
    """
    path = Path(path)
    data = read_pickle(path)
    where = path.name
    tracks, features, metadata = (_field(data, key, dict, where) for key in ("tracks", "map_features", "metadata"))
    steps, ego_id = _field(data, "length", int, where), _field(metadata, "sdc_id", str, f"{where}, metadata")
    if not 2 <= steps <= MAX_STEPS:
        raise ValueError(f"{where}, length: must be 2 to {MAX_STEPS} steps, got {steps}")
    if len(tracks) > MAX_AGENTS or len(features) > MAX_FEATURES:
        raise ValueError(f"{where}: {len(tracks)} tracks and {len(features)} map features are more than {MAX_AGENTS} and {MAX_FEATURES}")
    if ego_id not in tracks:
        raise ValueError(f"{where}, metadata.sdc_id: no track {ego_id!r}")
    _check_times(metadata, steps, where)
    read = {str(name): _track(track, steps, f"{where}, track {name!r}") for name, track in tracks.items()}
    return _world(where, str(path), read, ego_id, road_map_of(features, where), reactive)


def _field(data: Any, key: str, kind: type, where: str) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get(key), kind):
        got = type(data.get(key)).__name__ if isinstance(data, dict) else type(data).__name__
        raise ValueError(f"{where}: field {key!r} must be a {kind.__name__}, got {got}; is this a ScenarioNet file?")
    return data[key]


def _check_times(metadata: dict, steps: int, where: str) -> None:
    times = np.asarray(metadata.get("ts", np.arange(steps) * DT_S), dtype=np.float64)
    if times.shape != (steps,) or np.abs(np.diff(times) - DT_S).max() > 0.02:
        raise ValueError(f"{where}, metadata.ts: need {steps} times {DT_S} s apart; resample the record first")


def _numbers(state: dict, key: str, shape: tuple[int, ...], where: str) -> Array:
    try:
        values = np.asarray(state[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}, state.{key}: missing or not numbers") from error
    if values.ndim < 1 or values.shape[0] != shape[0] or (len(shape) > 1 and (values.ndim != 2 or values.shape[1] < shape[1])):
        raise ValueError(f"{where}, state.{key}: shape {values.shape}, expected {shape}")
    return values


def _track(track: Any, steps: int, where: str) -> dict[str, Any]:
    """Pose [T, 4] (x, y, heading, speed), valid [T], size, category of one track."""
    state = _field(track, "state", dict, where)
    valid = _numbers(state, "valid", (steps,), where).reshape(steps, -1)[:, 0] > 0
    position, velocity = _numbers(state, "position", (steps, 2), where)[:, :2], _numbers(state, "velocity", (steps, 2), where)[:, :2]
    rows = np.column_stack([position, _numbers(state, "heading", (steps,), where).reshape(steps, -1)[:, 0], np.hypot(*velocity.T)])
    if not np.isfinite(rows[valid]).all() or np.abs(rows[valid]).max(initial=0.0) > 1e7:
        raise ValueError(f"{where}, state: values of valid steps are not finite or absurd")
    rows[~valid] = 0.0
    sizes = [_numbers(state, key, (steps,), where).reshape(steps, -1)[:, 0] for key in ("length", "width", "height")]
    first = int(np.argmax(valid)) if valid.any() else 0
    size = tuple(float(s[first]) for s in sizes)
    if valid.any() and not all(0.0 < s <= 60.0 for s in size):
        raise ValueError(f"{where}, state: length, width, height must be above 0 and at most 60 m, got {size}")
    meta = track.get("metadata")
    category = str(meta.get("type", "")) if isinstance(meta, dict) else ""
    return {"rows": rows, "valid": valid, "size": size, "category": category, "type": str(track.get("type", ""))}


def road_map_of(features: dict, where: str) -> RoadMap:
    """Lanes with connections, and the drivable area, of a file's map features."""
    lanes: list[Lane] = []
    shapes, lines = [], dict[str, list[Array]](lane_divider=[], road_divider=[])
    for name, feature in features.items():
        kind, place = str(_field(feature, "type", str, f"{where}, map feature {name!r}")), f"{where}, map feature {name!r}"
        line = _line(feature.get("polyline"), place)
        if kind.startswith("ROAD_LINE"):
            lines["road_divider" if "YELLOW" in kind else "lane_divider"].append(line)
        if not kind.startswith("LANE"):
            continue
        polygon = np.asarray(feature.get("polygon", ()), dtype=np.float64)
        body = shapely.LineString(line).buffer(CONNECTOR_HALF_WIDTH_M, cap_style="flat")
        width, lane_kind = 2 * CONNECTOR_HALF_WIDTH_M, "connector"
        if polygon.ndim == 2 and len(polygon) >= 3 and np.isfinite(polygon).all():
            body = shapely.make_valid(shapely.Polygon(polygon[:, :2]))
            width, lane_kind = float(np.clip(body.area / max(shapely.LineString(line).length, 1.0), 2.0, 12.0)), "road"
        shapes.append(body)
        lanes.append(Lane(str(name), line, width, CITY_LIMIT_MPS, kind=lane_kind))  # type: ignore[arg-type]
    if not lanes:
        raise ValueError(f"{where}, map_features: no lanes; a world needs at least one")
    area = shapely.union_all(shapes)
    pieces = [piece for piece in getattr(area, "geoms", [area]) if isinstance(piece, shapely.Polygon) and piece.area > 0.5]
    drivable = tuple(Polygon(np.array(p.exterior.coords)[:-1], tuple(np.array(h.coords)[:-1] for h in p.interiors)) for p in pieces)
    return RoadMap(where, connected(lanes), drivable, lines={layer: tuple(items) for layer, items in lines.items()})


def _line(value: Any, where: str) -> Array:
    try:
        line = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}, polyline: not numbers") from error
    if line.ndim != 2 or line.shape[0] < 2 or line.shape[1] < 2 or not np.isfinite(line[:, :2]).all():
        raise ValueError(f"{where}, polyline: must be finite [N >= 2, >= 2], got shape {line.shape}")
    return line[:, :2]


def connected(lanes: list[Lane]) -> tuple[Lane, ...]:
    """The same lanes with successors: lanes that start within a metre of this one's end and point the same way."""
    from dataclasses import replace

    starts, ends = np.array([lane.centreline[0] for lane in lanes]), np.array([lane.centreline[-1] for lane in lanes])
    first = np.array([np.arctan2(*(lane.centreline[1] - lane.centreline[0])[::-1]) for lane in lanes])
    last = np.array([np.arctan2(*(lane.centreline[-1] - lane.centreline[-2])[::-1]) for lane in lanes])
    result = []
    for i, lane in enumerate(lanes):
        fits = (np.hypot(*(starts - ends[i]).T) < JOIN_M) & (np.abs(wrap_angle(first - last[i])) < JOIN_RAD)
        fits[i] = False
        result.append(replace(lane, successors=tuple(lanes[j].id for j in np.flatnonzero(fits))))
    return linked(result)


def _world(name: str, source: str, tracks: dict, ego_id: str, road_map: RoadMap, reactive: bool) -> World:
    ego = tracks[ego_id]
    if not ego["valid"].all():
        raise ValueError(f"{name}, track {ego_id!r}: the ego is not valid at every step")
    human = ego["rows"]
    centres = human[:, :2] + EGO_CENTRE_AHEAD_M * unit(human[:, 2])
    route = _route(human, road_map)
    names, actors = [ego_id], [ego_actor(route, 0.0, float(human[0, 3]), _body(ego["size"]))]
    for track_id, track in tracks.items():
        if track_id != ego_id and track["valid"].any():
            names.append(track_id)
            actors.append(_actor(track, reactive))
    tables = map_tables(road_map)
    static, start = assemble(tables, actors, np.zeros((0, 5)), human[0, :3], human)
    _check_start(start, name)
    driven = float(np.hypot(*np.diff(centres, axis=0).T).sum())
    goal = float(start.ego[6]) + GOAL_SHARE * driven
    origin = {"kind": "log", "file": source, "traffic": "reactive" if reactive else "replay"}
    return World(name, road_map, static, start, goal, (len(human) - 1) * DT_S, "log", tuple(names), None, origin)


def _body(size: tuple[float, float, float]) -> tuple[float, float, float]:
    """The ego's length, width, height: the files have the first two swapped."""
    return max(size[:2]), min(size[:2]), size[2]


def _check_start(start: Any, name: str) -> None:
    if start.flags[0]:
        raise ValueError(f"{name}: the ego starts off the drivable area; is the map of another place?")


def _route(human: Array, road_map: RoadMap) -> Way:
    """The way the human's rear axle took, as geometry without times, and on along the lanes behind its end."""
    centres = human[:, :2]
    keep = [0]
    for i in range(1, len(centres)):
        if np.hypot(*(centres[i] - centres[keep[-1]])) >= 1.0:
            keep.append(i)
    line = centres[keep]
    onward = line[-1] + np.arange(1.0, BEYOND_M)[:, None] * unit(human[-1, 2])
    found = road_map.nearest_lane((*line[-1], human[-1, 2]))
    if found is not None:
        onward = _lane_ahead(road_map, found, line[-1])
    if len(line) == 1:
        line = np.concatenate([line - unit(human[0, 2]), line])
    return Way(metre_points(np.concatenate([line, onward]), CITY_LIMIT_MPS))


def _lane_ahead(road_map: RoadMap, found: tuple[str, float], end: Array) -> Array:
    """Centreline points ahead of a place on a lane and on over first successors, moved sideways onto the place at first."""
    lane, station = road_map.lane(found[0]), found[1]
    points, seen = [lane.centreline[lane.stations > station + 2.0]], {lane.id}
    while sum(len(p) for p in points) and len(points) < 12 and lane.successors and lane.successors[0] not in seen:
        lane = road_map.lane(lane.successors[0])
        seen.add(lane.id)
        points.append(lane.centreline)
    line = np.concatenate(points)
    if len(line) < 2:
        return end + np.arange(1.0, BEYOND_M)[:, None] * unit(0.0)
    reach = np.hypot(*(line - end).T)
    line = line[reach > 3.0]
    return line[: max(2, int(np.searchsorted(np.cumsum(np.hypot(*np.diff(line, axis=0, prepend=end[None]).T)), BEYOND_M)))]


def _kind(track: dict) -> int:
    for prefix, kind in KINDS.items():
        if track["category"].startswith(prefix):
            return kind
    return TYPES.get(track["type"], OBSTACLE)


def _actor(track: dict, reactive: bool) -> Actor:
    """A recorded agent: as recorded, standing, or driving its recorded way by IDM."""
    rows, valid, kind = track["rows"], track["valid"], _kind(track)
    spot = Way(np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    recorded = Actor(kind, AS_RECORDED, track["size"], spot, recorded=rows, valid=valid)
    if not reactive or kind in (PEDESTRIAN, OBSTACLE):
        return recorded
    seen = rows[valid]
    if np.hypot(*(seen[:, :2].max(0) - seen[:, :2].min(0))) < MOVED_M:
        return recorded
    way = _recorded_way(seen)
    if way is None:
        return recorded
    first = int(np.argmax(valid))
    half = 0.3 * track["size"][0] + 1.0
    return Actor(kind, BY_LANE, track["size"], way, half, float(seen[0, 3]), spawn=first)


def _recorded_way(seen: Array) -> Way | None:
    """The recorded track as a path, prolonged backwards under the tail and straight on at the end; None where it jumps about."""
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


