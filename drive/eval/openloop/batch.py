"""What every nuScenes open-loop protocol is scored on: N samples as plain arrays, padded over agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.eval.openloop.boundary import POINTS, boundary_polylines
from drive.eval.openloop.lidar import NOMINAL_EGO_FROM_LIDAR, lidar_path, protocol_lidar
from drive.frames import Array, rotation_2d
from drive.schema import Agents, Mask, SceneSample

STEPS = 6
STEP_S = 0.5
HORIZONS_S = (1, 2, 3)

# nuScenes' categories in the order in which the protocols number them.
RAW = (
    "noise", "animal", "human.pedestrian.adult", "human.pedestrian.child", "human.pedestrian.construction_worker",
    "human.pedestrian.personal_mobility", "human.pedestrian.police_officer", "human.pedestrian.stroller",
    "human.pedestrian.wheelchair", "movable_object.barrier", "movable_object.debris", "movable_object.pushable_pullable",
    "movable_object.trafficcone", "static_object.bicycle_rack", "vehicle.bicycle", "vehicle.bus.bendy", "vehicle.bus.rigid",
    "vehicle.car", "vehicle.construction", "vehicle.emergency.ambulance", "vehicle.emergency.police", "vehicle.motorcycle",
    "vehicle.trailer", "vehicle.truck",
)  # fmt: skip
_RAW_INDEX = {name: i for i, name in enumerate(RAW)}
DETECTION = ("car", "truck", "construction_vehicle", "bus", "trailer", "barrier", "motorcycle", "bicycle", "pedestrian", "traffic_cone")
_DETECTION_OF = {2: 8, 3: 8, 4: 8, 6: 8, 9: 5, 12: 9, 14: 7, 15: 3, 16: 3, 17: 0, 18: 2, 21: 6, 22: 4, 23: 1}
# Detection class by raw category, -1 where there is none. One entry more, for -1: a category that nuScenes does not have.
RAW_TO_DETECTION = np.array([_DETECTION_OF.get(i, -1) for i in range(len(RAW))] + [-1], dtype=np.int64)
# Positions are rounded to this many decimals of a metre (a micrometre): truncating grids turn the 1e-11 m that coordinates
# far from the world's origin lose into whole cells. Headings likewise, of a radian.
DECIMALS, HEADING_DECIMALS = 6, 9
ROAD_USERS = ("human.", "vehicle.")
HUMANS = tuple(i for i, name in enumerate(RAW) if name.startswith("human."))
VEHICLES = tuple(i for i, name in enumerate(RAW) if name.startswith("vehicle."))


@dataclass(frozen=True, eq=False)
class OpenLoopBatch:
    """N samples with A agents each (padded). Steps k = 0..5 are 0.5..3.0 s; agent times 0..6 are 0..3.0 s. All metres, radians.

    In the LiDAR frame of t0, L (`drive.eval.openloop.lidar`), as the published protocols see it:
    gt_traj [N, 6, 2]: recorded positions; steps with gt_mask 0 repeat the last valid one, or are 0 where there is none.
    gt_mask [N, 6] bool: the future key frame exists. gt_yaw [N, 7]: the ego's heading change since t0.
    agent_xy [N, A, 7, 2] centres, agent_yaw [N, A, 7] direction of the length, agent_wl [N, A, 2] width and length,
    agent_valid [N, A, 7] bool: annotated then. agent_raw [N, A] index in RAW, -1 = a category that is not nuScenes'.
    agent_points [N, A, 7] LiDAR + radar points, -1 = unknown. agent_visibility [N, A, 7] nuScenes level 1..4, 0 = unknown.
    agent_seen [N, A] bool: annotated in one of the last three observed key frames with a visibility other than level 1;
    past_steps [N]: observed steps before t0 that the window holds, of which that takes two.
    ego_from_lidar [N, 4, 4]. index, frames_after [N]: key frames of the scene before and after t0, -1 = unknown.

    In the ego frame of t0, for the protocols that work there:
    gt_poses [N, 6, 3] recorded rear-axle poses, agent_boxes [N, A, 7, 5] (x, y, heading, length, width),
    agent_road_user [N, A] bool: a category human.* or vehicle.*; boundary [N, B, 20, 2] road-boundary polylines, of which
    the first n_boundary [N] are valid (-1: the data set has no map).
    """

    tokens: tuple[str, ...]
    scenes: tuple[str, ...]
    gt_traj: Array
    gt_mask: Mask
    gt_yaw: Array
    agent_xy: Array
    agent_yaw: Array
    agent_wl: Array
    agent_valid: Mask
    agent_raw: NDArray[np.int64]
    agent_points: NDArray[np.int64]
    agent_visibility: NDArray[np.int64]
    agent_seen: Mask
    past_steps: NDArray[np.int64]
    ego_from_lidar: Array
    index: NDArray[np.int64]
    frames_after: NDArray[np.int64]
    gt_poses: Array
    agent_boxes: Array
    agent_road_user: Mask
    boundary: Array
    n_boundary: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def complete(self) -> Mask:
        """Samples [N] whose whole future is recorded."""
        return self.gt_mask.all(1)

    def take(self, mask: Mask) -> OpenLoopBatch:
        """The samples where mask [N] is True."""
        if mask.all():
            return self
        kept: dict[str, Any] = {f.name: getattr(self, f.name)[mask] for f in fields(self) if f.name not in ("tokens", "scenes")}
        rows = np.flatnonzero(mask)
        return OpenLoopBatch(tokens=tuple(self.tokens[i] for i in rows), scenes=tuple(self.scenes[i] for i in rows), **kept)


@dataclass(frozen=True, eq=False)
class Plans:
    """One planner's answers to a batch: xy [N, 6, 2] positions of the LiDAR in L, poses [N, 6, 3] of the rear axle in the
    ego frame, usable [N] bool. Rows that are not usable hold zeros and score as failures, whatever they would have scored."""

    xy: Array
    poses: Array
    usable: Mask

    def take(self, mask: Mask) -> Plans:
        """The rows where mask [N] is True."""
        return Plans(self.xy[mask], self.poses[mask], self.usable[mask])

    def without(self, failed: Mask) -> Plans:
        """The same rows with zeros, not usable, where failed [N]."""
        keep = ~failed[:, None, None]
        return Plans(np.where(keep, self.xy, 0.0), np.where(keep, self.poses, 0.0), self.usable & ~failed)


def make_batch(samples: Sequence[SceneSample]) -> OpenLoopBatch:
    """Samples of a data set -> a batch. Raises ValueError where their window is not 2 Hz with a 3 s future or more."""
    rows = [_row(sample) for sample in samples]
    widest = max((len(row["agent_raw"]) for row in rows), default=0)
    stacked: dict[str, Any] = {}
    for name in rows[0] if rows else ():
        padding = widest if name.startswith("agent_") else None
        stacked[name] = np.stack([_pad(row[name], padding, -1 if name == "agent_raw" else 0) for row in rows])
    return OpenLoopBatch(tuple(s.token for s in samples), tuple(s.scene for s in samples), **stacked, **_boundaries(samples))


def batch_from_arrays(arrays: Mapping[str, np.ndarray], scenes: Sequence[str] | None = None) -> OpenLoopBatch:
    """Plain arrays in L, named and shaped as the fields of `OpenLoopBatch`, -> a batch with the nominal LiDAR mounting.

    Needed: gt_traj, gt_mask, gt_yaw, agent_xy, agent_yaw, agent_wl, agent_valid, agent_raw, agent_points,
    agent_visibility. Optional: boundary with n_boundary. The frames around t0 are taken to be there.
    """
    a = {name: np.asarray(value) for name, value in arrays.items()}
    n = len(a["gt_traj"])
    mount, valid = NOMINAL_EGO_FROM_LIDAR, a["agent_valid"].astype(bool)
    heading = a["gt_yaw"][:, 1:]
    moved = np.stack([a["gt_traj"][..., 1], -a["gt_traj"][..., 0]], -1)
    centres = np.stack([a["agent_xy"][..., 1], -a["agent_xy"][..., 0]], -1) + mount[:2, 3]
    size = np.broadcast_to(a["agent_wl"][:, :, None, ::-1], centres.shape)
    return OpenLoopBatch(
        tokens=tuple(str(i) for i in range(n)),
        scenes=tuple(scenes or ("",) * n),
        **{name: a[name] for name in ("gt_traj", "gt_yaw", "agent_xy", "agent_yaw", "agent_wl", "agent_raw")},
        gt_mask=a["gt_mask"].astype(bool),
        agent_valid=valid,
        agent_points=a["agent_points"],
        agent_visibility=a["agent_visibility"],
        agent_seen=valid[:, :, 0] & (a["agent_visibility"][:, :, 0] != 1),
        past_steps=np.full(n, 2, dtype=np.int64),
        ego_from_lidar=np.broadcast_to(mount, (n, 4, 4)),
        index=np.full(n, 99, dtype=np.int64),
        frames_after=np.full(n, -1, dtype=np.int64),
        gt_poses=np.concatenate([moved + mount[:2, 3] - rotation_2d(heading) @ mount[:2, 3], heading[..., None]], -1),
        agent_boxes=np.concatenate([centres, a["agent_yaw"][..., None] - np.pi / 2, size], -1),
        agent_road_user=np.isin(a["agent_raw"], (*HUMANS, *VEHICLES)),
        boundary=a.get("boundary", np.zeros((n, 0, 20, 2))),
        n_boundary=a.get("n_boundary", np.full(n, -1, dtype=np.int64)),
    )


def plan_rows(poses: Array, ego_from_lidar: Array) -> tuple[Array, Array]:
    """Rear-axle poses [T >= 6, 3] of one plan -> its rows (xy, poses) of `Plans`."""
    poses = settled_poses(poses[:STEPS])
    return settled(lidar_path(poses, ego_from_lidar)), poses


def settled(values: Array, decimals: int = DECIMALS) -> Array:
    """Values rounded to `decimals`, without negative zeros."""
    return np.round(values, decimals) + 0.0


def settled_poses(poses: Array) -> Array:
    """Poses [..., 3 or more] (x, y, heading, ...) rounded as said above."""
    return np.concatenate([settled(poses[..., :2]), settled(poses[..., 2:3], HEADING_DECIMALS), poses[..., 3:]], -1)


def recorded_plans(batch: OpenLoopBatch) -> Plans:
    """The recorded drive as plans (the row `log`); steps after the record's end repeat its last pose."""
    return Plans(batch.gt_traj, batch.gt_poses, np.ones(len(batch), dtype=bool))


