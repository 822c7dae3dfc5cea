"""A PandaSet sequence in its own layout, as its devkit's README and data describe it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.made import AHEAD, CAR, CAR_SIZE, FOCAL, HEADING, HEIGHT, START, WIDTH, ego_place, jpeg, quaternion, turn
from tests.data.made.pandas_pickles import write_table

FIRST_S, STEP_S, FRAMES, CAMERA_EARLY_S = 1_557_539_924.0, 0.1, 60, 0.05
MOUNT = np.array([1.5, 0.0, 1.6])
CAR_YAW = 0.3


def write_sequence(folder: Path, boxes: bool = True) -> Path:
    """Writes a sequence: the LiDAR's frame has x to the right and y ahead; the camera is CAMERA_EARLY_S before it."""
    times = [FIRST_S + STEP_S * k for k in range(FRAMES)]
    right_ahead = turn(HEADING) @ turn(-np.pi / 2)
    _write(folder / "lidar", times, [_pose(ego_place(t - FIRST_S), right_ahead) for t in times])
    early = [t - CAMERA_EARLY_S for t in times]
    camera = folder / "camera" / "front_camera"
    _write(camera, early, [_pose(ego_place(t - FIRST_S) + turn(HEADING) @ MOUNT, turn(HEADING) @ AHEAD) for t in early])
    (camera / "intrinsics.json").write_text(json.dumps({"fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2}))
    for k in range(FRAMES):
        (camera / f"{k:02d}.jpg").write_bytes(jpeg())
        if boxes:
            write_table(folder / "annotations" / "cuboids" / f"{k:02d}.pkl.gz", cuboids())
    return folder


def cuboids(**change: list) -> dict[str, list]:
    """A parked car, which both LiDARs see, and a post of the front one alone."""
    length, width, height = CAR_SIZE
    place = START + turn(HEADING) @ CAR
    yaw = HEADING + CAR_YAW - np.pi / 2
    rows: dict[str, list] = {
        "uuid": ["car-1", "car-1-front", "post-1"],
        "label": ["Car", "Car", "Pylons"],
        "yaw": [yaw, yaw, 0.0],
        "stationary": [True, True, True],
        "camera_used": [0, -1, -1],
        "cuboids.sibling_id": ["car-1-front", "car-1", "-"],
        "cuboids.sensor_id": [0, 1, 1],
        "attributes.object_motion": ["Parked", "Parked", ""],
    }
    for k, axis in enumerate("xyz"):
        rows[f"position.{axis}"] = [float(place[k])] * 2 + [float(START[k])]
        rows[f"dimensions.{axis}"] = [(width, length, height)[k]] * 2 + [0.4]
    return {**rows, **change}


def _pose(place: np.ndarray, rotation: np.ndarray) -> dict[str, Any]:
    return {
        "position": dict(zip("xyz", map(float, place), strict=True)),
        "heading": dict(zip("wxyz", quaternion(rotation), strict=True)),
    }


def _write(folder: Path, times: list[float], poses: list[dict]) -> None:
    folder.mkdir(parents=True)
    (folder / "timestamps.json").write_text(json.dumps(times))
    (folder / "poses.json").write_text(json.dumps(poses))
