"""PandaSet's JSON files: times and poses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array, quaternion_to_rotation, se3

MAX_BYTES = 50_000_000


def read_json(path: Path) -> Any:
    """A file's value. Raises ValueError where it is not there, too large or no JSON."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, more than {MAX_BYTES}")
    try:
        return json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no JSON ({error})") from error


def stamps_of(path: Path) -> NDArray[np.int64]:
    """Seconds of a file -> microseconds [N]. Raises ValueError where they are no numbers or do not increase."""
    try:
        seconds = np.array(read_json(path), dtype=np.float64).reshape(-1)
    except TypeError as error:
        raise ValueError(f"{path}: its times are not numbers") from error
    if not len(seconds) or not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise ValueError(f"{path}: its {len(seconds)} times do not increase")
    return np.round(seconds * 1e6).astype(np.int64)


def poses_of(path: Path, count: int) -> Array:
    """A file of positions and headings -> [count, 4, 4]. Raises ValueError where one is no pose, or there are not so many."""
    rows = read_json(path)
    try:
        places = np.array([[row["position"][axis] for axis in "xyz"] for row in rows], dtype=np.float64).reshape(-1, 3)
        turns = np.array([[row["heading"][axis] for axis in "wxyz"] for row in rows], dtype=np.float64).reshape(-1, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a row lacks position or heading ({error})") from error
    wrong = ~np.isfinite(places).all(1) | ~(np.abs(np.linalg.norm(turns, axis=1) - 1) < 1e-3)
    if len(rows) != count or wrong.any():
        raise ValueError(f"{path}: {len(rows)} poses, {int(wrong.sum())} of them impossible; expected {count}")
    return se3(quaternion_to_rotation(turns), places)
