"""Argoverse 2 sensor logs -> `SceneLog`, key frames at the LiDAR's 10 Hz."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.data.av2.cameras import camera_records
from drive.data.av2.categories import CATEGORIES
from drive.data.av2.feather import read_columns
from drive.data.av2.maps import location_of, read_map
from drive.data.av2.poses import AXLE_HEIGHT_M, POSE, POSES, matrices, read_poses, stamps_of
from drive.data.paths import inside
from drive.data.scenes import SceneLog, usual_spacing
from drive.data.tracks import BoxRows, no_boxes, tracks_of
from drive.frames import Array, se3
from drive.maps import RoadMap

BOXES, SWEEPS = "annotations.feather", "sensors/lidar"
SPLITS = ("train", "val", "test")
# What tells a log that lacks its poses.
PARTS = (BOXES, SWEEPS, "sensors/cameras", "calibration/egovehicle_SE3_sensor.feather")
SPACING_S = 0.1
SIZES = ("length_m", "width_m", "height_m")


def is_log(folder: Path) -> bool:
    """Whether a folder is one log."""
    return (folder / POSES).is_file()


def _lacks_poses(folder: Path) -> bool:
    return not is_log(folder) and any((folder / part).exists() for part in PARTS)


def is_av2(root: Path) -> bool:
    """Whether a folder is a log, or holds logs, or splits with logs in them."""
    return is_log(root) or any(True for _ in root.glob(f"*/{POSES}")) or any(is_log(p) for s in SPLITS for p in (root / s).glob("*"))


class Logs:
    """The logs of a folder (`drive.data.sources.SceneSource`): the folder is one, holds some, or holds splits of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stamps: dict[str, NDArray[np.int64]] = {}

    @cached_property
    def _folders(self) -> dict[str, dict[str, Path]]:
        """Split -> log's name -> its folder, poses or not; links that lead out of the root are refused."""
        if is_log(self.root):
            return {"": {self.root.resolve().name: self.root}}
        groups = {"": sorted(self.root.glob("*")), **{name: sorted((self.root / name).glob("*")) for name in SPLITS}}
        logs = {split: [path for path in paths if is_log(path) or _lacks_poses(path)] for split, paths in groups.items()}
        return {split: {p.name: inside(self.root, str(p.relative_to(self.root))) for p in paths} for split, paths in logs.items() if paths}

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """train, val, test -> logs; logs beside these under the empty name."""
        return {split: tuple(logs) for split, logs in self._folders.items()}

    def folder(self, scene: str) -> Path:
        """A log's folder."""
        return next(logs[scene] for logs in self._folders.values() if scene in logs)

    def stamps_ns(self, scene: str) -> NDArray[np.int64]:
        """The moments [N] of a log's key frames: those of its annotations and of the LiDAR sweeps on disk.

        Raises ValueError where there is none of either, and where the log has no file of poses.
        """
        if scene not in self._stamps:
            folder = self.folder(scene)
            if not is_log(folder):
                raise ValueError(
                    f"{folder / POSES}: no such file, beside a log's other parts; copied whole? Fetch it, or move the log away"
                )
            boxes = read_columns(folder / BOXES, {"timestamp_ns": "i"})["timestamp_ns"] if (folder / BOXES).is_file() else ()
            sweeps = stamps_of(folder / SWEEPS, ".feather")
            self._stamps[scene] = np.unique(np.concatenate([np.asarray(boxes, dtype=np.int64), sweeps]))
            if not len(self._stamps[scene]):
                raise ValueError(f"{folder}: neither {BOXES} nor sweeps in {SWEEPS}: no key frames")
        return self._stamps[scene]

    def tokens(self, scene: str) -> tuple[str, ...]:
        """A key frame's token is LOG:NANOSECONDS."""
        return tuple(f"{scene}:{stamp}" for stamp in self.stamps_ns(scene))

    def log(self, scene: str) -> SceneLog:
        """One log with everything its samples need; pictures are named, not opened. Raises ValueError where a table is impossible."""
        folder, stamps = self.folder(scene), self.stamps_ns(scene)
        track = read_poses(folder)
        poses = track.at(stamps, str(folder))
        stamps_us = stamps // 1000
        if (np.diff(stamps_us) <= 0).any():
            raise ValueError(f"{folder}: two key frames within a microsecond")
        annotated = (folder / BOXES).is_file()
        boxes = read_boxes(folder, stamps, poses) if annotated else no_boxes()
        return SceneLog(
            name=scene,
            location=location_of(folder),
            map_file="",
            tokens=self.tokens(scene),
            timestamps_us=stamps_us,
            spacing_s=usual_spacing(stamps_us, SPACING_S),
            world_from_ego=poses,
            cameras=camera_records(folder, stamps, poses, track.at),
            ego_from_lidar=(se3(np.eye(3), [0.0, 0.0, AXLE_HEIGHT_M]),) * len(stamps),
            tracks=tracks_of(boxes, stamps / 1e9),
            annotated=annotated,
        )

    def road_map(self, scene: str) -> RoadMap | None:
        """The log's vector map, in its city's frame; None where it has none."""
        return read_map(self.folder(scene))


def read_boxes(folder: Path, stamps_ns: NDArray[np.int64], city_from_ego: Array) -> BoxRows:
    """A log's cuboids, which its table holds in the egovehicle's frame of their moment, in the city's."""
    kinds = {"timestamp_ns": "i", "track_uuid": "T", "category": "T", "num_interior_pts": "i", **dict.fromkeys(SIZES, "f"), **POSE}
    table = read_columns(folder / BOXES, kinds)
    unknown = sorted(set(table["category"]) - CATEGORIES.keys())
    if unknown:
        raise ValueError(f"{folder / BOXES}: category {unknown[0]!r} is none of Argoverse 2's {len(CATEGORIES)}")
    steps = np.searchsorted(stamps_ns, table["timestamp_ns"])
    axle_from_box = matrices(table, folder / BOXES)
    city_from_box = city_from_ego[steps] @ se3(np.eye(3), [0.0, 0.0, AXLE_HEIGHT_M]) @ axle_from_box
    return BoxRows(
        steps=steps,
        instances=[str(name) for name in table["track_uuid"]],
        categories=[CATEGORIES[name] for name in table["category"]],
        centres=city_from_box[:, :3, 3],
        forward=city_from_box[:, :3, 0],
        sizes=np.stack([table[name] for name in SIZES], -1),
        points=table["num_interior_pts"],
        visibility=np.zeros(len(steps), dtype=np.int64),
    )
