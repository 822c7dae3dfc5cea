"""A rig's pictures as another rig would have taken them: views for networks that know one rig alone.

Each pixel of a wanted picture looks along a ray. Below the horizon the ray is taken to end on the ground (z = 0 of the ego frame), where
cameras at other heights see the same point elsewhere; above it, to go on for ever, where the places of cameras do not matter. The
pixel is read from one camera: of those that see that point the one that sees it finely enough, away from its picture's border, and from
nearest to the ray, since what is neither ground nor far away stands elsewhere in its picture (`_worth`). It is read at the level of a
pyramid of that picture whose pixels are as large. What no camera sees is black.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, patch_centres, project, unproject
from drive.data.images import read_image
from drive.frames import Array
from drive.schema import CameraImage, Observation, PlanError

FAR_M = 1e6  # where rays end that meet no ground
BORDER_RAD, ASIDE_M = 0.02, 0.3  # halves the worth of a pixel: so near to the border, the camera so far from the ray
NOWHERE = -1
SAME_PX, SAME_M = 0.01, 0.001  # pictures of cameras that differ by less are passed on as they are
KEPT = 16  # samplings: the cameras of a car are the same from plan to plan


class Sampling(NamedTuple):
    """Where a picture of width x height is read from: source [H, W] int, index of a camera or `NOWHERE`; pixels [H, W, 2] (u, v) of its
    picture; level [H, W] int, how often that picture is halved before."""

    source: NDArray[np.int64]
    pixels: Array
    level: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Resampled:
    """image: the wanted camera's picture. sources: names of the cameras that it was put together from, the one with most of it first;
    empty where it is a camera's own, passed on as it is. unseen: share of its pixels that no camera sees."""

    image: CameraImage
    sources: tuple[str, ...] = ()
    unseen: float = 0.0


def resample(views: Sequence[CameraImage], rig: Sequence[Camera]) -> tuple[Resampled, ...]:
    """The pictures of one frame as the cameras of a rig would have taken them; where one of them did, its own is passed on untouched.

    rig: its `ego_from_camera` are mounts on the car. Raises MissingImage where a picture that is needed is not there.
    """
    own = [next((view for view in views if _same(view, camera)), None) for camera in rig]
    cameras = tuple(view.camera for view in views)
    samplings = {k: sampling(cameras, camera) for k, (camera, view) in enumerate(zip(rig, own, strict=True)) if view is None}
    pictures = dict(zip(samplings, _pictures(views, list(samplings.values())), strict=True))
    return tuple(
        Resampled(view) if view is not None else _made(views, camera, samplings[k], pictures[k])
        for k, (camera, view) in enumerate(zip(rig, own, strict=True))
    )


def in_rig(observation: Observation, rig: Sequence[Camera]) -> tuple[Observation, tuple[Resampled, ...]]:
    """The observation with the views of a rig, and those of them that were resampled; itself where it has just these.

    Raises PlanError where no camera looks where the rig's do, MissingImage as `resample`.
    """
    frames, foreign = [], list[Resampled]()
    for frame in observation.frames:
        made = resample(frame.cameras, rig)
        if frame.cameras and all(one.unseen == 1.0 for one in made):
            names = ", ".join(view.camera.name for view in frame.cameras)
            wanted = " and ".join(camera.name for camera in rig)
            raise PlanError(f"no camera looks where {wanted} of its rig would: {names} see nothing of it; turn one there, check the mounts")
        foreign += [one for one in made if one.sources]
        frames.append(replace(frame, cameras=tuple(one.image for one in made) if frame.cameras else ()))
    same = all(list(a.cameras) == list(b.cameras) for a, b in zip(observation.frames, frames, strict=True))
    return (observation if same else replace(observation, frames=tuple(frames))), tuple(foreign)


def sampling(cameras: Sequence[Camera], wanted: Camera) -> Sampling:
    """Where each pixel of the wanted camera's picture is read from."""
    return _sampling(tuple(map(_key, cameras)), _key(wanted))


def end_points(wanted: Camera) -> Array:
    """The points [H, W, 3] in the ego frame that a camera's pixels are taken to look at; NaN where its lens has no ray."""
    centres = patch_centres(wanted.width, wanted.height, wanted.width, wanted.height)
    rays, origin = unproject(wanted, centres) @ wanted.ego_from_camera[:3, :3].T, wanted.ego_from_camera[:3, 3]
    falls = np.where(rays[..., 2] < 0, -rays[..., 2], np.nan)
    reach = np.fmin(origin[2] / falls, FAR_M) if origin[2] > 0 else np.full(falls.shape, FAR_M)
    return np.asarray(origin + rays * reach[..., None])


