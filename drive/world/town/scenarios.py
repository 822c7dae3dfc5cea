"""Safety-critical families: an ordinary town in which one agent does what must not surprise a driver.

NeuroNCAP's stationary, frontal and side intruders, a hard-braking leader, a cut-in, a jaywalker, and somebody on foot who
steps out from behind a parked van. Each has ranges of parameters and a seed; the ego's station on its route triggers it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drive.curves import smoothstep
from drive.frames import Array, wrap_angle
from drive.world.paths import Path, metre_points
from drive.world.state import BY_LANE, CAR, ON_FOOT, PEDESTRIAN, STANDING
from drive.world.town.layout import TownConfig
from drive.world.town.populate import TownStage, TrafficConfig, finish, set_stage, traffic_hash, vehicles, walkers
from drive.world.town.town import TOWNS
from drive.world.world import Actor, World, ego_actor

CAR_SIZE, VAN_SIZE = (4.4, 1.85, 1.5), (5.2, 2.0, 2.3)
LIGHT_TRAFFIC = TrafficConfig(vehicles=(8, 12), walkers=(2, 5), least_met=0)
STRAIGHT_RAD = 0.25
CLEAR_M = 45.0  # ordinary agents keep this far from the scene of the scenario at the start


def family_world(family: str, seed: int, config: TownConfig = TOWNS["town"]) -> World:
    """One world of a family. Raises ValueError for an unknown family."""
    if family not in FAMILIES:
        raise ValueError(f"no family {family!r}; there are {', '.join(sorted(FAMILIES))}")
    stage = set_stage(seed, config, LIGHT_TRAFFIC)
    rng = np.random.default_rng([seed, 9, sorted(FAMILIES).index(family)])
    at = _place(stage, rng)
    actors = FAMILIES[family](stage, at, rng)
    spot = stage.path.points[int(at), :2]
    others = [a for a in (*vehicles(stage, LIGHT_TRAFFIC), *walkers(stage, LIGHT_TRAFFIC)) if _clear(a, spot)]
    speed = 0.6 * float(stage.path.points[int(stage.start_m), 3])
    origin = {"kind": "family", "family": family, "seed": seed, "traffic_hash": traffic_hash(LIGHT_TRAFFIC)}
    return finish(stage, [ego_actor(stage.path, stage.start_m, speed), *actors, *others], family, origin)


def _clear(actor: Actor, spot: Array) -> bool:
    """Whether an ordinary agent starts away from the scene; trailers stay at home, their tractors come alone."""
    where = actor.path.points[int(actor.station), :2]
    return actor.tow < 0 and float(np.hypot(*(where - spot))) > CLEAR_M


def _place(stage: TownStage, rng: np.random.Generator) -> float:
    """A station on the route with a straight piece around it, away from junctions: the straightest of some tries."""
    gates = [(gate[0] - 25.0, gate[1] + 12.0) for gate in stage.path.gates]
    low, high = stage.start_m + 60.0, stage.goal_m - 60.0
    tries = []
    for at in rng.uniform(low, high, 80):
        inside = any(a < at < b for a, b in gates)
        headings = stage.path.points[int(at) - 20 : int(at) + 20, 2]
        tries.append((inside, round(float(np.ptp(headings)), 3) > STRAIGHT_RAD, float(np.ptp(headings)), float(at)))
    return min(tries)[3]


def _speed_at(stage: TownStage, at: float) -> float:
    return float(stage.path.points[int(at), 3])


def _shifted(stage: TownStage, start: float, end: float, left: Array | float) -> Path:
    """A path along a piece of the route, beside it; drawn from start to end, backwards where end is before start."""
    rows = np.arange(int(min(start, end)), int(max(start, end)) + 1)
    points = stage.path.points[np.clip(rows, 0, len(stage.path.points) - 1)]
    offset = np.broadcast_to(np.asarray(left, dtype=np.float64), len(rows))
    line = points[:, :2] + offset[:, None] * np.stack([-np.sin(points[:, 2]), np.cos(points[:, 2])], -1)
    if end < start:
        line = line[::-1]
    return Path(metre_points(line, 20.0))


def _across(stage: TownStage, at: float, right_m: float, left_m: float) -> Path:
    """A path straight across the route, from its right to its left (negative distances swap the sides)."""
    x, y, heading = stage.path.points[int(at), :3]
    side = np.array([-np.sin(heading), np.cos(heading)])
    points = metre_points(np.stack([[x, y] - side * right_m, [x, y] + side * left_m]), 20.0)
    points[:, 3] = 20.0
    return Path(points)


def stationary(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """A car stands in the ego's lane, a little askew."""
    offset = float(rng.uniform(-0.5, 0.3))
    path = _shifted(stage, at - 3, at + 6, offset)
    return [Actor(CAR, STANDING, CAR_SIZE, path, 3.0)]


