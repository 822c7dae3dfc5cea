"""What is annotated in a scene, as one row per instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drive.data.nuscenes.tables import Record, matrices
from drive.data.scenes import Tracks
from drive.frames import Array
from drive.schema import Mask

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes

# Boxes of one track further apart than this give no velocity (the devkit's `box_velocity` takes the same).
VELOCITY_MAX_DT_S = 1.5


def read_tracks(nusc: NuScenes, samples: list[Record]) -> Tracks:
    """Everything annotated in a scene, one row per instance in order of appearance."""
    found = [(step, nusc.get("sample_annotation", token)) for step, sample in enumerate(samples) for token in sample["anns"]]
    rows = {name: i for i, name in enumerate(dict.fromkeys(row["instance_token"] for _, row in found))}
    at = np.array([rows[row["instance_token"]] for _, row in found], dtype=np.int64), np.array([s for s, _ in found], dtype=np.int64)
    shape = (len(rows), len(samples))
    valid = np.zeros(shape, dtype=bool)
    valid[at] = True
    if valid.sum() != len(found):
        raise ValueError("an instance is annotated twice in one sample")
    poses = matrices([row for _, row in found])

    def table(values: Any, tail: tuple[int, ...], dtype: type, empty: int = 0) -> np.ndarray:
        filled: np.ndarray = np.full(shape + tail, empty, dtype=dtype)
        filled[at] = np.array(values, dtype=dtype).reshape(-1, *tail)
        return filled

    centres = table(poses[:, :3, 3], (3,), np.float64)
    # Annotations are of their sample's time, not of the reference sensor's; multiplied as the devkit does.
    velocities, velocity_valid = track_velocities(centres, valid, 1e-6 * np.array([row["timestamp"] for row in samples], dtype=np.int64))
    return Tracks(
        instances=tuple(rows),
        categories=tuple(nusc.get("category", nusc.get("instance", token)["category_token"])["name"] for token in rows),
        centres=centres,
        forward=table(poses[:, :3, 0], (3,), np.float64),
        sizes=table([_size(row) for _, row in found], (3,), np.float64),
        velocities=velocities,
        velocity_valid=velocity_valid,
        valid=valid,
        points=table([_points(row) for _, row in found], (), np.int64, -1),
        visibility=table([int(row["visibility_token"] or 0) for _, row in found], (), np.int64),
    )


def _size(row: Record) -> list[float]:
    width, length, height = (float(v) for v in row["size"])
    if not min(width, length, height) > 0 or not np.isfinite([width, length, height]).all():
        raise ValueError(f"sample_annotation {row['token']} has the impossible size {row['size']}")
    return [length, width, height]


def _points(row: Record) -> int:
    """LiDAR and radar points together; -1 where either is unknown."""
    lidar, radar = int(row["num_lidar_pts"]), int(row["num_radar_pts"])
    return -1 if lidar < 0 or radar < 0 else lidar + radar


def track_velocities(centres: Array, valid: Mask, times_s: Array) -> tuple[Array, Mask]:
    """Centres [A, N, 3] with valid [A, N] at times_s [N] -> velocities [A, N, 3] and whether they are known [A, N].

    Difference between the track's boxes before and after each, whatever key frames it skips between; at the ends of a track
    between it and its one neighbour (the devkit's `box_velocity`). Not known for a lone box, or across more than
    VELOCITY_MAX_DT_S per neighbour.
    """
    index, rows = np.arange(centres.shape[1]), np.arange(len(centres))[:, None]
    none = np.full((len(centres), 1), -1)
    before = np.concatenate([none, np.maximum.accumulate(np.where(valid, index, -1), axis=1)[:, :-1]], axis=1)
    after = np.minimum.accumulate(np.where(valid, index, len(index))[:, ::-1], axis=1)[:, ::-1]
    after = np.concatenate([after[:, 1:], none + 1 + len(index)], axis=1)
    has_before, has_after = before >= 0, after < len(index)
    first, last = np.where(has_before, before, index), np.where(has_after, after, index)
    dt = times_s[last] - times_s[first]
    known = valid & (has_before | has_after) & (dt <= VELOCITY_MAX_DT_S * (has_before.astype(int) + has_after))
    step = centres[rows, last] - centres[rows, first]
    return np.where(known[..., None], step / np.where(known, dt, 1.0)[..., None], 0.0), known