@lru_cache(KEPT)
def _sampling(keys: tuple[Any, ...], wanted: Any) -> Sampling:
    eye = _camera(wanted)
    points, origin = end_points(eye), eye.ego_from_camera[:3, 3]
    best, source = np.zeros(points.shape[:2]), np.full(points.shape[:2], NOWHERE)
    pixels, level = np.zeros((*best.shape, 2)), np.zeros(best.shape, np.int64)
    for k, camera in enumerate(map(_camera, keys)):
        found, front = project(camera, points)
        if not (front & (found > 0).all(-1) & (found < (camera.width, camera.height)).all(-1)).any():
            continue
        seen, scale = _worth(found, front, camera)
        worth = seen / (1 + _aside(camera.ego_from_camera[:3, 3] - origin, points - origin) / ASIDE_M)
        better = worth > best
        best, source, pixels = np.where(better, worth, best), np.where(better, k, source), np.where(better[..., None], found, pixels)
        level[better] = np.log2(np.maximum(scale[better], 1.0)).astype(np.int64)
    return Sampling(source, pixels, level)


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


def _pictures(views: Sequence[CameraImage], samplings: Sequence[Sampling]) -> list[NDArray[np.uint8]]:
    """The pictures that samplings say; every camera's picture is read once, and halved as often as any of them wants."""
    made = [np.zeros((*s.source.shape, 3), np.uint8) for s in samplings]
    for k, view in enumerate(views):
        levels = sorted({int(level) for s in samplings for level in np.unique(s.level[s.source == k])})
        stored: NDArray[np.uint8] | None = None
        for level in levels:
            size = tuple(max(1, -(-side // 2**level)) for side in (view.camera.width, view.camera.height))
            stored = read_image(view, *size)[1] if stored is None else cv2.resize(stored, size, interpolation=cv2.INTER_AREA)
            for out, s in zip(made, samplings, strict=True):
                here = (s.source == k) & (s.level == level)
                if here.any():
                    at = (s.pixels * (np.array(size) / [view.camera.width, view.camera.height]) - 0.5).astype(np.float32)
                    read = cv2.remap(stored, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                    np.copyto(out, read, where=here[..., None])
    return made


def _made(views: Sequence[CameraImage], camera: Camera, s: Sampling, picture: NDArray[np.uint8]) -> Resampled:
    counts = np.bincount(s.source[s.source != NOWHERE], minlength=len(views))
    order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
    time_s = views[order[0]].time_s if order else 0.0
    names = tuple(views[k].camera.name for k in order)
    return Resampled(CameraImage(camera, time_s, picture), names, float((s.source == NOWHERE).mean()))


def _same(view: CameraImage, wanted: Camera) -> bool:
    """Whether a camera takes the wanted picture, at whatever size it is stored."""
    camera, pose = view.camera, view.camera.ego_from_camera if view.mount is None else view.mount
    bends = any(camera.distortion) or any(wanted.distortion)
    if camera.model != wanted.model or (bends and camera.distortion != wanted.distortion):
        return False
    size, own = np.array([[wanted.width], [wanted.height]]), np.array([[camera.width], [camera.height]])
    turned = np.abs(pose[:3, :3] - wanted.ego_from_camera[:3, :3]).max() * wanted.K[0, 0]
    moved = np.abs(pose[:3, 3] - wanted.ego_from_camera[:3, 3]).max()
    return bool(np.abs(camera.K[:2] / own * size - wanted.K[:2]).max() < SAME_PX and turned < SAME_PX and moved < SAME_M)


def _key(camera: Camera) -> tuple[Any, ...]:
    return camera.name, camera.width, camera.height, camera.K.tobytes(), camera.ego_from_camera.tobytes(), camera.model, camera.distortion


def _camera(key: tuple[Any, ...]) -> Camera:
    name, width, height, K, pose, model, distortion = key
    return Camera(name, width, height, np.frombuffer(K).reshape(3, 3), np.frombuffer(pose).reshape(4, 4), model, distortion)
