"""CAN bus files of a scene: `pose` and `vehicle_monitor`, ten messages a second, exact values of the simulated car."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drive.frames import Array
from drive.make.nuscenes.tables import flat_fields
from drive.world.state import ACCEL, HEADING, SPEED, STEER, WHEELBASE_M, State, X, Y

GRAVITY_MPS2 = 9.81


def write_can_bus(root: Path, scene: str, states: Sequence[State], stamps_us: Sequence[int], shift: Array) -> None:
    """can_bus/<scene>_pose.json and can_bus/<scene>_vehicle_monitor.json for the states at the given times."""
    poses, monitor = [], []
    for state, stamp in zip(states, stamps_us, strict=True):
        ego = state.ego
        speed, yaw_rate = float(ego[SPEED]), float(ego[SPEED] * np.tan(ego[STEER]) / WHEELBASE_M)
        place = flat_fields(float(ego[X] + shift[0]), float(ego[Y] + shift[1]), 0.0, float(ego[HEADING]))
        pose: dict[str, Any] = {"accel": [round(float(ego[ACCEL]), 5), round(speed * yaw_rate, 5), GRAVITY_MPS2]}
        pose |= {"orientation": place["rotation"], "pos": place["translation"], "rotation_rate": [0.0, 0.0, round(yaw_rate, 6)]}
        poses.append(pose | {"utime": stamp, "vel": [round(speed, 5), 0.0, 0.0]})
        monitor.append({"utime": stamp, "vehicle_speed": round(speed * 3.6, 4), "yaw_rate": round(float(np.degrees(yaw_rate)), 4)})
    folder = root / "can_bus"
    folder.mkdir(parents=True, exist_ok=True)
    for name, messages in (("pose", poses), ("vehicle_monitor", monitor)):
        (folder / f"{scene}_{name}.json").write_text(json.dumps(messages, separators=(",", ":")) + "\n")
