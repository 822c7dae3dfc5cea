"""Camera rigs: which cameras a car carries, from a YAML file or drawn from a seed.

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
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from drive.cameras import Camera, resized
from drive.data.plain_yaml import read_yaml
from drive.distortion import distortion_problems
from drive.frames import EGO_FROM_CAMERA_AXES, Array, rotation_z, se3
from drive.shipped import CONFIGS, found
from drive.words import did_you_mean

FOLDER = Path(__file__).with_suffix("")
RIGS = ("nuscenes", "pandaset", "waymo", "fisheye4")
SHIPPED_RIGS = ("first-drive",)  # of configs/rigs
REQUIRED = {"name": str, "size": 2, "focal": 2, "position": 3}
OPTIONAL = {"centre": 2, "yaw": float, "pitch": float, "roll": float, "model": str, "distortion": list}
MAX_CAMERAS = 32
WIDTHS_PX = (16, 8192)  # of the widest camera
RANDOM_SIZES = ((1600, 900), (1920, 1080), (1280, 720), (1280, 960), (1920, 1280), (1024, 576))


def load_rig(spec: str | Path, seed: int = 0, width: int | None = None) -> tuple[Camera, ...]:
    """The cameras of a rig; each one's `ego_from_camera` is its mount on the car.

    spec: a name of `RIGS` or `SHIPPED_RIGS`, "random" (the seed's) or a YAML file. width: the widest camera gets this width in pixels, the
    others the same scale, heights following. Raises ValueError for an unknown rig or a file that describes none.
    """
    if str(spec) == "random":
        cameras = random_rig(seed)
    elif str(spec) in RIGS:
        cameras = read_rig(FOLDER / f"{spec}.yaml")
    elif str(spec) in SHIPPED_RIGS:
        cameras = read_rig(CONFIGS / "rigs" / f"{spec}.yaml")
    elif str(spec).endswith((".yaml", ".yml")):
        cameras = read_rig(found(spec))
    else:
        known = (*RIGS, *SHIPPED_RIGS, "random")
        raise ValueError(f"no rig {str(spec)!r}; there are {', '.join(known)}, or a YAML file{did_you_mean(str(spec), known)}")
    return cameras if width is None else scaled(cameras, width)


def scaled(cameras: tuple[Camera, ...], width: int) -> tuple[Camera, ...]:
    """The rig with its widest camera `width` pixels wide and all at the same scale. Raises ValueError outside `WIDTHS_PX`."""
    if not WIDTHS_PX[0] <= width <= WIDTHS_PX[1]:
        raise ValueError(f"a camera's width must be {WIDTHS_PX[0]} to {WIDTHS_PX[1]} pixels, got {width}")
    scale = width / max(camera.width for camera in cameras)
    return tuple(resized(c, max(8, round(c.width * scale)), max(8, round(c.height * scale))) for c in cameras)


def mount(position: Any, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Array:
    """ego_from_camera [4, 4] of a camera at a position, turned left by yaw, up by pitch, clockwise by roll."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    up = np.array([[np.cos(pitch), 0, -np.sin(pitch)], [0, 1, 0], [np.sin(pitch), 0, np.cos(pitch)]])
    over = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    return se3(rotation_z(float(yaw)) @ up @ over @ EGO_FROM_CAMERA_AXES, position)


def read_rig(path: Path) -> tuple[Camera, ...]:
    """The rig of a YAML file. Raises ValueError, naming file, camera and key, where it describes none."""
    if not path.is_file():
        raise ValueError(f"no rig file {path}")
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise ValueError(f"rig {error}") from error
    rows = content.get("cameras") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_CAMERAS:
        raise ValueError(f"rig {path}: expected `cameras:` with a list of 1 to {MAX_CAMERAS} cameras (see drive/render/rigs.py)")
    cameras = tuple(_camera(row, f"rig {path}, camera {i}") for i, row in enumerate(rows))
    if len({camera.name for camera in cameras}) != len(cameras):
        raise ValueError(f"rig {path}: two cameras have one name")
    return cameras


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


def random_rig(seed: int) -> tuple[Camera, ...]:
    """A plausible rig of 1 to 8 cameras: they look evenly around the car, from the roof of a car or a van, a little askew.

    One rig in five has fisheyes. Raises ValueError where seed is negative.
    """
    if seed < 0:
        raise ValueError(f"a rig's seed must be 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 61])
    count, fisheye = int(rng.integers(1, 9)), bool(rng.random() < 0.2)
    width, height = RANDOM_SIZES[int(rng.integers(len(RANDOM_SIZES)))]
    roof = float(rng.uniform(1.3, 2.3))
    fov = float(rng.uniform(170, 195)) if fisheye else float(np.clip(360 / count * rng.uniform(1.0, 1.3), 50, 115))
    cameras = []
    for i in range(count):
        yaw = 360 * i / count + (float(rng.normal(0, 3)) if i else 0.0)
        out = np.radians(yaw)
        position = (1.0 + 0.7 * np.cos(out), 0.5 * np.sin(out), roof + float(rng.normal(0, 0.03)))
        half = np.radians(fov * float(rng.uniform(0.95, 1.05))) / 2
        focal = width / 2 / (half if fisheye else np.tan(half))
        cx, cy = width / 2 + float(rng.normal(0, 0.01)) * width, height / 2 + float(rng.normal(0, 0.01)) * height
        pose = mount(position, yaw, float(rng.normal(-15 if fisheye else -1, 1)), float(rng.normal(0, 0.5)))
        K = np.array([[focal, 0.0, cx], [0.0, focal, cy], [0.0, 0.0, 1.0]])
        bend = (float(rng.normal(0, 0.01)) if fisheye else 0.0, 0.0, 0.0, 0.0)
        cameras.append(Camera(f"CAM_{i}", width, height, K, pose, "fisheye" if fisheye else "pinhole", bend))
    return tuple(cameras)
