"""Recorded scenes as worlds: ScenarioNet files (`*.pkl`) of the converters in `producers.py`.

What a file tells is used (connections, widths, neighbours, limits, lights, outlines, road edges); what it leaves open is inferred
(`lanes.py`, `area.py`); what is not understood is counted by kind in the world's notes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.maps import RoadMap
from drive.pickles import read_pickle
from drive.world.curves import unit
from drive.world.recorded.area import drivable_area, outlines
from drive.world.recorded.features import Features, field
from drive.world.recorded.lanes import lanes_of
from drive.world.recorded.lights import recorded_lights
from drive.world.recorded.map_reader import crossing_over
from drive.world.recorded.producers import Producer, producer_of
from drive.world.recorded.resample import LONGEST_SPACING_S, MAX_GAP_SPACINGS, frame_at_steps, interpolated, steps_of
from drive.world.recorded.scene import CITY_LIMIT_MPS, RecordedTrack, check_extent, recorded_world
from drive.world.world import World

MAX_FEATURES = 50_000
USED = ("LANE", "ROAD_LINE", "ROAD_EDGE", "UNKNOWN_LINE", "CROSSWALK", "DRIVEWAY")


def log_world(path: str | Path, reactive: bool = True) -> World:
    """The world of a ScenarioNet file. reactive: recorded vehicles that move drive their recorded way by IDM; else as recorded.

    Raises ValueError naming file and field where the file is broken, hostile or absurd.
    """
    path = Path(path)
    data = read_pickle(path)
    where = path.name
    tracks, features, metadata = (field(data, key, dict, where) for key in ("tracks", "map_features", "metadata"))
    frames, ego_id = field(data, "length", int, where), field(metadata, "sdc_id", str, f"{where}, metadata")
    producer = producer_of(metadata, where)
    check_extent(f"{where}, length", frames, frames, len(tracks))
    if len(features) > MAX_FEATURES:
        raise ValueError(f"{where}: {len(features)} map features are more than {MAX_FEATURES}")
    if ego_id not in tracks:
        raise ValueError(f"{where}, metadata.sdc_id: no track {ego_id!r}")
    times = _times(metadata, frames, where)
    read = {str(name): _track(track, times, f"{where}, track {name!r}") for name, track in tracks.items()}
    ego = read.pop(ego_id)
    if not ego.valid.all():
        raise ValueError(f"{where}, track {ego_id!r}: the ego is not valid at every step")
    found = Features(features, where)
    road_map = road_map_of(found, producer, where)
    steps = frame_at_steps(times, len(ego.rows))
    lanes = {lane.id: lane for lane in road_map.lanes}
    lights, stops = recorded_lights(data.get("dynamic_map_states"), lanes, producer, steps, frames, found, where)
    road_map = replace(road_map, lights=lights, stop_lines=stops)
    origin = {"kind": "log", "file": str(path)}
    return recorded_world(where, road_map, _rear_axle(ego, producer), read, origin, reactive, _size(ego, producer), found.notes())


def _times(metadata: dict, frames: int, where: str) -> Array:
    """Seconds since the first frame, [frames]. Raises ValueError where they are missing, do not ascend or lie too far apart."""
    try:
        times = np.asarray(metadata["ts"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}, metadata.ts: the times of the frames in seconds are missing or not numbers") from error
    if times.shape != (frames,) or not np.isfinite(times).all():
        raise ValueError(f"{where}, metadata.ts: need {frames} finite times, got shape {times.shape}")
    apart = np.diff(times)
    if not (apart.min() > 0.0 and apart.max() <= LONGEST_SPACING_S):
        told = f"{apart.min():g} to {apart.max():g} s apart"
        raise ValueError(f"{where}, metadata.ts: frames must lie above 0 and at most {LONGEST_SPACING_S:g} s apart, got {told}")
    return times - times[0]


def _rear_axle(ego: RecordedTrack, producer: Producer) -> Array:
    """The human's rows [T, 4] at its rear axle, which lies as far behind the box's centre as this world's car has it."""
    rows = ego.rows.copy()
    if producer.centred:
        rows[:, :2] -= EGO_CENTRE_AHEAD_M * unit(rows[:, 2])
    return rows


