"""Small ScenarioNet scenes, made of the fields that the converters write: one like nuScenes', one like Waymo's."""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from drive.frames import Array

STEPS = 60


def track(x: Array, y: float, size: tuple[float, float, float], kind: str = "VEHICLE", category: str = "vehicle.car") -> dict[str, Any]:
    """Who drives along x [T] at a lateral place, one value every 0.1 s; size: length, width, height as the file has them."""
    steps = len(x)
    zeros = np.zeros(steps)
    state = {
        "position": np.stack([x, np.full(steps, y), zeros], -1),
        "heading": zeros,
        "velocity": np.stack([np.gradient(x, 0.1), zeros], -1),
        "valid": np.ones(steps),
        "length": np.full((steps, 1), size[0]),
        "width": np.full((steps, 1), size[1]),
        "height": np.full((steps, 1), size[2]),
    }
    return {"type": kind, "state": state, "metadata": {"type": category}}


def nuscenes_scene() -> dict[str, Any]:
    """The ego drives 5 m/s along two joined lanes, the first with a polygon, the second without; a car ahead does 6 m/s."""
    t = np.arange(STEPS) * 0.1
    ring = [[-20.0, -2.0], [40.0, -2.0], [40.0, 2.0], [-20.0, 2.0]]
    return {
        "id": "made",
        "length": STEPS,
        "metadata": {"dataset": "nuscenes", "sdc_id": "ego", "ts": t},
        "tracks": {"ego": track(5 * t, 0.0, (1.73, 4.08, 1.56)), "car": track(20 + 6 * t, 0.0, (4.5, 1.9, 1.5))},
        "map_features": {
            "a": {"type": "LANE_SURFACE_STREET", "polyline": [[-20.0, 0.0], [40.0, 0.0]], "polygon": ring},
            "b": {"type": "LANE_SURFACE_STREET", "polyline": [[40.0, 0.0], [160.0, 0.0]]},
            "l": {"type": "ROAD_LINE_SOLID_SINGLE_YELLOW", "polyline": [[0.0, 2.0], [40.0, 2.0]]},
        },
    }


def lane(points: list[list[float]], after: list[int], before: list[int], width: float, **more: Any) -> dict[str, Any]:
    """A lane as Waymo's files have it; width: of both halves together, at every point."""
    line = np.array([[*p, 0.0] for p in points], dtype=np.float32)
    told = {"type": "LANE_SURFACE_STREET", "polyline": line, "width": np.full((len(line), 2), width / 2, dtype=np.float32)}
    links = {"exit_lanes": after, "entry_lanes": before, "left_neighbor": [], "right_neighbor": []}
    return {**told, **links, "speed_limit_kmh": 36.0, "speed_limit_mph": 22.4, "interpolating": False, **more}


def light(name: int, states: list[str], point: list[float]) -> dict[str, Any]:
    """A light over a lane, as Waymo's files have it."""
    stop = np.array([*point, 0.0], dtype=np.float32)
    return {"type": "TRAFFIC_LIGHT", "state": {"object_state": states}, "lane": name, "stop_point": stop, "metadata": {}}


def waymo_scene(speed_mps: float = 8.0, states: list[str] | None = None) -> dict[str, Any]:
    """The ego's box runs from x = 0 along lane 1 (3.2 m wide) towards a light at x = 60 over lane 2; lane 3 beside lane 1, its edge
    1 m further out; a lane 4 turns off at the light under a light of its own that is always red."""
    t = np.arange(STEPS) * 0.1
    turning = [[60.0, 0.0], [70.0, 0.0], [80.0, -5.0], [85.0, -15.0], [85.0, -60.0]]
    beside = {"feature_id": "3", "self_start_index": "0", "self_end_index": "1"}
    features: dict[str, Any] = {
        "1": lane([[-30.0, 0.0], [60.0, 0.0]], [2, 4], [], 3.2, left_neighbor=[beside]),
        "2": lane([[60.0, 0.0], [160.0, 0.0]], [], [1], 3.2, interpolating=True),
        "3": lane([[-30.0, 3.2], [60.0, 3.2]], [99], [], 3.2),
        "4": lane(turning, [], [1], 3.2, interpolating=True),
        "5": {"type": "ROAD_EDGE_BOUNDARY", "polyline": np.array([[-40.0, -2.6, 0.0], [70.0, -2.6, 0.0]], dtype=np.float32)},
        "6": {"type": "ROAD_EDGE_MEDIAN", "polyline": np.zeros((1, 3), dtype=np.float32)},
        "7": {"type": "CROSSWALK", "polygon": np.array([[50.0, -3, 0], [53, -3, 0], [53, 5, 0], [50, 5, 0]], dtype=np.float32)},
        "8": {"type": "SPEED_BUMP", "polygon": np.zeros((4, 3), dtype=np.float32)},
        "9": {"type": "STOP_SIGN", "lane": [3], "position": np.zeros(3, dtype=np.float32)},
        "10": {"type": "DRIVEWAY", "polygon": np.array([[0.0, 4, 0], [8, 4, 0], [8, 12, 0], [0, 12, 0]], dtype=np.float32)},
        "11": {"type": "ROAD_EDGE_SIDEWALK", "polygon": np.array([[0.0, -9, 0], [8, -9, 0], [8, -5, 0]], dtype=np.float32)},
    }
    shown = states or ["LANE_STATE_UNKNOWN"] * 10 + ["LANE_STATE_GO"] * (STEPS - 10)
    lights = {"2": light(2, shown, [60.0, 0.0]), "4": light(4, ["LANE_STATE_ARROW_STOP"] * STEPS, [60.0, 0.0])}
    counts = defaultdict(int, {"VEHICLE": 1})
    return {
        "id": "made",
        "length": STEPS,
        "metadata": {"dataset": "waymo", "sdc_id": "7", "ts": t.astype(np.float32), "number_summary": counts},
        "tracks": {"7": track(speed_mps * t, 0.0, (5.0, 2.0, 1.6), category="VEHICLE")},
        "dynamic_map_states": lights,
        "map_features": features,
    }


def thinned(data: dict[str, Any], every: int) -> dict[str, Any]:
    """The same scene with only each so manieth frame."""
    tracks = {name: t | {"state": {key: value[::every] for key, value in t["state"].items()}} for name, t in data["tracks"].items()}
    times = data["metadata"]["ts"][::every]
    lights = {
        key: item | {"state": {"object_state": item["state"]["object_state"][::every]}}
        for key, item in data.get("dynamic_map_states", {}).items()
    }
    about = data["metadata"] | {"ts": times}
    return data | {"length": len(times), "tracks": tracks, "metadata": about, "dynamic_map_states": lights}


def write(folder: Path, data: Any) -> Path:
    """The file."""
    path = folder / "made.pkl"
    path.write_bytes(pickle.dumps(data))
    return path
