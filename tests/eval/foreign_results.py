"""Results in the layouts of UniAD, VAD, SparseDrive, Agent-Driver, OpenEMMA and LightEMMA, of drives as recorded.

Written without a line of the package, from nuScenes' tables as these projects read them: by quaternions, in the LiDAR's or the front
camera's frames. Whoever converts and scores them has to find no error.
"""

from __future__ import annotations

import json
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyquaternion import Quaternion


class Tables:
    """Tables of a folder by token, and chains of key frames."""

    def __init__(self, root: Path) -> None:
        folder = next(root.glob("v1.0-*"))
        self.rows = {
            name: {row["token"]: row for row in json.loads((folder / f"{name}.json").read_text())}
            for name in ("scene", "sample", "sample_data", "ego_pose", "calibrated_sensor", "sensor")
        }
        self.data: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.rows["sample_data"].values():
            if row["is_key_frame"]:
                sensor = self.rows["calibrated_sensor"][row["calibrated_sensor_token"]]["sensor_token"]
                self.data[row["sample_token"], self.rows["sensor"][sensor]["channel"]] = row

    def chain(self, scene: dict[str, Any]) -> list[dict[str, Any]]:
        """A scene's samples."""
        found = [self.rows["sample"][scene["first_sample_token"]]]
        while found[-1]["next"]:
            found.append(self.rows["sample"][found[-1]["next"]])
        return found

    def ego(self, token: str, channel: str) -> np.ndarray:
        """world_from_ego when the sensor measured."""
        return _matrix(self.rows["ego_pose"][self.data[token, channel]["ego_pose_token"]])

    def sensor(self, token: str, channel: str) -> np.ndarray:
        """world_from_sensor."""
        return self.ego(token, channel) @ _matrix(self.rows["calibrated_sensor"][self.data[token, channel]["calibrated_sensor_token"]])


def _matrix(row: dict[str, Any]) -> np.ndarray:
    matrix = Quaternion(row["rotation"]).transformation_matrix
    matrix[:3, 3] = row["translation"]
    return matrix


def lidar_paths(root: Path, steps: int = 6) -> dict[str, np.ndarray]:
    """Token -> the recorded positions of the LiDAR [<= steps, 2] in its frame at t0, in the order of time stamps."""
    tables = Tables(root)
    paths: dict[str, tuple[int, np.ndarray]] = {}
    for scene in tables.rows["scene"].values():
        chain = tables.chain(scene)
        for k, sample in enumerate(chain):
            here = np.linalg.inv(tables.sensor(sample["token"], "LIDAR_TOP"))
            ahead = [(here @ tables.sensor(later["token"], "LIDAR_TOP"))[:2, 3] for later in chain[k + 1 : k + 1 + steps]]
            paths[sample["token"]] = sample["timestamp"], np.array(ahead).reshape(-1, 2)
    return {token: path for token, (_, path) in sorted(paths.items(), key=lambda item: item[1][0])}


def padded(path: np.ndarray, steps: int = 6) -> np.ndarray:
    """The last point repeated where the record ends."""
    last = path[-1:] if len(path) else np.zeros((1, 2))
    return np.concatenate([path, np.repeat(last, steps - len(path), axis=0)])


class LiDARInstance3DBoxes:
    """As mmdetection3d keeps boxes; results are full of them."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.box_dim, self.with_yaw = tensor, 9, True


def as_of_mmdet3d() -> None:
    """Puts the boxes' class where mmdetection3d has it, so that pickles name it there."""
    module = "mmdet3d.core.bbox.structures.lidar_box3d"
    parts = module.split(".")
    for k in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:k]), types.ModuleType(".".join(parts[:k])))
    LiDARInstance3DBoxes.__module__ = module
    sys.modules[module].LiDARInstance3DBoxes = LiDARInstance3DBoxes  # type: ignore[attr-defined]


def detections(count: int = 3) -> dict[str, Any]:
    """What stands beside the plans."""
    as_of_mmdet3d()
    return {
        "boxes_3d": LiDARInstance3DBoxes(torch.rand(count, 9)),
        "scores_3d": torch.rand(count),
        "labels_3d": torch.randint(0, 10, (count,)),
        "trajs_3d": torch.rand(count, 6, 12),
    }


