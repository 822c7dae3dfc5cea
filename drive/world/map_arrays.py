"""A `RoadMap` as arrays for the compiled step: which connectors conflict and who goes first, lights, road surface, lane cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drive.curves import resample, stations_of
from drive.frames import Array
from drive.maps import COLOURS, Lane, RoadMap
from drive.world.checks import CELL_M
from drive.world.shapes import closed_edges

CONFLICT_M = 2.6  # two bodies on connectors nearer than this may touch
STRIP_M = 1.0
MAX_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class MapTables:
    """`arrays`: fields of `Static` by name. connector: id -> row of controlled connectors."""

    arrays: dict[str, np.ndarray | float]
    connector: dict[str, int]


@lru_cache(maxsize=8)  # by the map itself, which nobody writes to
def map_tables(road_map: RoadMap) -> MapTables:
    """Tables of a map; raises ValueError where it is too large for cells."""
    light_of = {lane: i for i, light in enumerate(road_map.lights) for lane in light.lanes}
    pairs = _conflicts(road_map)
    names = sorted({name for pair in pairs for name in pair[:2]} | set(light_of), key=road_map.index.__getitem__)
    row = {name: i for i, name in enumerate(names)}
    conflict = np.full((len(names), len(names)), -1, dtype=np.int32)
    for n, (a, b, _, _) in enumerate(pairs):
        conflict[row[a], row[b]] = n
    kinds = {junction.id: junction.kind for junction in road_map.junctions}
    places = [kinds.get(road_map.lane(name).junction or "") for name in names]
    arrays: dict[str, np.ndarray | float] = {
        "conflict": conflict,
        "conflict_span": np.array([span for _, _, span, _ in pairs], dtype=np.float64).reshape(-1, 4),
        "conflict_priority": np.array([priority for *_, priority in pairs], dtype=np.int64),
        "connector_light": np.array([light_of.get(name, -1) for name in names], dtype=np.int64),
        "keep_clear": np.array([kind in ("t", "four-way") for kind in places], dtype=np.int64),
        "zipper": np.array([kind == "merge" for kind in places], dtype=np.int64),
    }
    return MapTables({**arrays, **_lights(road_map), **_surface(road_map), **_lane_cells(road_map)}, row)


def _conflicts(road_map: RoadMap) -> list[tuple[str, str, tuple[float, ...], int]]:
    """Ordered pairs of connectors that cannot be driven at once: own span, the other's span, and who goes first."""
    groups: dict[str, list[Lane]] = {}
    for lane in road_map.lanes:
        if lane.kind == "connector" and lane.junction is not None:
            groups.setdefault(lane.junction, []).append(lane)
    pairs: list[tuple[str, str, tuple[float, ...], int]] = []
    for group in groups.values():
        points = [resample(lane.centreline) for lane in group]
        for i, a in enumerate(group):
            for j, b in enumerate(group):
                if i == j or set(a.predecessors) & set(b.predecessors) or b.id in a.successors or a.id in b.successors:
                    continue
                near = np.hypot(*np.moveaxis(points[i][:, None] - points[j][None], -1, 0)) < CONFLICT_M
                if near.any():
                    own, other = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
                    sa, sb = stations_of(points[i]), stations_of(points[j])
                    priority = -1 if b.id in a.yields_to else (1 if a.id in b.yields_to else 0)
                    pairs.append((a.id, b.id, (sa[own[0]], sa[own[-1]], sb[other[0]], sb[other[-1]]), priority))
    return pairs


