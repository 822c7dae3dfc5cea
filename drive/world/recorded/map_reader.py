"""A nuScenes map expansion (version 1.3) as a `RoadMap`: lanes from their arc-line paths, connections, drivable area, crossings.

An arc-line path is a Dubins path: three pieces that turn left (L), right (R) or not at all (S) with one radius; a lane is a chain
of them. The expansion tells neither speed limits nor what a light shows: lanes get the limit of recorded scenes, there are
no lights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.data.paths import inside
from drive.frames import Array, wrap_angle
from drive.maps import Crossing, Lane, Polygon, RoadMap, linked
from drive.world.curves import unit
from drive.world.recorded.scene import CITY_LIMIT_MPS

MAX_FILE_BYTES = 500_000_000
STEP_M = 1.0
MAX_LANE_M = 5_000.0
DEFAULT_WIDTH_M = 3.5  # of a lane whose polygon is missing
LINES = ("road_divider", "lane_divider")
TURNS = {"L": 1.0, "S": 0.0, "R": -1.0}


def expansion_map(root: Path, location: str, around: Array, reach_m: float) -> RoadMap:
    """The part of a location's map within `reach_m` of the points `around` [N, 2], whole lanes and rings.

    Raises ValueError, naming file, layer and token, where the file is missing or does not hold what it should.
    """
    where = f"maps/expansion/{location}.json"
    data = _read(inside(root, where), where)
    near = shapely.MultiPoint(around).buffer(reach_m)
    shapes = _Shapes(data, where)
    lanes = _lanes(data, shapes, near, where)
    if not lanes:
        raise ValueError(f"{where}: no lane with an arc-line path within {reach_m:.0f} m of the drive; is the map of another place?")
    area = shapely.union_all([p for p in shapes.of("drivable_area") if near.intersects(p)])
    pieces = [p for p in getattr(area, "geoms", [area]) if isinstance(p, shapely.Polygon) and not p.is_empty]
    drivable = tuple(Polygon(_ring(p.exterior), tuple(_ring(h) for h in p.interiors)) for p in pieces)
    rings = [p for p in shapes.of("ped_crossing") if near.intersects(p) and p.geom_type == "Polygon"]
    crossings = tuple(crossing_over(f"crossing{n}", ring, lanes) for n, ring in enumerate(rings))
    lines = {layer: tuple(line for line in shapes.lines(layer) if near.intersects(shapely.LineString(line))) for layer in LINES}
    return RoadMap(location, lanes, drivable, crossings, lines=lines)


def _read(path: Path, where: str) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{where}: no such file; to drive in these scenes put the nuScenes map expansion 1.3 there")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{where}: {path.stat().st_size} bytes, more than {MAX_FILE_BYTES}; not a map expansion")
    try:
        data = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON ({error})") from error
    missing = [k for k in ("node", "polygon", "lane", "drivable_area", "arcline_path_3", "connectivity") if k not in data]
    if missing:
        raise ValueError(f"{where}: no layer {missing[0]!r}; needed: a map expansion of version 1.3")
    return data


@contextmanager
def _naming(where: str, layer: str) -> Iterator[None]:
    """Turns whatever a damaged layer trips into a ValueError that names it."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, shapely.GEOSException) as error:
        why = f"no token or field {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{where}, {layer}: {why}") from error


