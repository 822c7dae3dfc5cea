"""The plan of a town: which places are joined by roads, how many lanes each has, what kind each junction is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array, wrap_angle


@dataclass(frozen=True)
class TownConfig:
    """A distribution of towns. Ranges are (low, high); chances are probabilities. Lengths in metres, speeds in m/s."""

    name: str = "town"
    rows: tuple[int, int] = (3, 4)
    columns: tuple[int, int] = (3, 4)
    block_m: tuple[float, float] = (95.0, 140.0)
    jitter: float = 0.1
    drop_road: tuple[float, float] = (0.0, 0.3)
    lane_width_m: tuple[float, float] = (3.1, 3.7)
    two_lane_chance: float = 0.4
    roundabout_chance: float = 0.25
    light_chance: float = 0.5
    crossing_chance: float = 0.6
    parking_chance: float = 0.4
    bump: float = 0.12
    speed_limits_mps: tuple[float, ...] = (8.3, 11.1, 13.9)
    ring_radius_m: tuple[float, float] = (14.0, 18.0)


@dataclass(frozen=True)
class Arm:
    """One end of a road at a node: outward direction, lanes per direction, whether people cross there."""

    road: int
    at_start: bool
    angle: float
    lanes: int
    width_m: float
    crossing: bool


@dataclass(frozen=True, eq=False)
class Node:
    """A place [2] where the arms (counter-clockwise by angle) meet; kind is a `Junction` kind; main: arms of the main road."""

    centre: Array
    kind: str
    arms: tuple[Arm, ...]
    lights: bool
    main: tuple[int, ...]
    radius_m: float
    corner_m: float


@dataclass(frozen=True, eq=False)
class RoadPlan:
    """A road between two nodes: lane width, lanes per direction at start and end, bump to the side, parking on right and left."""

    start: int
    end: int
    width_m: float
    lanes: tuple[int, int]
    bump_m: float
    limit_mps: float
    parking: tuple[bool, bool]


def plan_town(config: TownConfig, rng: np.random.Generator) -> tuple[tuple[Node, ...], tuple[RoadPlan, ...]]:
    """Nodes on a shaken grid, some roads left out, no dead end, all of one piece."""
    rows, columns = int(rng.integers(*config.rows, endpoint=True)), int(rng.integers(*config.columns, endpoint=True))
    centres = _centres(config, rows, columns, rng)
    pairs = _thinned(_grid_pairs(rows, columns), len(centres), rng.uniform(*config.drop_road), rng)
    used = sorted({n for pair in pairs for n in pair})
    name = {n: i for i, n in enumerate(used)}
    centres, pairs = centres[used], [(name[a], name[b]) for a, b in pairs]
    degree = np.bincount(np.array(pairs).ravel(), minlength=len(centres))
    ring = (degree >= 3) & (rng.random(len(centres)) < config.roundabout_chance)
    ends = _end_lanes(pairs, degree, ring, config.two_lane_chance, rng)
    roads = tuple(_road(config, pair, lanes, centres, rng) for pair, lanes in zip(pairs, ends, strict=True))
    angles = _arm_angles(centres, pairs, rng)
    nodes = tuple(_node(config, n, centres[n], pairs, roads, angles, bool(ring[n]), rng) for n in range(len(centres)))
    return nodes, roads


def _centres(config: TownConfig, rows: int, columns: int, rng: np.random.Generator) -> Array:
    xs = np.concatenate([[0.0], np.cumsum(rng.uniform(*config.block_m, columns - 1))])
    ys = np.concatenate([[0.0], np.cumsum(rng.uniform(*config.block_m, rows - 1))])
    grid = np.stack(np.meshgrid(xs - xs.mean(), ys - ys.mean()), -1).reshape(-1, 2)
    shear = rng.uniform(-0.15, 0.15)
    grid = grid + rng.uniform(-1, 1, grid.shape) * config.jitter * np.mean(config.block_m)
    return grid @ np.array([[1.0, 0.0], [shear, 1.0]])


def _grid_pairs(rows: int, columns: int) -> list[tuple[int, int]]:
    across = [(r * columns + c, r * columns + c + 1) for r in range(rows) for c in range(columns - 1)]
    return across + [(r * columns + c, (r + 1) * columns + c) for r in range(rows - 1) for c in range(columns)]


def _thinned(pairs: list[tuple[int, int]], count: int, share: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Leaves out about a share of the roads, never one whose loss makes a dead end, cuts the town in two or leaves one junction."""
    kept = list(pairs)
    for index in rng.permutation(len(pairs))[: round(share * len(pairs))]:
        rest = [pair for pair in kept if pair != pairs[index]]
        if _sound(rest, count):
            kept = rest
    return kept


