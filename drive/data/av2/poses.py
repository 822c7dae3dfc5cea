"""Poses of Argoverse 2: of the car along a log, of sensors on it, and the moments that files are named by."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.data.av2.feather import read_columns
from drive.frames import Array, quaternion_to_rotation, se3

POSES = "city_SE3_egovehicle.feather"
# Columns of a pose, and their kind.
POSE = {"qw": "f", "qx": "f", "qy": "f", "qz": "f", "tx_m": "f", "ty_m": "f", "tz_m": "f"}
# The egovehicle's origin is the rear axle's middle, so high above the ground: against the ground height of log adcf7d18's map it lies
# 0.29 to 0.34 m up, 0.32 in the median of its 2637 poses.
AXLE_HEIGHT_M = 0.32


class LogTrack(NamedTuple):
    """Poses of a log: nanoseconds [P], ascending, and city_from_ego [P, 4, 4], the ego frame's origin on the ground."""

    stamps_ns: NDArray[np.int64]
    city_from_ego: Array

    def at(self, stamps_ns: NDArray[np.int64], where: str) -> Array:
        """The poses of these moments, [N, 4, 4]. Raises ValueError where the table has none of one."""
        rows = np.clip(np.searchsorted(self.stamps_ns, stamps_ns), 0, len(self.stamps_ns) - 1)
        absent = self.stamps_ns[rows] != stamps_ns
        if absent.any():
            raise ValueError(f"{where}: {POSES} has no pose at {int(stamps_ns[absent.argmax()])} ns ({absent.sum()} absent)")
        return self.city_from_ego[rows]


def read_poses(folder: Path) -> LogTrack:
    """A log's poses. Raises ValueError where a quaternion is not of unit length or time does not run forward."""
    table = read_columns(folder / POSES, {"timestamp_ns": "i", **POSE})
    stamps = table["timestamp_ns"]
    if not len(stamps) or (np.diff(stamps) <= 0).any():
        raise ValueError(f"{folder / POSES}: its {len(stamps)} time stamps do not increase")
    return LogTrack(stamps, matrices(table, folder / POSES) @ se3(np.eye(3), [0.0, 0.0, -AXLE_HEIGHT_M]))


def matrices(table: dict[str, np.ndarray], path: Path) -> Array:
    """Rows of a table with quaternions and translations -> [N, 4, 4]."""
    quaternions = np.stack([table[name] for name in ("qw", "qx", "qy", "qz")], -1)
    wrong = ~(np.abs(np.linalg.norm(quaternions, axis=1) - 1) < 1e-3)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{path}, row {row}: quaternion {quaternions[row].tolist()} is not of unit length")
    return se3(quaternion_to_rotation(quaternions), np.stack([table[name] for name in ("tx_m", "ty_m", "tz_m")], -1))


def stamps_of(folder: Path, suffix: str) -> NDArray[np.int64]:
    """The nanoseconds [N], ascending, that files of a folder are named by. Raises ValueError where a name is no number."""
    names = [path.name.removesuffix(suffix) for path in folder.glob(f"*{suffix}")]
    wrong = [name for name in names if not (name.isascii() and name.isdigit() and len(name) < 19)]
    if wrong:
        raise ValueError(f"{folder}: file {wrong[0] + suffix!r} is not named by nanoseconds")
    return np.sort(np.array([int(name) for name in names], dtype=np.int64))
