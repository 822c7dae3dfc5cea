"""PandaSet sequences -> `SceneLog`, key frames at the LiDAR's 10 Hz. It has no maps.

The world is each sequence's own. The ego frame is that of the LiDAR's poses, which lies on the ground and has x to the right and y ahead,
turned to x ahead and y left. Cameras have poses in the world at their own times.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.data.pandaset.cameras import CAMERAS, camera_records
from drive.data.pandaset.cuboids import CUBOIDS, read_boxes
from drive.data.pandaset.files import poses_of, stamps_of
from drive.data.paths import inside
from drive.data.scenes import SceneLog, usual_spacing
from drive.data.tracks import no_boxes, tracks_of
from drive.frames import invert_se3
from drive.maps import RoadMap

POSES, TIMES = "lidar/poses.json", "lidar/timestamps.json"
PARTS = (POSES, TIMES, CUBOIDS, f"{CAMERAS}/front_camera")  # what tells a sequence that lacks some of it
SPACING_S = 0.1
LIDAR_FROM_EGO = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def is_pandaset(root: Path) -> bool:
    """Whether a folder is a sequence, or holds sequences."""
    return is_sequence(root) or any(is_sequence(path.parent.parent) for path in root.glob(f"*/{POSES}"))


def is_sequence(folder: Path) -> bool:
    """Whether a folder is one sequence."""
    return (folder / POSES).is_file() and (folder / TIMES).is_file()


class Sequences:
    """The sequences of a folder (`drive.data.sources.SceneSource`)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stamps: dict[str, NDArray[np.int64]] = {}

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """Sequence's name -> its folder, also where only a part of it is there: what is lacking is named when it is read."""
        if is_sequence(self.root):
            return {self.root.resolve().name: self.root}
        return {p.name: inside(self.root, p.name) for p in sorted(self.root.glob("*")) if any((p / part).exists() for part in PARTS)}

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """PandaSet has none: all sequences under the empty name."""
        return {"": tuple(self._folders)}

    def stamps_us(self, scene: str) -> NDArray[np.int64]:
        """The times [N] of a sequence's sweeps. Raises ValueError where they do not increase."""
        if scene not in self._stamps:
            self._stamps[scene] = stamps_of(self._folders[scene] / TIMES)
        return self._stamps[scene]

    def tokens(self, scene: str) -> tuple[str, ...]:
        """A key frame's token is SEQUENCE:NUMBER, as files are numbered."""
        return tuple(f"{scene}:{k:02d}" for k in range(len(self.stamps_us(scene))))

    def log(self, scene: str) -> SceneLog:
        """One sequence. Raises ValueError, naming file and field, where something in it is impossible."""
        folder, stamps = self._folders[scene], self.stamps_us(scene)
        world_from_ego = poses_of(folder / POSES, len(stamps)) @ LIDAR_FROM_EGO
        annotated = (folder / CUBOIDS).is_dir()
        return SceneLog(
            name=scene,
            location="",
            map_file="",
            tokens=self.tokens(scene),
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, SPACING_S),
            world_from_ego=world_from_ego,
            cameras=camera_records(folder, stamps, world_from_ego),
            ego_from_lidar=(invert_se3(LIDAR_FROM_EGO),) * len(stamps),
            tracks=tracks_of(read_boxes(folder / CUBOIDS, len(stamps)) if annotated else no_boxes(), stamps / 1e6),
            annotated=annotated,
        )

    def road_map(self, scene: str) -> RoadMap | None:
        """None: PandaSet has no maps."""
        return None
