"""Tables as large as nuScenes', without pictures: `python -m tools.make_tables OUT --scenes 850`, for `drive bench tables --data OUT`.

Per scene 40 key frames, 12 sensors with all sweeps between them, 76 instances that are annotated for a while, on a straight drive. All
scenes are one with other tokens and times. Values are sound: `drive check` finds nothing but absent files. Text is laid out as in
nuScenes' own tables, a field a line.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

VERSION = "v1.0-trainval"
KEY_FRAMES, STEP_US, SPEED_MPS = 40, 500_000, 8.0
INSTANCES, ANNOTATED = 76, 18  # of a scene, and for how many key frames each: nuScenes has 34 boxes a key frame
SCENES_PER_LOG = 12
CAMERAS = ("CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT")
RADARS = ("RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT")
SENSORS = {"LIDAR_TOP": 10, **dict.fromkeys((*CAMERAS, *RADARS), 6)}  # rows for each key frame
SUFFIXES = {"LIDAR_TOP": "pcd.bin", **dict.fromkeys(CAMERAS, "jpg"), **dict.fromkeys(RADARS, "pcd")}
KINDS = (("vehicle.car", (1.9, 4.6, 1.7)), ("human.pedestrian.adult", (0.7, 0.8, 1.8)), ("movable_object.barrier", (2.5, 0.5, 1.0)))
LOCATIONS = ("singapore-onenorth", "singapore-hollandvillage", "singapore-queenstown", "boston-seaport")
# What all tokens of the one scene, and all its times, begin with: other scenes have other digits there, their times 100 s apart.
MARK, CLOCK = "5ce4e5ce", 15_318_835
START_US = CLOCK * 10**8 + 30_449_377

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", type=int, default=850)
    args = parser.parse_args()
    make_tables(args.out, args.scenes)


def make_tables(out: Path, scenes: int) -> None:
    """Writes OUT/v1.0-trainval, which must not be there, and OUT/maps."""
    folder = out / VERSION
    folder.mkdir(parents=True)
    shared = _shared(out, scenes)
    for name, rows in shared.items():
        _write(folder / f"{name}.json", [_text(rows)])
    for name, rows in _scene(shared).items():
        text = _text(rows)
        copies = (text.replace(MARK, f"{number:08x}").replace(str(CLOCK), str(CLOCK + number)) for number in range(scenes))
        if name == "scene":
            logs = [log["token"] for log in shared["log"]]
            copies = (copy.replace(logs[0], logs[number // SCENES_PER_LOG]) for number, copy in enumerate(copies))
        _write(folder / f"{name}.json", copies)


def _text(rows: list[Row]) -> str:
    return ",\n".join(json.dumps(row, separators=(",\n", ": ")) for row in rows)


def _write(path: Path, parts: Iterable[str]) -> None:
    with path.open("w") as file:
        for number, part in enumerate(parts):
            file.write(f"{',' if number else '['}\n{part}")
        file.write("\n]\n")


def _shared(out: Path, scenes: int) -> Rows:
    """Tables whose rows no scene has for itself, and the masks of the maps."""
    logs = [
        {"token": f"{n:032x}", "logfile": f"log-{n}", "vehicle": "n015", "date_captured": "2018-07-18", "location": LOCATIONS[n % 4]}
        for n in range(-(-scenes // SCENES_PER_LOG))
    ]
    (out / "maps").mkdir(exist_ok=True)
    mask = np.zeros((900, 3000), np.uint8)
    mask[350:550] = 255
    maps = []
    for n, place in enumerate(LOCATIONS):
        cv2.imwrite(str(out / "maps" / f"{place}.png"), mask)
        tokens = [log["token"] for log in logs[n::4]]
        maps.append({"token": place, "category": "semantic_prior", "filename": f"maps/{place}.png", "log_tokens": tokens})
    modalities = {"CAM": "camera", "LID": "lidar", "RAD": "radar"}
    return {
        "category": [{"token": name, "name": name, "description": name} for name, _ in KINDS],
        "attribute": [{"token": "moving", "name": "vehicle.moving", "description": ""}],
        "visibility": [{"token": str(n), "level": f"v{20 * n}", "description": ""} for n in (1, 2, 3, 4)],
        "sensor": [{"token": name, "channel": name, "modality": modalities[name[:3]]} for name in SENSORS],
        "log": logs,
        "map": maps,
    }


def _scene(shared: Rows) -> Rows:
    """The rows of the one scene."""
    rng, scene = random.Random(0), f"{MARK}{0:024x}"

    def token() -> str:
        return f"{MARK}{rng.getrandbits(96):024x}"

    samples = [token() for _ in range(KEY_FRAMES)]
    near = zip(["", *samples], samples, [*samples[1:], ""], strict=False)
    rows: Rows = {
        "sample": [{"token": own, "timestamp": START_US + k * STEP_US, "prev": before, "next": after, "scene_token": scene}
                   for k, (before, own, after) in enumerate(near)],
        "scene": [{"token": scene, "log_token": shared["log"][0]["token"], "nbr_samples": KEY_FRAMES, "first_sample_token": samples[0],
                   "last_sample_token": samples[-1], "name": f"made-{MARK}", "description": "a straight drive"}],
        "calibrated_sensor": [_mount(name, token()) for name in SENSORS],
        "sample_data": [], "ego_pose": [], "instance": [], "sample_annotation": [],
    }  # fmt: skip
    for mount in rows["calibrated_sensor"]:
        _sweeps(rows, mount, samples, token)
    for _ in range(INSTANCES):
        _instance(rows, rng, samples, token)
    return rows


def _mount(channel: str, token: str) -> Row:
    """A calibration: cameras stand around the car, 60 degrees apart."""
    row: Row = {"token": token, "sensor_token": channel, "translation": [0.94, 0.0, 1.84], "rotation": [1.0, 0.0, 0.0, 0.0]}
    if channel not in CAMERAS:
        return {**row, "camera_intrinsic": []}
    yaw = -np.radians(60.0 * CAMERAS.index(channel))
    c, s = float(np.cos(yaw / 2)) / 2, float(np.sin(yaw / 2)) / 2
    K = [[1266.4, 0.0, 816.3], [0.0, 1266.4, 491.5], [0.0, 0.0, 1.0]]
    place = [1.5 + float(np.cos(yaw)), float(np.sin(yaw)), 1.5]
    return {**row, "translation": place, "rotation": [c + s, -c - s, c - s, s - c], "camera_intrinsic": K}


def _sweeps(rows: Rows, mount: Row, samples: list[str], token: Callable[[], str]) -> None:
    """The data of one sensor, a pose for each; those between key frames belong to the next one."""
    channel = mount["sensor_token"]
    per, suffix = SENSORS[channel], SUFFIXES[channel]
    height, width = (900, 1600) if channel in CAMERAS else (0, 0)
    tokens = [token() for _ in range(per * len(samples))]
    for n, own in enumerate(tokens):
        stamp, folder = START_US + n * STEP_US // per, "sweeps" if n % per else "samples"
        rows["sample_data"].append({
            "token": own, "sample_token": samples[min(-(-n // per), len(samples) - 1)], "ego_pose_token": own,
            "calibrated_sensor_token": mount["token"], "timestamp": stamp, "fileformat": suffix[:3], "is_key_frame": n % per == 0,
            "height": height, "width": width, "filename": f"{folder}/{channel}/n015-2018-07-18-11-07-57+0800__{channel}__{stamp}.{suffix}",
            "prev": tokens[n - 1] if n else "", "next": tokens[n + 1] if n + 1 < len(tokens) else "",
        })  # fmt: skip
        place = [10.0 + SPEED_MPS * (stamp - START_US) / 1e6, 45.0, 0.0]
        rows["ego_pose"].append({"token": own, "timestamp": stamp, "rotation": [1.0, 0.0, 0.0, 0.0], "translation": place})


def _instance(rows: Rows, rng: random.Random, samples: list[str], token: Callable[[], str]) -> None:
    """A thing that stands along the road, annotated in a run of key frames."""
    (name, size), own = rng.choice(KINDS), token()
    first = rng.randrange(len(samples) - ANNOTATED + 1)
    boxes, heading = [token() for _ in range(ANNOTATED)], rng.uniform(-3, 3)
    place = [round(10 + SPEED_MPS * first / 2 + rng.uniform(0, 60), 3), round(45 + rng.uniform(-30, 30), 3), 0.9]
    for k, box in enumerate(boxes):
        rows["sample_annotation"].append({
            "token": box, "sample_token": samples[first + k], "instance_token": own, "visibility_token": str(rng.randrange(1, 5)),
            "attribute_tokens": ["moving"] if name == "vehicle.car" else [], "translation": place, "size": list(size),
            "rotation": [float(np.cos(heading / 2)), 0.0, 0.0, float(np.sin(heading / 2))],
            "prev": boxes[k - 1] if k else "", "next": boxes[k + 1] if k + 1 < len(boxes) else "",
            "num_lidar_pts": rng.randrange(1, 200), "num_radar_pts": rng.randrange(3),
        })  # fmt: skip
    rows["instance"].append({"token": own, "category_token": name, "nbr_annotations": len(boxes),
                             "first_annotation_token": boxes[0], "last_annotation_token": boxes[-1]})  # fmt: skip


if __name__ == "__main__":
    main()
