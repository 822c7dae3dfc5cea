"""A ScenarioNet file's map features and lights -> `RoadMap`, in the file's world frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import shapely

from drive.data.crossings import crossing_over
from drive.data.scenarionet.area import drivable_area, outlines
from drive.data.scenarionet.features import Features
from drive.data.scenarionet.lanes import lanes_of
from drive.data.scenarionet.lights import recorded_lights
from drive.data.scenarionet.producers import Producer
from drive.data.scenarionet.times import frame_at_steps, steps_of
from drive.frames import Array
from drive.maps import RoadMap

USED = ("LANE", "ROAD_LINE", "ROAD_EDGE", "UNKNOWN_LINE", "CROSSWALK", "DRIVEWAY")


def road_map_of(features: Features, producer: Producer, untold_limit_mps: float, where: str) -> RoadMap:
    """Lanes with connections, the drivable area, crossings and painted lines of a file's map features; counts what is not used.

    untold_limit_mps: stands where a lane's speed limit is not told. Raises ValueError where there is no lane.
    """
    lanes, bodies = lanes_of(features, producer, untold_limit_mps, where)
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


def with_lights(road_map: RoadMap, states: Any, times_s: Array, producer: Producer, features: Features, where: str) -> RoadMap:
    """The map with the lights of `dynamic_map_states`, of frames at times_s [F], and their stop lines. Raises ValueError as
    `recorded_lights`."""
    frame = frame_at_steps(times_s, steps_of(times_s)[0])
    lanes = {lane.id: lane for lane in road_map.lanes}
    lights, stops = recorded_lights(states, lanes, producer, frame, len(times_s), features, where)
    return replace(road_map, lights=lights, stop_lines=stops)
