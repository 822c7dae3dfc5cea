"""A log's pickle -> its frames, each value checked: whatever is impossible is named by file, frame and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive.data.motion import Motion
from drive.data.openscene.values import LogValues
from drive.frames import Array
from drive.pickles import read_pickle
from drive.schema import Command

# driving_command is one-hot over these: left, forward, right, unknown.
ONE_HOT: tuple[Command | None, ...] = ("left", "straight", "right", None)
# nuPlan's labels by nuScenes' names where it has them.
CATEGORIES = {
    "vehicle": "vehicle.car",
    "pedestrian": "human.pedestrian.adult",
    "bicycle": "vehicle.bicycle",
    "traffic_cone": "movable_object.trafficcone",
    "barrier": "movable_object.barrier",
    "czone_sign": "movable_object.sign",
    "generic_object": "movable_object.generic",
}
# Of can_bus [18]: position 3, quaternion 4, acceleration 3, velocity 3, angular rates 3, two zeros.
YAW_RATE = 15
# An hour at 2 Hz has some 20 million instructions.
SCALE = 4


class CameraTold(NamedTuple):
    """A camera of a frame: its picture's path below the folder of sensor blobs, K [3, 3], lidar_from_camera [4, 4], lens."""

    data_path: str
    K: Array
    lidar_from_camera: Array
    distortion: tuple[float, ...]


class BoxesTold(NamedTuple):
    """Boxes [R, 7] in the ego frame (x, y, z, length, width, height, heading), velocities [R, 3] in the LiDAR's (NaN:
    unknown), categories, tracks."""

    boxes: Array
    velocities: Array
    categories: tuple[str, ...]
    tracks: tuple[str, ...]


class LogFrame(NamedTuple):
    """One frame; boxes: None where it has no annotations (test splits)."""

    token: str
    timestamp_us: int
    location: str
    world_from_ego: Array
    ego_from_lidar: Array
    motion: Motion
    command: Command | None
    cameras: Mapping[str, CameraTold]
    boxes: BoxesTold | None


def read_log(path: Path) -> list[LogFrame]:
    """The frames of a log in its order. Raises ValueError, naming the file, for what is no log, or an impossible value in one."""
    found = read_pickle(path, "OpenScene log", scale=SCALE)
    if not isinstance(found, list) or not found:
        raise ValueError(f"{path.name}: holds a {type(found).__name__}, expected a list of frames")
    return [_frame(LogValues(values, f"{path.name}, frame {k}")) for k, values in enumerate(found)]


def _frame(told: LogValues) -> LogFrame:
    stamp = told.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | np.integer):
        raise ValueError(f"{told.where}: timestamp is {str(stamp)[:40]!r}, expected microseconds")
    cams = LogValues(told.get("cams"), f"{told.where}, cams")
    cameras = {str(name): _camera(LogValues(cams.get(name), f"{told.where}, {name}")) for name in sorted(cams.values, key=str)}
    return LogFrame(
        token=told.text("token"),
        timestamp_us=int(stamp),
        location=told.text("map_location"),
        world_from_ego=told.pose("ego2global"),
        ego_from_lidar=told.pose("lidar2ego"),
        motion=_motion(told),
        command=_command(told),
        cameras=cameras,
        boxes=_boxes(LogValues(told.get("anns"), f"{told.where}, anns")) if "anns" in told else None,
    )


def _motion(told: LogValues) -> Motion:
    """Speed, acceleration and yaw rate as the car measured them at the frame's time."""
    vx, vy, ax, _ = told.numbers("ego_dynamic_state", 4).tolist()
    rate = float(told.numbers("can_bus", 18)[YAW_RATE]) if "can_bus" in told else None
    return Motion(float(np.copysign(np.hypot(vx, vy), vx)), ax, rate)


def _command(told: LogValues) -> Command | None:
    one_hot = told.numbers("driving_command", len(ONE_HOT))
    if sorted(one_hot.tolist()) != [0.0, 0.0, 0.0, 1.0]:
        raise ValueError(f"{told.where}: driving_command is {one_hot.tolist()}, expected one 1 among left, forward, right, unknown")
    return ONE_HOT[int(one_hot.argmax())]


def _camera(told: LogValues) -> CameraTold:
    lens = told.numbers("distortion", 5)
    pose = told.pose_of("sensor2lidar_rotation", "sensor2lidar_translation")
    return CameraTold(told.text("data_path"), told.numbers("cam_intrinsic", 3, 3), pose, tuple(lens.tolist()))


def _boxes(told: LogValues) -> BoxesTold:
    boxes = told.numbers("gt_boxes", None, 7)
    names = told.words("gt_names", len(boxes))
    unknown = sorted(set(names) - CATEGORIES.keys())
    if unknown:
        raise ValueError(f"{told.where}: gt_names has {unknown[0]!r}, which is none of nuPlan's {len(CATEGORIES)}")
    velocities = told.numbers("gt_velocity_3d", None, 3, finite=False)
    if len(velocities) != len(boxes):
        raise ValueError(f"{told.where}: {len(boxes)} boxes and {len(velocities)} velocities")
    return BoxesTold(boxes, velocities, tuple(CATEGORIES[name] for name in names), told.words("track_tokens", len(boxes)))
