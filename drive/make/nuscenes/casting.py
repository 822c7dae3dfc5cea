"""Worlds for data sets: a town's drive in which all of nuScenes' ten detection classes are near the ego from the start."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import shapely

from drive.frames import Array
from drive.geometry import box_corners, boxes_overlap
from drive.make.nuscenes.works import SITE_M, find_site, furnish_site, with_site
from drive.world.state import BUS, CAR, CYCLIST, MOTORCYCLE, ON_FOOT, TRAILER, TRUCK
from drive.world.town.layout import TownConfig
from drive.world.town.populate import TownStage, TrafficConfig, finish, set_stage, traffic_hash, vehicles, walkers
from drive.world.town.town import TOWNS
from drive.world.world import Actor, World, ego_actor

TRAFFIC = {
    "light": TrafficConfig(vehicles=(10, 14), walkers=(6, 9), least_met=0),
    "ordinary": TrafficConfig(least_met=0),
    "busy": TrafficConfig(vehicles=(44, 56), walkers=(24, 32), least_met=0),
}
# What must be there, and how far from the ego's way at most: benchmarks count cycles within 40 m and the others within 50 m.
WANTED = ((TRAILER, 42.0), (BUS, 42.0), (TRUCK, 42.0), (CYCLIST, 32.0), (MOTORCYCLE, 32.0), (CAR, 42.0))
NEAR_M = 8.0
PACE_MPS, WAY_M = 4.0, 80.0  # the ego is taken to come this far in a scene, and no further
SAME_LANE_M, SAME_STREET_M, ELSEWHERE_M = 14.0, 3.0, 10.0  # least distance between two that are placed
ENTRY_M, TOW_M = 8.0, 14.0  # of lane behind a vehicle, and behind one with a trailer


def cast_world(town: int, drive: int, seconds: float, traffic: str = "ordinary", config: TownConfig = TOWNS["town"]) -> World | None:
    """A drive of a town with road works near its start and a vehicle of every kind around; None where it has no room for that.

    seconds: how long the scene is, which says how far the ego comes.
    """
    stage = set_stage(town, config, TRAFFIC[traffic], drive)
    rng = np.random.default_rng([town, 17, drive])
    site, wanted = find_site(stage, rng), _wanted(stage, seconds, rng)
    if site is None or len(wanted) < len(WANTED):
        return None
    furniture = with_site(stage.town.furniture, site, furnish_site(site, rng))
    stage = replace(stage, town=replace(stage.town, furniture=furniture))
    speed = float(stage.rng.uniform(0.2, 0.7) * stage.path.points[int(stage.start_m), 3])
    people = [walker for walker in walkers(stage, TRAFFIC[traffic]) if not _through(walker, site)]
    actors = [ego_actor(stage.path, stage.start_m, speed), *vehicles(stage, TRAFFIC[traffic], wanted), *people]
    origin = {"kind": "make", "seed": town, "drive": drive, "traffic_hash": traffic_hash(TRAFFIC[traffic])}
    world = finish(stage, actors, "ordinary", origin)
    return None if _overlapping(world) else world


def _wanted(stage: TownStage, seconds: float, rng: np.random.Generator) -> list[tuple[int, str, float]]:
    """(kind, lane, station) of a vehicle of every kind on the lanes around the ego's way, none on top of another."""
    spots = _spots(stage, min(WAY_M, PACE_MPS * seconds))
    chosen: list[tuple[int, str, float]] = []
    taken: list[_Spot] = []
    for kind, reach in WANTED:
        for n in rng.permutation(len(spots)):
            spot = spots[n]
            if kind == TRAILER and spot.at_m < TOW_M:
                continue
            if spot.far_m < reach and all(np.hypot(*(spot.point - other.point)) >= _gap(spot, other) for other in taken):
                chosen.append((kind, spot.lane, spot.at_m))
                taken.append(spot)
                break
    return chosen


class _Spot(NamedTuple):
    """A place on a lane; far_m: from the ego's way."""

    lane: str
    street: str
    at_m: float
    point: Array
    far_m: float


def _spots(stage: TownStage, way_m: float) -> list[_Spot]:
    """Places on road lanes around the first metres of the ego's way, in its own lane only ahead of it."""
    way = stage.path.points[int(stage.start_m) : int(stage.start_m + way_m) + 1, :2]
    pose = stage.path.points[int(stage.start_m), :3]
    own = stage.town.map.nearest_lane(pose)
    spots = []
    for lane in stage.town.map.lanes:
        if lane.kind != "road":
            continue
        first = own[1] + SAME_LANE_M if own and own[0] == lane.id else ENTRY_M
        for at in np.arange(first, lane.length_m - 6.0, 2.0):
            point = np.array([np.interp(at, lane.stations, lane.centreline[:, n]) for n in range(2)])
            if np.hypot(*(point - pose[:2])) > NEAR_M:
                far = float(np.hypot(*(way - point).T).min())
                spots.append(_Spot(lane.id, lane.road.split("f")[0].split("b")[0], float(at), point, far))
    return spots


def _gap(a: _Spot, b: _Spot) -> float:
    if a.lane == b.lane:
        return SAME_LANE_M
    return SAME_STREET_M if a.street == b.street else ELSEWHERE_M


def _through(actor: Actor, site: Array) -> bool:
    """Whether somebody on foot would walk through the works."""
    return actor.mode == ON_FOOT and shapely.LineString(actor.path.points[:, :2]).intersects(shapely.Polygon(box_corners([*site, *SITE_M])))


def _overlapping(world: World) -> bool:
    """Whether two agents stand in each other at the start."""
    boxes = np.column_stack([world.start.pose, world.static.size[:, :2]])
    pairs = boxes_overlap(boxes[:, None], boxes[None])
    np.fill_diagonal(pairs, False)
    return bool(pairs.any())
