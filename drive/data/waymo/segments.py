"""Waymo perception segments, a tfrecord file each -> `SceneLog`, key frames at 10 Hz. Their maps and LiDAR pictures are not read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from drive.data.paths import inside
from drive.data.scenes import SceneLog, usual_spacing
from drive.data.tracks import BoxRows, no_boxes, tracks_of
from drive.data.waymo import SPLITS, SUFFIX
from drive.data.waymo.frames import WaymoFrame, read_frame
from drive.data.waymo.tfrecord import RecordPlace, places_of
from drive.maps import RoadMap

SPACING_S = 0.1


class Segments:
    """The segments of a folder (`drive.data.sources.SceneSource`)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._places: dict[str, tuple[RecordPlace, ...]] = {}

    @cached_property
    def _files(self) -> dict[str, dict[str, Path]]:
        folders = {"": self.root, **{name: self.root / name for name in SPLITS}}
        files = {split: sorted(folder.glob(f"*{SUFFIX}")) for split, folder in folders.items()}
        return {split: {p.name.removesuffix(SUFFIX): self._inside(p) for p in paths} for split, paths in files.items() if paths}

    def _inside(self, path: Path) -> Path:
        return inside(self.root, str(path.relative_to(self.root)))

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Folder -> segments; files beside these under the empty name."""
        return {split: tuple(files) for split, files in self._files.items()}

    def _path(self, scene: str) -> Path:
        return next(files[scene] for files in self._files.values() if scene in files)

    def places(self, scene: str) -> tuple[RecordPlace, ...]:
        """Where a segment's records lie in its file."""
        if scene not in self._places:
            self._places[scene] = places_of(self._path(scene))
        return self._places[scene]

    def tokens(self, scene: str) -> tuple[str, ...]:
        """A key frame's token is SEGMENT:NUMBER, counted from 0."""
        return tuple(f"{scene}:{k:03d}" for k in range(len(self.places(scene))))

    def log(self, scene: str) -> SceneLog:
        """One segment; its pictures stay in the file. Raises ValueError where a record is damaged or impossible."""
        path, names = self._path(scene), self.tokens(scene)
        frames = [read_frame(path, place, name) for place, name in zip(self.places(scene), names, strict=True)]
        stamps = np.array([frame.timestamp_us for frame in frames], dtype=np.int64)
        if not len(frames) or (np.diff(stamps) <= 0).any():
            raise ValueError(f"{path}: the times of its {len(frames)} frames do not increase")
        annotated = any(frame.boxes for frame in frames)
        return SceneLog(
            name=scene,
            location="",
            map_file="",
            tokens=names,
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, SPACING_S),
            world_from_ego=np.stack([frame.world_from_vehicle for frame in frames]),
            cameras=tuple(frame.cameras for frame in frames),
            ego_from_lidar=(None,) * len(frames),
            tracks=tracks_of(box_rows(frames) if annotated else no_boxes(), stamps / 1e6),
            annotated=annotated,
        )

    def road_map(self, scene: str) -> RoadMap | None:
        """None: the map features of a segment are not read."""
        return None


def box_rows(frames: list[WaymoFrame]) -> BoxRows:
    """The labels of all frames, in the world."""
    found = [(step, box) for step, frame in enumerate(frames) for box in frame.boxes]
    steps = np.array([step for step, _ in found], dtype=np.int64)
    poses = np.stack([frame.world_from_vehicle for frame in frames])[steps]
    centres, headings = np.stack([box.centre for _, box in found]), np.array([box.heading for _, box in found])
    forward = np.stack([np.cos(headings), np.sin(headings), np.zeros_like(headings)], -1)
    return BoxRows(
        steps=steps,
        instances=[box.id for _, box in found],
        categories=[box.category for _, box in found],
        centres=(poses[:, :3, :3] @ centres[..., None])[..., 0] + poses[:, :3, 3],
        forward=(poses[:, :3, :3] @ forward[..., None])[..., 0],
        sizes=np.stack([box.size for _, box in found]),
        points=np.array([box.points for _, box in found], dtype=np.int64),
        visibility=np.zeros(len(found), dtype=np.int64),
    )
