"""What NAVSIM's metric cache knows of a scene, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from drive.frames import Array
from drive.geometry import box_corners
from drive.schema import Mask

DT_S = 0.1
STEPS = 41  # poses of a simulated plan, 0 .. 4 s
REPLAY_STEPS = 51  # steps of recorded traffic that v1's time to collision looks at, 0 .. 5 s
PLAN_TIMES_S = 0.5 * np.arange(1, 9)
STATE_COLUMNS = ("x", "y", "heading", "vx", "vy", "ax", "ay", "steering", "steering_rate", "yaw_rate", "yaw_acceleration")

# nuPlan's names of map layers; polygons of OTHER kinds may be there, no score looks at them.
LANES = frozenset({"LANE", "LANE_CONNECTOR"})
DRIVABLE = frozenset({"ROADBLOCK", "INTERSECTION", "DRIVABLE_AREA", "CARPARK_AREA"})
INTERSECTIONS = frozenset({"INTERSECTION"})
OTHER = frozenset({"ROADBLOCK_CONNECTOR", "CROSSWALK", "WALKWAYS", "STOP_LINE", "TURN_STOP", "YIELD", "TRAFFIC_LIGHT", "STOP_SIGN"})
KINDS = LANES | DRIVABLE | OTHER
# What a scene's source may not tell, and the metrics that need it.
LIGHTS, LANE_GRAPH, AGENTS, ROAD = "traffic lights", "lanes", "annotated agents", "the drivable area"
_COLLISION, _TIME, _PROGRESS = "no_at_fault_collisions", "time_to_collision_within_bound", "ego_progress"
NEEDED: dict[str, frozenset[str]] = {
    LIGHTS: frozenset({"traffic_light_compliance"}),
    LANE_GRAPH: frozenset({_COLLISION, _TIME, _PROGRESS, "driving_direction_compliance", "lane_keeping", "traffic_light_compliance"}),
    AGENTS: frozenset({_COLLISION, _TIME, _PROGRESS}),
    ROAD: frozenset({_COLLISION, _TIME, _PROGRESS, "drivable_area_compliance"}),
}
# Everything else that nuPlan annotates is a static object.
MOVING_TYPES = frozenset({"vehicle", "pedestrian", "bicycle"})
STATIC_TYPES = frozenset({"traffic_cone", "barrier", "czone_sign", "generic_object"})


@dataclass(frozen=True, eq=False)
class Polygons:
    """The map around the ego: M polygons with kinds (of KINDS) and tokens."""

    kinds: tuple[str, ...]
    tokens: tuple[str, ...]
    shapes: NDArray[np.object_]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - KINDS)
        if unknown or not len(self.kinds) == len(self.tokens) == len(self.shapes):
            raise ValueError(f"need one kind of {sorted(KINDS)} and one token per polygon; unknown kinds: {unknown}")
        shapely.prepare(self.shapes)

    @cached_property
    def bounds(self) -> Array:
        """[M, 4]: least x, least y, greatest x, greatest y."""
        return shapely.bounds(self.shapes)

    def of(self, kinds: frozenset[str]) -> Mask:
        """Which polygons [M] are of one of the kinds."""
        return np.array([kind in kinds for kind in self.kinds], dtype=bool)

    def among(self, tokens: frozenset[str]) -> Mask:
        """Which polygons [M] have one of the tokens."""
        return np.array([token in tokens for token in self.tokens], dtype=bool)

    def contain(self, points: Array) -> Mask:
        """Points [N, 2] -> [M, N]: inside, the border left out."""
        x, y, b = points[:, 0], points[:, 1], self.bounds[:, :, None]
        inside = (b[:, 0] < x) & (x < b[:, 2]) & (b[:, 1] < y) & (y < b[:, 3])
        m, n = np.nonzero(inside)
        inside[m, n] = shapely.contains_xy(self.shapes[m], x[n], y[n])
        return inside


@dataclass(frozen=True, eq=False)
class Traffic:
    """A recorded agents at T steps of DT_S from t0 on, world frame, metres and radians.

    types: A names of MOVING_TYPES or STATIC_TYPES. sizes [A, 2] length and width. poses [A, T, 3] of the box centres,
    velocities [A, T, 2] m/s, valid [A, T] bool: seen then. Values where valid is False mean nothing.
    """

    types: tuple[str, ...]
    sizes: Array
    poses: Array
    velocities: Array
    valid: Mask

    def __post_init__(self) -> None:
        a, t = np.shape(self.valid)
        shapes = [np.shape(v) for v in (self.sizes, self.poses, self.velocities)]
        if len(self.types) != a or shapes != [(a, 2), (a, t, 3), (a, t, 2)]:
            raise ValueError(f"traffic of {len(self.types)} agents and {t} steps has arrays of shapes {shapes}")
        unknown = sorted(set(self.types) - MOVING_TYPES - STATIC_TYPES)
        if unknown:
            raise ValueError(f"unknown agent types {unknown}; known are {sorted(MOVING_TYPES | STATIC_TYPES)}")

    @cached_property
    def corners(self) -> Array:
        """Box corners [A, T, 4, 2]."""
        sizes = np.broadcast_to(self.sizes[:, None], (*self.poses.shape[:2], 2))
        return box_corners(np.concatenate([self.poses, sizes], -1))

    @cached_property
    def moving(self) -> Mask:
        """Which agents [A] are vehicles, pedestrians or bicycles."""
        return np.array([kind in MOVING_TYPES for kind in self.types], dtype=bool)

    @cached_property
    def stopped(self) -> Mask:
        """Which agents [A] count as standing: static objects, and those that stood when first seen (not later)."""
        first = self.valid.argmax(1)
        speed = np.hypot(*np.moveaxis(self.velocities[np.arange(len(first)), first], -1, 0))
        return ~self.moving | (speed <= 5e-3)

    def without(self, gone: Mask) -> Traffic:
        """The same without the agents in gone [A]."""
        types = tuple(kind for kind, left in zip(self.types, gone, strict=True) if not left)
        return Traffic(types, self.sizes[~gone], self.poses[~gone], self.velocities[~gone], self.valid[~gone])


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene, world frame.

    ego [11]: the measured state at t0 (STATE_COLUMNS, rear axle). reference [41, 3]: the poses of NAVSIM's own rule-based
    planner (PDM-Closed) each DT_S, which progress is measured against. centreline [C, 2]. route: tokens of its lanes and
    connectors. red: on-route connector -> [T] steps at which its light is red. past [K, 11]: states before t0 and at it,
    half a second apart. human [8, 3]: the recorded drive, relative to the ego at PLAN_TIMES_S.
    reference_v2: the reference planner's poses where v2's scores choose among its proposals, None where that is `reference` too.
    lacks: what of NEEDED the scene's source does not tell; the metrics that need it have no value there.
    log, time_s: which drive and when, to find the frame before. original: not synthetic (the human filter knows only these).
    Raises ValueError where a shape is wrong or a value is not finite: that is a damaged scene, not a failed plan.
    """

    token: str
    ego: Array
    reference: Array
    centreline: Array
    polygons: Polygons
    route: frozenset[str]
    traffic: Traffic
    red: Mapping[str, Mask] = field(default_factory=dict)
    past: Array | None = None
    human: Array | None = None
    log: str = ""
    time_s: float = 0.0
    original: bool = True
    reference_v2: Array | None = None
    lacks: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check(self.token, "ego", self.ego, (11,))
        _check(self.token, "reference", self.reference, (STEPS, 3))
        _check(self.token, "centreline", self.centreline, (-1, 2))
        if self.reference_v2 is not None:
            _check(self.token, "reference_v2", self.reference_v2, (STEPS, 3))
        if self.past is not None:
            _check(self.token, "past", self.past, (-1, 11))
        if self.human is not None:
            _check(self.token, "human", self.human, (len(PLAN_TIMES_S), 3))
        if self.traffic.valid.shape[1] < STEPS or any(len(red) < STEPS for red in self.red.values()):
            raise ValueError(f"scene {self.token}: traffic and lights must cover at least {STEPS} steps of {DT_S} s")

    def untold(self, terms: Iterable[str]) -> frozenset[str]:
        """Those of some metrics that need what the scene lacks."""
        return frozenset(terms) & frozenset(name for what in self.lacks for name in NEEDED[what])

    @cached_property
    def line(self) -> shapely.LineString:
        """The centreline as one geometry."""
        line = shapely.linestrings(self.centreline)
        shapely.prepare(line)
        return line


def _check(token: str, name: str, value: Array, shape: tuple[int, ...]) -> None:
    got = np.shape(value)
    if len(got) != len(shape) or any(w not in (-1, g) for g, w in zip(got, shape, strict=True)) or not np.isfinite(value).all():
        raise ValueError(f"scene {token}: {name} must be finite numbers of shape {list(shape)}, got shape {list(got)}")
