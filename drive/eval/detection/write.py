"""Answers of `boxes` as nuScenes' detection submissions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drive.answers.boxes import Boxes
from drive.frames import Array, se3, transform_points
from drive.outputs import write_whole
from drive.schema import SceneSample

USES = ("use_camera", "use_lidar", "use_radar", "use_map", "use_external")
# What a thing is said to do, from its speed alone, as MMDetection3D writes it for methods that tell no attributes.
MOVING_MPS = 0.2
WHILE_MOVING = {
    **dict.fromkeys(("car", "truck", "construction_vehicle", "bus", "trailer"), "vehicle.moving"),
    **dict.fromkeys(("bicycle", "motorcycle"), "cycle.with_rider"),
    "pedestrian": "pedestrian.moving",
}
WHILE_STANDING = {
    **dict.fromkeys(("car", "truck", "construction_vehicle", "trailer"), "vehicle.parked"),
    "bus": "vehicle.stopped",
    **dict.fromkeys(("bicycle", "motorcycle"), "cycle.without_rider"),
    "pedestrian": "pedestrian.standing",
}


def submission_rows(token: str, boxes: Boxes, world_from_ego: Array) -> list[dict[str, Any]]:
    """An answer of `boxes` as entries of a submission. world_from_ego [4, 4] at t0."""
    from scipy.spatial.transform import Rotation

    turns = np.zeros((len(boxes), 3, 3))
    turns[:] = np.eye(3)
    c, s = np.cos(boxes.headings), np.sin(boxes.headings)
    turns[:, 0, 0], turns[:, 0, 1], turns[:, 1, 0], turns[:, 1, 1] = c, -s, s, c
    places = transform_points(world_from_ego, boxes.centres)
    quaternions = Rotation.from_matrix(world_from_ego[:3, :3] @ turns).as_quat()[:, [3, 0, 1, 2]] if len(boxes) else np.zeros((0, 4))
    flat = transform_points(se3(world_from_ego[:3, :3], np.zeros(3)), np.pad(boxes.velocities, ((0, 0), (0, 1))))[:, :2]
    return [
        {
            "sample_token": token,
            "translation": places[k].tolist(),
            "size": boxes.sizes[k, [1, 0, 2]].tolist(),
            "rotation": quaternions[k].tolist(),
            "velocity": (flat[k] if boxes.velocity_known[k] else np.zeros(2)).tolist(),
            "detection_name": name,
            "detection_score": float(boxes.scores[k]),
            "attribute_name": attribute_of(name, float(np.hypot(*boxes.velocities[k]))),
        }
        for k, name in enumerate(boxes.classes)
    ]


def attribute_of(name: str, speed_mps: float) -> str:
    """What a thing of a class is said to do at a speed; "" for classes without attributes."""
    return (WHILE_MOVING if speed_mps > MOVING_MPS else WHILE_STANDING).get(name, "")


def write_submission(path: str | Path, results: Mapping[str, list[dict[str, Any]]]) -> Path:
    """Writes a submission of camera-only boxes, whole or not at all. Raises OutputError."""
    meta = {name: name == "use_camera" for name in USES}
    write_whole(path, json.dumps({"meta": meta, "results": dict(results)}, allow_nan=False))
    return Path(path)


@dataclass(eq=False)
class Collected:
    """Answers of `boxes` on their way into submissions, one a planner: results: planner -> sample token -> entries."""

    results: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def add(self, planner: str, sample: SceneSample, answers: Mapping[str, Any]) -> None:
        """What a planner answered to a sample, by request; nothing where it has no boxes, since a submission has every sample."""
        boxes = next((value for value in answers.values() if isinstance(value, Boxes)), None)
        rows = [] if boxes is None else submission_rows(sample.token, boxes, sample.world_from_ego)
        self.results.setdefault(planner, {})[sample.token] = rows

    def save(self, folder: Path) -> list[Path]:
        """Writes detections-PLANNER.json of every planner that told a box. Raises OutputError."""
        told = {name: results for name, results in self.results.items() if any(results.values())}
        return [write_submission(folder / f"detections-{file_name(name)}.json", results) for name, results in told.items()]


def file_name(name: str) -> str:
    """A planner's name as a part of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
