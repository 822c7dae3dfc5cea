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
from drive.maps import Lane, Polygon, RoadMap, linked
from drive.world.recorded.scene import CITY_LIMIT_MPS, MAX_STEPS, Track, recorded_world
from drive.world.recorded.unpickle import read_pickle
from drive.world.state import DT_S
from drive.world.world import MAX_AGENTS, World

CONNECTOR_HALF_WIDTH_M = 2.0
JOIN_M, JOIN_RAD = 1.0, 0.6
MAX_FEATURES = 50_000


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
    ego = read.pop(ego_id)
    if not ego.valid.all():
        raise ValueError(f"{where}, track {ego_id!r}: the ego is not valid at every step")
    size = max(ego.size[:2]), min(ego.size[:2]), ego.size[2]  # the files have the first two swapped
    return recorded_world(where, road_map_of(features, where), ego.rows, read, {"kind": "log", "file": str(path)}, reactive, size)


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


def _track(track: Any, steps: int, where: str) -> Track:
    state = _field(track, "state", dict, where)
    valid = _numbers(state, "valid", (steps,), where).reshape(steps, -1)[:, 0] > 0
    position, velocity = _numbers(state, "position", (steps, 2), where)[:, :2], _numbers(state, "velocity", (steps, 2), where)[:, :2]
    rows = np.column_stack([position, _numbers(state, "heading", (steps,), where).reshape(steps, -1)[:, 0], np.hypot(*velocity.T)])
    if not np.isfinite(rows[valid]).all() or np.abs(rows[valid]).max(initial=0.0) > 1e7:
        raise ValueError(f"{where}, state: values of valid steps are not finite or absurd")
    rows[~valid] = 0.0
    sizes = [_numbers(state, key, (steps,), where).reshape(steps, -1)[:, 0] for key in ("length", "width", "height")]
    first = int(np.argmax(valid)) if valid.any() else 0
    size = float(sizes[0][first]), float(sizes[1][first]), float(sizes[2][first])
    if valid.any() and not all(0.0 < s <= 60.0 for s in size):
        raise ValueError(f"{where}, state: length, width, height must be above 0 and at most 60 m, got {size}")
    meta = track.get("metadata")
    category = str(meta.get("type", "")) if isinstance(meta, dict) else ""
    return Track(rows, valid, size, category, str(track.get("type", "")))


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
        body = shapely.LineString(line).buffer(CONNECTOR_HALF_WIDTH_M)  # round ends close the cracks between lanes
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