def frontal(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """An oncoming car drifts into the ego's lane and stays in it for a while, then goes back."""
    speed, reach = float(rng.uniform(5, 8)), float(rng.uniform(14, 22))
    width = _lane_width(stage, at)
    stations = np.arange(int(at) - 60, int(at) + 61)[::-1]
    into = smoothstep((at + 30.0 - stations) / 15.0) * (1 - smoothstep((at + 30.0 - reach - 15.0 - stations) / 15.0))
    left = (width * (1 - 0.75 * into))[::-1]
    path = _shifted(stage, at + 60, at - 60, left)
    trigger = max(stage.start_m, at - 45.0 - float(rng.uniform(0, 10)))
    return [Actor(CAR, BY_LANE, CAR_SIZE, path, 4.0, 0.0, script=(trigger, 0.0, speed, 3.0, 60.0))]


def side(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """A car comes out of a driveway from the right and crosses the ego's way without stopping."""
    speed, near = float(rng.uniform(3, 6)), 14.0
    path = _across(stage, at, near, 14.0)
    lead = _speed_at(stage, at) * (near / speed + speed / 6.0)
    trigger = max(stage.start_m, at - lead - float(rng.uniform(0, 6)))
    return [Actor(CAR, BY_LANE, CAR_SIZE, path, 2.5, 0.0, script=(trigger, 0.0, speed, 3.0, 60.0))]


def hard_brake(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """The car ahead brakes to a standstill at 6 to 8 m/s^2, waits, and goes on."""
    path, speed = Path(stage.path.points), 0.6 * _speed_at(stage, stage.start_m)
    ahead = stage.start_m + float(rng.uniform(16, 22))
    rate, hold = float(rng.uniform(6, 8)), float(rng.uniform(4, 8))
    driver = (0.9, 1.4, 2.0, 1.6, 2.2)
    way = Path(path.points, stage.path.gates, stage.path.crossings)
    return [Actor(CAR, BY_LANE, CAR_SIZE, way, ahead, speed, driver=driver, script=(at, 30.0, 0.0, rate, hold))]


def cut_in(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """A car waiting at the kerb pulls out right in front of the ego and drives on slowly."""
    stations = np.arange(int(at) - 8, int(at) + 121)
    aside = -(_lane_width(stage, at) / 2 + 1.15)
    left = aside * (1 - smoothstep((stations - at) / float(rng.uniform(12, 16))))
    path, speed = _shifted(stage, at - 8, at + 120, left), float(rng.uniform(3.5, 5.5))
    trigger = max(stage.start_m, at - 3.0 - float(rng.uniform(2.2, 3.2)) * _speed_at(stage, at))
    return [Actor(CAR, BY_LANE, CAR_SIZE, path, 3.5, 0.0, script=(trigger, 0.0, speed, 2.5, 8.0))]


def jaywalker(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """Somebody walks across the road from the right where there is no crossing."""
    pace = float(rng.uniform(1.2, 2.2))
    return [_runner(stage, at, pace, float(rng.uniform(2.4, 3.2)), _lane_width(stage, at) / 2 + 2.2)]


def occluded_pedestrian(stage: TownStage, at: float, rng: np.random.Generator) -> list[Actor]:
    """Somebody steps out from behind a van that stands at the kerb."""
    aside = -(_lane_width(stage, at) / 2 + 1.25)
    van = Actor(CAR, STANDING, VAN_SIZE, _shifted(stage, at - 8, at, aside), 3.5)
    pace = float(rng.uniform(1.4, 2.0))
    return [van, _runner(stage, at, pace, float(rng.uniform(1.9, 2.5)), -aside + 0.4)]


def _runner(stage: TownStage, at: float, pace: float, seconds: float, near: float) -> Actor:
    """Somebody on foot who sets out when the ego, at the lane's speed, is some seconds of driving away."""
    path = _across(stage, at, near, 9.0)
    trigger = max(stage.start_m, at - seconds * _speed_at(stage, at))
    size = (0.6, 0.6, 1.75)
    return Actor(PEDESTRIAN, ON_FOOT, size, path, 0.3, 0.0, driver=(pace, 0.0, 0.0, 1.0, 2.0), script=(trigger, 0.0, pace, 5.0, 60.0))


def _lane_width(stage: TownStage, at: float) -> float:
    """Width of the lane of the route at a station."""
    x, y, heading = stage.path.points[int(at), :3]
    found = stage.town.map.nearest_lane((x, y, float(wrap_angle(heading))))
    return stage.town.map.lane(found[0]).width_m if found else 3.5


FAMILIES: dict[str, Callable[[TownStage, float, np.random.Generator], list[Actor]]] = {
    "stationary": stationary,
    "frontal": frontal,
    "side": side,
    "hard-brake": hard_brake,
    "cut-in": cut_in,
    "jaywalker": jaywalker,
    "occluded-pedestrian": occluded_pedestrian,
}
