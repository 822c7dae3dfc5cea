"""Traffic lights as cities hang them: a head on a pole beside the stop line, and across the junction one on a mast and one over each
lane on the mast's arm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import unit
from drive.frames import Array, wrap_angle
from drive.maps import Lane, RoadMap, StopLine
from drive.render.look.ground import road_area
from drive.render.look.signs import POLE, off_road
from drive.render.look.solids import box, disc, join, moved, quad, tube
from drive.render.look.soup import GREEN_LAMP, RED_LAMP, YELLOW_LAMP, Soup
from drive.render.scene import UPRIGHT_LAYER

NEAR_HEIGHT_M, FAR_HEIGHT_M, OVER_HEIGHT_M = 2.7, 3.3, 5.5  # of the middle lamp; lorries pass under the last
ASIDE_M, BEYOND_M = 1.1, 0.6  # from a lane's right edge to the near pole, and how far past the line it stands
AHEAD_M, LEFT_M = 8.0, 2.2  # where no lane leads straight on: the mast's least distance from the line, and its arm's length
STRAIGHT_RAD = 0.7
LAMPS = ((RED_LAMP, 0.37), (YELLOW_LAMP, 0.0), (GREEN_LAMP, -0.37))
LAMP_M = 0.15
HOUSING, BOARD = (0.10, 0.11, 0.10), (0.05, 0.05, 0.05)
BACK_M = 0.2  # from the lamps back to the pole
SEEN_FROM_M = 45.0  # how far before the line nothing may grow between drivers and the lamps


class Head(NamedTuple):
    """One head: its light, place [2], the heading of the driver it faces, height of its middle lamp, and the foot [2] of its pole."""

    light: int
    place: Array
    heading: float
    height: float
    foot: Array


def light_heads(road_map: RoadMap) -> list[Head]:
    """Heads of every traffic light: one beside the stop line, and one on a mast and one over each lane across the junction, where who
    waits at the line can see them."""
    road = road_area(road_map)
    shapely.prepare(road)
    return [head for light, stops in held_lines(road_map) for head in (_near(light, stops), *_far(road_map, light, stops, road))]


def held_lines(road_map: RoadMap) -> list[tuple[int, list[StopLine]]]:
    """The stop lines of each light that has any; the outer one, on the right, comes first."""
    number = {light.id: i for i, light in enumerate(road_map.lights)}
    found: dict[int, list[StopLine]] = {}
    for stop in road_map.stop_lines:
        if stop.light is not None:
            found.setdefault(number[stop.light], []).append(stop)
    for stops in found.values():
        left = unit(_heading(stops[0]) + np.pi / 2)
        stops.sort(key=lambda stop: float(stop.line[0] @ left))
    return list(found.items())


def _heading(stop: StopLine) -> float:
    """Of the driver who waits at a line."""
    way = stop.line[1] - stop.line[0]
    return float(np.arctan2(-way[0], way[1]))


def _near(light: int, stops: list[StopLine]) -> Head:
    heading = _heading(stops[0])
    place = stops[0].line[0] - unit(heading + np.pi / 2) * ASIDE_M + unit(heading) * BEYOND_M
    return Head(light, place, heading, NEAR_HEIGHT_M, place + unit(heading) * BACK_M)


def _far(road_map: RoadMap, light: int, stops: list[StopLine], road: BaseGeometry) -> list[Head]:
    """Heads on one mast off the road: to the right of where the outer lane leads straight on, else ahead."""
    heading = _heading(stops[0])
    exits = [exit for stop in stops if (exit := _straight_on(road_map, stop, heading)) is not None]
    if exits:
        last = exits[0].centreline[-1] - exits[0].centreline[-2]
        left = np.array([-last[1], last[0]]) / np.hypot(*last)
        place = off_road(exits[0].centreline[-1] - left * (exits[0].width_m / 2 + ASIDE_M), -left, road)
        reaches = sorted({round(float((exit.centreline[-1] - place) @ left), 2) for exit in exits})
    else:
        left = unit(heading + np.pi / 2)
        place = off_road(stops[0].line.mean(0) + unit(heading) * AHEAD_M - left, unit(heading), road)
        reaches = [LEFT_M]
    foot = place + unit(heading) * BACK_M
    over = [Head(light, place + left * reach, heading, OVER_HEIGHT_M, foot) for reach in reaches]
    return [Head(light, place, heading, FAR_HEIGHT_M, foot), *over]


def _straight_on(road_map: RoadMap, stop: StopLine, heading: float) -> Lane | None:
    """The lane across the junction that leads straight on from a line."""
    for name in road_map.lane(stop.lane).successors:
        lane = road_map.lane(name)
        last = lane.centreline[-1] - lane.centreline[-2]
        if abs(float(wrap_angle(np.arctan2(last[1], last[0]) - heading))) < STRAIGHT_RAD:
            return lane
    return None


def put_lights(soup: Soup, heads: list[Head]) -> None:
    """Housings with their poles, masts and arms. The lamps are drawn with the actors, as their colours change."""
    feet: dict[tuple[float, float], float] = {}
    for head in heads:
        _put_head(soup, head)
        feet[tuple(head.foot)] = max(feet.get(tuple(head.foot), 0.0), head.height)
        arm = head.place + unit(head.heading) * BACK_M
        if np.hypot(*(arm - head.foot)) > 0.5:
            bar = tube((*head.foot, head.height + 0.3), (*arm, head.height + 0.3), (0.075, 0.05), 6)
            soup.add(bar, "light", 0, POLE, layer=UPRIGHT_LAYER)
    for foot, top in feet.items():
        thick = 0.06 if top < OVER_HEIGHT_M else 0.10
        soup.add(tube((*foot, 0.0), (*foot, top + 0.55), (thick, 0.8 * thick), 6), "light", 0, POLE, layer=UPRIGHT_LAYER)


def _put_head(soup: Soup, head: Head) -> None:
    """Housing and board of one head."""
    at, height = (*head.place, 0.0), head.height
    soup.add(moved(box((0.0, 0.0, height), (0.22, 0.40, 1.20)), at, head.heading), "light", 0, HOUSING)
    low, high, wide = height - 0.78, height + 0.78, 0.34
    board = quad([(-0.111, wide, low), (-0.111, -wide, low), (-0.111, -wide, high), (-0.111, wide, high)])
    both = join([board, board._replace(triangles=board.triangles[:, ::-1])])
    soup.add(moved(both, at, head.heading), "light", 0, BOARD)


def add_lamps(soup: Soup, head: Head) -> None:
    """The three lamps of one head."""
    for lamp, up in LAMPS:
        face = disc((-0.125, 0.0, head.height + up), (0.0, -LAMP_M, 0.0), (0.0, 0.0, LAMP_M), 8)
        soup.add(moved(face, (*head.place, 0.0), head.heading), "light", 0, lamp=lamp, layer=UPRIGHT_LAYER)


def sight_areas(road_map: RoadMap, heads: list[Head]) -> BaseGeometry:
    """The ground between each light's heads and the last metres of the lanes that wait for it."""
    areas = []
    for light, stops in held_lines(road_map):
        places = [head.place for head in heads if head.light == light]
        for stop in stops:
            lane = road_map.lane(stop.lane)
            line = lane.centreline[lane.stations >= lane.length_m - SEEN_FROM_M]
            areas += [shapely.MultiPoint([*line, place]).convex_hull for place in places]
    return shapely.union_all(areas)