def _lights(road_map: RoadMap) -> dict[str, np.ndarray]:
    phases = max([len(light.cycle) for light in road_map.lights], default=1)
    cycle = np.zeros((len(road_map.lights), phases, 2))
    for n, light in enumerate(road_map.lights):
        ends = np.cumsum([seconds for _, seconds in light.cycle])
        cycle[n, :, 1] = ends[-1]
        cycle[n, : len(ends), 0] = [COLOURS.index(colour) for colour, _ in light.cycle]
        cycle[n, : len(ends), 1] = ends
    index = {light.id: i for i, light in enumerate(road_map.lights)}
    held = [stop for stop in road_map.stop_lines if stop.light is not None]
    return {
        "light_cycle": cycle,
        "light_time": np.array([[light.offset_s, light.period_s] for light in road_map.lights]).reshape(-1, 2),
        "stop_line": np.array([stop.line.ravel() for stop in held]).reshape(-1, 4),
        "stop_light": np.array([index[stop.light or ""] for stop in held], dtype=np.int64),
        "xing_light": np.array([index[c.light] if c.light else -1 for c in road_map.crossings], dtype=np.int64),
    }


def _surface(road_map: RoadMap) -> dict[str, np.ndarray | float]:
    rings = [ring for polygon in road_map.drivable for ring in (polygon.exterior, *polygon.holes)]
    if not rings:
        return {"road_start": 0.0, "road_ptr": np.zeros(1, dtype=np.int64), "road_edges": np.zeros((0, 4))}
    edges = closed_edges(rings)
    start = float(np.floor(edges[:, [1, 3]].min()))
    first = np.floor((np.minimum(edges[:, 1], edges[:, 3]) - start) / STRIP_M).astype(np.int64)
    last = np.floor((np.maximum(edges[:, 1], edges[:, 3]) - start) / STRIP_M).astype(np.int64)
    owner = np.repeat(np.arange(len(edges)), last - first + 1)
    strip = first[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(last - first + 1) - (last - first + 1), last - first + 1)
    order = np.argsort(strip, kind="stable")
    ptr = np.searchsorted(strip[order], np.arange(last.max() + 2))
    return {"road_start": start, "road_ptr": ptr.astype(np.int64), "road_edges": edges[owner[order]]}


def _lane_cells(road_map: RoadMap) -> dict[str, np.ndarray]:
    rows = []
    for lane in road_map.lanes:
        points = resample(lane.centreline, 2.0)
        slope = np.gradient(points, axis=0)
        inside = np.full(len(points), float(lane.kind == "connector"))
        rows.append(np.column_stack([points, np.arctan2(slope[:, 1], slope[:, 0]), np.full(len(points), lane.width_m / 2), inside]))
    samples = np.concatenate(rows)
    origin = samples[:, :2].min(0) - CELL_M
    shape = (np.floor((samples[:, :2].max(0) - origin) / CELL_M) + 2).astype(np.int64)
    if shape.prod() > MAX_CELLS:
        raise ValueError(f"map {road_map.name!r}: {shape.prod()} cells of {CELL_M} m, more than {MAX_CELLS}; are its lanes scattered?")
    cell = (np.floor((samples[:, :2] - origin) / CELL_M).astype(np.int64) * [shape[1], 1]).sum(1)
    order = np.argsort(cell, kind="stable")
    ptr = np.searchsorted(cell[order], np.arange(shape.prod() + 1)).astype(np.int64)
    return {"lane_origin": origin, "lane_shape": shape, "lane_ptr": ptr, "lane_samples": samples[order]}


def crossings_on(points: Array, road_map: RoadMap) -> list[tuple[float, int]]:
    """Where a path [N, >=2] of one point a metre passes over crossings: (station, row of the crossing), in driving order."""
    found: list[tuple[float, int]] = []
    for n, crossing in enumerate(road_map.crossings):
        a, b = crossing.walk
        half = np.hypot(*(b - a)) / 2
        along = (b - a) / (2 * half)
        offset = points[:, :2] - (a + b) / 2
        u, w = offset @ along, offset @ np.array([-along[1], along[0]])
        at = np.flatnonzero((w[:-1] * w[1:] <= 0) & (w[:-1] != w[1:]) & (np.abs(u[:-1]) <= half))
        found.extend((float(k + w[k] / (w[k] - w[k + 1])), n) for k in at)
    return sorted(found)
