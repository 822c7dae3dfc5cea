"""A nuScenes map expansion (version 1.3) as a `RoadMap`: lanes from their arc-line paths, connections, drivable area, crossings.

The expansion tells neither speed limits nor what a light shows: lanes get the limit of recorded scenes, there are
no lights.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.data.nuscenes.expansion import ExpansionFile, naming
from drive.frames import Array, wrap_angle
from drive.maps import Crossing, Lane, LaneKind, Polygon, RoadMap, linked
from drive.world.recorded.scene import CITY_LIMIT_MPS

DEFAULT_WIDTH_M = 3.5  # of a lane whose polygon is missing
LINES = ("road_divider", "lane_divider")


def expansion_map(root: Path, location: str, around: Array, reach_m: float) -> RoadMap:
    """The part of a location's map within `reach_m` of the points `around` [N, 2], whole lanes and rings.

    Raises ValueError, naming file, layer and token, where the file is missing or does not hold what it should.
    """
    source = ExpansionFile(root, location)
    near = shapely.MultiPoint(around).buffer(reach_m)
    lanes = _lanes(source, near)
    if not lanes:
        raise ValueError(
            f"{source.where}: no lane with an arc-line path within {reach_m:.0f} m of the drive; is the map of another place?"
        )
    area = shapely.union_all([p for p in _pieces(source, "drivable_area") if near.intersects(p)])
    pieces = [p for p in getattr(area, "geoms", [area]) if isinstance(p, shapely.Polygon) and not p.is_empty]
    drivable = tuple(Polygon(_ring(p.exterior), tuple(_ring(h) for h in p.interiors)) for p in pieces)
    rings = [p for p in _pieces(source, "ped_crossing") if near.intersects(p) and p.geom_type == "Polygon"]
    crossings = tuple(crossing_over(f"crossing{n}", ring, lanes) for n, ring in enumerate(rings))
    lines = {layer: tuple(line for line in source.lines(layer) if near.intersects(shapely.LineString(line))) for layer in LINES}
    return RoadMap(location, lanes, drivable, crossings, lines=lines)


def _lanes(source: ExpansionFile, near: BaseGeometry) -> tuple[Lane, ...]:
    """Lanes and lane connectors that reach into an area, with their connections."""
    lanes: list[Lane] = []
    for layer, row, line, after in source.lanes():
        if near.intersects(shapely.LineString(line)):
            with naming(source.where, f"{layer} {row['token']}"):
                width, told = _width(row, source, line), row.get("polygon_token") in source.polygons
            kind: LaneKind = "road" if layer == "lane" else "connector"
            lanes.append(Lane(row["token"], line, width, CITY_LIMIT_MPS, after, kind=kind, width_known=told, limit_known=False))
    names = {lane.id for lane in lanes}
    return linked(replace(lane, successors=tuple(name for name in lane.successors if name in names)) for lane in lanes)


def _width(row: dict[str, Any], source: ExpansionFile, line: Array) -> float:
    if row.get("polygon_token") not in source.polygons:
        return DEFAULT_WIDTH_M
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    return float(np.clip(source.polygon(row["polygon_token"]).area / max(length, 1.0), 2.0, 12.0))


def crossing_over(name: str, ring: BaseGeometry, lanes: tuple[Lane, ...]) -> Crossing:
    """A crossing polygon; people walk along that side of its least rectangle which lies most across the nearest lane."""
    corners = _ring(shapely.minimum_rotated_rectangle(ring).exterior)
    centre = corners.mean(0)
    middles = (corners + np.roll(corners, -1, axis=0)) / 2 - centre
    gaps = [float(np.hypot(*(lane.centreline - centre).T).min()) for lane in lanes]
    line = lanes[int(np.argmin(gaps))].centreline
    at = min(int(np.argmin(np.hypot(*(line - centre).T))), len(line) - 2)
    along = np.arctan2(*(line[at + 1] - line[at])[::-1])
    across = [abs(np.sin(float(wrap_angle(np.arctan2(*m[::-1]) - along)))) for m in middles[:2]]
    half = middles[int(np.argmax(across))]
    return Crossing(name, _ring(ring.exterior), np.stack([centre - half, centre + half]))


def _pieces(source: ExpansionFile, layer: str) -> list[BaseGeometry]:
    return [part for polygon in source.of(layer) for part in shapely.get_parts(polygon)]


def _ring(ring: BaseGeometry) -> Array:
    return np.array(ring.coords)[:-1]
