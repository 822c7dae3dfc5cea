"""nuScenes' detection submissions, anybody's (`drive.eval.detection.write` writes them).

    {"meta": {"use_camera": true, ...}, "results": {sample_token: [{"sample_token", "translation", "size", "rotation", "velocity",
     "detection_name", "detection_score", "attribute_name"}, ...]}}

Places are in the world, sizes width, length, height, rotations (w, x, y, z). A sample whose entry cannot be used is a failed one with a
reason, and counts as one without boxes; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drive.answers.boxes import CLASSES
from drive.eval.detection.table import ATTRIBUTES
from drive.eval.plan_json import Object, guessed_format, read_json, shown
from drive.frames import Array
from drive.schema import PlanError

MOST_BOXES = 500
NUMBERS = {"translation": 3, "size": 3, "rotation": 4, "velocity": 2}
_KIND = {name: k for k, name in enumerate(CLASSES)}
_ATTRIBUTE = {name: k for k, name in enumerate(ATTRIBUTES)} | {"": -1}


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
