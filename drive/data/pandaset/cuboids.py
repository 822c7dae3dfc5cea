"""PandaSet's cuboids, one table a sweep, in the world."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.data.pandaset.categories import CATEGORIES
from drive.data.pandaset.frames import read_frame
from drive.data.tracks import BoxRows

CUBOIDS = "annotations/cuboids"
COLUMNS = ("uuid", "label", "yaw", *(f"{what}.{axis}" for what in ("position", "dimensions") for axis in "xyz"))
# A moving thing that both LiDARs see has a cuboid of each; that of the one that looks ahead names its sibling and is left out.
FRONT_LIDAR, SIBLING, SENSOR = 1, "cuboids.sibling_id", "cuboids.sensor_id"


def read_boxes(folder: Path, count: int) -> BoxRows:
    """The cuboids of count sweeps, which are in the world; those that the front LiDAR has a second time are left out."""
    parts = [_cuboids(folder, step) for step in range(count)]
    steps = np.repeat(np.arange(count), [len(part["yaw"]) for part in parts])
    table = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    unknown = sorted(set(table["label"].tolist()) - CATEGORIES.keys())
    if unknown:
        raise ValueError(f"{folder}: label {unknown[0]!r} is none of PandaSet's {len(CATEGORIES)}")
    # Width, length, height; a yaw of 0 looks along y.
    heading = table["yaw"].astype(np.float64) + np.pi / 2
    return BoxRows(
        steps=steps,
        instances=[str(name) for name in table["uuid"]],
        categories=[CATEGORIES[str(label)] for label in table["label"]],
        centres=np.stack([table[f"position.{axis}"].astype(np.float64) for axis in "xyz"], -1),
        forward=np.stack([np.cos(heading), np.sin(heading), np.zeros_like(heading)], -1),
        sizes=np.stack([table[f"dimensions.{axis}"].astype(np.float64) for axis in "yxz"], -1),
        points=np.full(len(steps), -1, dtype=np.int64),
        visibility=np.zeros(len(steps), dtype=np.int64),
    )


def _cuboids(folder: Path, step: int) -> dict[str, np.ndarray]:
    path = next((p for p in (folder / f"{step:02d}.pkl.gz", folder / f"{step:02d}.pkl") if p.is_file()), None)
    if path is None:
        raise ValueError(f"{folder}: no cuboids of sweep {step:02d}")
    table = read_frame(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; it has {', '.join(table)}")
    if any(table[name].dtype.kind not in "fiu" for name in COLUMNS[2:]):
        raise ValueError(f"{path}: yaw, position and dimensions must be numbers")
    keep = np.ones(len(table["yaw"]), dtype=bool)
    if SENSOR in table and SIBLING in table and table[SENSOR].dtype.kind in "fiu":
        keep = ~((table[SENSOR] == FRONT_LIDAR) & np.isin(table[SIBLING].astype(str), table["uuid"].astype(str)))
    return {name: table[name][keep] for name in COLUMNS}
