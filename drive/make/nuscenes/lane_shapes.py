"""Outlines of lanes, with shared edges where lanes follow each other, and of the roads and junctions they make up."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import parallel
from drive.frames import Array
from drive.maps import Lane, RoadMap

SIMPLIFY_M = 0.03
CLOSE_M = 0.3  # gaps between lanes that a road's outline closes


class LaneShape(NamedTuple):
    """ring [N, 2]; first, last: the edges [2, 2] over which one enters and leaves, left end first."""

    ring: Array
    first: Array
    last: Array


def lane_shapes(road_map: RoadMap) -> dict[str, LaneShape]:
    """Outline of every lane by id. Connectors begin and end on the edges of the road lanes that they join."""
    edges: dict[tuple[float, float], Array] = {}
    shapes = {}
    for lane in sorted(road_map.lanes, key=lambda lane: lane.kind != "road"):
        line = lane.centreline
        left, right = parallel(line, lane.width_m / 2), parallel(line, -lane.width_m / 2)
        for end in (0, -1):
            key = (round(float(line[end, 0]), 2), round(float(line[end, 1]), 2))
            left[end], right[end] = edges.setdefault(key, np.stack([left[end], right[end]]))
        ring = shapely.Polygon(np.concatenate([thinned(right), thinned(left)[::-1]]))
        first, last = np.stack([left[0], right[0]]), np.stack([left[-1], right[-1]])
        shapes[lane.id] = LaneShape(outline(ring), first, last)
    return shapes


def thinned(line: Array) -> Array:
    """A polyline [N, 2] without the points that it does not need."""
    return np.array(shapely.LineString(line).simplify(SIMPLIFY_M).coords)


def outline(shape: BaseGeometry) -> Array:
    """The ring [N, 2] around the largest piece of a shape, not closed."""
    sound = shape if shape.is_valid else shapely.make_valid(shape)
    pieces = [piece for piece in shapely.get_parts(sound) if piece.geom_type == "Polygon"]
    return np.array(max(pieces, key=lambda piece: piece.area).exterior.coords)[:-1]


def street_of(lane: Lane) -> str:
    """The street (r3) or junction (j5) that a lane belongs to."""
    return lane.road.split("f")[0].split("b")[0] if lane.road else str(lane.junction)


def grouped_outline(lanes: list[str], shapes: dict[str, LaneShape]) -> Array:
    """The ring [N, 2] around lanes that lie beside each other."""
    whole = shapely.union_all([shapely.make_valid(shapely.Polygon(shapes[name].ring)) for name in lanes])
    return outline(whole.buffer(CLOSE_M).buffer(-CLOSE_M).simplify(SIMPLIFY_M))


def group_lanes(road_map: RoadMap) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Lane ids by street or junction, and those of road lanes by their side of a street (inner lane first)."""
    streets: dict[str, list[str]] = defaultdict(list)
    sides: dict[str, list[str]] = defaultdict(list)
    for lane in road_map.lanes:
        streets[street_of(lane)].append(lane.id)
        if lane.kind == "road":
            sides[lane.road].append(lane.id)
    return dict(streets), dict(sides)
