"""JSON that somebody else wrote: keys given twice, numbers of any size, nesting of any depth; and whose format it may be.

Reading takes time in proportion to the file, and every fault is one line.
"""

from __future__ import annotations

import json
import reprlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from drive.frames import Array
from drive.schema import PlanError

# Python converts no longer integers from text; as floats they are infinite.
LONGEST_INTEGER = 4000
LONGEST_TEXT = 300
FIRST_BYTES = {
    b"\x80": "a pickle, as UniAD, VAD and SparseDrive (results.pkl) and NAVSIM (submission.pkl) write; `drive convert` makes plans of it",
    b"\x1f\x8b": "an archive, as submissions to WOD-E2E are; `drive convert --from wod-e2e` makes plans of it",
    b"PK\x03\x04": "a ZIP archive (numpy's .npz, a checkpoint of torch)",
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF": "an HDF5 file",
}
# Keys that tell a format, of the file itself or of what it lists, the most telling first.
MARKS = (
    ({"planning_results_computed"}, "UniAD's results"),
    ({"planning_traj"}, "UniAD's results"),
    ({"final_planning"}, "SparseDrive's results"),
    ({"img_bbox"}, "SparseDrive's results"),
    ({"plan_results"}, "VAD's results"),
    ({"ego_fut_preds"}, "VAD's results"),
    ({"map_results"}, "VAD's detections and maps (results_nusc.json), without plans"),
    ({"detection_name"}, "a nuScenes detection submission: boxes, no plans (--detections scores them)"),
    ({"tracking_name"}, "a nuScenes tracking submission: boxes, no plans"),
    ({"predictions", "team_name"}, "a NAVSIM submission"),
    ({"ade1s", "ade3s"}, "OpenEMMA's ade_results.jsonl: scores, no plans"),
    ({"_checkpoint"}, "Bench2Drive's results of drives"),
    ({"question"}, "questions and answers, as DriveLM's"),
)


class Object(dict):
    """A JSON object that remembers the keys it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {k for k, n in Counter(key for key, _ in pairs).items() if n > 1} if len(self) < len(pairs) else set()


def read_json(path: Path) -> Any:
    """The file's value, objects as `Object`. Raises ValueError in one line where it is no JSON."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    for start, what in FIRST_BYTES.items():
        if content.startswith(start):
            raise ValueError(f"{path} is not JSON: it looks like {what}")
    try:
        return _parse(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {_first_line(content) or error}") from error


def guessed_format(data: Any) -> str:
    """", it looks like ..." for a value of a known format, else "". """
    for keys, name in MARKS:
        if any(keys <= set(found) for found in objects_in(data)):
            return f"; it looks like {name}"
    values = list(data.values())[:3] if isinstance(data, dict) else []
    if values and all(isinstance(v, list) and v and isinstance(v[0], list) for v in values):
        return "; it looks like points by token alone, as GPT-Driver, Agent-Driver and AD-MLP keep them"
    return ""


def numbers(value: Any, name: str) -> Array:
    """Nested JSON lists of finite numbers -> array; strings, booleans, null and ragged lists are refused. Raises PlanError."""

    def plain(item: Any) -> bool:
        return all(map(plain, item)) if isinstance(item, list) else isinstance(item, int | float) and not isinstance(item, bool)

    try:
        if not isinstance(value, list) or not plain(value):
            raise ValueError
        array = np.array(value, dtype=np.float64)
    except (ValueError, OverflowError, RecursionError):
        raise PlanError(f"{name} is not a regular list of numbers") from None
    if not np.isfinite(array).all():
        raise PlanError(f"{name} holds NaN or infinity")
    return array


def shown(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A value of a file as a piece of one line: short, without control characters."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    return "".join(c if c.isprintable() else " " for c in text[:longest])


def _parse(content: bytes) -> Any:
    def integer(text: str) -> int | float:
        return int(text) if len(text) < LONGEST_INTEGER else float(text)

    return json.loads(content, object_pairs_hook=Object, parse_int=integer)


def _first_line(content: bytes) -> str:
    """What a file of one JSON value a line looks like."""
    line, _, rest = content.partition(b"\n")
    try:
        first = _parse(line) if rest.strip() else None
    except (ValueError, RecursionError):
        return ""
    return f"one JSON value a line (JSON lines){guessed_format(first)}" if isinstance(first, dict | list) else ""


def objects_in(data: Any, depth: int = 3) -> list[dict[str, Any]]:
    """The objects at the top of a value: itself, and the first few of what it holds."""
    if not isinstance(data, dict | list) or depth < 0:
        return []
    inner = list(data.values()) if isinstance(data, dict) else data
    return [*([data] if isinstance(data, dict) else []), *(found for item in inner[:8] for found in objects_in(item, depth - 1))]
