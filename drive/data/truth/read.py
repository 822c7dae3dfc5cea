"""A truth file -> scenes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.arrays import Arrays, read_arrays
from drive.data.scenes import SceneLog, Tracks

VERSION = 1
MARK = "truth_version"
MAX_PLACES = 20_000_000  # instances times key frames of a scene


def is_truth(path: Path) -> bool:
    """Whether a file is a truth file, by the names of what it holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{MARK}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def read_truth(path: Path) -> tuple[SceneLog, ...]:
    """The scenes of a truth file. Raises ValueError where it is none, or its arrays do not fit each other."""
    a = Arrays(read_arrays(path), where=str(path))
    if a.counts(MARK).item() != VERSION:
        raise ValueError(f"{path} is a truth file of version {a.counts(MARK).item()}, this reads {VERSION}")
    scenes, tokens = a.words("scene"), a.words("token")
    frames, instances = a.counts("scene_frames", len(scenes)), a.counts("scene_instances", len(scenes))
    names = a.words("instance")
    if frames.sum() != len(tokens) or instances.sum() != len(names) or len(set(tokens)) != len(tokens) or len(set(scenes)) != len(scenes):
        raise ValueError(f"{path}: the counts of its scenes do not fit its key frames or instances, or a name comes twice")
    frame_ends, instance_ends = np.cumsum(frames), np.cumsum(instances)
    boxes = _Boxes(a, len(tokens), len(names))
    spans = zip(frame_ends - frames, frame_ends, instance_ends - instances, instance_ends, strict=True)
    return tuple(_log(a, k, slice(f0, f1), slice(i0, i1), boxes) for k, (f0, f1, i0, i1) in enumerate(spans))


class _Boxes:
    """The boxes of a file, checked once."""

    def __init__(self, a: Arrays, frames: int, instances: int) -> None:
        self.frame = a.counts("box_frame", None)
        count = len(self.frame)
        self.instance = a.counts("box_instance", count)
        self.values = {name: a.numbers(f"box_{name}", count, 3) for name in ("centre", "forward", "size")}
        self.velocity = a.loose("box_velocity", count, 3)
        self.points, self.visibility = a.numbers("box_points", count).astype(np.int64), a.counts("box_visibility", count)
        category, self.categories = a.counts("category", instances), np.array(a.words("categories"))
        if (self.frame >= frames).any() or (self.instance >= instances).any() or (category >= len(self.categories)).any():
            raise ValueError(f"{a.where}: a box is of a key frame, instance or category that is not there")
        if len(np.unique(self.frame * max(instances, 1) + self.instance)) != count or not (self.values["size"] > 0).all():
            raise ValueError(f"{a.where}: an instance has two boxes in a key frame, or a box has no size")
        self.kinds = self.categories[category] if instances else np.zeros(0, dtype=np.str_)

    def tracks(self, names: tuple[str, ...], frames: slice, instances: slice) -> Tracks:
        """Those of a scene."""
        inside = (self.frame >= frames.start) & (self.frame < frames.stop)
        at = self.instance[inside] - instances.start, self.frame[inside] - frames.start
        shape = (instances.stop - instances.start, frames.stop - frames.start)
        if shape[0] * shape[1] > MAX_PLACES:
            raise ValueError(f"a scene of {shape[1]} key frames and {shape[0]} instances is absurd: over {MAX_PLACES} places for boxes")
        if ((at[0] < 0) | (at[0] >= shape[0])).any():
            raise ValueError("a box is of an instance of another scene")

        def table(values: NDArray[Any], empty: int = 0) -> NDArray[Any]:
            filled = np.full(shape + values.shape[1:], empty, dtype=values.dtype)
            filled[at] = values[inside]
            return filled

        known = np.isfinite(self.velocity).all(1)
        return Tracks(
            instances=names[instances],
            categories=tuple(map(str, self.kinds[instances])),
            centres=table(self.values["centre"]),
            forward=table(self.values["forward"]),
            sizes=table(self.values["size"]),
            velocities=table(np.where(known[:, None], self.velocity, 0.0)),
            velocity_valid=table(known),
            valid=table(np.ones(len(known), dtype=bool)),
            points=table(self.points, -1),
            visibility=table(self.visibility),
        )


def _log(a: Arrays, k: int, frames: slice, instances: slice, boxes: _Boxes) -> SceneLog:
    tokens = a.words("token")
    stamps = a.counts("timestamp_us", len(tokens))[frames]
    mount, mounts = a.numbers("mount", len(tokens)).astype(np.int64)[frames], a.numbers("mounts", None, 4, 4)
    spacing = a.numbers("spacing_s", len(a.words("scene")))[k]
    if (np.diff(stamps) <= 0).any() or not spacing > 0 or (mount >= len(mounts)).any():
        raise ValueError(f"{a.where}: scene {a.words('scene')[k]} has times that do not increase, or a mounting that is not there")
    return SceneLog(
        name=a.words("scene")[k],
        location=a.words("location", len(a.words("scene")))[k],
        map_file="",
        tokens=tokens[frames],
        timestamps_us=stamps,
        spacing_s=float(spacing),
        world_from_ego=a.numbers("world_from_ego", len(tokens), 4, 4)[frames],
        cameras=((),) * len(stamps),
        ego_from_lidar=tuple(None if row < 0 else mounts[row] for row in mount),
        tracks=boxes.tracks(a.words("instance"), frames, instances),
        annotated=bool(a.flags("annotated", len(a.words("scene")))[k]),
    )
