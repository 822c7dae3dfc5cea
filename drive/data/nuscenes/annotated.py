"""Annotations as the tables hold them, in the world, with what samples leave out (attributes): for nuScenes' detection benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drive.data.nuscenes.scenes import reference_of
from drive.data.nuscenes.tables import Record, matrices, readable
from drive.frames import Array

if TYPE_CHECKING:
    from drive.data.nuscenes.index import IndexedTables


# Key frames further apart than this tell no velocity.
LONGEST_S = 1.5


@dataclass(frozen=True, eq=False)
class Annotated:
    """A annotations of one sample. categories, attributes: A names, attributes "" where there is none. world_from_box [A, 4, 4]; sizes
    [A, 3] length, width, height m; velocities [A, 2] m/s in the world, NaN = unknown; points [A] LiDAR and radar points together.
    ego [3]: the ego's place in the world at the LiDAR's key frame."""

    categories: tuple[str, ...]
    attributes: tuple[str, ...]
    world_from_box: Array
    sizes: Array
    velocities: Array
    points: NDArray[np.int64]
    ego: Array


def annotated(tables: IndexedTables, sample: Record) -> Annotated:
    """The annotations of a sample. Raises ValueError where a record is damaged or
    has two attributes."""
    with readable(f"sample {sample['token']}"):
        rows = [tables.get("sample_annotation", token) for token in sample["anns"]]
        if two := [row["token"] for row in rows if len(row["attribute_tokens"]) > 1]:
            raise ValueError(f"sample_annotation {two[0]} has more than one attribute")
        kinds = [tables.get("instance", row["instance_token"])["category_token"] for row in rows]
        return Annotated(
            categories=tuple(tables.get("category", kind)["name"] for kind in kinds),
            attributes=tuple(
                tables.get("attribute", row["attribute_tokens"][0])["name"] if row["attribute_tokens"] else "" for row in rows
            ),
            world_from_box=matrices(rows),
            sizes=np.array([row["size"] for row in rows], dtype=np.float64).reshape(-1, 3)[:, [1, 0, 2]],
            velocities=np.array([_velocity(tables, row) for row in rows], dtype=np.float64).reshape(-1, 2),
            points=np.array([row["num_lidar_pts"] + row["num_radar_pts"] for row in rows], dtype=np.int64),
            ego=np.array(tables.get("ego_pose", reference_of(tables, sample)["ego_pose_token"])["translation"], dtype=np.float64),
        )


def _velocity(tables: IndexedTables, row: Record) -> Array:
    """[2] m/s in the world, between the boxes before and after on the track; NaN where there is neither, or they are too far apart
    (`box_velocity` of nuscenes-devkit)."""
    first, last = (tables.get("sample_annotation", row[way]) if row[way] != "" else row for way in ("prev", "next"))
    begin, end = (1e-6 * tables.get("sample", box["sample_token"])["timestamp"] for box in (first, last))
    longest_s = 2 * LONGEST_S if row["prev"] != "" and row["next"] != "" else LONGEST_S
    if first is last or end - begin > longest_s:
        return np.full(2, np.nan)
    moved: Array = np.array(last["translation"], dtype=np.float64) - np.array(first["translation"], dtype=np.float64)
    return moved[:2] / (end - begin)
