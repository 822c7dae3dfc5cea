"""Scenes of the tables -> `SceneLog`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.data.conventions import CAMERA_PREFIX, LIDAR
from drive.data.nuscenes.index import IndexedTables, load_tables
from drive.data.nuscenes.tables import (
    Record,
    find_version,
    key_frames,
    lens_of,
    matrices,
    readable,
    refuse_other_conventions,
)
from drive.data.nuscenes.tracks import read_tracks
from drive.data.paths import Inside
from drive.data.scenes import CameraRecord, SceneLog, usual_spacing
from drive.frames import Array, invert_se3


class Scenes:
    """The scenes of a folder, by name, for whoever wants whole scenes and not samples (worlds, comparisons).

    root, name: the folder. names: its scenes in the order of the scene table. Raises ValueError where the tables do not hold together.
    """

    def __init__(self, root: str | Path, version: str | None = None) -> None:
        self.root = Path(root)
        self.name = self.root.name
        self._tables = load_tables(self.root, find_version(self.root, version))
        self._rows = {row["name"]: row for row in self._tables.scene}
        self.names: tuple[str, ...] = tuple(self._rows)

    def log(self, name: str) -> SceneLog:
        """One whole scene. Raises ValueError where there is none of this name, or as `read_scene`."""
        if name not in self._rows:
            raise ValueError(f"{self.name}: no scene {name!r}; there are {', '.join(self.names[:12])}")
        return read_scene(self._tables, self.root, self._rows[name], self._tables.spacing_s)

    def sharing(self, instances: Iterable[str]) -> Counter[str]:
        """How many of these instances each scene has, scenes without any left out."""
        tables, found = self._tables, Counter[str]()
        for name in instances:
            if tables.number("instance", name) is not None:
                first = tables.get("sample_annotation", tables.get("instance", name)["first_annotation_token"])
                found[tables.get("scene", tables.get("sample", first["sample_token"])["scene_token"])["name"]] += 1
        return found


def read_scene(tables: IndexedTables, root: Path, scene: Record, spacing_s: float) -> SceneLog:
    """One scene with everything that its samples need; pictures are named, not opened. spacing_s: what is usual in the tables, for a scene
    too short to tell its own.

    Raises ValueError where a record is impossible: a dangling token, a quaternion that is not unit, a value that is not
    finite, time running backwards, a calibration that cannot be, numbers of another convention, a file name that leaves
    the root.
    """
    with readable(f"scene {scene['name']}"):
        samples = key_frames(tables, scene)
        if not tables.sound(scene):
            refuse_other_conventions(tables, [scene])
        references = [reference_of(tables, sample) for sample in samples]
        poses = matrices([tables.get("ego_pose", r["ego_pose_token"]) for r in references])
        stamps = np.array([r["timestamp"] for r in references], dtype=np.int64)
        if (np.diff(stamps) <= 0).any():
            raise ValueError("the reference times of its key frames do not increase")
        log, inside = tables.get("log", scene["log_token"]), Inside(root)
        return SceneLog(
            name=scene["name"],
            location=log["location"],
            map_file=tables.get("map", log["map_token"])["filename"],
            tokens=tuple(sample["token"] for sample in samples),
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, spacing_s),
            world_from_ego=poses,
            cameras=_cameras(tables, inside, samples, poses),
            ego_from_lidar=_lidars(tables, samples),
            tracks=read_tracks(tables, samples),
        )


def camera_channels(tables: IndexedTables) -> list[str]:
    """The CAM_* channels, in the order of the sensor table."""
    return [row["channel"] for row in tables.sensor if row["channel"].startswith(CAMERA_PREFIX)]


def reference_of(tables: IndexedTables, sample: Record) -> Record:
    """The sample_data whose time and pose are the key frame's: LIDAR_TOP, else the first camera."""
    for channel in [LIDAR, *camera_channels(tables)]:
        if channel in sample["data"]:
            return tables.get("sample_data", sample["data"][channel])
    raise ValueError(f"sample {sample['token']} has neither {LIDAR} nor a camera")


def _cameras(tables: IndexedTables, inside: Inside, samples: list[Record], world_from_ego: Array) -> tuple[tuple[CameraRecord, ...], ...]:
    """The pictures of each key frame, with the ego's motion between the reference time and each camera's in the pose."""
    channels = camera_channels(tables)
    frames = [[tables.get("sample_data", s["data"][name]) for name in channels if name in s["data"]] for s in samples]
    rows = [row for frame in frames for row in frame]
    calibrations = [tables.get("calibrated_sensor", row["calibrated_sensor_token"]) for row in rows]
    mounts = matrices(calibrations)
    world_from_ego_then = matrices([tables.get("ego_pose", row["ego_pose_token"]) for row in rows])
    ego_from_world = np.repeat(invert_se3(world_from_ego), [len(frame) for frame in frames], axis=0)
    parts = zip(rows, calibrations, ego_from_world @ world_from_ego_then @ mounts, mounts, strict=True)
    records = iter(
        [CameraRecord(_camera(row, c, pose), mount, int(row["timestamp"]), inside(row["filename"])) for row, c, pose, mount in parts]
    )
    return tuple(tuple(islice(records, len(frame))) for frame in frames)


def _camera(row: Record, calibration: Record, ego_from_camera: Array) -> Camera:
    K = np.array(calibration["camera_intrinsic"], dtype=np.float64)
    return Camera(row["channel"], int(row["width"]), int(row["height"]), K, ego_from_camera, *lens_of(calibration))


def _lidars(tables: IndexedTables, samples: list[Record]) -> tuple[Array | None, ...]:
    """The LiDAR's mounting at each key frame, None where it has none."""
    rows = [tables.get("sample_data", sample["data"][LIDAR]) for sample in samples if LIDAR in sample["data"]]
    mounts = iter(matrices([tables.get("calibrated_sensor", row["calibrated_sensor_token"]) for row in rows]))
    return tuple(next(mounts) if LIDAR in sample["data"] else None for sample in samples)