def write_uniad(path: Path, paths: dict[str, np.ndarray], protocol: int = 2) -> None:
    """mmcv.dump of the dict that custom_multi_gpu_test returns; mmcv writes protocol 2."""
    results = [
        {
            "token": token,
            **detections(),
            "planning_traj": torch.tensor(padded(points), dtype=torch.float32)[None],
            "planning_traj_gt": torch.zeros(1, 1, 1, 6, 3),
            "command": [torch.tensor([2])],
        }
        for token, points in paths.items()
    ]
    whole = {"bbox_results": results, "planning_results_computed": {"L2": torch.zeros(6)}, "occ_results_computed": {"num_occ": 3}}
    path.write_bytes(pickle.dumps(whole, protocol))


def write_vad(path: Path, paths: dict[str, np.ndarray], protocol: int = 2) -> None:
    """A list without names: steps for three commands, one of which is named."""
    results = []
    for k, points in enumerate(paths.values()):
        command = torch.zeros(1, 1, 1, 3)
        command[..., k % 3] = 1
        steps = torch.full((3, 6, 2), 99.0)
        steps[k % 3] = torch.tensor(np.diff(padded(points), axis=0, prepend=np.zeros((1, 2))))
        boxes = {**detections(), "map_pts_3d": torch.rand(4, 20, 2), "ego_fut_preds": steps, "ego_fut_cmd": command}
        results.append({"pts_bbox": boxes, "metric_results": {"plan_L2_1s": 0.0, "fut_valid_flag": True}})
    path.write_bytes(pickle.dumps(results, protocol))


def write_sparsedrive(path: Path, paths: dict[str, np.ndarray], protocol: int = 2) -> None:
    """A list without names: the final plan beside six for each of three commands."""
    results = []
    for points in paths.values():
        final = torch.tensor(padded(points), dtype=torch.float32)
        others = torch.randn(3, 6, 6, 2)
        plan = {"planning_score": torch.rand(3, 6), "planning": others, "final_planning": final, "ego_period": torch.zeros(1).int()}
        results.append({"img_bbox": {**detections(), **plan, "vectors": [np.zeros((20, 2), np.float32)]}})
    path.write_bytes(pickle.dumps(results, protocol))


def write_agentdriver(path: Path, paths: dict[str, np.ndarray]) -> None:
    """pred_trajs_dict.pkl."""
    path.write_bytes(pickle.dumps({token: padded(points) for token, points in paths.items()}))


def write_lightemma(folder: Path, root: Path, past: int = 7, future: int = 6) -> list[str]:
    """A run's folder; returns the tokens that it plans. Positions are in the ego frame of the front camera's picture."""
    tables = Tables(root)
    (folder / "output").mkdir(parents=True)
    tokens = []
    for scene in tables.rows["scene"].values():
        chain, frames = tables.chain(scene), []
        for k in range(past, len(chain) - future):
            here = np.linalg.inv(tables.ego(chain[k]["token"], "CAM_FRONT"))
            ahead = [(here @ tables.ego(later["token"], "CAM_FRONT"))[:2, 3] for later in chain[k + 1 : k + 1 + future]]
            said = {"pred_actions": [[1.0, 0.0]] * future, "trajectory": np.array(ahead).tolist()}
            frames.append({"frame_index": k - past, "sample_token": chain[k]["token"], "ego_info": {}, "predictions": said})
            tokens.append(chain[k]["token"])
        whole = {"scene_info": {"name": scene["name"]}, "frames": frames, "metadata": {"model": "gpt-4o"}}
        (folder / "output" / f"{scene['name']}.json").write_text(json.dumps(whole, indent=4))
    return tokens


def write_openemma(folder: Path, root: Path, shown: int = 10, total: int = 20) -> list[str]:
    """A run's folder of files [10, 3] in the world's frame, the first point where the car is; returns the tokens that it plans."""
    tables = Tables(root)
    folder.mkdir(parents=True)
    tokens = []
    for scene in tables.rows["scene"].values():
        chain = tables.chain(scene)
        places = np.array([tables.ego(sample["token"], "CAM_FRONT")[:3, 3] for sample in chain])
        for i in range(len(chain) - total):
            points = np.column_stack([places[i + shown - 1 : i + total - 1, :2], np.zeros(10)])
            np.save(folder / f"{scene['name']}_{i}_pred_traj.npy", points)
            np.save(folder / f"{scene['name']}_{i}_pred_speeds.npy", np.ones(10))
            (folder / f"{scene['name']}_{i}_logs.txt").write_text("Scene Description: None\n")
            tokens.append(chain[i + shown - 1]["token"])
    return tokens
