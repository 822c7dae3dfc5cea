"""Traffic signs and street lamps."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import Array
from drive.maps import RoadMap
from drive.render.look.solids import box, disc, join, moved, point_at, quad, tube
from drive.render.look.soup import Shape, Soup
from drive.render.look.textures import NUMBER
from drive.render.scene import UPRIGHT_LAYER

POLE = (0.55, 0.56, 0.58)
LAMP_EVERY_M, LAMP_ASIDE_M = 30.0, 5.0  # spacing; how far beside the lane a street lamp may stand


def put_sign(soup: Soup, row: Array, rng: np.random.Generator) -> None:
    """One sign: x, y, heading of the reader, kind (0 limit, 1 yield, 2 no parking)."""
    x, y, heading, kind = row
    place = (x, y, 0.0)
    soup.add(moved(tube((0, 0, 0), (0, 0, 2.9), 0.035, 5), place), "sign", 0, POLE, layer=UPRIGHT_LAYER)
    centre, radius = np.array([-0.06, 0.0, 2.5]), 0.36
    left, up = np.array([0.0, -radius, 0.0]), np.array([0.0, 0.0, radius])
    if kind == 1:
        corners = np.stack([centre - up * 1.1, centre + up * 0.8 + left * 1.1, centre + up * 0.8 - left * 1.1])
        face = Shape(corners, np.array([[0, 1, 2]]), np.array([[[0.5, 0.0], [1.0, 1.0], [0.0, 1.0]]]))
        name = "yield"
    else:
        face = disc(centre, left, up, 12)
        name = "no_parking" if kind == 2 else ("limit30", "limit50")[int(rng.integers(2))]
    back = Shape(face.vertices + [0.02, 0, 0], face.triangles[:, ::-1], face.uv[:, ::-1])
    soup.add(moved(face, place, heading), "sign", NUMBER[name])
    soup.add(moved(back, place, heading), "sign", 0, (0.5, 0.51, 0.53))


def off_road(start: Array, way: Array, road: BaseGeometry, reach_m: float = 60.0) -> Array:
    """The first place from a start on, along a way, that lies a little off the road; the last one where none does."""
    place = start
    for reach in np.arange(0.0, reach_m, 0.5):
        place = start + way * reach
        if not road.intersects(shapely.Point(place).buffer(0.45, quad_segs=2)):
            break
    return place


def put_lamp(soup: Soup, place: Array, heading: float, night: bool) -> None:
    """A street lamp: a pole with an arm over the road, which lies to the left of a heading."""
    at = (*place, 0.0)
    bars = [tube((0, 0, 0), (0, 0, 6.2), (0.09, 0.05), 4, (False, False)), tube((0, 0, 6.1), (0, 1.5, 6.4), 0.04, 3, (False, False))]
    soup.add(moved(join(bars), at, heading), "sign", 0, POLE, layer=UPRIGHT_LAYER)
    soup.add(moved(box((0, 1.6, 6.40), (0.28, 0.7, 0.12)), at, heading), "sign", 0, (0.45, 0.46, 0.48), layer=UPRIGHT_LAYER)
    pane = quad([(-0.12, 1.3, 6.335), (-0.12, 1.9, 6.335), (0.12, 1.9, 6.335), (0.12, 1.3, 6.335)])
    soup.add(moved(pane, at, heading), "sign", 0, (1.0, 0.90, 0.68), layer=UPRIGHT_LAYER, glow=3.0 if night else 0.0)


def lamp_places(road_map: RoadMap, road: BaseGeometry, blocked: BaseGeometry) -> list[tuple[Array, float]]:
    """Where street lamps stand: (place [2], heading of the lane), along the right edges of roads."""
    shapely.prepare(road)
    shapely.prepare(blocked)
    places = []
    for lane in road_map.lanes:
        if lane.kind != "road" or lane.right is not None:
            continue
        for station in np.arange(8.0, lane.length_m, LAMP_EVERY_M):
            spot, way = point_at(lane, station)
            side = np.array([way[1], -way[0]])
            place = off_road(spot + side * lane.width_m / 2, side, road, LAMP_ASIDE_M)
            ground = shapely.Point(place).buffer(0.4, quad_segs=2)
            if not blocked.intersects(ground) and not road.intersects(ground):
                places.append((place, float(np.arctan2(way[1], way[0]))))
    return places
