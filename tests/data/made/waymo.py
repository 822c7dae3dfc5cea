"""A Waymo perception segment: messages by protobuf's own library from the public schema's fields, records by tensorboard's writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorboard.summary.writer.record_writer import RecordWriter

from tests.data.made import CAR_SIZE, FOCAL, HEADING, HEIGHT, WIDTH, car_from_ego, ego_place, jpeg, turn

FIRST_US, STEP_US, FRAMES, LATE_US = 1_550_000_000_000_000, 100_000, 50, 20_000
MOUNT = np.array([1.5, 0.1, 2.1])
LENS = (0.04, -0.3, 0.001, -0.001, 0.01)
# message -> field -> (number, type, repeated); the numbers of dataset.proto and label.proto.
SCHEMA: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Transform": {"transform": (1, "double", True)},
    "CameraCalibration": {
        "name": (1, "int32", False),
        "intrinsic": (2, "double", True),
        "extrinsic": (3, ".Transform", False),
        "width": (4, "int32", False),
        "height": (5, "int32", False),
    },
    "Context": {"name": (1, "string", False), "camera_calibrations": (2, ".CameraCalibration", True)},
    "CameraImage": {
        "name": (1, "int32", False),
        "image": (2, "bytes", False),
        "pose": (3, ".Transform", False),
        "pose_timestamp": (5, "double", False),
        "shutter": (6, "double", False),
    },
    "Box": {
        "center_x": (1, "double", False),
        "center_y": (2, "double", False),
        "center_z": (3, "double", False),
        "width": (4, "double", False),
        "length": (5, "double", False),
        "height": (6, "double", False),
        "heading": (7, "double", False),
    },
    "Label": {
        "box": (1, ".Box", False),
        "type": (3, "int32", False),
        "id": (4, "string", False),
        "num_lidar_points_in_box": (7, "int32", False),
    },
    "Frame": {
        "context": (1, ".Context", False),
        "timestamp_micros": (2, "int64", False),
        "pose": (3, ".Transform", False),
        "images": (4, ".CameraImage", True),
        "laser_labels": (6, ".Label", True),
    },
    # end_to_end_driving_data.proto; its arrays are packed.
    "EgoTrajectoryStates": {
        "pos_x": (1, "float", True),
        "pos_y": (2, "float", True),
        "pos_z": (3, "float", True),
        "vel_x": (4, "float", True),
        "vel_y": (5, "float", True),
        "accel_x": (6, "float", True),
        "accel_y": (7, "float", True),
        "preference_score": (8, "float", False),
    },
    "E2EDFrame": {
        "frame": (1, ".Frame", False),
        "future_states": (5, ".EgoTrajectoryStates", False),
        "past_states": (6, ".EgoTrajectoryStates", False),
        "intent": (7, "int32", False),
        "preference_trajectories": (8, ".EgoTrajectoryStates", True),
    },
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto2")
    kind = descriptor_pb2.FieldDescriptorProto
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, what, repeated) in fields.items():
            entry = message.field.add(name=field, number=number, label=kind.LABEL_REPEATED if repeated else kind.LABEL_OPTIONAL)
            entry.type = kind.TYPE_MESSAGE if what[0] == "." else getattr(kind, f"TYPE_{what.upper()}")
            if what[0] == ".":
                entry.type_name = f".made{what}"
            entry.options.packed = what == "float" and repeated
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"made.{name}")) for name in SCHEMA}


MESSAGES = _classes()


def transform(place: np.ndarray, rotation: np.ndarray) -> Any:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, place
    return MESSAGES["Transform"](transform=matrix.ravel().tolist())


def frame(k: int, labels: bool = True) -> Any:
    """Frame k; the camera is LATE_US behind, and looks ahead."""
    seconds, late = k * STEP_US / 1e6, (k * STEP_US + LATE_US) / 1e6
    intrinsic = [FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, *LENS]
    camera = MESSAGES["CameraCalibration"](name=1, intrinsic=intrinsic, extrinsic=transform(MOUNT, np.eye(3)), width=WIDTH, height=HEIGHT)
    image = {"name": 1, "image": jpeg(), "pose": transform(ego_place(late), turn(HEADING)), "pose_timestamp": FIRST_US / 1e6 + late}
    made = MESSAGES["Frame"](
        context=MESSAGES["Context"](name="made", camera_calibrations=[camera]),
        timestamp_micros=FIRST_US + k * STEP_US,
        pose=transform(ego_place(seconds), turn(HEADING)),
        images=[MESSAGES["CameraImage"](**image, shutter=0.01)],
    )
    if labels:
        made.laser_labels.append(label(car_from_ego(seconds)))
    return made


def label(centre: np.ndarray, kind: int = 1) -> Any:
    length, width, height = CAR_SIZE
    x, y, z = map(float, centre)
    box = MESSAGES["Box"](center_x=x, center_y=y, center_z=z, width=width, length=length, height=height, heading=0.3)
    return MESSAGES["Label"](box=box, type=kind, id="car-1", num_lidar_points_in_box=9)


def write_records(path: Path, messages: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for message in messages:
            writer.write(message.SerializeToString())
    return path


def write_segment(path: Path, labels: bool = True) -> Path:
    return write_records(path, [frame(k, labels) for k in range(FRAMES)])
