"""Observation -> arrays -> one padded batch of tensors: the same way in training and planning.

Shape suffixes: B batch, F frames, C cameras, r rows and c columns of patches, S past steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drive.cameras import Camera, patch_centres, pluecker_rays
from drive.data.images import read_image
from drive.frames import Array, compose_se2, invert_se2
from drive.model.config import ModelConfig
from drive.schema import COMMANDS, CameraImage, Frame, Observation, PlanError, Trajectory

# Divides metres before they enter a linear layer, so that usual values are of order one.
METRES_SCALE = 10.0
# Two past poses are of the same moment when their times differ by less than this (key frames jitter by hundredths).
SAME_TIME_S = 0.1

INTRINSICS_SIZE = 9  # fx, fy, cx, cy in image widths and heights; whether fisheye; a fisheye's four coefficients
POSE_SIZE = 5  # x, y, cos heading, sin heading, known
DYNAMICS_SIZE = 6  # speed, acceleration, yaw rate, and whether each is known
UNKNOWN_COMMAND = len(COMMANDS)


@dataclass(frozen=True, eq=False)
class Batch:
    """images [B, F, C, 3, H, W] uint8; rays [B, F, C, r, c, 6]; intrinsics [B, F, C, 9]; camera_valid [B, F, C] bool;
    motion [B, F, 5]: the frame's pose seen from the frame before; history [B, S, 5]: past poses in the frame of t0;
    dynamics [B, 6]; command [B] int64. float32 unless said otherwise. Frames are counted from the oldest given."""

    images: Tensor
    rays: Tensor
    intrinsics: Tensor
    camera_valid: Tensor
    motion: Tensor
    history: Tensor
    dynamics: Tensor
    command: Tensor

    def to(self, device: torch.device | str) -> Batch:
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))

    def frames(self, start: int, stop: int) -> Batch:
        """The batch with some of its frames only."""
        cut = {name: getattr(self, name)[:, start:stop] for name in ("images", "rays", "intrinsics", "camera_valid", "motion")}
        return replace(self, **cut)


@dataclass(frozen=True, eq=False)
class Prepared:
    """One observation as arrays, shapes of `Batch` without B; cameras [F][C] are those of the pictures as they are here."""

    cameras: tuple[tuple[Camera, ...], ...]
    images: NDArray[np.uint8]
    rays: NDArray[np.float32]
    intrinsics: NDArray[np.float32]
    camera_valid: NDArray[np.bool_]
    motion: NDArray[np.float32]
    history: NDArray[np.float32]
    dynamics: NDArray[np.float32]
    command: int


def prepare(observation: Observation, config: ModelConfig) -> Prepared:
    """Reads the pictures at the network's size and lays out everything it is given.

    Raises MissingImage where a picture is not there, PlanError where the observation lacks a camera or asks for other
    times than the network plans.
    """
    wanted = config.window.future_times_s
    if observation.future_times_s.shape != wanted.shape or not np.allclose(observation.future_times_s, wanted, atol=1e-6):
        raise PlanError(f"this network plans at {wanted.tolist()} s, asked for {observation.future_times_s.tolist()}")
    frames = observation.frames[-config.window.frames :]
    views = [[_read(view, config) for view in _chosen(frame, config.inputs.cameras)] for frame in frames]
    if not views or not all(views):
        raise PlanError("the observation holds no camera image for this planner")
    count = max(len(frame) for frame in views)
    rows, columns = config.camera.height // config.camera.stride, config.camera.width // config.camera.stride
    images = np.zeros((len(views), count, 3, config.camera.height, config.camera.width), np.uint8)
    rays = np.zeros((len(views), count, rows, columns, 6), np.float32)
    intrinsics = np.zeros((len(views), count, INTRINSICS_SIZE), np.float32)
    valid = np.zeros((len(views), count), bool)
    for f, frame in enumerate(views):
        for c, (camera, picture) in enumerate(frame):
            images[f, c] = picture.transpose(2, 0, 1)
            found = pluecker_rays(camera, patch_centres(camera.width, camera.height, columns, rows))
            rays[f, c] = np.where(np.isnan(found), 0.0, found)  # a direction of length 0: the lens has no ray there
            intrinsics[f, c] = intrinsics_features(camera)
            valid[f, c] = True
    return Prepared(
        tuple(tuple(camera for camera, _ in frame) for frame in views),
        images, rays, intrinsics, valid, _motion(observation.past, [frame.time_s for frame in frames]),
        _history(observation.past, config.window.past_times_s), dynamics_features(observation, config.inputs.rates),
        command_index(observation),
    )  # fmt: skip


def collate(items: Sequence[Prepared]) -> Batch:
    """Prepared observations -> a batch; missing frames and cameras are zeros, marked in camera_valid."""

    def stack(name: str) -> Tensor:
        arrays = [np.asarray(getattr(item, name)) for item in items]
        shape = np.max([a.shape for a in arrays], axis=0).astype(int)
        out = np.zeros((len(arrays), *shape), arrays[0].dtype)
        for b, array in enumerate(arrays):
            out[(b, *(slice(0, n) for n in array.shape))] = array
        return torch.from_numpy(out)

    return Batch(*(stack(f.name) for f in fields(Batch)))


def intrinsics_features(camera: Camera) -> Array:
    """Camera -> [9]: focal lengths and principal point in units of the image's size, fisheye flag, a fisheye's distortion.

    How a pinhole's lens bends is in the rays alone: its 4, 5 or 8 coefficients mean little one by one.
    """
    size = np.array([camera.width, camera.height], dtype=np.float64)
    focal, centre = camera.K[[0, 1], [0, 1]] / size, camera.K[:2, 2] / size
    fisheye = camera.model == "fisheye"
    return np.concatenate([focal, centre, [float(fisheye)], camera.distortion if fisheye else np.zeros(4)])


def _chosen(frame: Frame, names: tuple[str, ...]) -> list[CameraImage]:
    if not names:
        return list(frame.cameras)
    by_name = {view.camera.name: view for view in frame.cameras}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise PlanError(f"the observation lacks {', '.join(missing)}; it has {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _read(view: CameraImage, config: ModelConfig) -> tuple[Camera, NDArray[np.uint8]]:
    camera, picture = read_image(view, config.camera.width, config.camera.height)
    if not config.inputs.motion and view.mount is not None:
        camera = replace(camera, ego_from_camera=view.mount)
    return camera, picture


def _pose_features(poses: Array, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Poses [S, 3] and which are known [S] -> [S, 5]; zeros where unknown."""
    columns = [poses[:, 0] / METRES_SCALE, poses[:, 1] / METRES_SCALE, np.cos(poses[:, 2]), np.sin(poses[:, 2]), np.ones(len(poses))]
    return np.where(known[:, None], np.stack(columns, -1), 0.0).astype(np.float32)


