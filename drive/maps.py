"""Road maps: lanes with connections, drivable area, crossings, stop lines, lights; validation, nearest lane, routes.

Everything is in the world frame: metres, radians, seconds. A lane is directed along its
centreline. `connector` lanes lead across a junction from one road's lane to another's.

A `RoadMap` is the one way to hold a map that somebody drives on: towns make one, recorded scenes read one (`drive.world.recorded`).
A `drive.schema.MapPatch` is no second map, but what a sample shows of one: named lines and rings around t0, in the ego frame, without
connections. `RoadMap.patch` cuts it; a data set whose maps hold no lanes to drive on (nuScenes' masks) gives patches alone
(`drive.data.nuscenes.maps`). Nothing goes from a patch back to a map.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, invert_se2, rotation_2d, wrap_angle
from drive.schema import MapPatch

LaneKind = Literal["road", "connector"]
Colour = Literal["green", "yellow", "red", "off"]  # off: dark, flashing or not seen; it rules nobody
COLOURS: tuple[Colour, ...] = ("green", "yellow", "red", "off")
MAX_EXTENT_M = 20_000.0  # no map of one world is larger; a larger one is a damaged file
MAX_POINTS = 5_000_000
LANE_CHANGE_COST_M = 20.0


@dataclass(frozen=True, eq=False)
class Layer:
    """Polylines or rings [N, 2] each, with their boxes [L, 4] (least x, y, greatest x, y): what is far off is told by its box."""

    items: tuple[Array, ...]
    boxes: Array

    def near(self, pose: ArrayLike, radius_m: float) -> list[tuple[int, Array]]:
        """(row, points in the frame of a pose [3]) of all that reaches into the square of that half width around it."""
        pose = np.asarray(pose, dtype=np.float64)
        frame, reach = invert_se2(pose), 1.5 * radius_m + 1.0  # a turned square's corners are 1.42 half widths away
        rotation = rotation_2d(frame[2]).T
        rows = np.flatnonzero((self.boxes[:, :2] <= pose[:2] + reach).all(1) & (self.boxes[:, 2:] >= pose[:2] - reach).all(1))
        moved = ((int(k), self.items[k] @ rotation + frame[:2]) for k in rows)
        return [(k, points) for k, points in moved if (points.min(0) <= radius_m).all() and (points.max(0) >= -radius_m).all()]


def layer_of(items: Iterable[Array]) -> Layer:
    """A layer of arrays."""
    kept = tuple(items)
    return Layer(kept, np.array([[*item.min(0), *item.max(0)] for item in kept], dtype=np.float64).reshape(-1, 4))


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane. centreline [N >= 2, 2], in driving direction; names refer to lanes of the same map.

    left, right: the neighbour of the same direction, None where there is none. yields_to: connectors whose traffic goes
    first where the two meet. road, junction: what the lane belongs to ("" and None where unknown). width_known, limit_known: whether the
    map's source tells them; else they are what such lanes usually have.
    """

    id: str
    centreline: Array
    width_m: float
    speed_limit_mps: float
    successors: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
    left: str | None = None
    right: str | None = None
    kind: LaneKind = "road"
    road: str = ""
    junction: str | None = None
    yields_to: tuple[str, ...] = ()
    width_known: bool = True
    limit_known: bool = True

    @cached_property
    def stations(self) -> Array:
        """Distance along the centreline of each of its points, [N] metres, the first 0."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.centreline, axis=0).T))])

    @cached_property
    def box(self) -> tuple[float, ...]:
        """Least x, y and greatest x, y of the centreline."""
        return (*self.centreline.min(0).tolist(), *self.centreline.max(0).tolist())

    @property
    def length_m(self) -> float:
        """Length of the centreline."""
        return float(self.stations[-1])


@dataclass(frozen=True, eq=False)
class Polygon:
    """A ring [N >= 3, 2] and the rings of its holes; not closed (the first point is not repeated)."""

    exterior: Array
    holes: tuple[Array, ...] = ()


@dataclass(frozen=True)
class Light:
    """A traffic light over connectors: its cycle starts `offset_s` before time 0 and repeats (colour, seconds)."""

    id: str
    lanes: tuple[str, ...]
    cycle: tuple[tuple[Colour, float], ...]
    offset_s: float = 0.0

    @property
    def period_s(self) -> float:
        """Seconds of a whole cycle."""
        return sum(seconds for _, seconds in self.cycle)

    def colour(self, time_s: float) -> Colour:
        """What it shows at a time."""
        rest = (time_s + self.offset_s) % self.period_s
        for colour, seconds in self.cycle:
            if rest < seconds:
                return colour
            rest -= seconds
        return self.cycle[-1][0]


@dataclass(frozen=True, eq=False)
class StopLine:
    """Where the traffic of a lane waits: line [2, 2], right end first as the driver sees it; light: its id, if any."""

    line: Array
    lane: str
    kind: Literal["light", "yield"]
    light: str | None = None


@dataclass(frozen=True, eq=False)
class Crossing:
    """A pedestrian crossing: ring [N, 2] and the walk [2, 2] from kerb to kerb; light: what holds the cars, if any."""

    id: str
    ring: Array
    walk: Array
    light: str | None = None


@dataclass(frozen=True, eq=False)
class Junction:
    """A place where roads meet: kind ("four-way", "t", "roundabout", "merge", "split", "bend", "inferred"), centre [2], radius."""

    id: str
    kind: str
    centre: Array
    radius_m: float


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
        outlines = [_turning(polygon.exterior, True) for polygon in self.drivable]
        return outlines + [_turning(hole, False) for polygon in self.drivable for hole in polygon.holes]

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


def _turning(ring: Array, left: bool) -> Array:
    """The ring [N, 2], counter-clockwise (left) or clockwise."""
    x, y = (ring - ring[0]).T
    return ring if (float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > 0) == left else ring[::-1]


def check_map(road_map: RoadMap) -> None:
    """Raises ValueError, naming lane and field, where a map is impossible."""
    where = f"map {road_map.name!r}"
    if not road_map.lanes:
        raise ValueError(f"{where}: no lanes; a world needs at least one")
    names = {lane.id for lane in road_map.lanes}
    if len(names) != len(road_map.lanes):
        raise ValueError(f"{where}: lane ids are not unique")
    if sum(len(lane.centreline) for lane in road_map.lanes) > MAX_POINTS:
        raise ValueError(f"{where}: more than {MAX_POINTS} centreline points")
    for lane in road_map.lanes:
        _check_lane(f"{where}, lane {lane.id!r}", lane, names)
    low = np.min([lane.centreline.min(0) for lane in road_map.lanes], axis=0)
    high = np.max([lane.centreline.max(0) for lane in road_map.lanes], axis=0)
    if (high - low > MAX_EXTENT_M).any():
        raise ValueError(f"{where}: lanes span {(high - low).max():.0f} m, more than {MAX_EXTENT_M:.0f} m")
    for polygon in road_map.drivable:
        for ring in (polygon.exterior, *polygon.holes):
            if ring.ndim != 2 or ring.shape[0] < 3 or ring.shape[1] != 2 or not np.isfinite(ring).all():
                raise ValueError(f"{where}, drivable: a ring must be finite [N >= 3, 2], got shape {ring.shape}")
    for light in road_map.lights:
        if not light.cycle or light.period_s <= 0 or not set(light.lanes) <= names:
            raise ValueError(f"{where}, light {light.id!r}: needs a cycle of positive length over known lanes")
    for stop in road_map.stop_lines:
        if stop.lane not in names:
            raise ValueError(f"{where}, stop line: unknown lane {stop.lane!r}")


def _check_lane(where: str, lane: Lane, names: set[str]) -> None:
    points = lane.centreline
    if points.ndim != 2 or points.shape[0] < 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"{where}, centreline: must be finite [N >= 2, 2], got shape {points.shape}")
    if lane.length_m <= 0.01:
        raise ValueError(f"{where}, centreline: all points coincide")
    if not 0.5 <= lane.width_m <= 50:
        raise ValueError(f"{where}, width_m: must be 0.5 to 50 m, got {lane.width_m}")
    if not 0 < lane.speed_limit_mps <= 70:
        raise ValueError(f"{where}, speed_limit_mps: must be above 0 and at most 70, got {lane.speed_limit_mps}")
    linked = (*lane.successors, *lane.predecessors, *(n for n in (lane.left, lane.right) if n is not None), *lane.yields_to)
    for other in linked:
        if other not in names:
            raise ValueError(f"{where}: refers to unknown lane {other!r}")


def linked(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The same lanes with predecessors filled in from successors."""
    from dataclasses import replace

    lanes = tuple(lanes)
    before: dict[str, list[str]] = {lane.id: [] for lane in lanes}
    for lane in lanes:
        for following in lane.successors:
            before[following].append(lane.id)
    return tuple(replace(lane, predecessors=tuple(before[lane.id])) for lane in lanes)
