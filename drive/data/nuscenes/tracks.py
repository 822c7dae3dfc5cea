"""What is annotated in a scene, as one row per instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drive.data.nuscenes.tables import Record, matrices
from drive.data.scenes import Tracks
from drive.data.tracks import BoxRows, tracks_of
from drive.frames import Array

if TYPE_CHECKING:
    from drive.data.nuscenes.index import IndexedTables


def read_tracks(tables: IndexedTables, samples: list[Record]) -> Tracks:
    """Everything annotated in a scene, one row per instance in order of appearance."""
    found = [(step, tables.get("sample_annotation", token)) for step, sample in enumerate(samples) for token in sample["anns"]]
    rows = [row for _, row in found]
    poses = matrices(rows)
    kinds = [tables.get("category", tables.get("instance", row["instance_token"])["category_token"])["name"] for row in rows]
    boxes = BoxRows(
        steps=np.array([step for step, _ in found], dtype=np.int64),
        instances=[row["instance_token"] for row in rows],
        categories=kinds,
        centres=poses[:, :3, 3],
        forward=poses[:, :3, 0],
        sizes=_sizes(rows),
        points=np.array([_points(row) for row in rows], dtype=np.int64),
        visibility=np.array([int(row["visibility_token"] or 0) for row in rows], dtype=np.int64),
    )
    # Annotations are of their sample's time, not of the reference sensor's; multiplied as the devkit does.
    return tracks_of(boxes, 1e-6 * np.array([row["timestamp"] for row in samples], dtype=np.int64))


def _sizes(rows: list[Record]) -> Array:
    """[N, 3] length, width, height m."""
    sizes = np.array([row["size"] for row in rows], dtype=np.float64)
    if len(rows) and sizes.shape != (len(rows), 3):
        raise ValueError(f"the size of a sample_annotation is no width, length, height: {rows[0]['size']}")
    sizes = sizes.reshape(-1, 3)[:, [1, 0, 2]]
    wrong = ~((sizes > 0) & np.isfinite(sizes)).all(1)
    if wrong.any():
        row = rows[int(wrong.argmax())]
        raise ValueError(f"sample_annotation {row['token']} has the impossible size {row['size']}")
    return sizes


def _points(row: Record) -> int:
    """LiDAR and radar points together; -1 where either is unknown."""
    lidar, radar = int(row["num_lidar_pts"]), int(row["num_radar_pts"])
    return -1 if lidar < 0 or radar < 0 else lidar + radar
