"""A recorded scene, and the window around one of its key frames: past | t0 | future.

Adapters (`drive.data.nuscenes`) fill a `SceneLog`; `make_sample` cuts a `SceneSample` from it. All that a planner may see
is computed from key frames at or before t0, except `command`, which says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.data.motion import Motion
from drive.frames import Array, angle_of, heading_of, invert_se3, rotation_2d, wrap_angle
from drive.roads import Lanes, Lights
from drive.schema import (
    Agents,
    CameraImage,
    Command,
    Frame,
    MapPatch,
    Mask,
    Observation,
    SceneSample,
    StoredPicture,
    Target,
    Trajectory,
    Window,
)

# VAD's rule: a final point this far to the side is a turn.
COMMAND_OFFSET_M = 2.0
# A window step is a whole number of key frames where it is one to this fraction of a key frame.
STRIDE_TOLERANCE = 0.05
# A step's key frame may be off the nominal time by this fraction of a spacing (nuScenes' drift by half of one in three seconds).
TIME_TOLERANCE = 0.75
# Key frames closer than this fraction of the spacing are of another rate.
LEAST_GAP = 0.5
# Nothing is interpolated between key frames further apart, however rare a record's key frames are.
LONGEST_GAP_S = 1.0
# So many steps between its key frames tell a scene's own spacing; with fewer, one gap would be taken for it.
ENOUGH_STEPS = 4


@dataclass(frozen=True, eq=False)
class CameraRecord:
    """One picture of a key frame. The camera's `ego_from_camera` is in the ego frame of the key frame's reference time;
    mount [4, 4] is its pose on the car, without the motion between that time and the picture's."""

    camera: Camera
    mount: Array
    timestamp_us: int
    path: Path | StoredPicture


@dataclass(frozen=True, eq=False)
class Tracks:
    """All agents of a scene over its N key frames, in the world frame.

    centres [A, N, 3] m; forward [A, N, 3] unit vector along the length; sizes [A, N, 3] = length, width, height m;
    velocities [A, N, 3] m/s with velocity_valid [A, N]; valid, points, visibility [A, N] (see `drive.schema.Agents`).
    """

    instances: tuple[str, ...]
    categories: tuple[str, ...]
    centres: Array
    forward: Array
    sizes: Array
    velocities: Array
    velocity_valid: Mask
    valid: Mask
    points: NDArray[np.int64]
    visibility: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SceneLog:
    """One scene as recorded: N key frames, their cameras, the ego's poses and the tracks of everything annotated.

    timestamps_us [N] int64, strictly increasing, and world_from_ego [N, 4, 4] belong to each key frame's reference time;
    spacing_s is the usual time between its key frames (`usual_spacing`).
    ego_from_lidar: the LiDAR's mounting per key frame, None where there is none. location: the name of the scene's map;
    map_file: its raster mask, below the root. annotated: whether somebody looked for agents; where not, tracks has none.
    motions, commands: what the record tells at each key frame; None: motion is that of the poses, the command `route_command`'s.
    """

    name: str
    location: str
    map_file: str
    tokens: tuple[str, ...]
    timestamps_us: NDArray[np.int64]
    spacing_s: float
    world_from_ego: Array
    cameras: tuple[tuple[CameraRecord, ...], ...]
    ego_from_lidar: tuple[Array | None, ...]
    tracks: Tracks
    annotated: bool = True
    motions: tuple[Motion, ...] | None = None
    commands: tuple[Command | None, ...] | None = None


@dataclass(frozen=True, eq=False)
class WindowSteps:
    """Where the T steps of a window lie among key frames: value = (1 - weight) * x[lower] + weight * x[upper].

    times_s [T] are the record's own times relative to t0 where valid, nominal ones elsewhere.
    """

    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    weight: Array
    valid: Mask
    times_s: Array

    @cached_property
    def between(self) -> bool:
        """Whether any step lies between two key frames."""
        return bool((self.lower != self.upper).any())

    def blend(self, low: Array, high: Array) -> Array:
        """Linear interpolation of values whose last axis is the step."""
        return low + self.weight * (high - low)


