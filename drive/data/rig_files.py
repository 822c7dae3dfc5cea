"""Files of camera rigs: which cameras a car carries and where, read and written.

A file holds `cameras:`, a list of mappings with these keys (those with a value here may be left out):

    name       channel, CAM_*
    size       [width, height] in pixels
    focal      [fx, fy] in pixels
    centre     [cx, cy] in pixels; default: the middle of the image
    position   [x, y, z] in metres, ego frame (rear axle on the ground; x forward, y left, z up)
    yaw 0.0    degrees to the left from straight ahead
    pitch 0.0  degrees upwards
    roll 0.0   degrees clockwise as the camera sees it
    model pinhole       or fisheye (Kannala-Brandt)
    distortion [0, 0, 0, 0]  fisheye k1, k2, k3, k4; pinhole k1, k2, p1, p2[, k3[, k4, k5, k6]] (Brown-Conrady, as OpenCV orders them)
    pictures   where a folder of one's own pictures has this camera's (`drive.data.pictures`); default: its name

and may hold `hz:`, how many pictures a second such a folder has where their names tell no times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.cameras import Camera
from drive.data.plain_yaml import read_yaml
from drive.distortion import distortion_problems
from drive.frames import EGO_FROM_CAMERA_AXES, Array, rotation_z, se3

REQUIRED = {"name": str, "size": 2, "focal": 2, "position": 3}
OPTIONAL = {"centre": 2, "yaw": float, "pitch": float, "roll": float, "model": str, "distortion": list, "pictures": str}
MAX_CAMERAS = 32
LEAST_HZ, MOST_HZ = 0.01, 1000.0


def mount(position: Any, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Array:
    """ego_from_camera [4, 4] of a camera at a position, turned left by yaw, up by pitch, clockwise by roll."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    up = np.array([[np.cos(pitch), 0, -np.sin(pitch)], [0, 1, 0], [np.sin(pitch), 0, np.cos(pitch)]])
    over = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    return se3(rotation_z(float(yaw)) @ up @ over @ EGO_FROM_CAMERA_AXES, position)


@dataclass(frozen=True, eq=False)
class RigFile:
    """What a rig's file says. pictures: where a folder of pictures has each camera's; hz: pictures a second there, None = not said."""

    cameras: tuple[Camera, ...]
    pictures: tuple[str, ...]
    hz: float | None = None


def read_rig(path: Path) -> tuple[Camera, ...]:
    """The cameras of a rig's file. Raises ValueError as `read_rig_file`."""
    return read_rig_file(path).cameras


def read_rig_file(path: Path) -> RigFile:
    """The rig of a YAML file. Raises ValueError, naming file, camera and key, where it describes none."""
    if not path.is_file():
        raise ValueError(f"no rig file {path}")
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise ValueError(f"rig {error}") from error
    rows = content.get("cameras") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_CAMERAS:
        raise ValueError(f"rig {path}: expected `cameras:` with a list of 1 to {MAX_CAMERAS} cameras (see drive/data/rig_files.py)")
    cameras = tuple(_camera(row, f"rig {path}, camera {i}") for i, row in enumerate(rows))
    pictures = tuple(row.get("pictures", row["name"]) for row in rows)
    for what, names in (("name", [camera.name for camera in cameras]), ("place of pictures", pictures)):
        if len(set(names)) != len(names):
            raise ValueError(f"rig {path}: two cameras have one {what}")
    hz = content.get("hz")
    if hz is not None and not (isinstance(hz, int | float) and not isinstance(hz, bool) and LEAST_HZ <= hz <= MOST_HZ):
        raise ValueError(f"rig {path}: hz must be a number of {LEAST_HZ:g} to {MOST_HZ:g} pictures a second, got {hz!r}")
    return RigFile(cameras, pictures, hz)


