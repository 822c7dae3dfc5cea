"""A whole road map: its nearest lane, routes over its lanes, and what is around a pose."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle
from drive.maps.check import check_map
from drive.maps.layers import Layer, layer_of, turning
from drive.maps.parts import Crossing, Junction, Lane, Light, Polygon, StopLine
from drive.schema import MapPatch

LANE_CHANGE_COST_M = 20.0


@dataclass(frozen=True, eq=False)
class RoadMap:
    """A map. Raises ValueError at creation where it cannot be driven on; the message names the lane and the field."""

    name: str
    lanes: tuple[Lane, ...]
    drivable: tuple[Polygon, ...]
    crossings: tuple[Crossing, ...] = ()
    stop_lines: tuple[StopLine, ...] = ()
    lights: tuple[Light, ...] = ()
    junctions: tuple[Junction, ...] = ()
    lines: dict[str, tuple[Array, ...]] = field(default_factory=dict)  # painted lines and kerbs, by layer, for pictures

    def __post_init__(self) -> None:
        check_map(self)

    @cached_property
    def index(self) -> dict[str, int]:
        """Lane id -> its place in `lanes`."""
        return {lane.id: i for i, lane in enumerate(self.lanes)}

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id. Raises ValueError where there is none."""
        if lane_id not in self.index:
            raise ValueError(f"map {self.name!r} has no lane {lane_id!r}")
        return self.lanes[self.index[lane_id]]

    @cached_property
    def _segments(self) -> tuple[Array, Array, Array, Array, Array]:
        """All centreline segments: start [S, 2], step [S, 2], squared length [S], station [S], lane index [S]."""
        start = np.concatenate([lane.centreline[:-1] for lane in self.lanes])
        step = np.concatenate([np.diff(lane.centreline, axis=0) for lane in self.lanes])
        station = np.concatenate([lane.stations[:-1] for lane in self.lanes])
        owner = np.concatenate([np.full(len(lane.centreline) - 1, i) for i, lane in enumerate(self.lanes)])
        return start, step, np.maximum((step**2).sum(-1), 1e-12), station, owner

    def project(self, point: ArrayLike) -> tuple[Array, Array, Array]:
        """A point [2] onto every lane -> distance [L], station along the lane [L], lane heading there [L]."""
        start, step, squared, station, owner = self._segments
        point = np.asarray(point, dtype=np.float64)
        share = np.clip(((point - start) * step).sum(-1) / squared, 0.0, 1.0)
        distance = np.hypot(*(start + share[:, None] * step - point).T)
        order = np.lexsort((np.arange(len(owner)), distance, owner))
        best = order[np.searchsorted(owner[order], np.arange(len(self.lanes)))]
        return distance[best], station[best] + share[best] * np.sqrt(squared[best]), np.arctan2(step[best, 1], step[best, 0])

    def nearest_lane(self, pose: ArrayLike, max_distance_m: float = 5.0, max_turn_rad: float = np.pi / 2) -> tuple[str, float] | None:
        """The lane that a pose [3] (x, y, heading) is on, and the station there; None where no lane is near and aligned."""
        pose = np.asarray(pose, dtype=np.float64)
        distance, station, heading = self.project(pose[:2])
        turn = np.abs(wrap_angle(heading - pose[2]))
        cost = np.where((distance <= max_distance_m) & (turn <= max_turn_rad), distance + turn, np.inf)
        best = int(np.argmin(cost))
        return (self.lanes[best].id, float(station[best])) if np.isfinite(cost[best]) else None

    def route(self, start: str, goal: str, lane_changes: bool = True) -> tuple[str, ...]:
        """Shortest way over the lane graph (Dijkstra), lane changes at a price; start and goal included.

        Raises ValueError where the goal cannot be reached.
        """
        self.lane(goal)
        best: dict[str, tuple[float, str]] = {}
        queue: list[tuple[float, str, str]] = [(0.0, start, "")]
        while queue:
            cost, lane_id, origin = heapq.heappop(queue)
            if lane_id in best:
                continue
            best[lane_id] = (cost, origin)
            if lane_id == goal:
                break
            lane = self.lane(lane_id)
            for following in lane.successors:
                heapq.heappush(queue, (cost + lane.length_m, following, lane_id))
            for beside in (lane.left, lane.right) if lane_changes else ():
                if beside is not None:
                    heapq.heappush(queue, (cost + LANE_CHANGE_COST_M, beside, lane_id))
        if goal not in best:
            raise ValueError(f"map {self.name!r}: no way from lane {start!r} to {goal!r}")
        way = [goal]
        while way[-1] != start:
            way.append(best[way[-1]][1])
        return tuple(reversed(way))

    def drivable_rings(self) -> list[Array]:
        """The rings of the drivable area, outlines counter-clockwise and holes clockwise, as filling by winding number needs."""
        outlines = [turning(polygon.exterior, True) for polygon in self.drivable]
        return outlines + [turning(hole, False) for polygon in self.drivable for hole in polygon.holes]

    @cached_property
    def _layers(self) -> tuple[dict[str, Layer], dict[str, Layer]]:
        """Polygons and lines of `patch`, with their boxes."""
        lines = {"lane_centre": layer_of(lane.centreline for lane in self.lanes), "stop_line": layer_of(s.line for s in self.stop_lines)}
        lines |= {name: layer_of(items) for name, items in self.lines.items()}
        return {"drivable_area": layer_of(self.drivable_rings()), "ped_crossing": layer_of(c.ring for c in self.crossings)}, lines

    def patch(self, pose: ArrayLike, radius_m: float = 60.0) -> MapPatch:
        """The map around a pose [3], in its frame: what reaches into the square of that half width, whole lanes and rings."""
        polygons, lines = (
            {name: tuple(points for _, points in layer.near(pose, radius_m)) for name, layer in layers.items()} for layers in self._layers
        )
        return MapPatch(polygons, lines)