def _history(past: Trajectory, times_s: Array) -> NDArray[np.float32]:
    if len(past.valid) != len(times_s):
        raise PlanError(f"this network takes {len(times_s)} past poses (t0 included), the observation has {len(past.valid)}")
    return _pose_features(past.poses[:-1], past.valid[:-1])


def _motion(past: Trajectory, frame_times_s: list[float]) -> NDArray[np.float32]:
    """For each frame, its pose in the ego frame of the frame before it; unknown for the first."""
    poses, known = np.zeros((len(frame_times_s), 3)), np.zeros(len(frame_times_s), bool)
    at = [_past_pose(past, time) for time in frame_times_s]
    for f, (before, now) in enumerate(zip(at, at[1:], strict=False), start=1):
        if before is not None and now is not None:
            poses[f], known[f] = compose_se2(invert_se2(before), now), True
    return _pose_features(poses, known)


def _past_pose(past: Trajectory, time_s: float) -> Array | None:
    index = int(np.abs(past.times_s - time_s).argmin())
    return past.poses[index] if past.valid[index] and abs(past.times_s[index] - time_s) < SAME_TIME_S else None


def dynamics_features(observation: Observation, rates: bool = True) -> NDArray[np.float32]:
    """[6]: speed, acceleration and yaw rate (zeros where unknown), then whether each is known; without rates, the speed alone is."""
    values: tuple[float | None, ...] = (observation.speed_mps, observation.acceleration_mps2, observation.yaw_rate_radps)
    values = values if rates else (values[0], None, None)
    scales = (METRES_SCALE, 1.0, 1.0)
    features = [0.0 if v is None else v / s for v, s in zip(values, scales, strict=True)]
    return np.array([*features, *(float(v is not None) for v in values)], np.float32)


def command_index(observation: Observation) -> int:
    """Index into COMMANDS, or UNKNOWN_COMMAND."""
    return UNKNOWN_COMMAND if observation.command is None else COMMANDS.index(observation.command)