def rig_text(cameras: Sequence[Camera], pictures: Sequence[str] = (), note: str = "", hz: float | None = None) -> str:
    """The file that `read_rig_file` reads the same cameras from, to a millionth of a degree and a micrometre. note: a comment before
    it, line by line. Raises ValueError where a camera has a skewed K, which no key of a file says."""
    lines = [f"# {line}" for line in note.splitlines()] + ([f"hz: {hz:g}"] if hz is not None else []) + ["cameras:"]
    for camera, place in zip(cameras, pictures or [camera.name for camera in cameras], strict=True):
        row = [f"name: {camera.name}", f"size: [{camera.width}, {camera.height}]", *_numbers_of(camera)]
        if any(camera.distortion):
            row.append(f"distortion: {_listed(camera.distortion, 12)}")
        row += [f"model: {camera.model}"] if camera.model != "pinhole" else []
        row += [f"pictures: {json.dumps(place)}"] if place != camera.name else []
        lines.append("  - {" + ", ".join(row) + "}")
    return "\n".join(lines) + "\n"


def _numbers_of(camera: Camera) -> list[str]:
    if abs(camera.K[0, 1]) > 1e-9:
        raise ValueError(f"{camera.name}: K has a skew of {camera.K[0, 1]:g}, which a rig's file cannot say")
    yaw, pitch, roll = mount_angles(camera.ego_from_camera)
    said = [f"focal: {_listed(np.diag(camera.K)[:2])}", f"centre: {_listed(camera.K[:2, 2])}"]
    said += [f"position: {_listed(camera.ego_from_camera[:3, 3])}"]
    return said + [f"{name}: {_plain(angle)}" for name, angle in (("yaw", yaw), ("pitch", pitch), ("roll", roll)) if abs(angle) > 5e-7]


def mount_angles(ego_from_camera: Array) -> tuple[float, float, float]:
    """The inverse of `mount`: yaw, pitch and roll in degrees of a pose [4, 4]. Straight up or down, all turning is yaw."""
    R = ego_from_camera[:3, :3] @ EGO_FROM_CAMERA_AXES.T
    pitch = np.arcsin(np.clip(R[2, 0], -1, 1))
    if np.hypot(R[0, 0], R[1, 0]) < 1e-9:
        return float(np.degrees(np.arctan2(-R[0, 1], R[1, 1]))), float(np.degrees(pitch)), 0.0
    angles = np.degrees([np.arctan2(R[1, 0], R[0, 0]), pitch, np.arctan2(R[2, 1], R[2, 2])])
    return float(angles[0]), float(angles[1]), float(angles[2])


def _listed(values: Iterable[float], digits: int = 6) -> str:
    return "[" + ", ".join(_plain(value, digits) for value in values) + "]"


def _plain(value: float, digits: int = 6) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _camera(row: Any, where: str) -> Camera:
    if not isinstance(row, dict):
        raise ValueError(f"{where}: expected a mapping, got {row!r}")
    known = REQUIRED | OPTIONAL
    for key in (*row, *(key for key in REQUIRED if key not in row)):
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}, expected {', '.join(known)}")
        if key not in row:
            raise ValueError(f"{where}: no {key!r}")
        _check(row[key], known[key], f"{where}, {key}")
    if not row["name"].startswith("CAM_"):
        raise ValueError(f"{where}, name: a camera's channel starts with CAM_, got {row['name']!r}")
    width, height = (int(v) for v in row["size"])
    (fx, fy), (cx, cy) = row["focal"], row.get("centre", (width / 2, height / 2))
    pose = mount(row["position"], *(float(row.get(key, 0.0)) for key in ("yaw", "pitch", "roll")))
    model, distortion = row.get("model", "pinhole"), tuple(row.get("distortion", ()))
    if problems := distortion_problems(model, distortion):
        raise ValueError(f"{where}, distortion: {problems[0]}")
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return Camera(row["name"], width, height, K, pose, model, distortion)


def _check(value: Any, expected: Any, where: str) -> None:
    """Raises ValueError where a value is not of the kind that its key has: a text, a finite number, so many numbers."""
    if expected is str:
        good = isinstance(value, str)
    else:
        numbers = [value] if expected is float else value
        good = isinstance(numbers, list) and all(isinstance(v, int | float) and np.isfinite(v) for v in numbers)
        good = good and (expected is list or len(numbers) == (1 if expected is float else expected))
    if not good:
        kinds = {str: "a text", float: "a finite number", list: "a list of finite numbers"}
        kind = kinds.get(expected, f"{expected} finite numbers")
        raise ValueError(f"{where}: expected {kind}, got {value!r}")
