"""What stands in a scene: the painted ground, houses, trees, lamps; and its polygons for the map."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from mini.picture import Ground, Solid
from mini.road import Scene
from mini.scenes import CENTRE_LINE, CROSSING_LENGTH, LANES, LEFT_EDGE, LEFT_KERB, PARKING_EDGE, PAVEMENT, RIGHT_EDGE, TILE, tile_origin

ASPHALT, PARKING, SLAB, KERB = (86, 88, 92), (100, 100, 103), (168, 164, 156), (196, 194, 188)
WHITE, YELLOW = (232, 232, 228), (226, 178, 56)
LINE_M, DASH_M, GAP_M = 0.15, 3.0, 4.5
HOUSES = ((176, 120, 92), (198, 182, 150), (150, 152, 160), (184, 146, 118), (206, 202, 192), (132, 110, 104))
GREENS = ((74, 112, 58), (88, 122, 62), (66, 100, 66))


def paint_ground(index: int, scene: Scene, seed: int) -> Ground:
    """The ground of a scene's tile: road, lane markings, parking, kerbs, pavements, a crossing."""
    ground = Ground(tile_origin(index), TILE, seed + index)
    road, s0, s1 = scene.road, scene.road.s_start - 40, scene.road.s_end + 60
    for right, left, colour in (
        (PARKING_EDGE - PAVEMENT, LEFT_KERB + PAVEMENT, SLAB),
        (PARKING_EDGE - 0.2, LEFT_KERB + 0.2, KERB),
        (PARKING_EDGE, LEFT_KERB, ASPHALT),
        (PARKING_EDGE, RIGHT_EDGE, PARKING),
    ):
        ground.paint(road.band(right, left, s0, s1), colour)
    for offset, colour in ((RIGHT_EDGE, WHITE), (LEFT_EDGE, WHITE)):
        ground.paint(road.band(offset - LINE_M / 2, offset + LINE_M / 2, s0, s1), colour)
    for s in np.arange(s0, s1, DASH_M + GAP_M):
        ground.paint(road.band(CENTRE_LINE - LINE_M / 2, CENTRE_LINE + LINE_M / 2, s, s + DASH_M), YELLOW)
    for s in np.arange(s0, s1, 6.2):
        ground.paint(road.band(PARKING_EDGE, RIGHT_EDGE, s, s + 0.12), WHITE)
    if scene.crossing_s is not None:
        ground.paint(road.band(PARKING_EDGE, LEFT_KERB, scene.crossing_s - 1.2, scene.crossing_s + CROSSING_LENGTH + 0.4), ASPHALT)
        for offset in np.arange(PARKING_EDGE + 0.2, LEFT_KERB - 0.4, 1.0):
            ground.paint(road.band(offset, offset + 0.5, scene.crossing_s, scene.crossing_s + CROSSING_LENGTH), WHITE)
        ground.paint(road.band(RIGHT_EDGE, CENTRE_LINE, scene.crossing_s - 1.2, scene.crossing_s - 0.8), WHITE)
    return ground


def scenery(scene: Scene, rng: np.random.Generator) -> list[Solid]:
    """Houses, trees and lamps along the road, none of them on it."""
    solids: list[Solid] = []
    road, s0, s1 = scene.road, scene.road.s_start, scene.road.s_end
    middle = np.array([road.pose(s)[:2] for s in np.arange(s0, s1)])
    for side, edge in ((-1, PARKING_EDGE - PAVEMENT), (1, LEFT_KERB + PAVEMENT)):
        s = s0
        while s < s1:
            front, depth, height = float(rng.uniform(9, 18)), float(rng.uniform(8, 12)), 3.2 * int(rng.integers(2, 6))
            pose = road.pose(s + front / 2, edge + side * (depth / 2 + 1.5 + float(rng.uniform(0, 4))))
            if _clear(middle, pose, np.hypot(front, depth) / 2 + 6):
                solids.append(Solid("building", pose, (front, depth, height), HOUSES[int(rng.integers(len(HOUSES)))]))
            s += front + float(rng.uniform(1, 9))
        for s in np.arange(s0 + 4, s1, 15.0):
            crown, tall = float(rng.uniform(2.4, 3.6)), float(rng.uniform(4.5, 6.5))
            tree = road.pose(float(s + rng.uniform(-2, 2)), edge - side * 0.7)
            solids.append(Solid("tree", tree, (crown, crown, tall), GREENS[int(rng.integers(len(GREENS)))]))
        for s in np.arange(s0 + 11, s1, 30.0):
            foot = road.pose(float(s), edge - side * (PAVEMENT - 0.5))
            solids.append(Solid("lamp", foot + np.array([0, 0, -side * np.pi / 2]), (1.6, 0.2, 6.5), (84, 88, 94)))
    return [s for s in solids if _clear(middle, s.pose, 4.0)]


def _clear(line: Array, pose: Array, margin: float) -> bool:
    return float(np.hypot(*(line - pose[:2]).T).min()) > margin


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
