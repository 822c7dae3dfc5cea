"""Jitter of rigs: what a planner that reads calibrations must not be confused by, because it is told.

shift: the picture moves within its frame and the principal point with it. turn: the ego frame turns under the car, so the
rig's poses and the answer turn together. Both are exact: rays and answer stay consistent with the pixels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drive.cameras import Camera, patch_centres
from drive.config import Jitter
from drive.frames import rotation_z
from drive.model.inputs import Prepared
from drive.model.sensors.pictures import View, patch_rays
from drive.train.example import Example


def jittered(example: Example, jitter: Jitter, rng: np.random.Generator) -> Example:
    """One random variant of an example; its answers are turned when they are written."""
    angle = np.radians(rng.uniform(-1, 1) * jitter.turn_degrees)
    return example.turned(_jittered_pictures(example.prepared, jitter, angle, rng), angle)


def _jittered_pictures(prepared: Prepared, jitter: Jitter, angle: float, rng: np.random.Generator) -> Prepared:
    frames: list[list[View]] = prepared.parts["camera"]
    jittered = [[_jittered_view(view, jitter, angle, rng) for view in views] for views in frames]
    return replace(prepared, parts={**prepared.parts, "camera": jittered})


def _jittered_view(view: View, jitter: Jitter, angle: float, rng: np.random.Generator) -> View:
    camera, (rows, columns) = view.camera, view.rays.shape[:2]
    shift = np.round(rng.uniform(-1, 1, 2) * jitter.shift * [camera.width, camera.height]).astype(int)
    image = _shifted(view.image, shift, jitter.brightness, rng)
    if angle == 0 and not shift.any():
        return replace(view, image=image)
    # What is seen at a place of the moved picture stood `shift` before it in the recorded one.
    centres = patch_centres(camera.width, camera.height, columns, rows) - shift
    rays = patch_rays(_turned_camera(camera, angle), centres)
    intrinsics = view.intrinsics.copy()
    intrinsics[2:4] += shift / [camera.width, camera.height]
    return View(camera, image, rays, intrinsics)


def _turned_camera(camera: Camera, angle: float) -> Camera:
    pose = camera.ego_from_camera.copy()
    pose[:3] = rotation_z(angle) @ pose[:3]
    return replace(camera, ego_from_camera=pose)


def _shifted(picture: np.ndarray, shift: np.ndarray, brightness: float, rng: np.random.Generator) -> np.ndarray:
    """A picture [3, H, W] moved by whole pixels (right, down), black where nothing was recorded, its brightness changed."""
    (dx, dy), (height, width) = shift, picture.shape[1:]
    out = np.zeros_like(picture)
    out[:, max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = picture[
        :, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
    ]
    if brightness == 0:
        return out
    gain = rng.uniform(1 - brightness, 1 + brightness)
    return np.clip(out * gain, 0, 255).astype(np.uint8)
