"""The value types that travel through the package, and the `Planner` protocol.

    data set -> SceneSample = Observation (what a planner may see) + Target (what only losses and metrics see)
    Planner.plan(Observation) -> Plan

All poses are in the ego frame of t0, the sample's reference time (its LIDAR_TOP key frame, or the first camera's where
there is no LiDAR). Masks stand beside values; there are no sentinels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.frames import Array
from drive.limits import TINY, within
from drive.roads import Lanes, Lights, Navigation, Route, Signs

Mask = NDArray[np.bool_]
Command = Literal["left", "straight", "right"]
COMMANDS: tuple[Command, ...] = ("left", "straight", "right")


class PlanError(ValueError):
    """A planner could not answer this observation. The sample is a failed one, counted with this message."""


class MissingImage(PlanError):
    """An image that a planner asked for is not on disk or does not decode; the message names the file."""


class DecodeError(PlanError):
    """Generated tokens are no answer; the message says which token and why."""


@dataclass(frozen=True)
class Window:
    """Which times around t0 a sample covers: past and future in seconds, steps per second, camera frames per sample."""

    past_s: float = 2.0
    future_s: float = 3.0
    rate_hz: float = 2.0
    frames: int = 1

    def __post_init__(self) -> None:
        within(self, past_s=(0, 60), future_s=(TINY, 60), rate_hz=(0.1, 100), frames=(1, 4))
        if round(self.future_s * self.rate_hz) < 1:
            raise ValueError(f"Window.future_s {self.future_s:g} holds no step of {self.rate_hz:g} Hz; give at least {1 / self.rate_hz:g}")

    @property
    def past_times_s(self) -> Array:
        """Nominal times of the past poses, t0 included, oldest first: [..., -0.5, 0.0]."""
        return np.arange(-round(self.past_s * self.rate_hz), 1) / self.rate_hz

    @property
    def future_times_s(self) -> Array:
        """Nominal times of the future poses: [0.5, 1.0, ...]."""
        return np.arange(1, round(self.future_s * self.rate_hz) + 1) / self.rate_hz


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Poses [T, 3] float64 (x m, y m, heading rad) in the ego frame of t0; times_s [T] relative to t0; valid [T] bool.

    times_s are the times of the record itself, which for key frames differ from the nominal ones by some hundredths of a
    second. Poses and times where valid is False hold zeros and nominal times and mean nothing.
    """

    poses: Array
    times_s: Array
    valid: Mask


@dataclass(frozen=True)
class VideoPicture:
    """One picture of a video file; number counts from 0 in the order they are shown."""

    path: Path
    number: int

    @property
    def name(self) -> str:
        """For messages: the file and the picture's number in it."""
        return f"{self.path.name}:{self.number}"

    def is_file(self) -> bool:
        """Whether the video is on disk."""
        return self.path.is_file()


