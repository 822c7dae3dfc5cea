"""Where the ego is on the map at each step, and what follows from it alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from drive.eval.navsim.scene import DRIVABLE, DT_S, INTERSECTIONS, LANES, Scene
from drive.frames import Array
from drive.schema import Mask

CENTRE, REAR_AXLE = 4, 5  # of `body_points`
WRONG_WAY_M = 2.0, 6.0  # driven off the route within a second: from here half compliant, from here not
WRONG_WAY_STEPS = round(1.0 / DT_S)
LANE_LIMIT_M = 0.5
LANE_STEPS = round(2.0 / DT_S)


@dataclass(frozen=True, eq=False)
class Areas:
    """Flags [P, T] of P proposals. several_lanes: corners in two or more lanes and not all in one. off_road: a corner in
    no drivable polygon. off_route: the centre in no lane of the route (NAVSIM calls it oncoming traffic). centre_crossing,
    axle_crossing: centre, rear axle inside an intersection."""

    several_lanes: Mask
    off_road: Mask
    off_route: Mask
    centre_crossing: Mask
    axle_crossing: Mask


def ego_areas(scene: Scene, points: Array) -> Areas:
    """Body points [P, T, 6, 2] of P proposals."""
    inside = scene.polygons.contain(points.reshape(-1, 2)).reshape(len(scene.polygons.kinds), *points.shape[:3])
    lanes, crossings = scene.polygons.of(LANES), scene.polygons.of(INTERSECTIONS)
    corners = inside[..., :CENTRE]
    in_lane = corners[lanes]
    several = (in_lane.any(-1).sum(0) > 1) & ~in_lane.all(-1).any(0)
    return Areas(
        several_lanes=several,
        off_road=~corners[scene.polygons.of(DRIVABLE)].any(0).all(-1),
        off_route=~inside[lanes & scene.polygons.among(scene.route)][..., CENTRE].any(0),
        centre_crossing=inside[crossings][..., CENTRE].any(0),
        axle_crossing=inside[crossings][..., REAR_AXLE].any(0),
    )


def driving_direction(centres: Array, off_route: Mask) -> Array:
    """Centres [P, T, 2] and flags [P, T] -> score [P]: 1, 0.5 or 0 by the most metres driven off the route within a second
    (that is, over eleven steps)."""
    driven = np.zeros(off_route.shape)
    driven[:, 1:] = np.linalg.norm(np.diff(centres, axis=1), axis=-1)
    driven[~off_route] = 0.0
    padded = np.pad(driven, ((0, 0), (WRONG_WAY_STEPS, 0)))
    most = np.lib.stride_tricks.sliding_window_view(padded, WRONG_WAY_STEPS + 1, axis=1).sum(-1).max(1)
    return np.select([most < WRONG_WAY_M[0], most < WRONG_WAY_M[1]], [1.0, 0.5], 0.0)


def progress(scene: Scene, centres: Array) -> Array:
    """Centres [P, T, 2] -> metres gained along the centreline [P], at least 0."""
    ends = shapely.line_locate_point(scene.line, shapely.points(centres[:, [0, -1]]))
    return np.maximum(ends[:, 1] - ends[:, 0], 0.0)


def lane_keeping(scene: Scene, centres: Array, crossing: Mask) -> Array:
    """1 or 0 [P]: 0 where the centre is off the centreline for two seconds on end. Steps inside an intersection are left
    out of the count and do not end it."""
    off = ~shapely.dwithin(scene.line, shapely.points(centres), LANE_LIMIT_M)
    return np.array([float(_longest_run(row[counted]) < LANE_STEPS) for row, counted in zip(off, ~crossing, strict=True)])


def _longest_run(flags: Mask) -> int:
    """Number of True in a row, at most."""
    breaks = np.flatnonzero(np.concatenate([[True], ~flags, [True]]))
    return int(np.diff(breaks).max()) - 1
