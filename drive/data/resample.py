"""A rig's pictures as another rig would have taken them: views for networks that know one rig alone.

Which pixel is read from where is told by `drive.data.sampling`, and also which ones no camera sees; those repeat their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.data.images import read_image
from drive.data.sampling import KEPT, CameraKey, camera_key, sampling
from drive.schema import CameraImage, Observation, PlanError

SAME_PX, SAME_M = 0.01, 0.001  # pictures of cameras that differ by less are passed on as they are


class _Patch(NamedTuple):
    """What a picture has of one camera at one level: in the part (rows, columns) of it, pixels `at` [h, w, 2] of the halved picture where
    here [h, w]."""

    source: int
    level: int
    part: tuple[slice, slice]
    at: NDArray[np.float32]
    here: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Resampled:
    """image: the wanted camera's picture. sources: names of the cameras that it was put together from, the one with most of it first;
    empty where it is a camera's own, passed on as it is. unseen: share of its pixels that no camera sees, which repeat the nearest that are
    seen; black where it is all of them."""

    image: CameraImage
    sources: tuple[str, ...] = ()
    unseen: float = 0.0


def resample(views: Sequence[CameraImage], rig: Sequence[Camera]) -> tuple[Resampled, ...]:
    """The pictures of one frame as the cameras of a rig would have taken them; where one of them did, its own is passed on untouched.

    rig: its `ego_from_camera` are mounts on the car. Raises MissingImage where a picture that is needed is not there.
    """
    own = [next((view for view in views if _same(view, camera)), None) for camera in rig]
    wanted = [camera for camera, view in zip(rig, own, strict=True) if view is None]
    made = iter(_made(views, wanted))
    return tuple(next(made) if view is None else Resampled(view) for view in own)


def in_rig(observation: Observation, rig: Sequence[Camera]) -> tuple[Observation, tuple[Resampled, ...]]:
    """The observation with the views of a rig, and those of them that were resampled; itself where it has just these, or no pictures.

    Raises PlanError where no camera looks where the rig's do, MissingImage as `resample`.
    """
    frames, foreign = [], list[Resampled]()
    for frame in observation.frames:
        made = resample(frame.cameras, rig)
        if frame.cameras and all(one.unseen == 1.0 for one in made):
            names = ", ".join(view.camera.name for view in frame.cameras)
            wanted = " and ".join(camera.name for camera in rig)
            raise PlanError(f"no camera looks where {wanted} of its rig would: {names} see nothing of it; turn one there, check the mounts")
        foreign += [one for one in made if frame.cameras and (one.sources or one.unseen)]
        frames.append(replace(frame, cameras=tuple(one.image for one in made) if frame.cameras else ()))
    same = all(list(a.cameras) == list(b.cameras) for a, b in zip(observation.frames, frames, strict=True))
    return (observation if same else replace(observation, frames=tuple(frames))), tuple(foreign)


def needed(cameras: Sequence[Camera], rig: Sequence[Camera]) -> tuple[Camera, ...]:
    """Those cameras whose pictures `resample` reads for the views of a rig."""
    keys = tuple(camera_key(camera) for camera in cameras)
    read = {int(k) for wanted in rig for k in np.unique(sampling(keys, camera_key(wanted)).source)}
    return tuple(camera for k, camera in enumerate(cameras) if k in read)


@lru_cache(KEPT)
def _patches(keys: tuple[CameraKey, ...], wanted: CameraKey) -> tuple[_Patch, ...]:
    """A sampling taken apart by camera and level, finer levels first."""
    s, found = sampling(keys, wanted), list[_Patch]()
    for k, (_, width, height, *_) in enumerate(keys):
        for level in np.unique(s.level[s.source == k]):
            here = (s.source == k) & (s.level == level)
            rows, columns = (np.flatnonzero(here.any(axis)) for axis in (1, 0))
            part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            scale = np.array(_halved((width, height), level)) / [width, height]
            found.append(_Patch(k, int(level), part, (s.pixels[part] * scale - 0.5).astype(np.float32), here[part]))
    return tuple(found)


def _made(views: Sequence[CameraImage], wanted: Sequence[Camera]) -> list[Resampled]:
    """Pictures of cameras that the rig lacks. Every picture of its own is read once, and halved as often as any of them wants."""
    keys, names = tuple(camera_key(view.camera) for view in views), [view.camera.name for view in views]
    made = [np.zeros((camera.height, camera.width, 3), np.uint8) for camera in wanted]
    counts = np.zeros((len(wanted), len(views)), np.int64)
    jobs = [(patch, n) for n, camera in enumerate(wanted) for patch in _patches(keys, camera_key(camera))]
    read: tuple[int, NDArray[np.uint8]] | None = None
    for patch, n in sorted(jobs, key=lambda job: job[0][:2]):
        view = views[patch.source]
        size = _halved((view.camera.width, view.camera.height), patch.level)
        if read is None or read[0] != patch.source:
            read = patch.source, read_image(view, *size)[1]
        elif read[1].shape[1::-1] != size:
            read = patch.source, cv2.resize(read[1], size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        pixels = cv2.remap(read[1], patch.at[..., 0], patch.at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        np.copyto(made[n][patch.part], pixels, where=patch.here[..., None])
        counts[n, patch.source] += np.count_nonzero(patch.here)
    unseen = [1.0 - float(sampling(keys, camera_key(camera)).seen.mean()) for camera in wanted]
    return [_resampled(*one, views, names) for one in zip(wanted, made, counts, unseen, strict=True)]


def _resampled(
    camera: Camera, picture: NDArray[np.uint8], counts: NDArray[np.int64], unseen: float, views: Sequence[CameraImage], names: list[str]
) -> Resampled:
    order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
    image = CameraImage(camera, views[order[0]].time_s if order else 0.0, picture)
    return Resampled(image, tuple(names[k] for k in order), unseen)


def _halved(size: tuple[int, int], times: int) -> tuple[int, int]:
    width, height = (max(1, -(-side // 2 ** int(times))) for side in size)
    return width, height


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
