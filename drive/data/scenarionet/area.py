"""Where one may drive in a recorded scene: its outlines, or its lanes out to the road's edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import normals_of, resample
from drive.data.scenarionet.features import Features
from drive.frames import Array
from drive.maps import Lane, Polygon

OUTLINE = "boundary_"  # names of the rings around the drivable area, in nuScenes' and nuPlan's files
EDGE_REACH_M = 5.0  # from a lane's centre: its own half, and a shoulder or parked cars
CRACK_M = 1.0  # between lanes, what is narrower is road


def drivable_area(features: Features, bodies: list[BaseGeometry], lanes: Sequence[Lane]) -> tuple[Polygon, ...]:
    """The file's outlines of the drivable area; without them the lanes and driveways, out to the road's edges and across cracks."""
    rings = [features.line[name] for name in outlines(features)]
    if rings:
        return polygons(shapely.build_area(shapely.GeometryCollection([shapely.LinearRing(ring) for ring in rings])))
    driveways = [shapely.make_valid(shapely.Polygon(features.ring[n])) for n in features.named("DRIVEWAY") if n in features.ring]
    edges = [shapely.LineString(features.line[n]) for n in features.named("ROAD_EDGE") if n in features.line]
    surface = [strip for lane in lanes for strip in _between(edges, lane)] if edges else bodies
    area = shapely.union_all([*surface, *driveways])
    return polygons(area.buffer(CRACK_M / 2).buffer(-CRACK_M / 2))


def outlines(features: Features) -> list[str]:
    """Names of the closed lines around the drivable area."""
    return [n for n, line in features.line.items() if n.startswith(OUTLINE) and len(line) >= 4 and np.hypot(*(line[0] - line[-1])) < 0.01]


def _between(edges: list[BaseGeometry], lane: Lane) -> list[BaseGeometry]:
    """A lane's surface: on both sides to the road's edge where one is within EDGE_REACH_M, else half its width; edges end anywhere."""
    line, near, strips = resample(lane.centreline), np.asarray(edges)[_near(edges, lane.centreline)], []
    for side in (1.0, -1.0):
        across = side * normals_of(line)
        rays = shapely.linestrings(np.stack([line, line + EDGE_REACH_M * across], axis=1))
        hits = shapely.intersection(rays[:, None], near[None])
        gap = np.fmin.reduce(shapely.distance(shapely.points(line)[:, None], hits), axis=1, initial=np.nan)
        kerb = line + np.where(np.isnan(gap), lane.width_m / 2, gap)[:, None] * across
        strips.append(shapely.polygons(np.stack([line[:-1], line[1:], kerb[1:], kerb[:-1]], axis=1)))
    return list(shapely.make_valid(np.concatenate(strips)))


def _near(edges: list[BaseGeometry], line: Array) -> np.ndarray:
    return shapely.STRtree(edges).query(shapely.box(*(line.min(0) - EDGE_REACH_M), *(line.max(0) + EDGE_REACH_M)))


def polygons(area: BaseGeometry) -> tuple[Polygon, ...]:
    """An area's pieces of more than half a square metre, as rings."""
    pieces = [piece for piece in shapely.get_parts(area) if isinstance(piece, shapely.Polygon) and piece.area > 0.5]
    return tuple(Polygon(np.array(p.exterior.coords)[:-1], tuple(np.array(h.coords)[:-1] for h in p.interiors)) for p in pieces)