def _pad(value: np.ndarray, count: int | None, empty: int) -> np.ndarray:
    if count is None or len(value) == count:
        return value
    return np.concatenate([value, np.full((count - len(value), *value.shape[1:]), empty, dtype=value.dtype)])


def _boundaries(samples: Sequence[SceneSample]) -> dict[str, Any]:
    lines = [None if s.target.map is None else settled(boundary_polylines(s.target.map)) for s in samples]
    counts = np.array([-1 if found is None else len(found) for found in lines], dtype=np.int64)
    boundary = np.zeros((len(lines), max(counts.max(initial=0), 0), POINTS, 2))
    for i, found in enumerate(lines):
        if found is not None:
            boundary[i, : len(found)] = found
    return {"boundary": boundary, "n_boundary": counts}


def _row(sample: SceneSample) -> dict[str, np.ndarray]:
    steps = sample.observation.future_times_s
    if len(steps) < STEPS or not np.allclose(steps[:STEPS], STEP_S * np.arange(1, STEPS + 1)):
        raise ValueError(f"the nuScenes protocols need a window of 2 Hz with 3 s of future, got steps at {steps.tolist()}")
    ego_from_lidar = protocol_lidar(sample.target.ego_from_lidar)
    return {**_ego_row(sample, ego_from_lidar), **_agent_row(sample, ego_from_lidar)}


