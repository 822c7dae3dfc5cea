"""Ways through a map as agents drive them: points one metre apart with a speed cap, the gates and crossings on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.curves import stations_of
from drive.frames import Array
from drive.maps import RoadMap
from drive.world.map_arrays import MapTables, crossings_on

SIDE_ACCEL_MPS2 = 1.8  # comfortable in a bend
MOST_IN_JUNCTION = 8  # lanes of one junction that a way passes: in, and around a roundabout of four arms
APPROACH_BRAKE_MPS2 = 1.2  # with which speed falls before a bend


@dataclass(frozen=True, eq=False)
class Path:
    """points [N >= 2, 4]: x, y, unwrapped heading, speed cap, one metre apart; gates: (in, out, row); crossings: (at, row)."""

    points: Array
    gates: tuple[tuple[float, float, int], ...] = ()
    crossings: tuple[tuple[float, int], ...] = ()

    @property
    def length_m(self) -> float:
        """Stations run from 0 to this."""
        return float(len(self.points) - 1)


def metre_points(line: Array, cap_mps: ArrayLike) -> Array:
    """A polyline [N, 2] with speed caps (a number or [N]) -> path points [M, 4], caps lowered where it bends."""
    along = stations_of(line)
    keep = np.concatenate([[True], np.diff(along) > 1e-9])
    line, along, cap = line[keep], along[keep], np.broadcast_to(np.asarray(cap_mps, dtype=np.float64), len(keep))[keep]
    wanted = np.arange(0.0, max(along[-1], 1.0) + 1e-9)
    xy = np.stack([np.interp(wanted, along, line[:, 0]), np.interp(wanted, along, line[:, 1])], -1)
    if len(xy) < 2:
        raise ValueError(f"a path must be at least a metre long, got {along[-1]:.2f} m")
    slope = np.gradient(xy, axis=0)
    heading = np.unwrap(np.arctan2(slope[:, 1], slope[:, 0]))
    caps = bend_caps(heading, np.interp(wanted, along, cap))
    return np.column_stack([xy, heading, caps])


def bend_caps(heading: Array, cap_mps: Array) -> Array:
    """Speed caps [N] of points one metre apart, lowered where their headings [N] bend and on the way there."""
    bend = np.abs(np.gradient(heading)) if len(heading) > 2 else np.zeros(len(heading))
    bend = np.convolve(np.pad(bend, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    caps = np.minimum(cap_mps, np.sqrt(SIDE_ACCEL_MPS2 / np.maximum(bend, 1e-4)))
    for k in range(len(caps) - 2, -1, -1):
        caps[k] = min(caps[k], np.sqrt(caps[k + 1] ** 2 + 2 * APPROACH_BRAKE_MPS2))
    return caps


def lane_path(road_map: RoadMap, tables: MapTables, lanes: tuple[str, ...]) -> Path:
    """The way along lanes that follow each other."""
    lines, caps, gates, reach = [], [], [], 0.0
    for name in lanes:
        lane = road_map.lane(name)
        lines.append(lane.centreline)
        caps.append(np.full(len(lane.centreline), lane.speed_limit_mps))
        if name in tables.connector:
            gates.append((reach, reach + lane.length_m, tables.connector[name]))
        gap = np.hypot(*(lane.centreline[-1] - road_map.lane(lanes[min(len(lines), len(lanes) - 1)]).centreline[0]))
        reach += lane.length_m + (float(gap) if len(lines) < len(lanes) else 0.0)
    points = metre_points(np.concatenate(lines), np.concatenate(caps))
    return Path(points, tuple(gates), tuple(crossings_on(points, road_map)))


def wander(road_map: RoadMap, start: str, length_m: float, rng: np.random.Generator, wide: bool = False) -> tuple[str, ...]:
    """A random way over successors of at least a length (shorter where the lanes end); wide: rather without sharp turns.

    Inside a junction no lane is driven twice where there is another, so nobody circles in a roundabout.
    """
    lanes, reach = [start], 0.0
    while reach < length_m:
        lane = road_map.lane(lanes[-1])
        inside = [name for name in lane.successors if lane.junction and road_map.lane(name).junction == lane.junction]
        fresh = [name for name in lane.successors if name not in inside or name not in lanes[-MOST_IN_JUNCTION:]]
        choices = fresh or lane.successors
        if not choices:
            break
        chosen = choices[int(rng.integers(len(choices)))]
        if wide and not inside:
            chosen = min(choices, key=lambda name: (_turn(road_map, name), name))
        lanes.append(chosen)
        reach += road_map.lane(chosen).length_m
    return tuple(lanes)


def _turn(road_map: RoadMap, name: str) -> float:
    steps = np.diff(road_map.lane(name).centreline, axis=0)
    heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    return round(abs(float(heading[-1] - heading[0])), 3)