class _Shapes:
    """Polygons and lines of a file's layers, by way of its nodes."""

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self.data, self.where = data, where
        with _naming(where, "node"):
            self.nodes = {row["token"]: (float(row["x"]), float(row["y"])) for row in data["node"]}
        with _naming(where, "polygon"):
            self.polygons = {row["token"]: row for row in data["polygon"]}
        with _naming(where, "line"):
            self.polylines = {row["token"]: row["node_tokens"] for row in data.get("line", [])}

    def points(self, tokens: list[str]) -> Array:
        """Nodes -> points [N, 2]."""
        points = np.array([self.nodes[token] for token in tokens], dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise ValueError("a node is not finite")
        return points

    def polygon(self, token: str) -> BaseGeometry:
        """A polygon with its holes, made valid."""
        row = self.polygons[token]
        holes = [self.points(hole["node_tokens"]) for hole in row.get("holes", [])]
        return shapely.make_valid(shapely.Polygon(self.points(row["exterior_node_tokens"]), [h for h in holes if len(h) >= 3]))

    def of(self, layer: str) -> list[BaseGeometry]:
        """All polygons of a layer, in its order, in single pieces."""
        with _naming(self.where, layer):
            rows = self.data.get(layer, [])
            tokens = [t for row in rows for t in (row["polygon_tokens"] if "polygon_tokens" in row else [row["polygon_token"]])]
            return [part for token in tokens for part in shapely.get_parts(self.polygon(token))]

    def lines(self, layer: str) -> list[Array]:
        """All lines of a layer."""
        with _naming(self.where, layer):
            found = [self.points(self.polylines[row["line_token"]]) for row in self.data.get(layer, [])]
            return [line for line in found if len(line) >= 2]


def _lanes(data: dict[str, Any], shapes: _Shapes, near: BaseGeometry, where: str) -> tuple[Lane, ...]:
    """Lanes and lane connectors that reach into an area, with their connections."""
    lanes: list[Lane] = []
    for layer, kind in (("lane", "road"), ("lane_connector", "connector")):
        for row in data.get(layer, []):
            with _naming(where, f"{layer} {row.get('token') if isinstance(row, dict) else row!r}"):
                paths = data["arcline_path_3"].get(row["token"], [])
                if row.get("lane_type", "CAR") != "CAR" or not paths:
                    continue
                line = arcline(paths)
                if near.intersects(shapely.LineString(line)):
                    after = data["connectivity"].get(row["token"], {}).get("outgoing", [])
                    width = _width(row, shapes, line)
                    lanes.append(Lane(row["token"], line, width, CITY_LIMIT_MPS, tuple(after), kind=kind))  # type: ignore[arg-type]
    names = {lane.id for lane in lanes}
    return linked(replace(lane, successors=tuple(name for name in lane.successors if name in names)) for lane in lanes)


def _width(row: dict[str, Any], shapes: _Shapes, line: Array) -> float:
    if row.get("polygon_token") not in shapes.polygons:
        return DEFAULT_WIDTH_M
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    return float(np.clip(shapes.polygon(row["polygon_token"]).area / max(length, 1.0), 2.0, 12.0))


def arcline(paths: list[dict[str, Any]], step_m: float = STEP_M) -> Array:
    """A chain of arc-line paths -> points [N >= 2, 2] at most about `step_m` apart.

    Each path: start_pose (x, y, heading), shape of three letters, radius, segment_length [3]. Raises ValueError where a path is
    none.
    """
    points = [_arcline_points(path, step_m) for path in paths]
    line = np.concatenate([points[0], *(p[1:] for p in points[1:])])
    keep = np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 1e-6])
    if keep.sum() < 2:
        raise ValueError("an arc-line path has no length")
    return line[keep]


def _arcline_points(path: dict[str, Any], step_m: float) -> Array:
    x, y, heading = (float(v) for v in path["start_pose"])
    radius, lengths, shape = float(path["radius"]), [float(v) for v in path["segment_length"]], str(path["shape"])
    numbers = [x, y, heading, radius, *lengths]
    if not np.isfinite(numbers).all() or len(lengths) != 3 or len(shape) != 3 or set(shape) - set(TURNS) or min(lengths) < 0:
        raise ValueError(f"an arc-line path needs three segments of L, S or R, got {path}")
    if sum(lengths) > MAX_LANE_M or (radius <= 0 and set(shape) != {"S"}):
        raise ValueError(f"an arc-line path must be shorter than {MAX_LANE_M:.0f} m with a radius above 0, got {path}")
    points = [np.array([[x, y]])]
    for letter, length in zip(shape, lengths, strict=True):
        curvature = TURNS[letter] / radius if TURNS[letter] else 0.0
        at = np.linspace(0.0, length, max(1, int(np.ceil(length / step_m))) + 1)[1:]
        turn = curvature * at
        chord = at * np.sinc(turn / (2 * np.pi))  # of an arc, exact for straight lines too
        points.append(points[-1][-1] + chord[:, None] * unit(heading + turn / 2))
        heading += float(turn[-1])
    return np.concatenate(points)


def crossing_over(name: str, ring: BaseGeometry, lanes: tuple[Lane, ...]) -> Crossing:
    """A crossing polygon; people walk along that side of its least rectangle which lies most across the nearest lane."""
    corners = _ring(shapely.minimum_rotated_rectangle(ring).exterior)
    centre = corners.mean(0)
    middles = (corners + np.roll(corners, -1, axis=0)) / 2 - centre
    gaps = [float(np.hypot(*(lane.centreline - centre).T).min()) for lane in lanes]
    line = lanes[int(np.argmin(gaps))].centreline
    at = min(int(np.argmin(np.hypot(*(line - centre).T))), len(line) - 2)
    along = np.arctan2(*(line[at + 1] - line[at])[::-1])
    across = [abs(np.sin(float(wrap_angle(np.arctan2(*m[::-1]) - along)))) for m in middles[:2]]
    half = middles[int(np.argmax(across))]
    return Crossing(name, _ring(ring.exterior), np.stack([centre - half, centre + half]))


def _ring(ring: BaseGeometry) -> Array:
    return np.array(ring.coords)[:-1]
