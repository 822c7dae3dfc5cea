"""Pictures of Argoverse 2's seven ring cameras: their times are their files' names, so that what is not on disk is not known of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.data.av2.feather import read_columns
from drive.data.av2.poses import AXLE_HEIGHT_M, POSE, matrices, stamps_of
from drive.data.paths import inside
from drive.data.scenes import CameraRecord
from drive.frames import Array, invert_se3

PICTURES, INTRINSICS, MOUNTS = "sensors/cameras", "calibration/intrinsics.feather", "calibration/egovehicle_SE3_sensor.feather"
# The pair of stereo cameras sees what the front centre one does, in grey, and is left out.
RING = ("front_center", "front_left", "front_right", "side_left", "side_right", "rear_left", "rear_right")
# Half the time between two pictures of a camera (20 Hz): one further from the sweep belongs to another.
NEAR_NS = 25_000_000
PosesAt = Callable[[NDArray[np.int64], str], Array]


def camera_records(
    folder: Path, stamps_ns: NDArray[np.int64], world_from_ego: Array, poses_at: PosesAt
) -> tuple[tuple[CameraRecord, ...], ...]:
    """Of each key frame at stamps_ns [N] with its pose [N, 4, 4] the pictures that are on disk, one a camera.

    Raises ValueError where there are pictures and no calibration of their camera, or no pose at one's time.
    """
    found: list[list[CameraRecord]] = [[] for _ in stamps_ns]
    names = [f"ring_{name}" for name in RING if (folder / PICTURES / f"ring_{name}").is_dir()]
    rig = read_rig(folder, names) if names else {}
    for name, (make, mount) in rig.items():
        for step, stamp in _nearest(folder, name, stamps_ns):
            then = poses_at(np.array([stamp]), f"{folder}, {name}")[0]
            camera = make(invert_se3(world_from_ego[step]) @ then @ mount)
            path = inside(folder, f"{PICTURES}/{name}/{stamp}.jpg")
            found[step].append(CameraRecord(camera, mount, stamp // 1000, path))
    return tuple(tuple(records) for records in found)


def _nearest(folder: Path, name: str, stamps_ns: NDArray[np.int64]) -> list[tuple[int, int]]:
    """(key frame, nanoseconds of its picture), for those key frames that have one."""
    pictures = stamps_of(folder / PICTURES / name, ".jpg")
    if not len(pictures):
        return []
    after = np.clip(np.searchsorted(pictures, stamps_ns), 1, max(len(pictures) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(pictures) - 1)
    nearer = np.where(np.abs(pictures[after] - stamps_ns) < np.abs(pictures[before] - stamps_ns), after, before)
    return [(k, int(pictures[row])) for k, row in enumerate(nearer) if abs(int(pictures[row]) - int(stamps_ns[k])) <= NEAR_NS]


def read_rig(folder: Path, names: list[str]) -> dict[str, tuple[Callable[[Array], Camera], Array]]:
    """Camera -> a maker of it at a pose, and its mount [4, 4] on the car. The pictures are undistorted already (the sensor guide), so
    that k1 to k3 of the table, which say of the lens what was, are not used."""
    mounts = read_columns(folder / MOUNTS, {"sensor_name": "T", **POSE})
    poses = matrices(mounts, folder / MOUNTS)
    poses[:, 2, 3] += AXLE_HEIGHT_M
    kinds = {"sensor_name": "T", **dict.fromkeys(("fx_px", "fy_px", "cx_px", "cy_px"), "f"), "width_px": "i", "height_px": "i"}
    table = read_columns(folder / INTRINSICS, kinds)
    place, row = ({name: k for k, name in enumerate(t["sensor_name"])} for t in (mounts, table))
    absent = [name for name in names if name not in place or name not in row]
    if absent:
        raise ValueError(f"{folder}: there are pictures of {absent[0]}, but {INTRINSICS} or {MOUNTS} has no row of it")
    return {name: (_maker(name, table, row[name]), poses[place[name]]) for name in names}


def _maker(name: str, table: dict[str, np.ndarray], k: int) -> Callable[[Array], Camera]:
    fx, fy, cx, cy = (float(table[field][k]) for field in ("fx_px", "fy_px", "cx_px", "cy_px"))
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    width, height = int(table["width_px"][k]), int(table["height_px"][k])
    return lambda ego_from_camera: Camera(name, width, height, K, ego_from_camera)
