"""A nuScenes map expansion (version 1.3) as a `RoadMap`: lanes from their arc-line paths, connections, drivable area, crossings.

The expansion tells neither speed limits nor what a light shows: lanes get the limit of recorded scenes, there are
no lights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.data.crossings import crossing_over
from drive.data.nuscenes.expansion import ExpansionFile, closed_under_links
from drive.frames import Array
from drive.maps import Lane, Polygon, RoadMap
from drive.world.recorded.scene import CITY_LIMIT_MPS

LINES = ("road_divider", "lane_divider")


def expansion_map(root: Path, location: str, around: Array, reach_m: float) -> RoadMap:
    """The part of a location's map within `reach_m` of the points `around` [N, 2], whole lanes and rings.

    Raises ValueError, naming file, layer and token, where the file is missing or does not hold what it should.
    """
    source = ExpansionFile(root, location)
    near = shapely.MultiPoint(around).buffer(reach_m)
    lanes = _lanes(source, near)
    if not lanes:
        raise ValueError(f"{source.where}: no lane with an arc-line path within {reach_m:.0f} m of the drive; is the map of another place?")
    area = shapely.union_all([p for p in _pieces(source, "drivable_area") if near.intersects(p)])
    pieces = [p for p in getattr(area, "geoms", [area]) if isinstance(p, shapely.Polygon) and not p.is_empty]
    drivable = tuple(Polygon(_ring(p.exterior), tuple(_ring(h) for h in p.interiors)) for p in pieces)
    rings = [p for p in _pieces(source, "ped_crossing") if near.intersects(p) and p.geom_type == "Polygon"]
    crossings = tuple(crossing_over(f"crossing{n}", ring, lanes) for n, ring in enumerate(rings))
    lines = {layer: tuple(line for line in source.lines(layer) if near.intersects(shapely.LineString(line))) for layer in LINES}
    return RoadMap(location, lanes, drivable, crossings, lines=lines)


def _lanes(source: ExpansionFile, near: BaseGeometry) -> tuple[Lane, ...]:
    """Lanes and lane connectors that reach into an area, with their connections."""
    rows = (row for row in source.lanes() if near.intersects(shapely.LineString(row.line)))
    return closed_under_links(source.lane(row, CITY_LIMIT_MPS) for row in rows)


def _pieces(source: ExpansionFile, layer: str) -> list[BaseGeometry]:
    return [part for polygon in source.of(layer) for part in shapely.get_parts(polygon)]


def _ring(ring: BaseGeometry) -> Array:
    return np.array(ring.coords)[:-1]