def window_steps(times_s: Array, index: int, nominal_s: Array, rate_hz: float, spacing_s: float) -> WindowSteps:
    """Finds a window's steps among key frames at times_s [N] (relative to key frame `index`, whose time is 0).

    Where a step of the window is one key-frame spacing, step k is k key frames away, as in every published protocol, with its own
    time; it is not valid where key frames on the way are closer than LEAST_GAP of a spacing. Where a step is a whole number of
    spacings, it is the key frame nearest to the nominal time. Neither is valid more than TIME_TOLERANCE of a spacing off that time
    (key frames are missing, or come at another rate). At any other rate values are interpolated between the key frames on both
    sides, which must be less than two spacings and at most LONGEST_GAP_S apart. Steps beyond the scene's ends are not valid.
    """
    stride = round(1 / (rate_hz * spacing_s))
    if stride >= 1 and abs(1 / (rate_hz * spacing_s) - stride) < STRIDE_TOLERANCE:
        places = _counted if stride == 1 else _nearest
        lower, valid = places(times_s, index, nominal_s, rate_hz, spacing_s)
        valid &= np.abs(times_s[lower] - nominal_s) <= TIME_TOLERANCE * spacing_s
        return WindowSteps(lower, lower, np.zeros(len(nominal_s)), valid, np.where(valid, times_s[lower], nominal_s))
    count = len(times_s)
    upper = np.clip(np.searchsorted(times_s, nominal_s), 0, count - 1)
    lower = np.where(times_s[upper] <= nominal_s, upper, np.maximum(upper - 1, 0))
    gap = times_s[upper] - times_s[lower]
    weight = np.where(gap > 0, (nominal_s - times_s[lower]) / np.where(gap > 0, gap, 1.0), 0.0)
    near = (gap < 2 * spacing_s) & (gap <= LONGEST_GAP_S)
    valid = (times_s[0] <= nominal_s) & (nominal_s <= times_s[-1]) & near
    return WindowSteps(lower, upper, np.where(valid, weight, 0.0), valid, np.asarray(nominal_s, dtype=np.float64))


def usual_spacing(timestamps_us: NDArray[np.int64], elsewhere_s: float) -> float:
    """The usual time in seconds between the key frames of a scene: the median of its steps, or what is usual elsewhere in the data
    set where it has fewer than ENOUGH_STEPS of them."""
    steps = np.diff(timestamps_us)
    return float(np.median(steps)) / 1e6 if len(steps) >= ENOUGH_STEPS else elsewhere_s


def _counted(times_s: Array, index: int, nominal_s: Array, rate_hz: float, spacing_s: float) -> tuple[NDArray[np.int64], Mask]:
    wanted = index + np.round(nominal_s * rate_hz).astype(np.int64)
    lower = np.clip(wanted, 0, len(times_s) - 1)
    crowded = np.concatenate([[0], np.cumsum(np.diff(times_s) < LEAST_GAP * spacing_s)])
    return lower, (wanted == lower) & (crowded[lower] == crowded[index])


def _nearest(times_s: Array, index: int, nominal_s: Array, rate_hz: float, spacing_s: float) -> tuple[NDArray[np.int64], Mask]:
    lower = np.abs(times_s - nominal_s[:, None]).argmin(1)
    lower[np.round(nominal_s * rate_hz) == 0] = index
    return lower, np.ones(len(lower), dtype=bool)


def make_sample(
    log: SceneLog,
    index: int,
    window: Window,
    motion: Motion,
    command: bool,
    patch: MapPatch | None,
    lanes: Lanes | None = None,
    lights: Lights | None = None,
) -> SceneSample:
    """The sample of key frame `index` of a scene, in the ego frame of that key frame.

    motion: speed, acceleration and yaw rate at t0. command: whether to tell the route command, which peeks at the future where the
    record does not tell it.
    patch, lanes, lights: the map, the lane graph and its lights around the ego, in its frame.
    """
    times_s = (log.timestamps_us - log.timestamps_us[index]) / 1e6
    ego_from_world = invert_se3(log.world_from_ego[index])
    poses = planar_poses(log.world_from_ego, index)
    past = window_steps(times_s, index, window.past_times_s, window.rate_hz, log.spacing_s)
    future = window_steps(times_s, index, window.future_times_s, window.rate_hz, log.spacing_s)
    agents = _agents(log.tracks, ego_from_world, past, future) if log.annotated else None
    target = Target(trajectory(poses, future), agents, patch, log.ego_from_lidar[index], lanes, lights)
    observation = Observation(
        token=log.tokens[index],
        frames=tuple(_frame(log, i, index) for i in range(max(0, index - window.frames + 1), index + 1)),
        past=trajectory(poses, past),
        future_times_s=window.future_times_s,
        speed_mps=motion.speed_mps,
        acceleration_mps2=motion.acceleration_mps2,
        yaw_rate_radps=motion.yaw_rate_radps,
        command=(route_command(target.future) if log.commands is None else log.commands[index]) if command else None,
    )
    timestamp = int(log.timestamps_us[index])
    after = len(log.tokens) - 1 - index
    return SceneSample(log.tokens[index], log.name, index, timestamp, log.world_from_ego[index], observation, target, after)


