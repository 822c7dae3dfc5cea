"""The vector map of an Argoverse 2 log -> `RoadMap`, in its city's frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from drive.frames import Array
from drive.maps import Crossing, Lane, Polygon, RoadMap, linked

MAP_FILES = "map/log_map_archive_*.json"
MAX_BYTES = 200_000_000
# Buses and cars; lanes for bicycles are left out.
DRIVEN = ("VEHICLE", "BUS")
UNTOLD_MPS = 1.0  # the map tells no speed limits; never shown
SPACING_M = 2.0


def location_of(folder: Path) -> str:
    """The city whose frame a log's map is in, by its file's name; empty where there is no map."""
    path = _map_file(folder)
    parts = path.name.split("____") if path else []
    return parts[1].split("_")[0] if len(parts) > 1 else ""


def _map_file(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob(MAP_FILES))), None)


def read_map(folder: Path) -> RoadMap | None:
    """The map of a log; None where it has none. Raises ValueError, naming what is wrong in it."""
    path = _map_file(folder)
    if path is None:
        return None
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, more than {MAX_BYTES}; no map of a log")
    with _naming(f"{path}"):
        data = json.loads(path.read_text())
        rows = {str(row["id"]): row for row in data["lane_segments"].values()}
        bounds = {name: (_points(row["left_lane_boundary"]), _points(row["right_lane_boundary"])) for name, row in rows.items()}
        areas = tuple(piece for row in data["drivable_areas"].values() for piece in _pieces(_points(row["area_boundary"])))
        crossings = tuple(_crossing(row) for row in data["pedestrian_crossings"].values())
        return RoadMap(path.parent.parent.name, _lanes(rows, bounds), areas, crossings, lines=_lines(rows, bounds))


@contextmanager
def _naming(where: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError, shapely.GEOSException) as error:
        why = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{where}: {why}") from error


def _points(rows: list[dict[str, float]]) -> Array:
    """Points of the file -> [N >= 2, 2]; heights are not used."""
    points = np.array([[row["x"], row["y"]] for row in rows], dtype=np.float64).reshape(-1, 2)
    if len(points) < 2 or not np.isfinite(points).all():
        raise ValueError(f"a line has {len(points)} points or one that is not finite")
    return points


def _lanes(rows: dict[str, dict[str, Any]], bounds: dict[str, tuple[Array, Array]]) -> tuple[Lane, ...]:
    driven = {name: _middle(*bounds[name]) for name, row in rows.items() if row["lane_type"] in DRIVEN}

    def beside(name: str, key: str) -> str | None:
        """The neighbour, where it goes the same way."""
        other = str(rows[name][key])
        if other not in driven:
            return None
        ways = [line[-1] - line[0] for line in (driven[name][0], driven[other][0])]
        return other if ways[0] @ ways[1] > 0 else None

    return linked(
        Lane(
            name,
            line,
            width,
            UNTOLD_MPS,
            successors=tuple(dict.fromkeys(str(other) for other in rows[name]["successors"] if str(other) in driven)),
            left=beside(name, "left_neighbor_id"),
            right=beside(name, "right_neighbor_id"),
            kind="connector" if rows[name]["is_intersection"] else "road",
            limit_known=False,
        )
        for name, (line, width) in driven.items()
    )


def _middle(left: Array, right: Array) -> tuple[Array, float]:
    """The line between two boundaries, each gone along evenly, and how far they lie apart on average."""
    lengths = [float(np.hypot(*np.diff(side, axis=0).T).sum()) for side in (left, right)]
    count = max(2, int(np.ceil(max(lengths) / SPACING_M)) + 1)
    sides = [_evenly(side, count) for side in (left, right)]
    width = float(np.hypot(*(sides[0] - sides[1]).T).mean())
    return (sides[0] + sides[1]) / 2, float(np.clip(width, 0.5, 50.0))


def _evenly(line: Array, count: int) -> Array:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], -1)


def _pieces(ring: Array) -> list[Polygon]:
    """A ring, which may touch itself, as polygons."""
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapely.Polygon(ring)))) if len(ring) >= 3 else []
    rings = [(part.exterior, part.interiors) for part in parts if part.geom_type == "Polygon"]
    return [Polygon(np.array(out.coords)[:-1], tuple(np.array(hole.coords)[:-1] for hole in holes)) for out, holes in rings]


def _crossing(row: dict[str, Any]) -> Crossing:
    """Its two edges run the way that people walk, both in one direction or against each other."""
    one, two = _points(row["edge1"]), _points(row["edge2"])
    if np.hypot(*(one[-1] - two[-1])) > np.hypot(*(one[-1] - two[0])):
        two = two[::-1]
    walk = np.stack([(one[0] + two[0]) / 2, (one[-1] + two[-1]) / 2])
    return Crossing(str(row["id"]), np.concatenate([one, two[::-1]]), walk)


def _lines(rows: dict[str, dict[str, Any]], bounds: dict[str, tuple[Array, Array]]) -> dict[str, tuple[Array, ...]]:
    """Painted lines: yellow ones divide the road, others its lanes. Neighbours share theirs, which is told once."""
    found: dict[str, dict[bytes, Array]] = {"road_divider": {}, "lane_divider": {}}
    for name, row in rows.items():
        for line, mark in zip(bounds[name], (row["left_lane_mark_type"], row["right_lane_mark_type"]), strict=True):
            if mark not in ("NONE", "UNKNOWN"):
                ends = np.sort(line[[0, -1]].round(1), axis=0).tobytes()
                found["road_divider" if "YELLOW" in mark else "lane_divider"].setdefault(ends, line)
    return {layer: tuple(lines.values()) for layer, lines in found.items()}
