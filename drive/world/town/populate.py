"""Fills a town: a route for the ego, vehicles on the lanes, cyclists, people on pavements and at crossings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from drive.frames import Array
from drive.maps import Crossing, Lane, RoadMap
from drive.world.map_arrays import MapTables, map_tables
from drive.world.meetings import meetings
from drive.world.paths import Path, lane_path, metre_points, wander
from drive.world.state import BUS, BY_LANE, CAR, CYCLIST, MOTORCYCLE, ON_FOOT, PEDESTRIAN, TOWED, TRAILER, TRUCK
from drive.world.town.layout import TownConfig
from drive.world.town.town import TOWNS, Town, make_town
from drive.world.world import Actor, World, assemble, ego_actor

# kind: share of the traffic, length, width, height (low, high), driver: factor, headway, gap, acceleration, braking
VEHICLES: dict[int, tuple[float, tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, ...]]] = {
    CAR: (0.72, (3.9, 4.9), (1.75, 1.95), (1.4, 1.8), (1.0, 1.3, 2.0, 1.7, 2.4)),
    TRUCK: (0.07, (6.5, 8.0), (2.2, 2.4), (2.6, 3.4), (0.85, 1.7, 2.5, 1.0, 2.0)),
    BUS: (0.05, (8.5, 9.8), (2.4, 2.5), (2.9, 3.3), (0.8, 1.8, 2.5, 1.0, 2.0)),
    TRAILER: (0.04, (4.0, 5.5), (2.1, 2.3), (2.2, 3.0), (0.8, 1.8, 2.5, 1.0, 2.0)),
    MOTORCYCLE: (0.06, (2.0, 2.3), (0.75, 0.9), (1.4, 1.6), (1.05, 1.3, 2.0, 2.2, 2.6)),
    CYCLIST: (0.06, (1.7, 1.9), (0.55, 0.7), (1.6, 1.8), (0.62, 1.2, 1.2, 1.0, 2.0)),
}
TRAFFIC_VERSION = 2  # of the rules that traffic drives by
WALK_LENGTH_M = 260.0
DRIVE_LENGTH_M = 1500.0
ROUTES, MORE_ROUTES, DRAWS = 40, 400, 40  # tries


@dataclass(frozen=True)
class TrafficConfig:
    """How busy a town is. Counts are (low, high). least_met: moving agents that an ego which drives as traffic does meets on its
    way in an ordinary episode, at least."""

    vehicles: tuple[int, int] = (28, 36)
    walkers: tuple[int, int] = (12, 18)
    route_m: tuple[float, float] = (320.0, 450.0)
    min_junctions: int = 2
    least_met: int = 14


EMPTY = TrafficConfig(vehicles=(0, 0), walkers=(0, 0), least_met=0)


@dataclass(frozen=True, eq=False)
class TownStage:
    """A town with its tables and the ego's route, before anyone enters. way: the lanes of `path`, the route's and some beyond its end."""

    town: Town
    tables: MapTables
    route: tuple[str, ...]
    way: tuple[str, ...]
    path: Path
    start_m: float
    goal_m: float
    rng: np.random.Generator


def set_stage(seed: int, config: TownConfig = TOWNS["town"], traffic: TrafficConfig = TrafficConfig(), drive: int = 0) -> TownStage:
    """The town of a seed and a route in it: at least `route_m` long over at least `min_junctions` junctions.

    drive: which of the town's many drives; each has its own route and traffic.
    """
    town = make_town(seed, config)
    rng = np.random.default_rng([seed, 7, drive] if drive else [seed, 7])
    tables = map_tables(town.map)
    wanted = float(rng.uniform(*traffic.route_m))
    route, start, goal = _route(town.map, wanted, traffic.min_junctions, rng)
    onward = wander(town.map, route[-1], 150.0, np.random.default_rng([seed, 8]))
    way = route + onward[1:]
    return TownStage(town, tables, route, way, lane_path(town.map, tables, way), start, goal, rng)


def town_world(
    seed: int, config: TownConfig = TOWNS["town"], traffic: TrafficConfig = TrafficConfig(), drive: int = 0
) -> World:
    """An ordinary episode: the town of a seed with traffic, the ego on a route, traffic drawn until the ego meets enough of it.
    drive: as for `set_stage`.

    Raises ValueError where it never does.
    """
    stage = set_stage(seed, config, traffic, drive)
    speed = float(stage.rng.uniform(0.0, 0.7) * stage.path.points[int(stage.start_m), 3])
    for _ in range(DRAWS):
        actors = [ego_actor(stage.path, stage.start_m, speed), *vehicles(stage, traffic), *walkers(stage, traffic)]
        world = finish(stage, actors, "ordinary", {"kind": "town", "seed": seed, "traffic_hash": traffic_hash(traffic)})
        least = traffic.least_met
        if least == 0 or meetings(world.static, world.start, world.goal_m, world.time_limit_s, least) >= least:
            return world
    raise ValueError(
        f"town {seed} with {traffic.vehicles[1]} vehicles and {traffic.walkers[1]} walkers: in {DRAWS} draws the ego never met "
        f"{traffic.least_met} of them; ask for more of them or a smaller least_met"
    )


def traffic_hash(traffic: TrafficConfig) -> str:
    """Hash of how busy a town is: with `distribution_hash` it says which worlds a benchmark drove."""
    return hashlib.sha256(json.dumps([TRAFFIC_VERSION, asdict(traffic), sorted(VEHICLES.items())]).encode()).hexdigest()[:12]


def finish(stage: TownStage, actors: list[Actor], family: str, origin: dict) -> World:
    """The world of a stage and its actors."""
    static, start = assemble(stage.tables, actors, stage.town.furniture.parked)
    origin = origin | {"distribution": stage.town.distribution, "distribution_hash": stage.town.distribution_hash}
    names = tuple(f"{i}" for i in range(len(actors)))
    limit = 90.0 + (stage.goal_m - stage.start_m) / 2.5
    town, goal, limit = stage.town, stage.goal_m, round(limit, 1)
    return World(town.map.name, town.map, static, start, goal, limit, family, names, town.furniture, origin, route=stage.way)


def _route(road_map: RoadMap, wanted: float, junctions: int, rng: np.random.Generator) -> tuple[tuple[str, ...], float, float]:
    """Lanes, start and goal stations of a drive over at least so many junctions; keeps to roads it has not driven, where it can.

    Raises ValueError where there is none.
    """
    kinds = {j.id: j.kind for j in road_map.junctions}
    roads = [lane.id for lane in road_map.lanes if lane.kind == "road" and lane.length_m > 25.0]
    best: tuple[tuple[int, int], tuple[tuple[str, ...], float, float]] | None = None
    for tried in range(MORE_ROUTES):
        if tried >= ROUTES and best is not None and best[0][0] == junctions:
            break
        start = roads[int(rng.integers(len(roads)))]
        lanes = wander(road_map, start, wanted + 40.0, rng)
        while road_map.lane(lanes[-1]).kind != "road":
            lanes = (*lanes, road_map.lane(lanes[-1]).successors[-1])
        met = [road_map.lane(name).junction or "" for name in lanes]
        count = len({name for name in met if kinds.get(name) in ("t", "four-way", "roundabout")})
        begin = float(rng.uniform(8.0, 15.0))
        total = sum(road_map.lane(name).length_m for name in lanes)
        goal = total - 6.0
        repeats = len(lanes) - len(set(lanes))
        score = min(count, junctions), -50 * repeats - int(abs(goal - begin - wanted) / 20)
        if goal - begin >= wanted - 20.0 and (best is None or score > best[0]):
            best = (score, (lanes, begin, goal))
    if best is None or best[0][0] < junctions:
        raise ValueError(f"map {road_map.name!r}: no route of {wanted:.0f} m over {junctions} junctions")
    return best[1]


def vehicles(stage: TownStage, traffic: TrafficConfig, first: Sequence[tuple[int, str, float]] = ()) -> list[Actor]:
    """Vehicles spread over the lanes, none on top of another or near the ego's start; more of them near its route.

    first: (kind, lane, station) of vehicles that are to be there whatever else is.
    """
    road_map, rng = stage.town.map, stage.rng
    count = int(rng.integers(*traffic.vehicles, endpoint=True))
    lanes = [lane for lane in road_map.lanes if lane.kind == "road" and lane.length_m > 20.0]
    weights = np.array([lane.length_m * _nearness(lane.centreline, stage.path.points) for lane in lanes])
    taken = [stage.path.points[int(stage.start_m), :2]]
    actors: list[Actor] = []
    for kind, name, at in first:
        taken.append(_spot(road_map.lane(name), at))
        actors.extend(_vehicle(stage, name, at, len(actors) + 1, kind))
    for _ in range(count * 12):
        if len([a for a in actors if a.mode == BY_LANE]) >= count:
            break
        lane = lanes[int(rng.choice(len(lanes), p=weights / weights.sum()))]
        at = float(rng.uniform(10.0, lane.length_m - 6.0))
        spot = _spot(lane, at)
        if min(np.hypot(*(np.array(taken) - spot).T)) < 18.0:
            continue
        taken.append(spot)
        actors.extend(_vehicle(stage, lane.id, at, len(actors) + 1))
    return actors


def _spot(lane: Lane, at: float) -> Array:
    return np.array([np.interp(at, lane.stations, lane.centreline[:, n]) for n in range(2)])


def _nearness(line: Array, route: Array) -> float:
    gaps = np.hypot(*np.moveaxis(line[::10, None] - route[None, ::20, :2], -1, 0))
    return 1.0 if gaps.min() < 60.0 else 0.2


def _vehicle(stage: TownStage, lane: str, at: float, index: int, kind: int | None = None) -> list[Actor]:
    """A vehicle at a station of a lane, of a random kind where none is given; a trailer comes with its tractor."""
    rng, kinds = stage.rng, list(VEHICLES)
    if kind is None:
        kind = kinds[int(rng.choice(len(kinds), p=[VEHICLES[k][0] for k in kinds]))]
    big = kind in (TRUCK, BUS, TRAILER)
    towing = kind == TRAILER
    body = _size(CAR if towing else kind, rng)
    path = lane_path(stage.town.map, stage.tables, wander(stage.town.map, lane, DRIVE_LENGTH_M, rng, wide=big))
    factor, *rest = VEHICLES[kind][4]
    driver = (factor * float(rng.uniform(0.85, 1.1)), *rest)
    at = max(at, 0.5 * body[0] + 1.0)
    speed = 0.7 * float(path.points[int(at), 3]) * driver[0]
    width = stage.town.map.lane(lane).width_m
    offset = -(width / 2 - 0.75) if kind == CYCLIST else float(rng.normal(0, 0.08))
    actors = [Actor(CAR if towing else kind, BY_LANE, body, path, at, speed, offset, driver)]
    if towing:
        actors.append(Actor(TRAILER, TOWED, _size(TRAILER, rng), Path(path.points), 0.0, speed, offset, driver, tow=index))
    return actors


def _size(kind: int, rng: np.random.Generator) -> tuple[float, float, float]:
    _, length, width, height, _ = VEHICLES[kind]
    return float(rng.uniform(*length)), float(rng.uniform(*width)), float(rng.uniform(*height))


def walkers(stage: TownStage, traffic: TrafficConfig) -> list[Actor]:
    """People: half of them at crossings, those near the route first, the others on pavements."""
    rng = stage.rng
    count = int(rng.integers(*traffic.walkers, endpoint=True))
    crossings = list(enumerate(stage.town.map.crossings))
    order = [(_nearness(c.walk, stage.path.points) < 1.0, rng.random(), n, c) for n, c in crossings]
    near = [(n, c) for _, _, n, c in sorted(order, key=lambda item: item[:3])][: max(1, count // 2)]
    actors = []
    for k in range(count):
        if near and k % 2 == 0:
            row, crossing = near[(k // 2) % len(near)]
            path = _over(crossing, row, rng)
        else:
            path = _stroll(stage.town.pavements[int(rng.integers(len(stage.town.pavements)))])
        size = (float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.5, 0.75)), float(rng.uniform(1.5, 1.9)))
        pace = float(np.clip(rng.normal(1.3, 0.2), 0.8, 1.8))
        at = float(rng.uniform(1.0, min(path.gates[0][0] - 1.0, 20.0) if path.gates else min(path.length_m / 3, 90.0)))
        actors.append(Actor(PEDESTRIAN, ON_FOOT, size, path, at, 0.0, float(rng.uniform(-0.4, 0.4)), (pace, 0.0, 0.0, 1.0, 2.0)))
    return actors


def _over(crossing: Crossing, row: int, rng: np.random.Generator) -> Path:
    """To and fro over a crossing, some metres of pavement at both ends."""
    a, b = crossing.walk
    along = (b - a) / np.hypot(*(b - a))
    middle = crossing.ring.mean(0)
    outward = np.array([-along[1], along[0]]) * (1.0 if rng.random() < 0.5 else -1.0)
    legs = [a - along * 1.2 + outward * 7.0, a - along * 1.2, b + along * 1.2, b + along * 1.2 - outward * 7.0]
    shift = middle - (a + b) / 2
    line, gates, reach = [legs[0] + shift], [], 0.0
    order = [1, 2, 3, 2, 1, 0]
    at = 0
    while reach < WALK_LENGTH_M:
        onward = order[at % len(order)]
        step = legs[onward] + shift - line[-1]
        length = float(np.hypot(*step))
        if {onward, order[at % len(order) - 1] if at else 0} == {1, 2}:
            gates.append((reach + 1.2, reach + length - 1.2, row))
        line.append(legs[onward] + shift)
        reach += length
        at += 1
    points = metre_points(np.array(line), 2.0)
    points[:, 3] = 2.0
    return Path(points, tuple(gates))


def _stroll(pavement: Array) -> Path:
    """To and fro along a pavement."""
    length = float(np.hypot(*np.diff(pavement, axis=0).T).sum())
    laps = max(1, int(np.ceil(WALK_LENGTH_M / max(length, 1.0))))
    line = np.concatenate([pavement if n % 2 == 0 else pavement[::-1] for n in range(laps)])
    return Path(metre_points(line, 2.0))
