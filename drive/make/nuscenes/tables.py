"""Rows of nuScenes tables: what every set has, tokens, poses, and writing them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drive.cameras import Camera
from drive.frames import Array
from drive.make.nuscenes.lidar import CHANNEL, EGO_FROM_LIDAR
from drive.make.nuscenes.visibility import LEVELS

VERSION = "v1.0-mini"  # readers of nuScenes know no others than its own
TABLES = "category attribute visibility sensor calibrated_sensor log map scene sample ego_pose sample_data instance sample_annotation"
CATEGORIES = {
    "vehicle.car": "car or van",
    "vehicle.truck": "lorry",
    "vehicle.bus.rigid": "bus",
    "vehicle.trailer": "trailer behind a car",
    "vehicle.construction": "construction vehicle",
    "vehicle.motorcycle": "motorcycle with its rider",
    "vehicle.bicycle": "bicycle with its rider",
    "human.pedestrian.adult": "somebody on foot",
    "movable_object.trafficcone": "traffic cone",
    "movable_object.barrier": "barrier at road works",
}
ATTRIBUTES = ("vehicle.moving", "vehicle.stopped", "vehicle.parked", "cycle.with_rider", "pedestrian.moving", "pedestrian.standing")
Row = dict[str, Any]
Rows = dict[str, list[Row]]


def token(*parts: object) -> str:
    """A token that depends on what it names and on nothing else."""
    return hashlib.sha256("/".join(str(p) for p in parts).encode()).hexdigest()[:16]


def chain(tokens: Sequence[str], k: int) -> Row:
    """The prev and next fields of entry k."""
    return {"prev": tokens[k - 1] if k else "", "next": tokens[k + 1] if k + 1 < len(tokens) else ""}


def pose_fields(pose: Array) -> Row:
    """A pose [4, 4] as the tables hold it: translation and quaternion (w, x, y, z)."""
    return {"translation": [round(float(v), 6) for v in pose[:3, 3]], "rotation": quaternion(pose[:3, :3])}


def flat_fields(x: float, y: float, z: float, heading: float) -> Row:
    """The same of something that stands upright."""
    half = heading / 2
    rotation = [round(float(np.cos(half)), 9), 0.0, 0.0, round(float(np.sin(half)), 9)]
    return {"translation": [round(float(v), 4) for v in (x, y, z)], "rotation": rotation}


def quaternion(rotation: Array) -> list[float]:
    """A rotation matrix [3, 3] as a unit quaternion (w, x, y, z), w >= 0."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat(canonical=True)
    return [round(float(v), 9) for v in (w, x, y, z)]


def base_rows(rig: Sequence[Camera]) -> Rows:
    """The tables that do not depend on what was driven: kinds of things, sensors and their calibration."""
    rows: Rows = {name: [] for name in TABLES.split()}
    for name, meaning in CATEGORIES.items():
        rows["category"].append({"token": token("category", name), "name": name, "description": meaning})
    rows["attribute"] = [{"token": token("attribute", name), "name": name, "description": name} for name in ATTRIBUTES]
    for number, name in LEVELS:
        low, high = name[1:].split("-")
        meaning = f"{low} to {high} % of its outline in all cameras is seen"
        rows["visibility"].append({"token": str(number), "level": name, "description": meaning})
    for camera in rig:
        lens = {"camera_model": camera.model, "camera_distortion": list(camera.distortion)} if camera.bends else {}
        _sensor(rows, camera.name, "camera", camera.ego_from_camera, np.round(camera.K, 6).tolist(), lens)
    _sensor(rows, CHANNEL, "lidar", EGO_FROM_LIDAR, [], {})
    return rows


def _sensor(rows: Rows, channel: str, modality: str, mount: Array, intrinsic: list, lens: Row) -> None:
    name = token("sensor", channel)
    rows["sensor"].append({"token": name, "channel": channel, "modality": modality})
    row = {"token": token("calibrated_sensor", channel), "sensor_token": name, **pose_fields(mount), "camera_intrinsic": intrinsic}
    rows["calibrated_sensor"].append(row | lens)


def merged(parts: Iterable[Rows]) -> Rows:
    """The rows of several parts, table by table in their order."""
    rows: Rows = {name: [] for name in TABLES.split()}
    for part in parts:
        for name, more in part.items():
            rows[name].extend(more)
    return rows


def save_tables(folder: Path, rows: Rows, splits: dict[str, list[str]]) -> None:
    """Writes the tables, one row a line, and splits.json."""
    folder.mkdir(parents=True)
    for name, items in rows.items():
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in items)
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    (folder / "splits.json").write_text(json.dumps(splits, indent=1) + "\n")
