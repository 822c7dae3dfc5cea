"""What was recorded around an observation and after it: for losses and metrics only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.roads import Lanes, Lights, Route, Signs
from drive.schema.observation import Mask, Observation, Trajectory


@dataclass(frozen=True, eq=False)
class Agents:
    """Everything annotated around the ego, tracked through the window; A agents, T steps at times_s (past, t0, future).

    centres [A, T, 3] m and headings [A, T] rad in the ego frame of t0; sizes [A, 3] = length, width, height m (of t0, or
    of the agent's first valid step); velocities [A, T, 2] m/s with velocity_valid [A, T]; valid [A, T] = annotated then.
    points [A, T] int64: lidar + radar points, -1 = unknown. visibility [A, T] int64: nuScenes level 1..4, 0 = unknown.
    categories, instances: A strings each (nuScenes category name, instance token). now: index of t0 in times_s.
    """

    centres: Array
    headings: Array
    sizes: Array
    velocities: Array
    velocity_valid: Mask
    valid: Mask
    points: NDArray[np.int64]
    visibility: NDArray[np.int64]
    categories: tuple[str, ...]
    instances: tuple[str, ...]
    times_s: Array
    now: int

    def boxes(self, step: int) -> Array:
        """Boxes [A, 5] (x, y, heading, length, width) at one step; rows of absent agents mean nothing."""
        return np.concatenate([self.centres[:, step, :2], self.headings[:, step, None], self.sizes[:, :2]], -1)


@dataclass(frozen=True, eq=False)
class MapPatch:
    """What a sample shows of the map (`drive.maps.RoadMap`) around the ego, in the ego frame of t0: named layers of polylines or
    polygon rings, each [N, 2] float64.

    A polygon's outline runs counter-clockwise, its holes clockwise.
    """

    polygons: dict[str, tuple[Array, ...]] = field(default_factory=dict)
    lines: dict[str, tuple[Array, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ratings:
    """What people thought of R ways to go on from t0.

    paths: R arrays [T, 2] of positions in the ego frame of t0, at the first T of times_s, seconds after t0. scores [R], 0 .. 10, the
    higher the better.
    """

    paths: tuple[Array, ...]
    scores: Array
    times_s: Array


@dataclass(frozen=True, eq=False)
class Target:
    """What was recorded after t0 and around the ego: for losses and metrics only.

    future: ego poses at the window's future steps. agents: past, present and future, None where the source does not know them.
    map: where the data set has one. ego_from_lidar [4, 4]: pose of LIDAR_TOP, None where there is none. lanes, lights, route, signs:
    see `drive.roads`; None where the source does not know them. ratings: None where nobody was asked.
    """

    future: Trajectory
    agents: Agents | None = None
    map: MapPatch | None = None
    ego_from_lidar: Array | None = None
    lanes: Lanes | None = None
    lights: Lights | None = None
    route: Route | None = None
    signs: Signs | None = None
    ratings: Ratings | None = None


@dataclass(frozen=True, eq=False)
class SceneSample:
    """One moment of a record. world_from_ego [4, 4] at t0; index counts the scene's key frames from 0, frames_after those
    that follow (None = unknown)."""

    token: str
    scene: str
    index: int
    timestamp_us: int
    world_from_ego: Array
    observation: Observation
    target: Target
    frames_after: int | None = None
