"""Rows of nuScenes tables and their tokens."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pyquaternion import Quaternion

from drive.frames import Array, se2_to_se3
from tests.analytic.rig import CAMERAS, LIDAR, LIDAR_MOUNT
from tests.analytic.road import Scene

VERSION = "v1.0-mini"
# NuScenesMap opens maps of its own four locations only, so the synthetic town goes by one of their names.
LOCATION = "boston-seaport"
CATEGORIES = ("vehicle.car", "vehicle.truck", "human.pedestrian.adult")
ATTRIBUTES = ("vehicle.moving", "vehicle.parked", "pedestrian.moving")
LEVELS = ("v0-40", "v40-60", "v60-80", "v80-100")

Row = dict[str, Any]


def token(*parts: object) -> str:
    """A token that depends on what it names and on nothing else."""
    return hashlib.md5("/".join(str(p) for p in parts).encode()).hexdigest()[:16]


def chain(tokens: list[str], k: int) -> Row:
    """The prev and next fields of entry k."""
    return {"prev": tokens[k - 1] if k else "", "next": tokens[k + 1] if k + 1 < len(tokens) else ""}


def pose_fields(pose: Array) -> Row:
    """A pose [4, 4] as the tables hold it: translation and quaternion (w, x, y, z)."""
    rotation = Quaternion(matrix=pose[:3, :3]).elements
    return {"translation": [round(float(v), 9) for v in pose[:3, 3]], "rotation": [round(float(v), 12) for v in rotation]}


def ego_pose(scene: Scene, t: float) -> Array:
    """world_from_ego [4, 4] at time t of a scene."""
    return se2_to_se3(scene.road.pose(scene.ego.s(t)))


class Writer:
    """Collects rows and writes files below a folder."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.seed = root, seed
        self.tables: dict[str, list[Row]] = {}
        self.add("log", logfile="synthetic", vehicle="synthetic", date_captured="2026-01-01", location=LOCATION)
        self.add("map", category="semantic_prior", filename="maps/synthetic.png", log_tokens=[token("log", "synthetic")])
        for i, level in enumerate(LEVELS, 1):
            row = {"token": str(i), "level": level, "description": f"visible part: {level[1:]} %"}
            self.tables.setdefault("visibility", []).append(row)
        for name in ATTRIBUTES:
            self.add("attribute", name=name, description=name)
        for name in CATEGORIES:
            self.add("category", name=name, description=name)
        for camera in CAMERAS:
            self._sensor(camera.name, "camera", camera.ego_from_camera, camera.K.tolist())
        self._sensor(LIDAR, "lidar", LIDAR_MOUNT, [])

    def add(self, table: str, **row: Any) -> str:
        """Adds a row whose token is made from its name; returns the token."""
        name = row.get("logfile") or row.get("name") or row.get("filename") or row.get("channel")
        row = {"token": token(table, name), **row}
        self.tables.setdefault(table, []).append(row)
        return row["token"]

    def _sensor(self, channel: str, modality: str, pose: Array, intrinsic: list[list[float]]) -> None:
        sensor = self.add("sensor", channel=channel, modality=modality)
        row = {"token": token("calibrated_sensor", channel), "sensor_token": sensor, **pose_fields(pose), "camera_intrinsic": intrinsic}
        self.tables.setdefault("calibrated_sensor", []).append(row)

    def save(self, splits: dict[str, list[str]]) -> None:
        """Writes the tables, one row a line, and splits.json."""
        folder = self.root / VERSION
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
            (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
        (folder / "splits.json").write_text(json.dumps(splits, indent=1) + "\n")