def _size(ego: RecordedTrack, producer: Producer) -> tuple[float, float, float]:
    length, width, height = ego.size
    return (max(length, width), min(length, width), height) if producer.swapped else ego.size


def _numbers(state: dict, key: str, shape: tuple[int, ...], where: str) -> Array:
    try:
        values = np.asarray(state[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}, state.{key}: missing or not numbers") from error
    if values.ndim < 1 or values.shape[0] != shape[0] or (len(shape) > 1 and (values.ndim != 2 or values.shape[1] < shape[1])):
        raise ValueError(f"{where}, state.{key}: shape {values.shape}, expected {shape}")
    return values


def _track(track: Any, times: Array, where: str) -> RecordedTrack:
    """A track at simulation steps."""
    state, frames = field(track, "state", dict, where), len(times)
    valid = _numbers(state, "valid", (frames,), where).reshape(frames, -1)[:, 0] > 0
    position, velocity = _numbers(state, "position", (frames, 2), where)[:, :2], _numbers(state, "velocity", (frames, 2), where)[:, :2]
    rows = np.column_stack([position, _numbers(state, "heading", (frames,), where).reshape(frames, -1)[:, 0], np.hypot(*velocity.T)])
    if not np.isfinite(rows[valid]).all() or np.abs(rows[valid]).max(initial=0.0) > 1e7:
        raise ValueError(f"{where}, state: values of valid steps are not finite or absurd")
    rows[~valid] = 0.0
    size = _body(state, valid, where)
    steps, exact = steps_of(times)
    if not exact:
        check_extent(where, frames, steps, 0)
        rows, valid = interpolated(times, rows[:, :3], valid, steps, MAX_GAP_SPACINGS * float(np.diff(times).max()))
    meta = track.get("metadata")
    category = str(meta.get("type", "")) if isinstance(meta, dict) else ""
    return RecordedTrack(rows, valid, size, category, str(track.get("type", "")))


def _body(state: dict, valid: np.ndarray, where: str) -> tuple[float, float, float]:
    """Length, width, height at the first valid frame."""
    first = int(np.argmax(valid)) if valid.any() else 0
    sizes = [float(_numbers(state, key, (len(valid),), where).reshape(len(valid), -1)[first, 0]) for key in ("length", "width", "height")]
    if valid.any() and not all(0.0 < s <= 60.0 for s in sizes):
        raise ValueError(f"{where}, state: length, width, height must be above 0 and at most 60 m, got {tuple(sizes)}")
    return sizes[0], sizes[1], sizes[2]


def road_map_of(features: Features, producer: Producer, where: str) -> RoadMap:
    """Lanes with connections, the drivable area, crossings and painted lines of a file's map features; counts what is not used."""
    lanes, bodies = lanes_of(features, producer, CITY_LIMIT_MPS, where)
    kerbs = set(outlines(features))
    lines: dict[str, list[Array]] = {"lane_divider": [], "road_divider": [], "road_edge": []}
    for name in features.named("ROAD_LINE", "ROAD_EDGE"):
        if name in features.line:
            kerb = name in kerbs or features.kind[name].startswith("ROAD_EDGE")
            layer = "road_edge" if kerb else "road_divider" if "YELLOW" in features.kind[name] else "lane_divider"
            lines[layer].append(features.line[name])
    rings = [
        (name, shapely.make_valid(shapely.Polygon(features.ring[name]))) for name in features.named("CROSSWALK") if name in features.ring
    ]
    crossings = tuple(crossing_over(name, ring, lanes) for name, ring in rings if ring.geom_type == "Polygon" and ring.area > 0.5)
    features.unused.update(kind for kind in features.kind.values() if kind and not kind.startswith(USED))
    area = drivable_area(features, bodies, lanes)
    return RoadMap(where, lanes, area, crossings, lines={layer: tuple(items) for layer, items in lines.items()})
