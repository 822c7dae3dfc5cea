"""PandaSet's pictures: a camera's poses are in the world, at its own times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.data.images import DECODE_ERRORS, opened
from drive.data.pandaset.files import poses_of, read_json, stamps_of
from drive.data.paths import inside
from drive.data.scenes import CameraRecord
from drive.frames import Array, invert_se3

CAMERAS = "camera"


def camera_records(folder: Path, stamps_us: NDArray[np.int64], world_from_ego: Array) -> tuple[tuple[CameraRecord, ...], ...]:
    """Of each sweep the pictures of its number. Their intrinsics are of a pinhole: PandaSet tells no distortion."""
    found: list[list[CameraRecord]] = [[] for _ in stamps_us]
    for place in sorted(path for path in (folder / CAMERAS).glob("*") if (path / "intrinsics.json").is_file()):
        times, poses = stamps_of(place / "timestamps.json"), poses_of(place / "poses.json", len(stamps_us))
        if len(times) != len(stamps_us):
            raise ValueError(f"{place / 'timestamps.json'}: {len(times)} times for {len(stamps_us)} sweeps")
        K, width, height = intrinsics(place)
        ego_from_camera = invert_se3(world_from_ego) @ poses
        mount = _mount(stamps_us, times, world_from_ego, poses)
        for k, records in enumerate(found):
            path = inside(folder, f"{CAMERAS}/{place.name}/{k:02d}.jpg")
            records.append(CameraRecord(Camera(place.name, width, height, K, ego_from_camera[k]), mount, int(times[k]), path))
    return tuple(tuple(records) for records in found)


def _mount(stamps_us: NDArray[np.int64], times_us: NDArray[np.int64], world_from_ego: Array, world_from_camera: Array) -> Array:
    """A camera's pose on the car [4, 4], which no file tells: that of the sweep at which the car moved least between the two times."""
    steps = np.linalg.norm(np.gradient(world_from_ego[:, :3, 3], axis=0), axis=1) if len(stamps_us) > 1 else np.zeros(1)
    k = int(np.argmin(steps * np.abs(times_us - stamps_us)))
    return np.asarray(invert_se3(world_from_ego[k]) @ world_from_camera[k])


def intrinsics(place: Path) -> tuple[Array, int, int]:
    """K [3, 3], width and height of a camera; the size is that of its first picture, and twice the principal point where none is there."""
    told = read_json(place / "intrinsics.json")
    try:
        fx, fy, cx, cy = (float(told[name]) for name in ("fx", "fy", "cx", "cy"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{place / 'intrinsics.json'}: fx, fy, cx, cy must be numbers ({error})") from error
    first = next(iter(sorted(place.glob("*.jpg"))), None)
    width, height = _size(first) if first else (round(2 * cx), round(2 * cy))
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), width, height


def _size(path: Path) -> tuple[int, int]:
    try:
        return opened(path.read_bytes()).size
    except DECODE_ERRORS as error:
        raise ValueError(f"{path}: does not open ({error})") from error
