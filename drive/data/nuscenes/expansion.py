"""The file of a nuScenes map expansion (version 1.3): read here for maps around samples, for worlds and for `drive check` alike.

Only layers that somebody uses are asked for: those of NEEDED by all, those of LANE_LAYERS by worlds. Others may be missing, and are empty
then. An arc-line path is a Dubins path: three pieces that turn left (L), right (R) or not at all (S) with one radius; a lane is a chain
of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.data.paths import inside
from drive.frames import Array
from drive.maps import Lane, LaneKind, linked

MAX_FILE_BYTES = 500_000_000
STEP_M = 1.0
MAX_LANE_M = 5_000.0
DEFAULT_WIDTH_M = 3.5  # of a lane whose polygon is missing
TURNS = {"L": 1.0, "S": 0.0, "R": -1.0}
NEEDED = ("node", "polygon", "drivable_area")
LANE_LAYERS = ("lane", "arcline_path_3", "connectivity")
OTHER_LAYERS = ("ped_crossing", "stop_line", "road_divider", "lane_divider", "line", "lane_connector")


class LaneRow(NamedTuple):
    """A lane or lane connector: its row, its line [N, 2], the tokens that follow it."""

    layer: str
    row: dict[str, Any]
    line: Array
    outgoing: tuple[str, ...]


def expansion_file(location: str) -> str:
    """Where a location's map expansion lies below the root of a data set."""
    return f"maps/expansion/{location}.json"


class ExpansionFile:
    """Polygons and lines of a location's layers, by way of its nodes, in the world's frame.

    Raises ValueError, naming file, layer and token, where the file is missing, lacks a layer of NEEDED or does not hold what it should.
    """

    def __init__(self, root: Path, location: str) -> None:
        where = self.where = expansion_file(location)
        data = self.data = _read(inside(root, where), where)
        self.require(NEEDED)
        with naming(where, "node"):
            self.nodes = {row["token"]: (float(row["x"]), float(row["y"])) for row in data["node"]}
        with naming(where, "polygon"):
            self.polygons = {row["token"]: row for row in data["polygon"]}
        with naming(where, "line"):
            self.polylines = {row["token"]: row["node_tokens"] for row in data.get("line", [])}

    def require(self, layers: tuple[str, ...]) -> None:
        """Raises ValueError where a layer is missing."""
        if missing := self.missing(layers):
            raise ValueError(f"{self.where}: no layer {missing[0]!r}; needed: a map expansion of version 1.3")

    def missing(self, layers: tuple[str, ...]) -> list[str]:
        """Which of the layers the file lacks."""
        return [layer for layer in layers if layer not in self.data]

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
        """All polygons of a layer, in its order; empty where the file lacks the layer."""
        with naming(self.where, layer):
            rows = self.data.get(layer, [])
            tokens = [t for row in rows for t in (row["polygon_tokens"] if "polygon_tokens" in row else [row["polygon_token"]])]
            return [self.polygon(token) for token in tokens]

    def lines(self, layer: str) -> list[Array]:
        """All lines of a layer; empty where the file lacks the layer."""
        with naming(self.where, layer):
            found = [self.points(self.polylines[row["line_token"]]) for row in self.data.get(layer, [])]
            return [line for line in found if len(line) >= 2]

    def lanes(self) -> Iterator[LaneRow]:
        """Lanes and lane connectors for cars that have an arc-line path. Raises ValueError where one is damaged."""
        self.require(LANE_LAYERS)
        for layer in ("lane", "lane_connector"):
            with naming(self.where, layer):
                rows = list(self.data.get(layer, []))
            for row in rows:
                with naming(self.where, f"{layer} {row.get('token') if isinstance(row, dict) else row!r}"):
                    paths = self.data["arcline_path_3"].get(row["token"], [])
                    if row.get("lane_type", "CAR") != "CAR" or not paths:
                        continue
                    after = tuple(self.data["connectivity"].get(row["token"], {}).get("outgoing", []))
                    found = LaneRow(layer, row, arcline(paths), after)
                yield found

    def lane(self, found: LaneRow, limit_mps: float) -> Lane:
        """A row as a lane of a map, its width that of its polygon on average. The file tells no speed limits: limit_mps stands for them.
        Raises ValueError where its polygon is damaged."""
        token, width = found.row["token"], None
        if found.row.get("polygon_token") in self.polygons:
            with naming(self.where, f"{found.layer} {token}"):
                length = float(np.hypot(*np.diff(found.line, axis=0).T).sum())
                width = float(np.clip(self.polygon(found.row["polygon_token"]).area / max(length, 1.0), 2.0, 12.0))
        kind: LaneKind = "road" if found.layer == "lane" else "connector"
        known = {"width_known": width is not None, "limit_known": False}
        return Lane(token, found.line, width or DEFAULT_WIDTH_M, limit_mps, found.outgoing, kind=kind, **known)  # type: ignore[arg-type]


def closed_under_links(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The same lanes without links to others, predecessors filled in."""
    lanes = tuple(lanes)
    names = {lane.id for lane in lanes}
    return linked(replace(lane, successors=tuple(name for name in lane.successors if name in names)) for lane in lanes)


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
        points.append(points[-1][-1] + chord[:, None] * np.stack([np.cos(heading + turn / 2), np.sin(heading + turn / 2)], -1))
        heading += float(turn[-1])
    return np.concatenate(points)


def _read(path: Path, where: str) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{where}: no such file; to drive in these scenes put the nuScenes map expansion 1.3 there")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{where}: {path.stat().st_size} bytes, more than {MAX_FILE_BYTES}; not a map expansion")
    try:
        data = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ValueError(f"{where}: holds a {type(data).__name__}, expected an object of layers")
    return data


@contextmanager
def naming(where: str, layer: str) -> Iterator[None]:
    """Turns whatever a damaged layer trips into a ValueError that names it."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, shapely.GEOSException) as error:
        why = f"no token or field {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{where}, {layer}: {why}") from error
