"""Logs of py123d (github.com/kesai-labs/py123d, Arrow files) -> OpenScene logs, which every verb reads. Runs in py123d's environment.

    PYTHONPATH=. /path/of/py123d/bin/python -m tools.from_py123d $PY123D_DATA_ROOT OUT [--ground 0.32] [--split NAME]

Poses of the rear axle, boxes with tracks and velocities, pinhole cameras with their pictures (as JPEG), speeds. The route is not known:
every command is "unknown". Maps and LiDAR sweeps are left behind. Labels become nuPlan's seven by way of py123d's own default ones.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from drive.pickles.write import pickle_bytes

# py123d's DefaultBoxDetectionLabel -> nuPlan's names.
NAMES = {
    "VEHICLE": "vehicle",
    "PERSON": "pedestrian",
    "TWO_WHEELER": "bicycle",
    "TRAFFIC_CONE": "traffic_cone",
    "BARRIER": "barrier",
    "TRAFFIC_SIGN": "czone_sign",
}
OTHER = "generic_object"
UNKNOWN_COMMAND = np.array([0, 0, 0, 1])
JPEG_QUALITY = 95


def main() -> None:
    """Writes every log of a data root."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="py123d's data root, which holds logs/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--ground", type=float, default=0.0, help="height of the rear axle above the ground, metres (Argoverse 2: 0.32)")
    parser.add_argument("--split", action="append", help="py123d's split names (default: all)")
    args = parser.parse_args()
    scenes = whole_logs(args.root, args.split)
    if not len(scenes):
        parser.error(f"py123d finds no logs below {args.root}/logs")
    for scene in scenes:
        frames, skipped = frames_of(scene, args.out, args.ground)
        path = args.out / scene.log_metadata.split / f"{scene.log_metadata.log_name}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle_bytes(frames))
        told = ", ".join(f"{count} x {what}" for what, count in skipped.items())
        print(f"{path}: {len(frames)} frames{f'; left out: {told}' if told else ''}")


def whole_logs(root: Path, splits: list[str] | None) -> Any:
    """One scene a log, from its first frame to its last."""
    from py123d.api import SceneFilter, get_filtered_scenes  # type: ignore[import-not-found]
    from py123d.common.execution import SequentialExecutor  # type: ignore[import-not-found]

    return get_filtered_scenes(SceneFilter(split_names=splits, timestamp_threshold_s=1e9), root, SequentialExecutor())


def frames_of(scene: Any, out: Path, ground_m: float) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The frames of a log as OpenScene has them, and what was left out, counted by kind."""
    frames, skipped = [], Counter[str]()
    raised = np.eye(4)
    raised[2, 3] = -ground_m
    for step, stamp in enumerate(scene.get_all_iteration_timestamps()):
        ego = scene.get_ego_state_se3_at_iteration(step)
        if ego is None or ego.dynamic_state_se3 is None:
            skipped["frames without a pose or its speed"] += 1
            continue
        global_from_ego = ego.rear_axle_se3.transformation_matrix @ raised
        motion = ego.dynamic_state_se3
        name = scene.log_metadata.log_name
        frame = {
            "token": f"{name}:{step:05d}",
            "timestamp": int(stamp.time_us),
            "log_name": name,
            "map_location": scene.log_metadata.location or "unknown",
            "ego2global": global_from_ego,
            "lidar2ego": np.eye(4),
            "ego_dynamic_state": [float(v) for v in (*motion.velocity_2d.array, *motion.acceleration_2d.array)],
            "driving_command": UNKNOWN_COMMAND,
            "cams": cameras_of(scene, step, global_from_ego, out, skipped),
        }
        boxes = scene.get_box_detections_se3_at_iteration(step)
        if boxes is not None:
            frame["anns"] = boxes_of(boxes, np.linalg.inv(global_from_ego))
        frames.append(frame)
    return frames, skipped


def cameras_of(scene: Any, step: int, global_from_ego: np.ndarray, out: Path, skipped: Counter[str]) -> dict[str, Any]:
    """Pinhole cameras in the ego frame of the frame's time, their pictures written below sensor_blobs."""
    from PIL import Image

    found = {}
    for identity, about in scene.get_camera_metadatas().items():
        camera = scene.get_camera_at_iteration(step, identity)
        if camera is None:
            skipped["pictures that are not there"] += 1
            continue
        if getattr(about, "intrinsics", None) is None or about.camera_model.name != "PINHOLE":
            skipped["pictures of cameras that are no pinholes"] += 1
            continue
        log = scene.log_metadata
        path = Path(log.log_name, identity.name, f"{step:05d}.jpg")
        (out / "sensor_blobs" / log.split / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(camera.rgb_image).save(out / "sensor_blobs" / log.split / path, quality=JPEG_QUALITY)
        pose = np.linalg.inv(global_from_ego) @ camera.camera_to_global_se3.transformation_matrix
        lens = np.zeros(5) if about.is_undistorted or about.distortion is None else about.distortion.array
        found[identity.name] = {
            "data_path": path.as_posix(),
            "sensor2lidar_rotation": pose[:3, :3],
            "sensor2lidar_translation": pose[:3, 3],
            "cam_intrinsic": about.intrinsics.camera_matrix,
            "distortion": np.array([lens[0], lens[1], lens[2], lens[3], lens[4]]),  # k1, k2, p1, p2, k3
        }
    return found


def boxes_of(boxes: Any, ego_from_global: np.ndarray) -> dict[str, Any]:
    """Boxes of a frame in the ego frame."""
    rows, velocities, names, tracks = [], [], [], []
    for box in boxes:
        solid, label = box.bounding_box_se3, box.attributes.default_label.name
        pose = ego_from_global @ solid.center_se3.transformation_matrix
        rows.append([*pose[:3, 3], solid.length, solid.width, solid.height, np.arctan2(pose[1, 0], pose[0, 0])])
        speed = np.full(3, np.nan) if box.velocity_3d is None else box.velocity_3d.array
        velocities.append(ego_from_global[:3, :3] @ speed)
        names.append(NAMES.get(label, OTHER))
        tracks.append(str(box.attributes.track_token))
    return {
        "gt_boxes": np.array(rows).reshape(-1, 7),
        "gt_names": names,
        "gt_velocity_3d": np.array(velocities).reshape(-1, 3),
        "instance_tokens": tracks,
        "track_tokens": tracks,
    }


if __name__ == "__main__":
    main()
