"""Procedural towns: a seed and a distribution of towns -> one town, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import parallel
from drive.frames import Array
from drive.maps import Crossing, Lane, Light, Polygon, RoadMap, StopLine, linked
from drive.world.furniture import Furniture, place_furniture
from drive.world.town.junctions import ArmLanes, JunctionParts, build_junction
from drive.world.town.layout import Node, TownConfig, plan_town
from drive.world.town.streets import Street, arm_ends, arm_point, build_street, painted, pavement, surface

GENERATOR_VERSION = 2
_KINDS = (
    TownConfig(),
    TownConfig("village", (2, 3), (3, 3), light_chance=0.0, two_lane_chance=0.0),
    TownConfig(  # long roads that are nearly straight
        "country",
        rows=(3, 3),
        columns=(3, 3),
        block_m=(220.0, 320.0),
        jitter=0.04,
        drop_road=(0.0, 0.1),
        two_lane_chance=0.2,
        light_chance=0.2,
        crossing_chance=0.2,
        parking_chance=0.1,
        bump=0.02,
    ),
)
TOWNS = {config.name: config for config in _KINDS}


@dataclass(frozen=True, eq=False)
class Town:
    """A map and what stands beside its roads; pavements: lines [N, 2] on which people walk."""

    map: RoadMap
    furniture: Furniture
    seed: int
    distribution: str
    distribution_hash: str
    pavements: tuple[Array, ...]


def distribution_hash(config: TownConfig) -> str:
    """Hash of a distribution's parameters and the generator's version; benchmarks quote it beside the name."""
    return hashlib.sha256(json.dumps([GENERATOR_VERSION, asdict(config)], sort_keys=True).encode()).hexdigest()[:12]


@lru_cache(maxsize=2)  # drives of one town follow each other; nothing in a town is ever written to
def make_town(seed: int, config: TownConfig = TOWNS["town"]) -> Town:
    """The town of a seed. Raises ValueError where seed is negative."""
    if seed < 0:
        raise ValueError(f"a town's seed must be 0 or more, got {seed}")
    rng = np.random.default_rng([seed, GENERATOR_VERSION])
    nodes, roads = plan_town(config, rng)
    ends = [arm_ends(node) for node in nodes]
    place = {(arm.road, arm.at_start): (n, a) for n, node in enumerate(nodes) for a, arm in enumerate(node.arms)}
    streets = []
    for i, road in enumerate(roads):
        (n, a), (m, b) = place[i, True], place[i, False]
        start, stop = arm_point(nodes[n], a, ends[n][a].cut_m), arm_point(nodes[m], b, ends[m][b].cut_m)
        streets.append(build_street(i, road, start, nodes[n].arms[a].angle, stop, nodes[m].arms[b].angle))
    parts = [build_junction(n, node, ends[n], _arm_lanes(node, streets), _limit(node, streets), rng) for n, node in enumerate(nodes)]
    lanes, surface_shape = _joined(streets, parts), _road_surface(streets, parts)
    road_map = _map(f"{config.name}-{seed}", lanes, streets, parts, surface_shape)
    pavements = tuple(line for street in streets for line in pavement(street))
    return Town(road_map, place_furniture(streets, surface_shape, rng), seed, config.name, distribution_hash(config), pavements)


def _limit(node: Node, streets: list[Street]) -> float:
    return min(streets[arm.road].plan.limit_mps for arm in node.arms)


def _arm_lanes(node: Node, streets: list[Street]) -> list[ArmLanes]:
    arms = []
    for arm in node.arms:
        street = streets[arm.road]
        incoming, outgoing = (street.in_at_start, street.out_at_start) if arm.at_start else (street.in_at_end, street.out_at_end)
        lanes = {lane.id: lane for lane in street.lanes}
        in_points = np.stack([lanes[name].centreline[-1] for name in incoming])
        out_points = np.stack([lanes[name].centreline[0] for name in outgoing])
        arms.append(ArmLanes(tuple(incoming), tuple(outgoing), in_points, out_points))
    return arms


def _joined(streets: list[Street], parts: list[JunctionParts]) -> tuple[Lane, ...]:
    """All lanes, with successors and predecessors that agree."""
    lanes = [lane for street in streets for lane in street.lanes] + [lane for part in parts for lane in part.lanes]
    after: dict[str, list[str]] = {lane.id: list(lane.successors) for lane in lanes}
    for lane in lanes:
        for before in lane.predecessors:
            if lane.id not in after[before]:
                after[before].append(lane.id)
    return linked(replace(lane, successors=tuple(after[lane.id])) for lane in lanes)


def _road_surface(streets: list[Street], parts: list[JunctionParts]) -> BaseGeometry:
    rings = [ring for street in streets for ring in surface(street)] + [ring for part in parts for ring in part.rings]
    whole = shapely.union_all([shapely.Polygon(ring).buffer(0.02) for ring in rings])
    islands = [shapely.Polygon(ring) for part in parts for ring in part.islands]
    return shapely.simplify(whole.difference(shapely.union_all(islands)), 0.02)


def _map(name: str, lanes: tuple[Lane, ...], streets: list[Street], parts: list[JunctionParts], shape: BaseGeometry) -> RoadMap:
    pieces = sorted(shape.geoms if hasattr(shape, "geoms") else [shape], key=lambda piece: -piece.area)
    drivable = tuple(Polygon(_ring(p.exterior), tuple(_ring(h) for h in p.interiors if shapely.Polygon(h).area > 1)) for p in pieces)
    lines: dict[str, list[Array]] = {"road_divider": [], "lane_divider": []}
    for street in streets:
        for layer, items in painted(street).items():
            lines[layer].extend(items)
    for part in parts:
        if part.junction.kind == "bend":
            lines["road_divider"].extend(_bend_divider(part))
    lights: tuple[Light, ...] = tuple(light for part in parts for light in part.lights)
    stops: tuple[StopLine, ...] = tuple(stop for part in parts for stop in part.stop_lines)
    crossings: tuple[Crossing, ...] = tuple(crossing for part in parts for crossing in part.crossings)
    junctions = tuple(part.junction for part in parts) + tuple(j for street in streets for j in street.junctions)
    return RoadMap(name, lanes, drivable, crossings, stops, lights, junctions, {k: tuple(v) for k, v in lines.items()})


def _ring(ring: BaseGeometry) -> Array:
    return np.array(ring.coords)[:-1]


def _bend_divider(part: JunctionParts) -> list[Array]:
    """The divide of directions goes on through a bend, left of the inner lane."""
    inner = [lane for lane in part.lanes if lane.id.endswith("0") and "0-" in lane.id]
    return [parallel(lane.centreline, lane.width_m / 2) for lane in inner[:1]]