def _ego_row(sample: SceneSample, ego_from_lidar: Array) -> dict[str, np.ndarray]:
    future = sample.target.future
    # A record with a hole counts up to the hole.
    mask = np.logical_and.accumulate(future.valid[:STEPS])
    last = np.minimum(np.arange(STEPS), mask.sum() - 1)
    poses = settled_poses(future.poses[last]) if mask.any() else np.zeros((STEPS, 3))
    return {
        "gt_traj": settled(lidar_path(poses, ego_from_lidar)),
        "gt_mask": mask,
        "gt_yaw": np.concatenate([[0.0], poses[:, 2]]),
        "gt_poses": poses,
        "ego_from_lidar": ego_from_lidar,
        "past_steps": np.array(_agents_of(sample).now),
        "index": np.array(sample.index),
        "frames_after": np.array(-1 if sample.frames_after is None else sample.frames_after),
    }


def _agents_of(sample: SceneSample) -> Agents:
    if sample.target.agents is None:
        told = f"sample {sample.token} does not know its agents: a collision rate without them would be invented"
        raise ValueError(f"{told}; `drive eval DATA --tasks plan` measures the distance to the recorded future, where that is known")
    return sample.target.agents


def _agent_row(sample: SceneSample, ego_from_lidar: Array) -> dict[str, np.ndarray]:
    agents = _agents_of(sample)
    span = slice(agents.now, agents.now + STEPS + 1)
    observed = slice(max(agents.now - 2, 0), agents.now + 1)
    keep = agents.valid[:, span].any(1)
    rotation = ego_from_lidar[:3, :3]
    in_lidar = (agents.centres[keep, span] - ego_from_lidar[:3, 3]) @ rotation
    headings, sizes = agents.headings[keep, span], agents.sizes[keep]
    direction = np.stack([np.cos(headings), np.sin(headings), np.zeros_like(headings)], -1) @ rotation
    categories = [c for c, k in zip(agents.categories, keep, strict=True) if k]
    size = np.broadcast_to(sizes[:, None, :2], (*headings.shape, 2))
    return {
        "agent_xy": settled(in_lidar[..., :2]),
        "agent_yaw": settled(np.arctan2(direction[..., 1], direction[..., 0]), HEADING_DECIMALS),
        "agent_wl": sizes[:, 1::-1],
        "agent_valid": agents.valid[keep, span],
        "agent_raw": np.array([_RAW_INDEX.get(c, -1) for c in categories], dtype=np.int64),
        "agent_points": agents.points[keep, span],
        "agent_visibility": agents.visibility[keep, span],
        "agent_seen": (agents.valid[keep, observed] & (agents.visibility[keep, observed] != 1)).any(1),
        "agent_boxes": settled_poses(np.concatenate([agents.centres[keep, span, :2], headings[..., None], size], -1)),
        "agent_road_user": np.array([c.startswith(ROAD_USERS) for c in categories], dtype=bool),
    }
