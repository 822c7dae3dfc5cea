"""What no map can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drive.maps.parts import Lane

if TYPE_CHECKING:
    from drive.maps.road_map import RoadMap

MAX_EXTENT_M = 20_000.0  # no map of one world is larger; a larger one is a damaged file
MAX_POINTS = 5_000_000


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
