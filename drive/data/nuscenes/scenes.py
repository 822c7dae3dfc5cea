"""Scenes of the tables -> `SceneLog`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drive.cameras import Camera
from drive.data.conventions import CAMERA_PREFIX, LIDAR
from drive.data.nuscenes.tables import (
    Record,
    find_version,
    key_frame_spacing,
    key_frames,
    lens_of,
    load_tables,
    matrices,
    readable,
    refuse_other_conventions,
)
from drive.data.nuscenes.tracks import read_tracks
from drive.data.paths import inside
from drive.data.scenes import CameraRecord, SceneLog, usual_spacing
from drive.frames import Array, invert_se3

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes


class Scenes:
    """The scenes of a folder, by name, for whoever wants whole scenes and not samples (worlds, comparisons).

    root, name: the folder. names: its scenes in the order of the scene table. Raises ValueError where the tables do not hold together.
    """

    def __init__(self, root: str | Path, version: str | None = None) -> None:
        self.root = Path(root)
        self.name = self.root.name
        self._nusc = load_tables(self.root, find_version(self.root, version))
        self._rows = {row["name"]: row for row in self._nusc.scene}
        self.names: tuple[str, ...] = tuple(self._rows)

    def log(self, name: str) -> SceneLog:
        """One whole scene. Raises ValueError where there is none of this name, or as `read_scene`."""
        if name not in self._rows:
            raise ValueError(f"{self.name}: no scene {name!r}; there are {', '.join(self.names[:12])}")
        return read_scene(self._nusc, self.root, self._rows[name], key_frame_spacing(self._nusc))

    def sharing(self, instances: Iterable[str]) -> Counter[str]:
        """How many of these instances each scene has, scenes without any left out."""
        first = {row["token"]: row["first_annotation_token"] for row in self._nusc.instance}
        samples = [self._nusc.get("sample_annotation", first[name])["sample_token"] for name in instances if name in first]
        return Counter(self._nusc.get("scene", self._nusc.get("sample", token)["scene_token"])["name"] for token in samples)


def read_scene(nusc: NuScenes, root: Path, scene: Record, spacing_s: float) -> SceneLog:
    """One scene with everything that its samples need; pictures are named, not opened. spacing_s: `key_frame_spacing`, for a scene
    too short to tell its own.

    Raises ValueError where a record is impossible: a dangling token, a quaternion that is not unit, a value that is not
    finite, time running backwards, a calibration that cannot be, numbers of another convention, a file name that leaves
    the root.
    """
    with readable(f"scene {scene['name']}"):
        refuse_other_conventions(nusc, [scene])
        samples = key_frames(nusc, scene)
        references = [reference_of(nusc, sample) for sample in samples]
        poses = matrices([nusc.get("ego_pose", r["ego_pose_token"]) for r in references])
        stamps = np.array([r["timestamp"] for r in references], dtype=np.int64)
        if (np.diff(stamps) <= 0).any():
            raise ValueError("the reference times of its key frames do not increase")
        log = nusc.get("log", scene["log_token"])
        return SceneLog(
            name=scene["name"],
            location=log["location"],
            map_file=nusc.get("map", log["map_token"])["filename"],
            tokens=tuple(sample["token"] for sample in samples),
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, spacing_s),
            world_from_ego=poses,
            cameras=tuple(_cameras(nusc, root, sample, pose) for sample, pose in zip(samples, poses, strict=True)),
            ego_from_lidar=tuple(_lidar(nusc, sample) for sample in samples),
            tracks=read_tracks(nusc, samples),
        )


def camera_channels(nusc: NuScenes) -> list[str]:
    """The CAM_* channels, in the order of the sensor table."""
    return [row["channel"] for row in nusc.sensor if row["channel"].startswith(CAMERA_PREFIX)]


def reference_of(nusc: NuScenes, sample: Record) -> Record:
    """The sample_data whose time and pose are the key frame's: LIDAR_TOP, else the first camera."""
    for channel in [LIDAR, *camera_channels(nusc)]:
        if channel in sample["data"]:
            return nusc.get("sample_data", sample["data"][channel])
    raise ValueError(f"sample {sample['token']} has neither {LIDAR} nor a camera")


def _cameras(nusc: NuScenes, root: Path, sample: Record, world_from_ego: Array) -> tuple[CameraRecord, ...]:
    """The pictures of one key frame, with the ego's motion between the reference time and each camera's in the pose."""
    rows = [nusc.get("sample_data", sample["data"][name]) for name in camera_channels(nusc) if name in sample["data"]]
    calibrations = [nusc.get("calibrated_sensor", row["calibrated_sensor_token"]) for row in rows]
    mounts = matrices(calibrations)
    world_from_ego_then = matrices([nusc.get("ego_pose", row["ego_pose_token"]) for row in rows])
    ego_from_camera = invert_se3(world_from_ego) @ world_from_ego_then @ mounts
    return tuple(
        CameraRecord(_camera(row, calibration, pose), mount, int(row["timestamp"]), inside(root, row["filename"]))
        for row, calibration, pose, mount in zip(rows, calibrations, ego_from_camera, mounts, strict=True)
    )


def _camera(row: Record, calibration: Record, ego_from_camera: Array) -> Camera:
    K = np.array(calibration["camera_intrinsic"], dtype=np.float64)
    return Camera(row["channel"], int(row["width"]), int(row["height"]), K, ego_from_camera, *lens_of(calibration))


def _lidar(nusc: NuScenes, sample: Record) -> Array | None:
    if LIDAR not in sample["data"]:
        return None
    row = nusc.get("sample_data", sample["data"][LIDAR])
    return matrices([nusc.get("calibrated_sensor", row["calibrated_sensor_token"])])[0]
