"""What the rules of conventions look at: rows of nuScenes tables joined by their tokens, and what a rule finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from drive.frames import Array, quaternion_to_rotation
from drive.words import plain_text

Row = dict[str, Any]

CAMERA_PREFIX, LIDAR = "CAM_", "LIDAR_TOP"
MICROSECONDS = 1e-6
QUATERNION_TOLERANCE = 1e-3


class Shot(NamedTuple):
    """One row of sample_data with the rows that it points to."""

    data: Row
    channel: str
    calibration: Row
    pose: Row
    sample: Row


class Box(NamedTuple):
    """One row of sample_annotation with the name of its category."""

    row: Row
    category: str


@dataclass(frozen=True)
class Finding:
    """One thing wrong: its kind, and where: table (or file), token of the row, field. Empty where it has none."""

    kind: str
    table: str
    token: str
    field: str
    message: str

    def __str__(self) -> str:
        place = ".".join(part for part in (self.table, self.token, self.field) if part)
        return plain_text(f"{place}: {self.message}").replace("\n", "\\n")


def columns(rows: Sequence[Row], name: str, *shape: int) -> Array:
    """A field of N rows as [N, *shape]; a row that is not so many finite numbers is NaN, which is refused in its own words elsewhere."""
    values = [row.get(name) for row in rows]
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.zeros(0)
    if array.shape != (len(rows), *shape):
        array = np.array([_numbers(value, shape) for value in values], dtype=np.float64).reshape(-1, *shape)
    array[~np.isfinite(array).all(tuple(range(1, array.ndim)))] = np.nan
    return array


def _numbers(value: Any, shape: tuple[int, ...]) -> Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.full(shape, np.nan)
    return array if array.shape == shape else np.full(shape, np.nan)


def times(rows: Sequence[Row]) -> Array:
    """Time stamps of N rows as numbers [N], NaN where one is none."""
    return columns(rows, "timestamp")


def rotations(quaternions: Array) -> Array:
    """Quaternions [N, 4] (w, x, y, z) -> [N, 3, 3]; NaN where one is not of unit length."""
    good = np.abs(np.linalg.norm(quaternions, axis=1) - 1) < QUATERNION_TOLERANCE
    matrices = np.full((len(quaternions), 3, 3), np.nan)
    matrices[good] = quaternion_to_rotation(quaternions[good])
    return matrices


def rotations_if_xyzw(quaternions: Array) -> Array:
    """As `rotations`, for quaternions that were stored scalar last."""
    return rotations(quaternions[:, [3, 0, 1, 2]])
