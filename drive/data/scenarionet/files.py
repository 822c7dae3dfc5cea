"""A ScenarioNet file (`*.pkl`) as checked values: the one reader of data sets and of worlds.

Frames are the file's own. What a file tells of its map is used (connections, widths, neighbours, limits, lights, outlines, road edges);
what it leaves open is inferred (`lanes.py`, `area.py`); what is not understood is counted by kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.curves import unit
from drive.data.scenarionet.features import Features, field
from drive.data.scenarionet.maps import road_map_of, with_lights
from drive.data.scenarionet.producers import Producer, producer_of
from drive.data.scenarionet.times import times_of
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.maps import RoadMap
from drive.pickles import read_pickle
from drive.schema import Mask

MAX_FEATURES, MAX_FRAMES, MAX_TRACKS = 50_000, 5_000, 2_000
MAX_PLACE_M = 1e7


@dataclass(frozen=True, eq=False)
class ScenarioTrack:
    """One agent over the F frames. places [F, 3], m, world frame, z 0 where the file has none; rows [F, 4]: x, y, heading, speed; both
    0 where not valid [F]. size: length, width, height. category: nuScenes' name where the file has it; type: ScenarioNet's."""

    places: Array
    rows: Array
    valid: Mask
    size: tuple[float, float, float]
    category: str
    type: str


@dataclass(frozen=True, eq=False)
class ScenarioFile:
    """name: the file's. scenario: its id in its source. times_s [F] from 0. ego, tracks: as the file has them, by name. states: of its
    lights, not checked yet."""

    name: str
    scenario: str
    location: str
    times_s: Array
    ego: ScenarioTrack
    tracks: dict[str, ScenarioTrack]
    features: Features
    states: Any
    producer: Producer

    @property
    def ego_rows(self) -> Array:
        """The ego's rows [F, 4] at its rear axle, which lies as far behind the box's centre as the default body has it."""
        rows = self.ego.rows.copy()
        if self.producer.centred:
            rows[:, :2] -= EGO_CENTRE_AHEAD_M * unit(rows[:, 2])
        return rows

    @property
    def ego_size(self) -> tuple[float, float, float]:
        """The ego's length, width, height, put right where the file's producer swaps the first two."""
        length, width, height = self.ego.size
        return (max(length, width), min(length, width), height) if self.producer.swapped else self.ego.size

    def road_map(self, untold_limit_mps: float) -> RoadMap:
        """The map with its lights; call it once, it counts what it does not use. untold_limit_mps: stands where a lane's speed limit is
        not told. Raises ValueError where map or lights are damaged."""
        found = road_map_of(self.features, self.producer, untold_limit_mps, self.name)
        return with_lights(found, self.states, self.times_s, self.producer, self.features, self.name)


def read_scenario(path: Path) -> ScenarioFile:
    """Reads a file; nothing in it is run. Raises ValueError naming file and field where it is broken, hostile or absurd."""
    data, where = read_pickle(path), path.name
    tracks, features, metadata = (field(data, key, dict, where) for key in ("tracks", "map_features", "metadata"))
    frames, ego = field(data, "length", int, where), field(metadata, "sdc_id", str, f"{where}, metadata")
    producer = producer_of(metadata, where)
    _check_extent(frames, len(tracks), len(features), where)
    if ego not in tracks:
        raise ValueError(f"{where}, metadata.sdc_id: no track {ego!r}")
    times = times_of(metadata, frames, where)
    read = {str(name): _track(track, frames, f"{where}, track {name!r}") for name, track in tracks.items()}
    human = read.pop(ego)
    if not human.valid.all():
        raise ValueError(f"{where}, track {ego!r}: the ego is not valid at every step")
    scenario, location = _told(metadata, "scenario_id") or _told(data, "id"), _told(metadata, "map")
    return ScenarioFile(where, scenario, location, times, human, read, Features(features, where), data.get("dynamic_map_states"), producer)


def _check_extent(frames: int, tracks: int, features: int, where: str) -> None:
    if not 2 <= frames <= MAX_FRAMES:
        raise ValueError(f"{where}, length: {frames} frames; a drive needs two, and at most {MAX_FRAMES} are read: cut the record")
    if tracks > MAX_TRACKS:
        raise ValueError(f"{where}: {tracks} tracks are more than {MAX_TRACKS}")
    if features > MAX_FEATURES:
        raise ValueError(f"{where}: {features} map features are more than {MAX_FEATURES}")


def _told(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _numbers(state: dict[str, Any], key: str, shape: tuple[int, ...], where: str) -> Array:
    try:
        values = np.asarray(state[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}, state.{key}: missing or not numbers") from error
    if values.ndim < 1 or values.shape[0] != shape[0] or (len(shape) > 1 and (values.ndim != 2 or values.shape[1] < shape[1])):
        raise ValueError(f"{where}, state.{key}: shape {values.shape}, expected {shape}")
    return values


def _track(track: Any, frames: int, where: str) -> ScenarioTrack:
    state = field(track, "state", dict, where)
    valid = _numbers(state, "valid", (frames,), where).reshape(frames, -1)[:, 0] > 0
    position, velocity = _numbers(state, "position", (frames, 2), where)[:, :3], _numbers(state, "velocity", (frames, 2), where)[:, :2]
    heading = _numbers(state, "heading", (frames,), where).reshape(frames, -1)[:, 0]
    places = np.concatenate([position, np.zeros((frames, 3 - position.shape[1]))], axis=1)
    rows = np.column_stack([places[:, :2], heading, np.hypot(*velocity.T)])
    values = np.column_stack([rows, places[:, 2]])[valid]
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > MAX_PLACE_M:
        raise ValueError(f"{where}, state: values of valid steps are not finite or absurd")
    rows[~valid], places[~valid] = 0.0, 0.0
    meta = track.get("metadata")
    category = str(meta.get("type", "")) if isinstance(meta, dict) else ""
    return ScenarioTrack(places, rows, valid, _body(state, valid, where), category, str(track.get("type", "")))


def _body(state: dict[str, Any], valid: np.ndarray, where: str) -> tuple[float, float, float]:
    """Length, width, height at the first valid frame."""
    first = int(np.argmax(valid)) if valid.any() else 0
    sizes = [float(_numbers(state, key, (len(valid),), where).reshape(len(valid), -1)[first, 0]) for key in ("length", "width", "height")]
    if valid.any() and not all(0.0 < s <= 60.0 for s in sizes):
        raise ValueError(f"{where}, state: length, width, height must be above 0 and at most 60 m, got {tuple(sizes)}")
    return sizes[0], sizes[1], sizes[2]
