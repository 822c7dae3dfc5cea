"""A small road-works site beside the ego's route: a construction vehicle, barriers along the kerb, cones at both ends."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import Array
from drive.geometry import box_corners
from drive.world.furniture import Furniture
from drive.world.town.populate import TownStage

CONSTRUCTION_VEHICLE, CONE, BARRIER = range(3)  # kinds of rows in Furniture.works
SITE_M = (12.0, 3.0)  # along the road, and away from it
KERB_M = 0.15  # between road and site
VEHICLE_SIZE_M, CONE_SIZE_M, BARRIER_SIZE_M = (4.2, 1.9, 2.7), (0.36, 0.36, 0.75), (1.9, 0.45, 1.0)
REACH_M = (8.0, 26.0)  # ahead of the ego's start: cones count in benchmarks within 30 m only
TREE_M = 0.8


def find_site(stage: TownStage, rng: np.random.Generator) -> Array | None:
    """Where a site fits beside the route's beginning: its middle and heading along the road [3]; None where it fits nowhere.

    It stands clear of road, houses and crossings.
    """
    road = shapely.union_all([shapely.Polygon(p.exterior, p.holes) for p in stage.town.map.drivable])
    buildings = stage.town.furniture.buildings
    taken = [shapely.Polygon(ring) for ring in box_corners(buildings[:, :5])]
    taken += [shapely.LineString(crossing.walk).buffer(3.0) for crossing in stage.town.map.crossings]
    blocked = shapely.union_all([road, *taken])
    shapely.prepare(blocked)
    reaches = rng.permutation(np.arange(*REACH_M))
    for side in rng.permutation([-1.0, -1.0, 1.0]):
        for reach in reaches:
            site = _beside(stage.path.points[int(stage.start_m + reach), :3], side, road)
            if site is not None and not blocked.intersects(shapely.Polygon(box_corners([*site, *SITE_M]))):
                return site
    return None


def _beside(pose: Array, side: float, road: BaseGeometry) -> Array | None:
    """The middle of a site on one side (1 left, -1 right) of a pose on the road, behind the first kerb; None where there is none."""
    x, y, heading = pose
    out = side * np.array([-np.sin(heading), np.cos(heading)])
    ray = road.intersection(shapely.LineString([(x, y), (x + 30 * out[0], y + 30 * out[1])]))
    first = ray.geoms[0] if hasattr(ray, "geoms") else ray
    if first.geom_type != "LineString" or first.length > 25.0:
        return None
    middle = pose[:2] + out * (first.length + KERB_M + SITE_M[1] / 2)
    return np.array([*middle, heading + (np.pi if side > 0 else 0.0)])


def furnish_site(site: Array, rng: np.random.Generator) -> Array:
    """What stands at a site (its left is the road), rows of `Furniture.works` [W, 7]: x, y, heading, length, width, height, kind."""
    half_length, half_depth = SITE_M[0] / 2, SITE_M[1] / 2
    rows = [(float(rng.uniform(-1.2, 1.2)), -0.35, float(rng.choice([0.0, np.pi])), *VEHICLE_SIZE_M, CONSTRUCTION_VEHICLE)]
    rows += [(along, half_depth - 0.35, 0.0, *BARRIER_SIZE_M, BARRIER) for along in (-3.3, -1.1, 1.1, 3.3)]
    for end in (-1.0, 1.0):
        spots = ((half_length - 1.3, half_depth - 0.3), (half_length - 0.5, half_depth - 1.1), (half_length - 0.4, half_depth - 2.1))
        rows += [(end * along + float(rng.normal(0, 0.05)), aside, 0.0, *CONE_SIZE_M, CONE) for along, aside in spots]
    local = np.array(rows, dtype=np.float64)
    cos, sin = np.cos(site[2]), np.sin(site[2])
    xy = site[:2] + np.stack([cos * local[:, 0] - sin * local[:, 1], sin * local[:, 0] + cos * local[:, 1]], -1)
    return np.column_stack([xy, local[:, 2] + site[2], local[:, 3:]])


def with_site(furniture: Furniture, site: Array, works: Array) -> Furniture:
    """The furniture with the works, without the trees and signs that stood there."""
    area = shapely.Polygon(box_corners([*site, *SITE_M])).buffer(TREE_M)
    trees, signs = (rows[~shapely.contains_xy(area, rows[:, :2])] for rows in (furniture.trees, furniture.signs))
    return Furniture(furniture.parked, furniture.buildings, trees, signs, works)
