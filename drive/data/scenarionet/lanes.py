"""Lanes of a ScenarioNet file: connections, widths, neighbours and limits where it tells them, inferred where it does not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.data.scenarionet.features import Features
from drive.data.scenarionet.producers import Producer
from drive.frames import Array, wrap_angle
from drive.maps import Lane, linked

HALF_WIDTH_M = 2.0  # of a lane whose file tells none
PLAUSIBLE_HALF_M = (1.0, 4.0)  # a lane's boundary; further away it is another lane's
PLAUSIBLE_KMH = (10.0, 130.0)
JOIN_M, JOIN_RAD = 1.0, 0.6
NOT_DRIVEN = "LANE_BIKE"


def lanes_of(features: Features, producer: Producer, city_limit_mps: float, where: str) -> tuple[tuple[Lane, ...], list[BaseGeometry]]:
    """All lanes that cars drive, and the surface of every lane. Raises ValueError where there is none."""
    found: dict[str, Lane] = {}
    bodies = []
    for name in features.named("LANE"):
        if name not in features.line:
            continue
        lane, body = _lane(name, features, producer, city_limit_mps)
        bodies.append(body)
        if features.kind[name].startswith(NOT_DRIVEN):
            features.unused[f"{features.kind[name]} but for its surface"] += 1
        else:
            found[name] = lane
    if not found:
        raise ValueError(f"{where}, map_features: no lanes; a world needs at least one")
    return _connected(found, features), bodies


def _lane(name: str, features: Features, producer: Producer, city_limit_mps: float) -> tuple[Lane, BaseGeometry]:
    raw, line = features.raw[name], features.line[name]
    told = _half_width(raw.get("width"))
    half = HALF_WIDTH_M if told is None else told
    body = shapely.LineString(line).buffer(half)  # round ends close the cracks between lanes
    width, kind = 2 * half, "connector" if "width" not in raw or raw.get("interpolating") is True else "road"
    if name in features.ring:
        body = shapely.make_valid(shapely.Polygon(features.ring[name]))
        width, kind = float(np.clip(body.area / max(shapely.LineString(line).length, 1.0), 2.0, 12.0)), "road"
    limit = _limit(raw, producer)
    known = {"width_known": name in features.ring or told is not None, "limit_known": limit is not None}
    return Lane(name, line, width, city_limit_mps if limit is None else limit, kind=kind, **known), body  # type: ignore[arg-type]


def _half_width(value: Any) -> float | None:
    """Half of a lane's width from its points' distances [N, 2] to the boundaries on both sides (0 where there is none); None where
    none of them is plausible."""
    try:
        sides = np.asarray(value if value is not None else (), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    sides = sides[np.isfinite(sides) & (sides >= PLAUSIBLE_HALF_M[0]) & (sides <= PLAUSIBLE_HALF_M[1])]
    return float(np.median(sides)) if len(sides) else None


def _limit(raw: dict, producer: Producer) -> float | None:
    told = raw.get("speed_limit_kmh")
    plausible = isinstance(told, int | float) and PLAUSIBLE_KMH[0] <= told <= PLAUSIBLE_KMH[1]
    return float(told) / 3.6 if producer.limits and plausible and told is not None else None


def _names(value: Any) -> list[str]:
    """Names of lanes in a list of names, numbers, or dicts with a `feature_id`."""
    items = value if isinstance(value, list | tuple) else []
    return [str(item.get("feature_id") if isinstance(item, dict) else item) for item in items]


def _connected(lanes: dict[str, Lane], features: Features) -> tuple[Lane, ...]:
    """Lanes with successors and neighbours: the file's where it tells them, else from geometry."""
    told = {name for name in lanes if "exit_lanes" in features.raw[name] or "entry_lanes" in features.raw[name]}
    after: dict[str, dict[str, None]] = {name: {} for name in lanes}
    missing: Counter[str] = Counter()
    for name in told:
        pairs = [(name, other) for other in _names(features.raw[name].get("exit_lanes"))]
        pairs += [(other, name) for other in _names(features.raw[name].get("entry_lanes"))]
        for first, second in pairs:
            if first in lanes and second in lanes:
                after[first][second] = None
            else:
                missing["connections to lanes outside the file"] += 1
    inferred = {lane.id: lane.successors for lane in connected(list(lanes.values()))} if len(told) < len(lanes) else {}
    for name in lanes.keys() - told:
        after[name] |= dict.fromkeys(inferred[name])
    features.unused += missing
    order = {name: i for i, name in enumerate(lanes)}
    return linked(
        replace(
            lane,
            successors=tuple(sorted(after[name], key=order.__getitem__)),
            left=_neighbour(features.raw[name].get("left_neighbor"), lanes),
            right=_neighbour(features.raw[name].get("right_neighbor"), lanes),
        )
        for name, lane in lanes.items()
    )


def _neighbour(value: Any, lanes: dict[str, Lane]) -> str | None:
    """The neighbour that runs beside a lane the longest; a file lists those that merge and cross too."""
    items = [item for item in (value if isinstance(value, list | tuple) else []) if _names([item])[0] in lanes]
    return max(_names(items), key=dict(zip(_names(items), map(_beside, items), strict=True)).__getitem__) if items else None


def _beside(item: Any) -> float:
    try:
        return float(item["self_end_index"]) - float(item["self_start_index"])
    except (KeyError, TypeError, ValueError, IndexError):
        return 0.0


def connected(lanes: list[Lane]) -> tuple[Lane, ...]:
    """The same lanes with successors: lanes that start within a metre of this one's end and point the same way."""
    starts, ends = np.array([lane.centreline[0] for lane in lanes]), np.array([lane.centreline[-1] for lane in lanes])
    first = np.array([_heading(lane.centreline[:2]) for lane in lanes])
    last = np.array([_heading(lane.centreline[-2:]) for lane in lanes])
    result = []
    for i, lane in enumerate(lanes):
        fits = (np.hypot(*(starts - ends[i]).T) < JOIN_M) & (np.abs(wrap_angle(first - last[i])) < JOIN_RAD)
        fits[i] = False
        result.append(replace(lane, successors=tuple(lanes[j].id for j in np.flatnonzero(fits))))
    return linked(result)


def _heading(segment: Array) -> float:
    return float(np.arctan2(*(segment[1] - segment[0])[::-1]))
