"""Pictures as the camera sensor reads them, and batches of them.

Shape suffixes: B batch, F frames, C cameras, V pictures of one size, r rows and c columns of patches.
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
from drive.frames import Array
from drive.model.config import CameraConfig, ModelConfig
from drive.model.sensors.base import Part
from drive.schema import CameraImage

INTRINSICS_SIZE = 9  # fx, fy, cx, cy in image widths and heights; whether fisheye; a fisheye's four coefficients


@dataclass(frozen=True, eq=False)
class View:
    """A picture as the network reads it. camera: of this very picture; image [3, H, W] uint8; rays [r, c, 6] and intrinsics [9]
    float32."""

    camera: Camera
    image: NDArray[np.uint8]
    rays: NDArray[np.float32]
    intrinsics: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size. images [V, 3, H, W] uint8; rays [V, r, c, 6]; intrinsics [V, 9]; projections [V, 2, 4, 4]
    (`projective_matrices`); where [V, 3]: item of the batch, frame, place in the frame (on the host, since it lays out memory)."""

    images: Tensor
    rays: Tensor
    intrinsics: Tensor
    projections: Tensor
    where: NDArray[np.int64]

    def to(self, device: torch.device | str) -> Pictures:
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "where"}
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class CameraPart(Part):
    """All pictures of a batch of B observations of up to F frames, by size: none is brought to the size of another."""

    sizes: tuple[Pictures, ...]
    shape: tuple[int, int]

    def to(self, device: torch.device | str) -> CameraPart:
        return replace(self, sizes=tuple(pictures.to(device) for pictures in self.sizes))

    def frames(self, start: int, stop: int) -> CameraPart:
        kept = []
        for p in self.sizes:
            chosen = (p.where[:, 1] >= start) & (p.where[:, 1] < stop)
            at = torch.from_numpy(chosen).to(p.images.device)
            if chosen.any():
                tensors = (p.images[at], p.rays[at], p.intrinsics[at], p.projections[at])
                kept.append(Pictures(*tensors, p.where[chosen] - [0, start, 0]))
        return CameraPart(tuple(kept), (self.shape[0], min(stop, self.shape[1]) - start))


def picture_size(camera: Camera, config: CameraConfig) -> tuple[int, int]:
    """Width and height at which a camera's picture is read: whole patches, about as many as `width` x `height` has, in the shape
    that comes nearest the picture's own; just `width` x `height` where `stretch` is set, or the shapes agree."""
    if config.stretch:
        return config.width, config.height
    patches, shape = config.rows * config.columns, camera.width / camera.height
    rows = min(max(1, round((patches / shape) ** 0.5)), patches)
    columns = min(max(1, round((patches * shape) ** 0.5)), patches)
    return columns * config.stride, rows * config.stride


def make_view(image: CameraImage, config: ModelConfig) -> View:
    """A camera image, read. Raises MissingImage."""
    width, height = picture_size(image.camera, config.camera)
    camera, picture = read_image(image, width, height)
    if not config.inputs.motion and image.mount is not None:
        camera = replace(camera, ego_from_camera=image.mount)
    stride = config.camera.stride
    rays = patch_rays(camera, patch_centres(width, height, width // stride, height // stride))
    return View(camera, np.ascontiguousarray(picture.transpose(2, 0, 1)), rays, intrinsics_features(camera).astype(np.float32))


def patch_rays(camera: Camera, points: Array) -> NDArray[np.float32]:
    """Pixels [r, c, 2] -> Pluecker rays [r, c, 6]; a direction of length 0 where the lens has no ray."""
    rays = pluecker_rays(camera, points)
    return np.where(np.isnan(rays), 0.0, rays).astype(np.float32)


def intrinsics_features(camera: Camera) -> Array:
    """Camera -> [9]: focal lengths and principal point in units of the image's size, fisheye flag, a fisheye's distortion.

    How a pinhole's lens bends is in the rays alone: its 4, 5 or 8 coefficients mean little one by one.
    """
    size = np.array([camera.width, camera.height], dtype=np.float64)
    focal, centre = camera.K[[0, 1], [0, 1]] / size, camera.K[:2, 2] / size
    fisheye = camera.model == "fisheye"
    return np.concatenate([focal, centre, [float(fisheye)], camera.distortion if fisheye else np.zeros(4)])


def projective_matrices(intrinsics: NDArray[np.float32], ego_from_camera: Array) -> NDArray[np.float32]:
    """Features [V, 9] and poses [V, 4, 4] -> P and its inverse, [V, 2, 4, 4]: from the ego frame (metres) to where in a camera's picture
    (width and height 1, its middle 0) times depth, the fourth row kept (arXiv 2507.10496). A lens that bends is taken for its K alone.
    """
    K = np.tile(np.eye(4), (len(intrinsics), 1, 1))
    K[:, 0, 0], K[:, 1, 1] = intrinsics[:, 0], intrinsics[:, 1]
    K[:, :2, 2] = intrinsics[:, 2:4] - 0.5
    P = K @ np.linalg.inv(ego_from_camera)
    return np.stack([P, np.linalg.inv(P)], 1).astype(np.float32)


def stacked_pictures(parts: Sequence[list[list[View]]]) -> CameraPart:
    """Views [F][C] of some observations -> their batch."""
    groups: dict[tuple[int, ...], list[tuple[View, tuple[int, int, int]]]] = {}
    for b, frames in enumerate(parts):
        for f, views in enumerate(frames):
            for c, view in enumerate(views):
                groups.setdefault(view.image.shape, []).append((view, (b, f, c)))
    return CameraPart(tuple(_stacked(group) for group in groups.values()), (len(parts), max(len(frames) for frames in parts)))


def _stacked(group: Sequence[tuple[View, tuple[int, int, int]]]) -> Pictures:
    views = [view for view, _ in group]
    images, rays, intrinsics = (
        torch.from_numpy(np.stack(arrays))
        for arrays in ([v.image for v in views], [v.rays for v in views], [v.intrinsics for v in views])
    )
    # Of a frame whose cameras were all turned (`drive.train.jitter`), poses are those of before: only how they stand to one another counts.
    poses = np.stack([view.camera.ego_from_camera for view in views])
    projections = torch.from_numpy(projective_matrices(intrinsics.numpy(), poses))
    return Pictures(images, rays, intrinsics, projections, np.array([where for _, where in group], np.int64))
