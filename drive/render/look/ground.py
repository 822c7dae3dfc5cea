"""The ground of a world: road surface with its wear, kerbs, pavements, grass, fields to the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import unit
from drive.frames import Array
from drive.maps import Lane, RoadMap
from drive.render.look.flat import flat_shape
from drive.render.look.solids import between, disc, eased, point_at, ribbon, wall
from drive.render.look.soup import Soup
from drive.render.look.textures import NUMBER
from drive.world.world import World

KERB_M = 0.12  # the pavement's height above the road
KERB_WIDTH_M = 0.18
CELL_M, FAR_CELL_M = 14.0, 60.0
NEAR_M, HORIZON_M = 60.0, 1500.0
ROAD, STONE, PAVING, GRASS, FAR = 6.0, 1.0, 1.8, 5.0, 23.0  # metres to one repeat of a texture


@dataclass(frozen=True, eq=False)
class GroundPlan:
    """Areas of the ground: road (at z = 0); paved and green beside it, `kerb_m` higher; bounds of all."""

    road: BaseGeometry
    paved: BaseGeometry
    green: BaseGeometry
    bounds: tuple[float, float, float, float]
    kerb_m: float


def kerb_of(world: World) -> float:
    """Height of a world's kerbs: none where the record does not say where pavements are."""
    return KERB_M if world.furniture is not None else 0.0


def road_area(road_map: RoadMap) -> BaseGeometry:
    """The drivable area as one geometry."""
    return shapely.union_all([shapely.make_valid(shapely.Polygon(p.exterior, p.holes)) for p in road_map.drivable])


def plan_ground(road: BaseGeometry, pavement_m: float, forecourts: BaseGeometry, kerb_m: float) -> GroundPlan:
    """Pavements around a road, forecourts, and green to `NEAR_M` around all of it."""
    low_x, low_y, high_x, high_y = road.bounds
    bounds = tuple(float(v) for v in np.round([low_x - NEAR_M, low_y - NEAR_M, high_x + NEAR_M, high_y + NEAR_M]))
    paved = shapely.union(road.buffer(pavement_m, quad_segs=4), forecourts).difference(road)
    paved = shapely.simplify(paved.buffer(-0.2, quad_segs=2).buffer(0.2, quad_segs=2), 0.05).difference(road)
    green = shapely.box(*bounds).difference(road).difference(paved)
    return GroundPlan(road, paved, green, bounds, kerb_m)  # type: ignore[arg-type]


def lay_ground(soup: Soup, plan: GroundPlan, rng: np.random.Generator) -> None:
    """All of a plan's surfaces."""
    lay_road(soup, plan.road, "road", rng)
    high = plan.kerb_m
    soup.add(flat_shape(plan.paved, high, CELL_M, PAVING), "pavement", NUMBER["slabs"], rng.uniform(0.85, 1.0) * np.array([1, 0.99, 0.96]))
    soup.add(flat_shape(plan.green, high, 2 * CELL_M, GRASS), "ground", NUMBER["grass"], rng.uniform(0.85, 1.1) * np.ones(3))
    low_x, low_y, high_x, high_y = plan.bounds
    around = shapely.box(low_x - HORIZON_M, low_y - HORIZON_M, high_x + HORIZON_M, high_y + HORIZON_M)
    far = around.difference(shapely.box(*plan.bounds))
    soup.add(flat_shape(far, high, 300.0, FAR), "ground", NUMBER["field"])
    for ring in rings_of(plan.road):
        _kerb(soup, ring, high)


def lay_road(soup: Soup, road: BaseGeometry, semantic: str, rng: np.random.Generator) -> None:
    """Asphalt."""
    tone = rng.uniform(0.85, 1.1)
    soup.add(flat_shape(road, 0.0, CELL_M, ROAD), semantic, NUMBER["asphalt"], np.full(3, tone))


def rings_of(area: BaseGeometry) -> list[Array]:
    """Closed rings [N, 2] (first point repeated) of an area, the area to the left of each."""
    pieces = [p for p in getattr(area, "geoms", [area]) if isinstance(p, shapely.Polygon)]
    oriented = [shapely.geometry.polygon.orient(piece) for piece in pieces]
    return [np.array(ring.coords) for piece in oriented for ring in (piece.exterior, *piece.interiors)]


def _kerb(soup: Soup, ring: Array, high: float) -> None:
    """Kerb stones outside a ring: an upright face towards the road and a light top."""
    line = resample_closed(ring, 8.0)
    if high > 0:
        soup.add(wall(line[::-1], 0.0, high, STONE * 2), "pavement", NUMBER["kerb"])
    along = np.roll(line[:-1], -1, 0) - np.roll(line[:-1], 1, 0)
    out = np.column_stack([along[:, 1], -along[:, 0]]) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    outer = line + KERB_WIDTH_M * np.concatenate([out, out[:1]])
    soup.add(between(outer, line, high, STONE * 2), "pavement", NUMBER["kerb"], layer=1)


def resample_closed(ring: Array, step_m: float) -> Array:
    """A closed ring with no piece longer than a step; its corners are kept."""
    pieces = []
    for a, b in zip(ring[:-1], ring[1:], strict=True):
        n = max(1, int(np.ceil(np.hypot(*(b - a)) / step_m)))
        pieces.append(a + (b - a) * (np.arange(n) / n)[:, None])
    return np.concatenate([*pieces, ring[:1]])


def wear_road(soup: Soup, road_map: RoadMap, rng: np.random.Generator) -> None:
    """Tracks along the lanes, patches, tarred cracks and manhole covers."""
    for lane in road_map.lanes:
        if lane.kind != "road" or lane.length_m < 8.0:
            continue
        line = eased(lane.centreline)
        half = lane.width_m / 2
        soup.add(ribbon(line, half, half, ROAD), "road", NUMBER["lane"], np.full(3, rng.uniform(0.92, 1.02)), layer=1)
        for at in rng.uniform(0, lane.length_m, rng.poisson(lane.length_m / 45)):
            _patch(soup, lane, at, half, rng)


def _patch(soup: Soup, lane: Lane, at: float, half: float, rng: np.random.Generator) -> None:
    """A rectangle of newer asphalt, a manhole cover or a crack sealed with tar."""
    spot, way = point_at(lane, at)
    heading = float(np.arctan2(way[1], way[0]))
    along, left = unit(heading), unit(heading + np.pi / 2)
    kind = rng.random()
    centre = spot + left * rng.uniform(-0.6, 0.6) * half
    if kind < 0.3:
        reach, side = unit(heading) * 0.36, left * 0.36
        soup.add(disc([*centre, 0.0], [*reach, 0.0], [*side, 0.0], 10), "road", NUMBER["cover"], layer=3)
    elif kind < 0.6:
        length, width = rng.uniform(1.5, 6.0), rng.uniform(0.6, 1.6)
        ends = np.stack([centre, centre + along * length])
        soup.add(ribbon(ends, width / 2, width / 2, 2.0), "road", NUMBER["patch"], np.full(3, rng.uniform(0.8, 1.15)), layer=2)
    else:
        steps = np.cumsum(rng.normal(0, 0.35, 8))
        reach = np.linspace(0, rng.uniform(3, 9), 8)
        crack = spot + along * reach[:, None] + left * np.clip(steps, -half, half)[:, None]
        soup.add(ribbon(crack, 0.035, 0.035, 1.0), "road", NUMBER["tar"], layer=2)
