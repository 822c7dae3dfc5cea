"""A first rig's file for a folder of own pictures: cameras by what is there, sizes as they are, and guesses that are named as such."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drive.cameras import Camera, resized
from drive.data.pictures.find import PICTURES, VIDEOS, picture_size, places
from drive.data.rig_files import mount, rig_text
from drive.schema import VideoPicture

# Words of a camera's name -> degrees to the left; the longest that fit count.
YAWS = {
    "FRONT": 0.0,
    "FRONT_LEFT": 55.0,
    "FRONT_RIGHT": -55.0,
    "LEFT": 90.0,
    "RIGHT": -90.0,
    "SIDE_LEFT": 90.0,
    "SIDE_RIGHT": -90.0,
    "BACK": 180.0,
    "BACK_LEFT": 125.0,
    "BACK_RIGHT": -125.0,
}
HEIGHT_M = 1.6
ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Draft:
    """text: of the file. guessed: camera -> what nobody told."""

    text: str
    guessed: dict[str, str]


def draft_rig(root: Path, like: Sequence[Camera] = (), fov_deg: float = 70.0) -> Draft:
    """like: cameras of a rig whose calibration is taken over where the names fit, intrinsics resized with the picture; fov_deg: the
    horizontal field of view guessed for others.

    Raises ValueError where a folder holds no pictures, two of its names make one camera, or a guess is no camera.
    """
    found = places(root) if root.is_dir() else []
    if not found:
        raise ValueError(f"{root} holds no pictures: expected a folder or a video for each camera, or names such as CAM_FRONT_0001.jpg")
    known = {camera.name: camera for camera in like}
    cameras: dict[str, tuple[Camera, str]] = {}
    guessed: dict[str, str] = {}
    for place in found:
        name = channel(place)
        if name in cameras:
            raise ValueError(f"{root}: {cameras[name][1]} and {place} would both be {name}; rename one")
        camera, told = _camera(name, _size(root, place), known.get(name), fov_deg)
        cameras[name], guessed[name] = (camera, place), told
    ordered = sorted(cameras.values(), key=lambda one: abs(_yaw(one[0].name)[0]))
    guesses = {name: told for name, told in guessed.items() if told}
    lines = [f"{name}: guessed {told}" for name, told in guesses.items()]
    advice = "Measure what is guessed; `drive rig draw` shows whether it fits." if lines else "All is taken over from another rig."
    head = f"Written by `drive rig new`. {advice}\n"
    text = rig_text([camera for camera, _ in ordered], [place for _, place in ordered], head + "\n".join(lines))
    return Draft(text, guesses)


def channel(place: str) -> str:
    """A camera's name for where its pictures are: cam-front left -> CAM_FRONT_LEFT, image_02 -> CAM_IMAGE_02."""
    words = re.sub(r"[^A-Z0-9]+", "_", Path(place).name.upper()).strip("_")
    rest = re.sub(r"^CAM(?:ERA)?_?", "", words) or words
    return f"CAM_{rest.replace('REAR', 'BACK')}"


def _yaw(name: str) -> tuple[float, bool]:
    """Degrees, and whether the name tells them."""
    word = name.removeprefix("CAM_")
    fits = [known for known in YAWS if word == known or word.startswith(known + "_")]
    return (YAWS[max(fits, key=len)], True) if fits else (0.0, False)


def _camera(name: str, size: tuple[int, int], like: Camera | None, fov_deg: float) -> tuple[Camera, str]:
    """The camera, and what of it is guessed."""
    width, height = size
    if like is not None and abs(like.width / like.height / (width / height) - 1) < ASPECT_TOLERANCE:
        return replace(resized(like, width, height), name=name), ""
    focal = width / 2 / np.tan(np.radians(fov_deg) / 2)
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    if like is not None:
        return Camera(name, width, height, K, like.ego_from_camera), f"focal and centre ({fov_deg:g} degrees wide, the shape is another)"
    yaw, told = _yaw(name)
    out = np.radians(yaw)
    pose = mount((0.8 + 0.7 * np.cos(out), 0.5 * np.sin(out), HEIGHT_M), yaw)
    angles = "yaw by its name, level" if told else "yaw (its name tells none), level"
    return Camera(name, width, height, K, pose), f"focal and centre ({fov_deg:g} degrees wide), position, {angles}"


def _size(root: Path, place: str) -> tuple[int, int]:
    """Width and height of the first picture."""
    folder = root / place
    if folder.is_dir():
        return picture_size(min(path for path in folder.iterdir() if path.suffix.lower() in PICTURES))[0]
    near = sorted(path for path in folder.parent.iterdir() if path.stem.startswith(folder.name))
    video = next((path for path in near if path.suffix.lower() in VIDEOS and path.stem == folder.name), None)
    if video is not None:
        return picture_size(VideoPicture(video, 0))[0]
    return picture_size(next(path for path in near if path.suffix.lower() in PICTURES))[0]