def _sound(pairs: list[tuple[int, int]], count: int) -> bool:
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    seen, stack = {0}, [0]
    while stack:
        for other in near[stack.pop()]:
            if other not in seen:
                seen.add(other)
                stack.append(other)
    ways = [len(others) for others in near]
    return len(seen) == count and min(ways) >= 2 and sum(n > 2 for n in ways) >= 2


def _end_lanes(
    pairs: list[tuple[int, int]], degree: NDArray[Any], ring: NDArray[np.bool_], chance: float, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Lanes per direction at both ends of each road: one at roundabouts, equal on both sides of a bend."""
    lanes = [[1 + int(rng.random() < chance)] * 2 for _ in pairs]
    for road, (a, b) in zip(lanes, pairs, strict=True):
        if rng.random() < 0.25:
            road[1] = 3 - road[1]
        for side, n in enumerate((a, b)):
            if ring[n]:
                road[side] = 1
    for n in np.flatnonzero(degree == 2):
        at = [(i, pair.index(n)) for i, pair in enumerate(pairs) if n in pair]
        least = min(lanes[i][side] for i, side in at)
        for i, side in at:
            lanes[i][side] = least
    return [(a, b) for a, b in lanes]


def _road(config: TownConfig, pair: tuple[int, int], lanes: tuple[int, int], centres: Array, rng: np.random.Generator) -> RoadPlan:
    length = float(np.hypot(*(centres[pair[1]] - centres[pair[0]])))
    bump = float(rng.normal(0.0, config.bump / 2) * length) if rng.random() < 0.6 else 0.0
    bump = float(np.clip(bump, -config.bump * length, config.bump * length))
    parking = (bool(rng.random() < config.parking_chance), bool(rng.random() < config.parking_chance))
    limit = float(rng.choice(config.speed_limits_mps))
    return RoadPlan(*pair, float(rng.uniform(*config.lane_width_m)), lanes, bump, limit, parking)


def _arm_angles(centres: Array, pairs: list[tuple[int, int]], rng: np.random.Generator) -> dict[tuple[int, int], float]:
    """Outward direction of each (road, side): towards the other node, turned half way to the axes of its own node."""
    angles: dict[tuple[int, int], float] = {}
    for n in range(len(centres)):
        mine = [(i, pair.index(n)) for i, pair in enumerate(pairs) if n in pair]
        ways = np.array([np.arctan2(*(centres[pairs[i][1 - side]] - centres[n])[::-1]) for i, side in mine])
        axis = np.angle(np.exp(4j * ways).mean()) / 4 + rng.normal(0, 0.05)
        snapped = axis + np.round(wrap_angle(ways - axis) / (np.pi / 2)) * (np.pi / 2)
        share = rng.uniform(0.4, 1.0)
        for key, way, square in zip(mine, ways, snapped, strict=True):
            angles[key] = float(way + share * wrap_angle(square - way))
    return angles


def _node(config: TownConfig, n: int, centre: Array, pairs: list, roads: tuple, angles: dict, ring: bool, rng: np.random.Generator) -> Node:
    ends = sorted(((i, pair.index(n)) for i, pair in enumerate(pairs) if n in pair), key=lambda end: wrap_angle(angles[end]))
    crosses = len(ends) > 2
    arms = tuple(
        Arm(
            i,
            side == 0,
            float(wrap_angle(angles[i, side])),
            roads[i].lanes[side],
            roads[i].width_m,
            crosses and bool(rng.random() < config.crossing_chance),
        )
        for i, side in ends
    )
    gaps = np.diff([*(arm.angle for arm in arms), arms[0].angle + 2 * np.pi])
    kind = "roundabout" if ring and gaps.min() > 1.2 else {2: "bend", 3: "t"}.get(len(arms), "four-way")
    lights = kind in ("t", "four-way") and bool(rng.random() < config.light_chance)
    radius, corner = float(rng.uniform(*config.ring_radius_m)), float(rng.uniform(5.0, 8.0))
    return Node(centre, kind, arms, lights, _main_road(arms), radius, corner)


def _main_road(arms: tuple[Arm, ...]) -> tuple[int, ...]:
    """The two arms that lie most nearly opposite, the wider pair first."""
    couples = [(i, j) for i in range(len(arms)) for j in range(i)]

    def cost(couple: tuple[int, int]) -> float:
        a, b = arms[couple[0]], arms[couple[1]]
        return abs(abs(float(wrap_angle(a.angle - b.angle))) - np.pi) - 0.3 * (a.lanes + b.lanes)

    return min(couples, key=cost)
