"""OpenScene logs -> `SceneLog`, key frames at 2 Hz. The maps are nuPlan's, which are not read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.data.images import DECODE_ERRORS, opened
from drive.data.openscene.find import blobs_of, log_files
from drive.data.openscene.frames import CameraTold, LogFrame, read_log
from drive.data.paths import inside
from drive.data.scenes import CameraRecord, SceneLog, usual_spacing
from drive.data.tracks import BoxRows, no_boxes, tracks_of
from drive.maps import RoadMap

SPACING_S = 0.5
# Of all of nuPlan's cameras; a picture on disk tells its own.
WIDTH, HEIGHT = 1920, 1080


class OpenSceneLogs:
    """The logs of a folder (`drive.data.sources.SceneSource`), a scene each, whole: NAVSIM's windows cross nuPlan's scenes in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tokens: dict[str, tuple[str, ...]] = {}
        self._last: tuple[str, SceneLog] | None = None

    @cached_property
    def _files(self) -> dict[str, dict[str, Path]]:
        return log_files(self.root)

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Folder -> logs; those in the root itself under the empty name. A log may stand in several (mini is a part of trainval)."""
        return {split: tuple(files) for split, files in self._files.items()}

    def tokens(self, scene: str) -> tuple[str, ...]:
        """The frames' own tokens, in time order. The whole log is read for them, once."""
        if scene not in self._tokens:
            self._tokens[scene] = self.log(scene).tokens
        return self._tokens[scene]

    def log(self, scene: str) -> SceneLog:
        """One log. Raises ValueError, naming file, frame and key, where something in it is impossible."""
        if self._last is None or self._last[0] != scene:
            split, path = next((split, files[scene]) for split, files in self._files.items() if scene in files)
            self._last = scene, self._read(scene, split, path)
        return self._last[1]

    def road_map(self, scene: str) -> RoadMap | None:
        """None: nuPlan's maps are not read."""
        return None

    def notes(self, scene: str | None) -> list[str]:
        """What logs tell and samples do not."""
        return [] if scene else ["roadblock_ids and traffic_lights, which name lanes of nuPlan's maps, and LiDAR sweeps"]

    def _read(self, scene: str, split: str, path: Path) -> SceneLog:
        frames = read_log(path)
        stamps = np.array([frame.timestamp_us for frame in frames], dtype=np.int64)
        tokens = tuple(frame.token for frame in frames)
        if (np.diff(stamps) <= 0).any() or len(set(tokens)) != len(tokens):
            raise ValueError(f"{path}: the times of its {len(frames)} frames do not increase, or two have one token")
        annotated = any(frame.boxes is not None for frame in frames)
        pictures = LogPictures(self.root, blobs_of(self.root, split))
        return SceneLog(
            name=scene,
            location=frames[0].location,
            map_file="",
            tokens=tokens,
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, SPACING_S),
            world_from_ego=np.stack([frame.world_from_ego for frame in frames]),
            cameras=tuple(pictures.records(frame) for frame in frames),
            ego_from_lidar=tuple(frame.ego_from_lidar for frame in frames),
            tracks=tracks_of(box_rows(frames) if annotated else no_boxes(), stamps / 1e6),
            annotated=annotated,
            motions=tuple(frame.motion for frame in frames),
            commands=tuple(frame.command for frame in frames),
        )


class LogPictures:
    """The pictures of a log, below a folder of sensor blobs that need not be there; their sizes are looked up once a camera."""

    def __init__(self, root: Path, blobs: str) -> None:
        self.root, self.blobs = root, blobs
        self._sizes: dict[str, tuple[int, int]] = {}

    def records(self, frame: LogFrame) -> tuple[CameraRecord, ...]:
        """Those of a frame. Their own times are not told: they are taken to be the frame's."""
        return tuple(self._record(name, told, frame) for name, told in frame.cameras.items())

    def _record(self, name: str, told: CameraTold, frame: LogFrame) -> CameraRecord:
        path = inside(self.root, f"{self.blobs}/{told.data_path}")
        mount = frame.ego_from_lidar @ told.lidar_from_camera
        width, height = self._size(name, path)
        camera = Camera(name, width, height, told.K, mount, "pinhole", told.distortion)
        return CameraRecord(camera, mount, frame.timestamp_us, path)

    def _size(self, name: str, path: Path) -> tuple[int, int]:
        if name not in self._sizes and path.is_file():
            try:
                self._sizes[name] = opened(path.read_bytes()).size
            except DECODE_ERRORS:
                return WIDTH, HEIGHT  # whoever opens the picture is told
        return self._sizes.get(name, (WIDTH, HEIGHT))


def box_rows(frames: list[LogFrame]) -> BoxRows:
    """The boxes of all frames, in the world."""
    found = [(step, frame, frame.boxes) for step, frame in enumerate(frames) if frame.boxes is not None]
    counts = [len(boxes.boxes) for _, _, boxes in found]
    world_from_ego = np.repeat(np.stack([frame.world_from_ego for _, frame, _ in found]), counts, axis=0)
    world_from_lidar = np.repeat(np.stack([frame.world_from_ego @ frame.ego_from_lidar for _, frame, _ in found]), counts, axis=0)
    boxes = np.concatenate([told.boxes for _, _, told in found])
    heading = boxes[:, 6]
    forward = np.stack([np.cos(heading), np.sin(heading), np.zeros_like(heading)], -1)
    velocities = np.concatenate([told.velocities for _, _, told in found])
    return BoxRows(
        steps=np.repeat([step for step, _, _ in found], counts).astype(np.int64),
        instances=[name for _, _, told in found for name in told.tracks],
        categories=[name for _, _, told in found for name in told.categories],
        centres=(world_from_ego[:, :3, :3] @ boxes[:, :3, None])[..., 0] + world_from_ego[:, :3, 3],
        forward=(world_from_ego[:, :3, :3] @ forward[..., None])[..., 0],
        sizes=boxes[:, 3:6],
        points=np.full(len(boxes), -1, dtype=np.int64),
        visibility=np.zeros(len(boxes), dtype=np.int64),
        velocities=(world_from_lidar[:, :3, :3] @ velocities[..., None])[..., 0],
    )
