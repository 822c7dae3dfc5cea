"""What samples show of the map -> NAVSIM's polygons, in the ego frame of t0."""

from __future__ import annotations

import numpy as np
import shapely

from drive.eval.navsim.scene import Polygons
from drive.roads import Lanes
from drive.schema import MapPatch

# A sample shows the map up to REACH_M: beyond it nothing is off the road or off the route.
REACH_M, FAR_M = 60.0, 1000.0
BEYOND = "beyond the map shown"
DEFAULT_HALF_M = 1.75  # of a lane whose width is not told


def polygons_of(lanes: Lanes | None, patch: MapPatch | None) -> Polygons:
    """Lanes, intersections and the drivable area around the ego, and what lies beyond."""
    drivable = _drivable(patch)
    outside = shapely.box(-FAR_M, -FAR_M, FAR_M, FAR_M) - shapely.box(-REACH_M, -REACH_M, REACH_M, REACH_M)
    rows = [("DRIVABLE_AREA", f"drivable {k}", shape) for k, shape in enumerate(drivable)]
    rows += [("DRIVABLE_AREA", BEYOND, outside), ("LANE", BEYOND, outside)]
    if lanes is not None:
        strips = [shapely.buffer(shapely.linestrings(line), _half(lanes, k), cap_style="flat") for k, line in enumerate(lanes.lines)]
        rows += [("LANE_CONNECTOR" if lanes.in_junction[k] else "LANE", lanes.ids[k], strip) for k, strip in enumerate(strips)]
        junctions = shapely.union_all([strip for strip, inside in zip(strips, lanes.in_junction, strict=True) if inside])
        junctions = shapely.intersection(junctions, shapely.union_all(drivable)) if drivable else junctions
        parts = [part for part in shapely.get_parts(junctions) if part.geom_type == "Polygon"]
        rows += [("INTERSECTION", f"intersection {k}", part) for k, part in enumerate(parts)]
    kinds, tokens, shapes = zip(*rows, strict=True)
    return Polygons(kinds, tokens, np.array(shapes, dtype=object))


def _half(lanes: Lanes, row: int) -> float:
    return float(lanes.width_m[row]) / 2 if lanes.width_known[row] else DEFAULT_HALF_M


def _drivable(patch: MapPatch | None) -> list[shapely.Polygon]:
    """Outlines (counter-clockwise) without the holes (clockwise) inside them."""
    rings = [np.asarray(ring) for ring in patch.polygons.get("drivable_area", ())] if patch is not None else []
    shapes = [shapely.make_valid(shapely.Polygon(ring)) for ring in rings]
    holes = [shape for shape, ring in zip(shapes, rings, strict=True) if not shapely.is_ccw(shapely.linearrings(ring))]
    outlines = [shape for shape, ring in zip(shapes, rings, strict=True) if shapely.is_ccw(shapely.linearrings(ring))]
    area = shapely.difference(shapely.union_all(outlines), shapely.union_all(holes))
    return [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