@dataclass(frozen=True)
class StoredPicture:
    """A picture file's bytes, in memory and not yet decoded; name: for messages."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class CameraImage:
    """A camera and its picture: uint8 [H, W, 3] RGB in memory, or the file, its bytes or the video that holds it (`drive.data.images`).

    time_s: when the picture was taken, relative to t0. mount [4, 4]: the camera's pose on the car, `ego_from_camera`
    without the ego's motion between time_s and the frame's time (which tells the speed to whoever looks); None where the
    two are the same.
    """

    camera: Camera
    time_s: float
    image: NDArray[np.uint8] | Path | VideoPicture | StoredPicture
    mount: Array | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """All cameras of one moment. time_s <= 0 relative to t0. Every `ego_from_camera` is in the ego frame of this
    frame's own reference time, the motion between that time and the camera's own included."""

    time_s: float
    cameras: tuple[CameraImage, ...]


@dataclass(frozen=True, eq=False)
class Observation:
    """All that a planner may see. Nothing in it depends on anything after t0, except `command` (see below).

    frames: oldest first, the last one is t0's; fewer than configured where a scene starts.
    past: ego poses up to t0, oldest first, t0 (the origin) last.
    speed_mps, acceleration_mps2, yaw_rate_radps: backward differences of poses, or CAN, at or before t0; None where unknown.
    command: route command. Data sets without a route derive it from the recorded future (VAD's rule), so it peeks;
    None where left out.
    navigation: what a navigator says of the next junction, for planners that understand more than the three words; None where there
    is no route or no junction ahead on it.
    future_times_s [T]: the times at which a plan is asked for.
    """

    token: str
    frames: tuple[Frame, ...]
    past: Trajectory
    future_times_s: Array
    speed_mps: float | None = None
    acceleration_mps2: float | None = None
    yaw_rate_radps: float | None = None
    command: Command | None = None
    navigation: Navigation | None = None


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


Fallback = Literal["none", "slow", "stop"]
FALLBACKS: tuple[Fallback, ...] = ("none", "slow", "stop")
MOST_REASONS, LONGEST_REASON = 100, 300


@dataclass(frozen=True)
class Degraded:
    """Whether a planner could trust what it was shown (docs/degraded.md). probability, 0 to 1: that pictures, times or speed are not what
    they should be. reasons: what is wrong, worst first, such as "blurred: CAM_FRONT"; () where nothing seems to be. fallback: what the
    trajectories were replaced by. Raises ValueError for anything else.
    """

    probability: float
    reasons: tuple[str, ...] = ()
    fallback: Fallback = "none"

    def __post_init__(self) -> None:
        number = isinstance(self.probability, int | float | np.floating) and not isinstance(self.probability, bool)
        if not number or not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"degraded: probability is a number from 0 to 1, got {str(self.probability)[:40]}")
        told = self.reasons
        if not isinstance(told, list | tuple) or len(told) > MOST_REASONS or not all(map(_is_reason, told)):
            raise ValueError(f"degraded: reasons are at most {MOST_REASONS} texts of 1 to {LONGEST_REASON} letters, got {str(told)[:80]}")
        if self.fallback not in FALLBACKS:
            raise ValueError(f"degraded: fallback is one of {', '.join(FALLBACKS)}, got {str(self.fallback)[:40]!r}")
        object.__setattr__(self, "probability", float(self.probability))
        object.__setattr__(self, "reasons", tuple(told))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"probability": self.probability, "reasons": list(self.reasons), "fallback": self.fallback}

    @staticmethod
    def from_json(told: Any) -> Degraded:
        """The inverse of `to_json`; reasons and fallback may be left out. Raises ValueError for what is none."""
        if not isinstance(told, dict) or "probability" not in told or set(told) - {"probability", "reasons", "fallback"}:
            raise ValueError(f"degraded is an object of probability, reasons and fallback, got {str(told)[:80]}")
        return Degraded(told["probability"], told.get("reasons", ()), told.get("fallback", "none"))


def _is_reason(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_REASON


@dataclass(frozen=True, eq=False)
class Plan:
    """A planner's answer: trajectories [K, T, 3] float64 (x, y, heading) in the ego frame of t0, best first; times_s [T].

    log_probs [K]: natural log-probability of each sample, None where the planner has none. text: the decoded answer as
    written, where it is text, or what was thought before the plan, in words, a line each. degraded: whether the planner could see,
    None where it does not tell. Raises ValueError where shapes disagree or a value is not finite.
    """

    trajectories: Array
    times_s: Array
    log_probs: Array | None = None
    text: str | None = None
    degraded: Degraded | None = None

    def __post_init__(self) -> None:
        trajectories, times = np.asarray(self.trajectories, dtype=np.float64), np.asarray(self.times_s, dtype=np.float64)
        object.__setattr__(self, "trajectories", trajectories)
        object.__setattr__(self, "times_s", times)
        if trajectories.ndim != 3 or trajectories.shape[0] < 1 or trajectories.shape[2] != 3:
            raise ValueError(f"trajectories must be [K >= 1, T, 3] (x, y, heading), got shape {trajectories.shape}")
        if times.shape != trajectories.shape[1:2]:
            raise ValueError(f"times_s must have one entry per step, got {times.shape} for {trajectories.shape[1]} steps")
        if not np.isfinite(trajectories).all():
            raise ValueError("trajectories hold NaN or infinity; raise PlanError where there is no answer")
        if self.log_probs is not None and np.shape(self.log_probs) != trajectories.shape[:1]:
            raise ValueError(f"log_probs must be [{trajectories.shape[0]}], got shape {np.shape(self.log_probs)}")
        if self.degraded is not None and not isinstance(self.degraded, Degraded):
            raise ValueError(f"degraded must be a drive.Degraded or None, got {type(self.degraded).__name__}")

    @property
    def best(self) -> Array:
        """The first trajectory, [T, 3]."""
        return self.trajectories[0]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a planner answered to several requests, each told apart by its name with its parameter (`plan:bins`).

    values: request -> its K answers, of the task's type, the one to use first. log_probs: request -> [K] natural log-probabilities.
    failures: request -> why there is no answer; a request stands in values or here.
    """

    values: dict[str, tuple[Any, ...]]
    log_probs: dict[str, Array] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def best(self, request: str) -> Any:
        """The answer to use. Raises PlanError with the reason where there is none, KeyError where it was not asked for."""
        if request in self.failures:
            raise PlanError(self.failures[request])
        return self.values[request][0]


@dataclass(frozen=True)
class PlannerSpec:
    """What a planner takes and gives, said once (`drive.asking.spec_of`).

    window: the times and frames that it wants; None: any. pictures: whether it needs them, takes them where there are any, or makes no
    use of them (then none are drawn for it). cameras: names of those it looks at, () = whatever there is. privileged: it is shown the
    world itself (`plan_in_world`), which benchmarks refuse. tasks: the requests it answers; () = plans alone; without a plan among them
    it is never asked for one. deterministic: the same observation gets the same answer, whatever came between.
    """

    window: Window | None = None
    pictures: Literal["needed", "taken", "unused"] = "taken"
    cameras: tuple[str, ...] = ()
    privileged: bool = False
    tasks: tuple[str, ...] = ()
    deterministic: bool = True


@runtime_checkable
class Planner(Protocol):
    """Anything with a name and a `plan`. `drive.check_planner` tests the whole contract.

    plan returns K = samples trajectories at `observation.future_times_s`, and raises PlanError where it cannot answer.
    It keeps no state between calls: the same observation gets the same plan.

    It may say more of itself in `spec`, a `PlannerSpec`, and answer other requests in `answer(observation, requests, samples)`.
    """

    name: str

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """One observation -> a plan of `samples` trajectories."""
        ...
