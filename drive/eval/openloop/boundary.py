"""Road-boundary polylines for the road-boundary rate, from the map around the ego.

The original takes the outline of nuScenes' road_segment and lane polygons together; what every map here has is the drivable
area, so its outline is taken, which also runs around car parks. The rest is as there: cut to 102.4 m along and 50 m
across the ego's heading, each piece resampled to 20 points.
"""

from __future__ import annotations

import numpy as np
import shapely

from drive.frames import Array
from drive.schema import MapPatch

POINTS = 20
HALF_LENGTH_M, HALF_WIDTH_M = 51.2, 25.0
# Where the patch itself cuts the area is no boundary: lines are kept this far inside.
MARGIN_M = 0.2


def boundary_polylines(patch: MapPatch) -> Array:
    """Map in the ego frame of t0 -> polylines [B, 20, 2] along the drivable area's outline."""
    rings = [shapely.LinearRing(ring) for ring in patch.polygons.get("drivable_area", ()) if len(ring) >= 3]
    holes = [not ring.is_ccw for ring in rings]
    area = shapely.union_all([shapely.Polygon(r).buffer(0) for r, hole in zip(rings, holes, strict=True) if not hole])
    area = area.difference(shapely.union_all([shapely.Polygon(r).buffer(0) for r, hole in zip(rings, holes, strict=True) if hole]))
    # One area may be given in several pieces: a line that has road on both sides is none of its boundary.
    inside = shapely.box(-HALF_LENGTH_M + MARGIN_M, -HALF_WIDTH_M + MARGIN_M, HALF_LENGTH_M - MARGIN_M, HALF_WIDTH_M - MARGIN_M)
    cut = shapely.line_merge(shapely.intersection(area.boundary, inside))
    lines = [part for part in shapely.get_parts(cut) if part.geom_type == "LineString" and part.length > 0]
    if not lines:
        return np.zeros((0, POINTS, 2))
    return np.stack([_resampled(line) for line in lines])


def _resampled(line: shapely.LineString) -> Array:
    points = shapely.line_interpolate_point(line, np.linspace(0, line.length, POINTS))
    return shapely.get_coordinates(points)
