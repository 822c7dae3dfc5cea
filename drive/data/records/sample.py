"""A sample <-> its members in a shard: one JSON, and the files of its pictures.

    {"id", "scene", "drive", "source", "index", "frames_after", "timestamp_us", "world_from_ego": [4, 4],
     "observation": {"frames": [{"time_s", "cameras": [{"camera": {name, width, height, K, ego_from_camera, model, distortion},
                                                        "time_s", "mount", "file": "0.cam_front.jpg", "missing": null,
                                                        "blurred": 0}]}],
                     "past", "future_times_s", "speed_mps", "acceleration_mps2", "yaw_rate_radps", "command", "navigation"},
     "target": {...}, "messages": [...], "unknown": [...]}

Fields are those of `drive.schema`; messages those of `drive.tasks.messages`, whose files are members too. `missing` names a picture that
the source had no file of, or one that no detector could look at: its name alone, by which nobody finds it. `blurred`: regions in it
(`drive.records.blur`), where detectors looked.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from drive.cameras import Camera
from drive.data.images import read_image
from drive.data.records.values import decode, encode
from drive.frames import Array
from drive.schema import CameraImage, Frame, MissingImage, Observation, SceneSample, StoredPicture, Target

JSON = "json"
NOT_PACKED = Path("(not packed)")  # where pictures lie that a record does not hold
Look = Callable[[bytes, str], tuple[bytes, int]]  # a picture's file and its name -> the file to write, regions blurred in it
Shrinks = Callable[[CameraImage, bytes, str], tuple[Camera, bytes]]  # a view, its picture's file and name -> camera and file to write


def to_members(
    sample: SceneSample, more: Mapping[str, Any], look: Look | None = None, shrink: Shrinks | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A sample -> its JSON, `more` in it, and its pictures by their names. A picture file is taken as it is, or as `look` and then `shrink`
    give it back; pixels become PNG."""
    pictures: dict[str, bytes] = {}
    frames = [
        {"time_s": frame.time_s, "cameras": [_to_camera(number, view, pictures, look, shrink) for view in frame.cameras]}
        for number, frame in enumerate(sample.observation.frames)
    ]
    observed = encode(Observation, replace(sample.observation, frames=())) | {"frames": frames}
    del observed["token"]
    values = {"id": sample.token, "scene": sample.scene, "index": sample.index, "frames_after": sample.frames_after}
    values |= {"timestamp_us": sample.timestamp_us, "world_from_ego": encode(Array, sample.world_from_ego)}
    return values | dict(more) | {"observation": observed, "target": encode(Target, sample.target)}, pictures


def named_pictures(sample: SceneSample, values: Mapping[str, Any]) -> SceneSample:
    """The sample with the cameras of the shard, its pictures replaced by their names there: what messages are made of."""
    frames = []
    for frame, own in zip(sample.observation.frames, values["observation"]["frames"], strict=True):
        frames.append(replace(frame, cameras=tuple([_from_camera(one, {}) for one in own["cameras"]])))
    return replace(sample, observation=replace(sample.observation, frames=tuple(frames)))


def from_members(text: bytes, pictures: Mapping[str, StoredPicture], maps: bool = True) -> SceneSample:
    """The inverse. Without pictures: cameras alone, to look up answers by; without maps: `Target.map` is None.

    Raises ValueError naming the field that is wrong.
    """
    values = json.loads(text)
    try:
        observed = dict(values["observation"])
        frames = tuple(
            Frame(float(frame["time_s"]), tuple(_from_camera(one, pictures) for one in frame["cameras"]))
            for frame in observed.pop("frames")
        )
        observation = replace(decode(Observation, {"token": values["id"], "frames": [], **observed}), frames=frames)
        pose = decode(Array, values["world_from_ego"])
        if not maps:
            values["target"]["map"] = None
        own = (values["id"], values["scene"], values["index"], values["timestamp_us"])
        return SceneSample(*own, pose, observation, decode(Target, values["target"]), values["frames_after"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no sample of ours: {type(error).__name__} {error}") from None


def with_pictures(sample: SceneSample, pictures: Mapping[str, StoredPicture]) -> SceneSample:
    """A sample that was read without its pictures, with them. Raises ValueError for a picture that it names and that is not there."""

    def shown(view: CameraImage) -> CameraImage:
        if not isinstance(view.image, Path) or view.image.parent == NOT_PACKED:
            return view
        if str(view.image) not in pictures:
            raise ValueError(f"its picture {view.image} is not in the shard")
        return CameraImage(view.camera, view.time_s, pictures[str(view.image)], view.mount)

    frames = tuple([replace(frame, cameras=tuple(map(shown, frame.cameras))) for frame in sample.observation.frames])
    return replace(sample, observation=replace(sample.observation, frames=frames))


def _to_camera(frame: int, view: CameraImage, pictures: dict[str, bytes], look: Look | None, shrink: Shrinks | None) -> dict[str, Any]:
    file, missing, blurred, camera = None, None, 0, view.camera
    name = str(view.image) if isinstance(view.image, Path) else view.camera.name
    try:
        data, kind = _bytes_of(view)
        if look is not None:
            data, blurred = look(data, name)
        if shrink is not None:
            camera, data = shrink(view, data, name)
        file = f"{frame}.{_plain(view.camera.name)}.{kind}"
        if file in pictures:
            raise ValueError(f"two cameras of a frame are called {view.camera.name!r}, or nearly so: rename one")
        pictures[file] = data
    except MissingImage:
        missing = view.image.name if isinstance(view.image, Path) else view.camera.name
    told = {"camera": encode(Camera, camera), "time_s": view.time_s, "mount": encode(Array | None, view.mount)}
    told |= {"file": file, "missing": missing}
    return told if look is None else told | {"blurred": blurred}


def _from_camera(own: Mapping[str, Any], pictures: Mapping[str, StoredPicture]) -> CameraImage:
    name = own["file"]
    if name is not None and Path(name).name != name:
        raise ValueError(f"a picture of a record is a member of its shard, got the path {name!r}")
    image = pictures.get(name) or Path(name or NOT_PACKED / Path(own["missing"]).name)
    return CameraImage(decode(Camera, own["camera"]), float(own["time_s"]), image, decode(Array | None, own["mount"]))


def _bytes_of(view: CameraImage) -> tuple[bytes, str]:
    """A picture's file and what its name ends in."""
    image = view.image
    if isinstance(image, StoredPicture):
        return image.data, Path(image.name).suffix.lstrip(".").lower() or "jpg"
    if isinstance(image, Path):
        try:
            return image.read_bytes(), image.suffix.lstrip(".").lower() or "jpg"
        except OSError as error:
            raise MissingImage(f"image of {view.camera.name} is not on disk: {image}") from error
    return _png(read_image(view)[1]), "png"


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _plain(camera: str) -> str:
    """A camera's name as part of a member's: letters, digits, - and _ alone; readers take what stands after a dot for the kind."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in camera).lower()[:40] or "camera"
