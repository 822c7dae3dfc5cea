"""Where the pictures of one rig are read from for a camera that it does not have: geometry, worked out once for a rig.

Each pixel of a wanted picture looks along a ray. Below the horizon the ray is taken to end on the ground (z = 0 of the ego frame), where
cameras at other heights see the same point elsewhere; above it, to go on for ever, where the places of cameras do not matter. The
pixel is read from one camera: of those that see that point the one that sees it finely enough, away from its picture's border, and from
nearest to the ray, since what is neither ground nor far away stands elsewhere in its picture (`_worth`). It is read at the level of a
pyramid of that picture whose pixels are as large. A pixel that no camera sees repeats the nearest one that is seen: a network that never
saw black borders is led astray by them, while a road that goes on as it ends is nothing strange (docs/other-rigs.md).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, patch_centres, project, unproject
from drive.frames import Array

FAR_M = 1e6  # where rays end that meet no ground
BORDER_RAD, ASIDE_M = 0.02, 0.3  # halves the worth of a pixel: so near to the border, the camera so far from the ray
NOWHERE = -1
KEPT = 16  # samplings: the cameras of a car are the same from plan to plan
CameraKey = tuple[Any, ...]


class Sampling(NamedTuple):
    """Where a picture of width x height is read from: source [H, W] int, index of a camera, `NOWHERE` where no pixel is seen at all;
    pixels [H, W, 2] (u, v) of its picture; level [H, W] int, how often that picture is halved before; seen [H, W] bool, whether a camera
    sees what this very pixel looks at."""

    source: NDArray[np.int64]
    pixels: Array
    level: NDArray[np.int64]
    seen: NDArray[np.bool_]


def end_points(wanted: Camera) -> Array:
    """The points [H, W, 3] in the ego frame that a camera's pixels are taken to look at; NaN where its lens has no ray."""
    centres = patch_centres(wanted.width, wanted.height, wanted.width, wanted.height)
    rays, origin = unproject(wanted, centres) @ wanted.ego_from_camera[:3, :3].T, wanted.ego_from_camera[:3, 3]
    falls = np.where(rays[..., 2] < 0, -rays[..., 2], np.nan)
    reach = np.fmin(origin[2] / falls, FAR_M) if origin[2] > 0 else np.full(falls.shape, FAR_M)
    return np.asarray(origin + rays * reach[..., None])


@lru_cache(KEPT)
def sampling(keys: tuple[CameraKey, ...], wanted: CameraKey) -> Sampling:
    """Where each pixel of the wanted camera's picture is read from. keys: as of `camera_key`."""
    eye = _camera(wanted)
    points, origin = end_points(eye), eye.ego_from_camera[:3, 3]
    best, source = np.zeros(points.shape[:2]), np.full(points.shape[:2], NOWHERE)
    pixels, level = np.zeros((*best.shape, 2)), np.zeros(best.shape, np.int64)
    for k, camera in enumerate(map(_camera, keys)):
        found, front = project(camera, points)
        if not (front & (found > 0).all(-1) & (found < (camera.width, camera.height)).all(-1)).any():
            continue
        value, scale = _worth(found, front, camera)
        worth = value / (1 + _aside(camera.ego_from_camera[:3, 3] - origin, points - origin) / ASIDE_M)
        better = worth > best
        best, source, pixels = np.where(better, worth, best), np.where(better, k, source), np.where(better[..., None], found, pixels)
        level[better] = np.log2(np.maximum(scale[better], 1.0)).astype(np.int64)
    seen = source != NOWHERE
    near = _nearest(seen)
    return Sampling(source[near], pixels[near], level[near], seen)


def _nearest(seen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column [H, W] of the pixel itself where it is seen [H, W], else of the nearest that is; itself where none is."""
    rows, columns = np.indices(seen.shape)
    if seen.all() or not seen.any():
        return rows, columns
    _, labels = cv2.distanceTransformWithLabels((~seen).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    place = np.zeros(labels.max() + 1, np.int64)
    place[labels[seen]] = np.flatnonzero(seen)
    rows, columns = np.divmod(place[labels], seen.shape[1])
    return rows, columns


def _worth(pixels: Array, front: NDArray[np.bool_], camera: Camera) -> tuple[Array, Array]:
    """Of pixels [H, W, 2] of a camera that a picture would be read from -> how well each is seen [H, W], 0 where it is not; and how many of
    its pixels are one of the picture's, along a side [H, W]."""
    (uy, ux), (vy, vx) = (np.gradient(pixels[..., k]) for k in (0, 1))
    scale = np.sqrt(np.abs(ux * vy - uy * vx))
    border = np.minimum(pixels, [camera.width, camera.height] - pixels).min(-1) / camera.K[0, 0]
    seen = front & (border >= 0) & np.isfinite(scale)  # False where pixels are NaN
    worth = np.minimum(scale, 1.0) ** 2 * border / (border + BORDER_RAD)
    return np.where(seen, np.maximum(worth, 1e-9), 0.0), scale


def _aside(place: Array, rays: Array) -> Array:
    """How far a place [3] is from lines through the origin along rays [H, W, 3] of any length, [H, W]."""
    along = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return np.asarray(np.linalg.norm(place - (along @ place)[..., None] * along, axis=-1))


def camera_key(camera: Camera) -> CameraKey:
    """All that is known of a camera, as values that caches tell apart."""
    return camera.name, camera.width, camera.height, camera.K.tobytes(), camera.ego_from_camera.tobytes(), camera.model, camera.distortion


def _camera(key: CameraKey) -> Camera:
    name, width, height, K, pose, model, distortion = key
    return Camera(name, width, height, np.frombuffer(K).reshape(3, 3), np.frombuffer(pose).reshape(4, 4), model, distortion)
