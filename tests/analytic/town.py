"""The polygons and lines of a scene for the map."""

from __future__ import annotations

from drive.frames import Array
from tests.analytic.road import Scene
from tests.analytic.scenes import CENTRE_LINE, CROSSING_LENGTH, LANES, LEFT_EDGE, LEFT_KERB, PARKING_EDGE, PAVEMENT, RIGHT_EDGE


def map_layers(scene: Scene) -> tuple[dict[str, list[Array]], dict[str, list[Array]]]:
    """The map of a scene in the world: (polygon layers, line layers) by their names in the map expansion."""
    road, s0, s1 = scene.road, scene.road.s_start, scene.road.s_end
    polygons = {
        "drivable_area": [road.band(PARKING_EDGE, LEFT_KERB, s0, s1)],
        "lane": [road.band(right, left, s0, s1) for right, left, _ in LANES],
        "walkway": [road.band(PARKING_EDGE - PAVEMENT, PARKING_EDGE, s0, s1), road.band(LEFT_KERB, LEFT_KERB + PAVEMENT, s0, s1)],
        "ped_crossing": [],
        "stop_line": [],
    }
    if scene.crossing_s is not None:
        polygons["ped_crossing"] = [road.band(PARKING_EDGE, LEFT_KERB, scene.crossing_s, scene.crossing_s + CROSSING_LENGTH)]
        polygons["stop_line"] = [road.band(RIGHT_EDGE, CENTRE_LINE, scene.crossing_s - 1.2, scene.crossing_s - 0.8)]
    edges = [road.line(offset, s0, s1) for offset in (RIGHT_EDGE, LEFT_EDGE)]
    return polygons, {"road_divider": [road.line(CENTRE_LINE, s0, s1)], "lane_divider": edges}
