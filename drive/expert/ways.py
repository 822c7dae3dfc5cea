"""The ways that somebody on a road may take, as who does not know its route has to reckon with: lanes near a pose, and where they lead."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from drive.curves import resample
from drive.frames import Array, wrap_angle
from drive.jit import kernel
from drive.world.map_arrays import map_tables
from drive.world.navigation import TOLD
from drive.world.paths import metre_points
from drive.world.state import Ints
from drive.world.world import World

BEHIND_M = 16.0  # a way begins so far before its first lane, so that a tail or a trailer is on it too
BEYOND_M = 90.0  # it leads so far beyond its first lane, at least
MOST_LANES = 10
SAMPLES_M = 1.0
TURNED_COST_M = 3.0  # a radian beside a lane's heading counts like so many metres beside its middle
FITS_M, LIKE_M = 2.4, 0.6  # who is further off is on no lane; lanes that fit worse than the best by more are not meant
CAP_MPS = 11.1  # the one speed cap: what a driver keeps to who has read no sign


@dataclass(frozen=True, eq=False)
class Way:
    """points [N, 4] as of a `Path`, the first lane from row `BEHIND_M` on; gates: (in, out, row of the connector); turn: how sharply it
    bends in all, rad."""

    points: Array
    gates: tuple[tuple[float, float, int], ...]
    turn: float


class Ways:
    """The ways of one world. samples [N, 5]: x, y, heading, lane, station."""

    def __init__(self, world: World) -> None:
        self.map = world.map
        self.connector = map_tables(world.map).connector
        self.places = {junction.id for junction in world.map.junctions if junction.kind in TOLD}
        self.rows = {lane.id: k for k, lane in enumerate(world.map.lanes)}
        self.samples = np.concatenate([_samples(lane.centreline, k) for k, lane in enumerate(world.map.lanes)])
        self.from_lane = cache(self._from_lane)

    def at(self, pose: Array) -> list[tuple[Way, float, float]]:
        """What somebody whose box is at a pose [3] may do: (way, station, offset to the left) each, straighter ones first.

        Nothing where it is on no lane of its direction.
        """
        lanes, station, left, cost = lanes_near(self.samples, len(self.rows), pose[0], pose[1], pose[2], FITS_M)
        if not len(lanes):
            return []
        meant = np.flatnonzero(cost <= cost.min() + LIKE_M)
        found = [(way, float(station[k]) + BEHIND_M, float(left[k])) for k in meant for way in self.from_lane(int(lanes[k]))]
        return sorted(found, key=lambda one: one[0].turn)

    def _from_lane(self, row: int) -> tuple[Way, ...]:
        """Every way from a lane's beginning on over the next junction, the straightest beyond."""
        names: list[tuple[str, ...]] = []
        self._spread((self.map.lanes[row].id,), 0.0, False, names)
        return tuple(self._way(one) for one in names)

    def _spread(self, lanes: tuple[str, ...], reach: float, chosen: bool, found: list[tuple[str, ...]]) -> None:
        last = self.map.lane(lanes[-1])
        inside = last.junction is not None
        onward = [name for name in last.successors if name not in lanes]
        if not onward or reach >= BEYOND_M or len(lanes) >= MOST_LANES:
            found.append(lanes)
            return
        if chosen and not inside:
            onward = [min(onward, key=lambda name: (_bend(self.map.lane(name).centreline), name))]
        for name in onward:
            after = chosen or (last.junction in self.places and self.map.lane(name).junction != last.junction)
            self._spread((*lanes, name), reach + self.map.lane(name).length_m, after, found)

    def _way(self, lanes: tuple[str, ...]) -> Way:
        lines: list[Array] = []
        gates, reach = [], BEHIND_M
        for k, name in enumerate(lanes):
            lane = self.map.lane(name)
            if k:
                reach += float(np.hypot(*(lines[-1][-1] - lane.centreline[0])))
            lines.append(lane.centreline)
            if name in self.connector:
                gates.append((reach, reach + lane.length_m, self.connector[name]))
            reach += lane.length_m
        first = lines[0]
        back = first[0] - (first[1] - first[0]) / np.hypot(*(first[1] - first[0])) * BEHIND_M
        points = metre_points(np.concatenate([back[None], *lines]), CAP_MPS)
        return Way(points, tuple(gates), float(np.abs(np.diff(points[:, 2])).sum()))


def _samples(line: Array, row: int) -> Array:
    points = resample(line, SAMPLES_M)
    slope = np.gradient(points, axis=0)
    stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    return np.column_stack([points, np.arctan2(slope[:, 1], slope[:, 0]), np.full(len(points), float(row)), stations])


def _bend(line: Array) -> float:
    ways = np.diff(line, axis=0)
    return round(abs(float(wrap_angle(np.arctan2(*ways[-1, ::-1]) - np.arctan2(*ways[0, ::-1])))), 3)


@kernel
def lanes_near(samples: Array, count: int, x: float, y: float, heading: float, most: float) -> tuple[Ints, Array, Array, Array]:
    """Lanes that a pose may belong to: rows, station, offset to the left and cost of each.

    A lane's cost is the least over its samples of the distance in metres and TURNED_COST_M for each radian turned away; `most` at most.
    """
    cost, station, left = np.full(count, most), np.zeros(count), np.zeros(count)
    for n in range(len(samples)):
        dx, dy = x - samples[n, 0], y - samples[n, 1]
        if abs(dx) > most or abs(dy) > most:
            continue
        h = samples[n, 2]
        turned = abs((heading - h + math.pi) % (2 * math.pi) - math.pi)
        along, side = math.cos(h) * dx + math.sin(h) * dy, math.cos(h) * dy - math.sin(h) * dx
        value = abs(side) + 0.5 * max(0.0, abs(along) - SAMPLES_M) + TURNED_COST_M * turned
        lane = int(samples[n, 3])
        if value + 0.1 * abs(along) < cost[lane]:
            cost[lane], station[lane], left[lane] = value + 0.1 * abs(along), samples[n, 4] + along, side
    rows = np.flatnonzero(cost < most)
    return rows, station[rows], left[rows], cost[rows]
