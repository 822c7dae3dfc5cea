"""Recorded traffic lights: what each showed at every step, and whom it rules.

A recorded light is a light whose cycle is the record. What was not seen, and what flashes, is "off": it rules nobody.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from drive.curves import resample, unit
from drive.data.scenarionet.features import Features, field
from drive.data.scenarionet.producers import Producer
from drive.data.scenarionet.times import STEP_S
from drive.frames import Array
from drive.maps import Colour, Lane, Light, StopLine

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
        cycle = tuple((colour, STEP_S * len(list(run))) for colour, run in groupby(colours))
        light = Light(f"light of lane {lane.id}", (lane.id,), cycle, STEP_S / 2)  # half a step keeps clear of the phases' ends
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
