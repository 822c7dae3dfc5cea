"""OpenScene logs as its own script writes them, by Python's pickle: a drive on a circle to the left, at 2 Hz.

A parked car, a cone and a bicycle that goes along the world's x stand around. The world is the UTM zone's.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.made import AHEAD, jpeg, quaternion, turn

START, HEADING, SPEED, RADIUS = np.array([664430.0, 3999720.0, 606.5]), 0.4, 6.0, 60.0
FIRST_US, STEP_US, FRAMES = 1_630_000_000_000_000, 500_000, 20
ACCELERATION, YAW_RATE = 0.5, SPEED / RADIUS
PARKED, CONE, BICYCLE = (START + np.array(p) for p in ([24.0, 4.0, 0.8], [12.0, 0.0, 0.4], [0.0, 30.0, 0.9]))
BICYCLE_MPS = 3.0
CAMERAS = {"CAM_F0": 0, "CAM_L0": 55, "CAM_L1": 110, "CAM_L2": 150, "CAM_R0": -55, "CAM_R1": -110, "CAM_R2": -150, "CAM_B0": 180}
K = np.array([[1545.0, 0.0, 960.0], [0.0, 1545.0, 560.0], [0.0, 0.0, 1.0]])
LENS = np.array([-0.35, 0.11, -0.0007, 0.0002, 0.12])
LOG = "2021.08.30.14.40.59_veh-40_00001_00010"
# left, forward, right, unknown
COMMANDS = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def ego(seconds: float) -> tuple[np.ndarray, float]:
    """Place and heading in the world."""
    angle = SPEED * seconds / RADIUS
    local = np.array([RADIUS * np.sin(angle), RADIUS * (1 - np.cos(angle)), 0.0])
    return START + turn(HEADING) @ local, HEADING + angle


def log_frame(k: int, log: str = LOG, anns: bool = True) -> dict[str, Any]:
    """Frame k of a log, key by key."""
    place, heading = ego(k * STEP_US / 1e6)
    w, x, y, z = quaternion(turn(heading))
    can_bus = np.array([*place, w, x, y, z, ACCELERATION, 0.0, 0.0, SPEED, 0.0, 0.0, 0.0, 0.0, YAW_RATE, 0.0, 0.0])
    ego2global = np.eye(4)
    ego2global[:3, :3], ego2global[:3, 3] = turn(heading), place
    info: dict[str, Any] = {
        "token": f"{int.from_bytes(log.encode()[-3:]) * 1000 + k:016x}",
        "frame_idx": k,
        "timestamp": FIRST_US + k * STEP_US,
        "log_name": log,
        "log_token": "a" * 16,
        "scene_name": f"log-0001-scene-{k // 8:04d}",
        "scene_token": f"{k // 8:016x}",
        "map_location": "us-nv-las-vegas-strip",
        "roadblock_ids": ["38104", "38105"],
        "vehicle_name": "veh-40",
        "can_bus": can_bus,
        "lidar_path": f"{log}/MergedPointCloud/{k:016x}.pcd",
        "lidar2ego_translation": np.zeros(3),
        "lidar2ego_rotation": [1.0, 0.0, 0.0, 0.0],
        "ego2global_translation": can_bus[:3],
        "ego2global_rotation": can_bus[3:7],
        "ego_dynamic_state": [SPEED, 0.0, ACCELERATION, 0.0],
        "traffic_lights": [(4711, True), (4712, False)],
        "driving_command": np.array(COMMANDS[k % 4]),
        "cams": {name: camera(name, k, log) for name in CAMERAS},
        "sample_prev": None,
        "sample_next": None,
        "ego2global": ego2global,
        "lidar2ego": np.eye(4),
        "lidar2global": ego2global.copy(),
    }
    if anns:
        info["anns"] = boxes(k, place, heading)
    return info


def camera(name: str, k: int, log: str) -> dict[str, Any]:
    way = turn(np.radians(CAMERAS[name]))
    return {
        "data_path": f"{log}/{name}/{k:016x}.jpg",
        "sensor2lidar_rotation": way @ AHEAD,
        "sensor2lidar_translation": np.array([1.5, 0.0, 1.6]) + way @ [0.3, 0.0, 0.0],
        "cam_intrinsic": K,
        "distortion": LENS,
    }


def boxes(k: int, place: np.ndarray, heading: float) -> dict[str, Any]:
    """The bicycle is there in every other frame, and nobody in frame 3."""
    if k == 3:
        found: list[tuple[Any, ...]] = []
    else:
        moved = np.array([BICYCLE_MPS * k * STEP_US / 1e6, 0.0, 0.0])
        found = [
            ("vehicle", "car", PARKED, (4.6, 2.0, 1.6), 1.0, np.zeros(3)),
            ("traffic_cone", "cone", CONE, (0.4, 0.4, 0.8), 0.0, np.full(3, np.nan)),
            ("bicycle", "rider", BICYCLE + moved, (1.8, 0.7, 1.7), 0.0, np.array([BICYCLE_MPS, 0.0, 0.0])),
        ][: 3 if k % 2 == 0 else 2]
    back = turn(-heading)
    return {
        "gt_boxes": np.array([[*(back @ (where - place)), *size, yaw - heading] for _, _, where, size, yaw, _ in found]).reshape(-1, 7),
        "gt_names": np.array([name for name, *_ in found]),
        "gt_velocity_3d": np.array([back @ v for *_, v in found]).reshape(-1, 3),
        "instance_tokens": [f"{track}-{k}" for _, track, *_ in found],
        "track_tokens": [track for _, track, *_ in found],
    }


def write_log(path: Path, frames: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(frames, protocol=pickle.HIGHEST_PROTOCOL))
    return path


def write_openscene(root: Path, pictures: int = 0) -> Path:
    """NAVSIM's folders: a log of `mini`, one of `test` without annotations, and the pictures of the first frames of the former."""
    write_log(root / "navsim_logs" / "mini" / f"{LOG}.pkl", [log_frame(k) for k in range(FRAMES)])
    other = LOG.replace("00010", "00099")
    write_log(root / "navsim_logs" / "test" / f"{other}.pkl", [log_frame(k, other, anns=False) for k in range(FRAMES)])
    picture = jpeg(90, (1920, 1080)) if pictures else b""
    for k in range(pictures):
        for name, told in log_frame(k)["cams"].items():
            path = root / "sensor_blobs" / "mini" / told["data_path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture if name != "CAM_B0" else jpeg(30, (1920, 1080)))
    return root