def planar_poses(world_from_ego: Array, index: int) -> Array:
    """Ego poses [N, 4, 4] -> [N, 3] (x, y, heading) as seen from pose `index`.

    Distances are those of the world's horizontal plane: the car's pitch and roll, which braking and bends change, do not
    shorten them. (Agents and cameras are placed in three dimensions.)
    """
    xy, heading = world_from_ego[:, :2, 3], heading_of(world_from_ego)
    return np.concatenate([(xy - xy[index]) @ rotation_2d(heading[index]), wrap_angle(heading - heading[index])[:, None]], -1)


def trajectory(poses: Array, steps: WindowSteps) -> Trajectory:
    """Key-frame poses [N, 3] -> the trajectory at the given steps: positions linear, headings along the shorter arc."""
    low, high = poses[steps.lower], poses[steps.upper]
    xy = steps.blend(low[:, :2].T, high[:, :2].T).T
    heading = wrap_angle(low[:, 2] + steps.weight * wrap_angle(high[:, 2] - low[:, 2]))
    values = np.concatenate([xy, heading[:, None]], -1)
    return Trajectory(np.where(steps.valid[:, None], values, 0.0), steps.times_s, steps.valid)


def route_command(future: Trajectory) -> Command | None:
    """VAD's rule: left or right where the final point lies COMMAND_OFFSET_M or more to the side, else straight.

    It peeks at the recorded future. As in VAD, the final point is the last recorded one where the scene ends before the
    horizon; None where nothing is recorded after t0. (VAD measures at the LiDAR; here it is the ego's origin.)
    """
    if not future.valid.any():
        return None
    offset = future.poses[future.valid][-1, 1]
    if abs(offset) < COMMAND_OFFSET_M:
        return "straight"
    return "left" if offset > 0 else "right"


def _frame(log: SceneLog, i: int, index: int) -> Frame:
    """Key frame i as a frame of the sample at `index`: frames of a sample are consecutive key frames."""
    t0 = log.timestamps_us[index]
    images = tuple(CameraImage(r.camera, float(r.timestamp_us - t0) / 1e6, r.path, r.mount) for r in log.cameras[i])
    return Frame(float(log.timestamps_us[i] - t0) / 1e6, images)


def _agents(tracks: Tracks, ego_from_world: Array, past: WindowSteps, future: WindowSteps) -> Agents:
    """The agents annotated in at least one step of the window (past, t0 or future). Between key frames an agent is valid
    where it is at both neighbours; points and visibility are unknown there."""
    steps = WindowSteps(
        *(np.concatenate([getattr(s, n) for s in (past, future)]) for n in ("lower", "upper", "weight", "valid", "times_s"))
    )
    low, high, now = steps.lower, steps.upper, len(past.times_s) - 1
    valid = tracks.valid[:, low] & tracks.valid[:, high] & steps.valid
    keep = valid.any(1)
    valid = valid[keep]
    rotation = ego_from_world[:3, :3].T

    def blended(values: Array) -> Array:
        if not steps.between:
            return np.asarray(values[:, low] + 0.0)  # what the blend comes to, to the sign of a zero
        mixed = steps.blend(np.moveaxis(values[:, low], 1, -1), np.moveaxis(values[:, high], 1, -1))
        return np.moveaxis(mixed, -1, 1)

    centres = blended(tracks.centres[keep] @ rotation + ego_from_world[:3, 3])
    forward = tracks.forward[keep] @ rotation
    angle = angle_of(forward)
    turn = steps.weight * wrap_angle(angle[:, high] - angle[:, low]) if steps.between else 0.0
    headings = wrap_angle(angle[:, low] + turn)
    velocity_valid = valid & tracks.velocity_valid[keep][:, low] & tracks.velocity_valid[keep][:, high]
    velocities = blended(tracks.velocities[keep] @ rotation)[..., :2]
    at_key_frame = valid & (low == high)
    first = np.where(valid[:, now], now, valid.argmax(1)) if len(valid) else np.zeros(0, dtype=np.int64)
    return Agents(
        centres=np.where(valid[..., None], centres, 0.0),
        headings=np.where(valid, headings, 0.0),
        sizes=tracks.sizes[keep][np.arange(len(valid)), low[first]],
        velocities=np.where(velocity_valid[..., None], velocities, 0.0),
        velocity_valid=velocity_valid,
        valid=valid,
        points=np.where(at_key_frame, tracks.points[keep][:, low], -1),
        visibility=np.where(at_key_frame, tracks.visibility[keep][:, low], 0),
        categories=tuple(c for c, k in zip(tracks.categories, keep, strict=True) if k),
        instances=tuple(c for c, k in zip(tracks.instances, keep, strict=True) if k),
        times_s=steps.times_s,
        now=now,
    )
