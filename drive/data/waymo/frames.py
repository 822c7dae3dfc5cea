"""The messages of Waymo's dataset.proto and label.proto that are read, by their fields' numbers.

The vehicle's frame has x ahead, y left, z up, and so have the cameras' (x out of the lens).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive.cameras import Camera
from drive.data.scenes import CameraRecord
from drive.data.waymo.tfrecord import RecordPlace, read_record
from drive.data.waymo.wire import WireMessage
from drive.frames import Array, invert_se3, is_rigid
from drive.schema import StoredPicture

NAMES = ("", "FRONT", "FRONT_LEFT", "FRONT_RIGHT", "SIDE_LEFT", "SIDE_RIGHT", "REAR_LEFT", "REAR", "REAR_RIGHT")
# Label.Type; that of a vehicle does not tell cars from lorries and buses.
CATEGORIES = {1: "vehicle.car", 2: "human.pedestrian.adult", 3: "static_object.sign", 4: "vehicle.bicycle"}
# Axes of a camera with x to the right, y down, z along the optical axis, in Waymo's camera frame.
LENS = np.array([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


class BoxOf(NamedTuple):
    """A laser label: its id, category, centre [3] and heading in the vehicle's frame, length, width, height, LiDAR points (-1: untold)."""

    id: str
    category: str
    centre: Array
    heading: float
    size: Array
    points: int


class WaymoFrame(NamedTuple):
    """One record: microseconds, world_from_vehicle [4, 4], its pictures, its labels."""

    timestamp_us: int
    world_from_vehicle: Array
    cameras: tuple[CameraRecord, ...]
    boxes: tuple[BoxOf, ...]


class FilePart(StoredPicture):
    """A picture within a record's file, read when asked for; name: for messages."""

    path: Path
    start: int
    size: int

    def __init__(self, name: str, path: Path, start: int, size: int) -> None:
        for field, value in {"name": name, "path": path, "start": start, "size": size}.items():
            object.__setattr__(self, field, value)

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The picture's file. Raises OSError where the records are gone."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def read_frame(path: Path, place: RecordPlace, name: str) -> WaymoFrame:
    """A record of perception data. Raises ValueError where it is damaged, is another kind of message, or lacks what it needs."""
    frame = WireMessage(read_record(path, place))
    if not frame.spans(3) or not isinstance(frame.fields.get(2, [None])[0], int):
        raise ValueError(f"{name}: no frame of perception data (no time stamp or pose)")
    pose = matrix(frame.message(3), name)
    cameras = camera_records(frame, pose, path, place, name)
    return WaymoFrame(frame.integer(2), pose, cameras, tuple(_box(label, name) for label in frame.messages(6)))


def matrix(transform: WireMessage, name: str) -> Array:
    """A Transform: sixteen numbers, row by row. Raises ValueError where they are no rigid motion."""
    values = transform.doubles(1)
    m = values.reshape(4, 4) if len(values) == 16 else np.zeros((4, 4))
    if not is_rigid(m):
        raise ValueError(f"{name}: a transform of {len(values)} numbers is no rigid motion")
    return np.asarray(m)


def camera_records(frame: WireMessage, pose: Array, path: Path, place: RecordPlace, name: str) -> tuple[CameraRecord, ...]:
    """The pictures of a Frame whose world_from_vehicle is `pose`, in the order of cameras; the Frame stands in the record at `place`."""
    calibrations = {c.integer(1): c for c in frame.message(1).messages(2)}
    found = []
    for image in sorted(frame.messages(4), key=lambda image: image.integer(1)):
        number = image.integer(1)
        if number not in calibrations or not 0 < number < len(NAMES) or len(image.spans(2)) != 1:
            raise ValueError(f"{name}: the picture of camera {number} has no calibration, or is none")
        mount = matrix(calibrations[number].message(3), name) @ LENS
        then = matrix(image.message(3), name) if image.spans(3) else pose
        camera = _camera(calibrations[number], NAMES[number], invert_se3(pose) @ then @ mount)
        start, end = image.spans(2)[0]
        times = image.doubles(5)
        stamp = round(float(times[-1]) * 1e6) if len(times) else frame.integer(2)
        found.append(CameraRecord(camera, mount, stamp, FilePart(f"{name}, {NAMES[number]}.jpg", path, place.start + start, end - start)))
    return tuple(found)


def _camera(calibration: WireMessage, name: str, ego_from_camera: Array) -> Camera:
    """Focal lengths, principal point, then OpenCV's k1, k2, p1, p2, k3."""
    numbers = calibration.doubles(2)
    if len(numbers) != 9:
        raise ValueError(f"the calibration of {name} has {len(numbers)} numbers, expected 9")
    fu, fv, cu, cv, *lens = numbers.tolist()
    K = np.array([[fu, 0.0, cu], [0.0, fv, cv], [0.0, 0.0, 1.0]])
    return Camera(name, calibration.integer(4), calibration.integer(5), K, ego_from_camera, "pinhole", tuple(lens))


def _box(label: WireMessage, name: str) -> BoxOf:
    kind, box = label.integer(3), label.message(1)
    if kind not in CATEGORIES:
        raise ValueError(f"{name}: label {label.text(4)!r} is of the unknown type {kind}")
    x, y, z, width, length, height, heading = (float(values[-1]) if len(values := box.doubles(k)) else 0.0 for k in range(1, 8))
    points = label.integer(7, -1)
    return BoxOf(label.text(4), CATEGORIES[kind], np.array([x, y, z]), heading, np.array([length, width, height]), points)
