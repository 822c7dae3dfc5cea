"""Samples whose pictures are resampled into the views of one rig, for networks that know that one alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drive.cameras import Camera
from drive.data.resample import in_rig
from drive.render.rigs import load_rig
from drive.schema import CameraImage, Frame, SceneSample


def views_of(name: str) -> tuple[Camera, ...]:
    """The cameras of `views` in a configuration; () where pictures stay as they are. Raises ValueError as `load_rig`."""
    return load_rig(name) if name else ()


def in_views(sample: SceneSample, rig: Sequence[Camera], read: bool = True) -> SceneSample:
    """The sample as a rig would have seen it; itself without a rig. read: whether pictures are made; else they are black, and no file is
    read. Raises PlanError where no camera looks where the rig's do, MissingImage where a picture is absent."""
    if not rig:
        return sample
    seen = sample.observation
    if read:
        return replace(sample, observation=in_rig(seen, rig)[0])
    return replace(sample, observation=replace(seen, frames=tuple(_black(frame, rig) for frame in seen.frames)))


def _black(frame: Frame, rig: Sequence[Camera]) -> Frame:
    views = [CameraImage(camera, 0.0, np.broadcast_to(np.uint8(0), (camera.height, camera.width, 3))) for camera in rig]
    return replace(frame, cameras=tuple(views) if frame.cameras else ())
