"""nuScenes' detection submissions, anybody's: read, write.

    {"meta": {"use_camera": true, ...}, "results": {sample_token: [{"sample_token", "translation", "size", "rotation", "velocity",
     "detection_name", "detection_score", "attribute_name"}, ...]}}

Places are in the world, sizes width, length, height, rotations (w, x, y, z). A sample whose entry cannot be used is a failed one with a
reason, and counts as one without boxes; nothing is repaired.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drive.answers.boxes import CLASSES, Boxes
from drive.eval.detection.table import ATTRIBUTES
from drive.eval.plan_json import Object, guessed_format, read_json, shown
from drive.frames import Array, se3, transform_points
from drive.outputs import write_whole
from drive.schema import PlanError, SceneSample

MOST_BOXES = 500
USES = ("use_camera", "use_lidar", "use_radar", "use_map", "use_external")
NUMBERS = {"translation": 3, "size": 3, "rotation": 4, "velocity": 2}
_KIND = {name: k for k, name in enumerate(CLASSES)}
_ATTRIBUTE = {name: k for k, name in enumerate(ATTRIBUTES)} | {"": -1}
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


@dataclass(frozen=True, eq=False)
class Submitted:
    """The boxes of one sample, B of them in the file's order: kind, attribute [B] as of `BoxTable`; translation, size (length, width,
    height) [B, 3]; yaw, score [B]; velocity [B, 2], NaN = unknown. All in the world."""

    kind: np.ndarray
    attribute: np.ndarray
    translation: Array
    size: Array
    yaw: Array
    velocity: Array
    score: Array


@dataclass(frozen=True, eq=False)
class Submission:
    """A read file. name: of whoever made it. results: as they stand there, by sample token. repeated: tokens that stand there twice."""

    name: str
    results: Mapping[str, Any]
    repeated: frozenset[str] = field(default=frozenset())

    def boxes(self, token: str) -> Submitted:
        """The boxes of one sample. Raises PlanError where there is no entry or it cannot be used."""
        if token in self.repeated:
            raise PlanError("the token stands in the file more than once")
        if token not in self.results:
            raise PlanError("no boxes for this sample in the file (the benchmark wants an entry for every sample, [] where there are none)")
        rows = self.results[token]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PlanError("the entry is not a list of boxes")
        if len(rows) > MOST_BOXES:
            raise PlanError(f"{len(rows)} boxes, at most {MOST_BOXES} are allowed")
        if other := next((row for row in rows if row.get("sample_token") != token), None):
            raise PlanError(f"a box says that its sample is {shown(other.get('sample_token'), 40)!r}")
        return _submitted(rows)


def read_submission(path: str | Path) -> Submission:
    """Reads a submission. Raises ValueError where it is no such file at all."""
    path = Path(path)
    data = read_json(path)
    for key in ("meta", "results"):
        if not isinstance(data, Object) or key in data.repeated or not isinstance(data.get(key), Object):
            told = guessed_format(data)
            raise ValueError(f'{path} has no single object "{key}"; expected a nuScenes detection submission, {{"meta", "results"}}{told}')
    results = data["results"]
    first = next((row for rows in results.values() if isinstance(rows, list) for row in rows), None)
    if first is not None and (not isinstance(first, dict) or "detection_name" not in first):
        raise ValueError(f"{path}: its results are no boxes with a detection_name{guessed_format(data)}")
    return Submission(path.stem, results, frozenset(results.repeated))


def _submitted(rows: list[dict[str, Any]]) -> Submitted:
    columns = {name: _column(rows, name, count) for name, count in NUMBERS.items()}
    if np.isnan(np.concatenate([columns[name].ravel() for name in ("translation", "size", "rotation")])).any():
        raise PlanError("a translation, size or rotation is not finite")
    if not (columns["size"] > 0).all():
        raise PlanError("a size is not above 0")
    length = np.linalg.norm(columns["rotation"], axis=-1, keepdims=True)
    if not (length > 1e-6).all():
        raise PlanError("a rotation is no quaternion")
    w, x, y, z = (columns["rotation"] / length).T
    return Submitted(
        kind=_words(rows, "detection_name", _KIND),
        attribute=_words(rows, "attribute_name", _ATTRIBUTE),
        translation=columns["translation"],
        size=columns["size"][:, [1, 0, 2]],
        yaw=np.arctan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z)),
        velocity=columns["velocity"],
        score=_scores(rows),
    )


def _column(rows: list[dict[str, Any]], name: str, count: int) -> Array:
    """A field of numbers, [B, count]; NaN stays NaN."""
    try:
        values = np.array([row[name] for row in rows], dtype=np.float64).reshape(-1, count) if rows else np.zeros((0, count))
    except (KeyError, ValueError, TypeError, OverflowError):
        values = np.zeros((0, count))
    if len(values) != len(rows) or np.isinf(values).any():
        raise PlanError(f"{name} of a box is not {count} numbers")
    return values


def _scores(rows: list[dict[str, Any]]) -> Array:
    found = [row.get("detection_score") for row in rows]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in found):
        raise PlanError("detection_score of a box is not a finite number")
    return np.array(found, dtype=np.float64)


def _words(rows: list[dict[str, Any]], name: str, known: Mapping[str, int]) -> np.ndarray:
    found = [row.get(name) for row in rows]
    if strangers := [word for word in found if not isinstance(word, str) or word not in known]:
        raise PlanError(f"{name} of a box is {shown(strangers[0], 40)!r}, expected one of {', '.join(filter(None, known))}")
    return np.array([known[str(word)] for word in found], dtype=np.int64)


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
