"""Tables as large as nuScenes', without pictures: `python -m tools.make_tables OUT --scenes 850`, for `drive bench tables --data OUT`.

Per scene 40 key frames, 12 sensors with all sweeps between them, 76 instances that are annotated for a while, on straight drives. Values
are sound: `drive check` finds nothing but absent files. Text is laid out as in nuScenes' own tables, a field a line.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

VERSION = "v1.0-trainval"
KEY_FRAMES, STEP_US, SPEED_MPS = 40, 500_000, 8.0
INSTANCES, ANNOTATED = 76, 18  # of a scene, and for how many key frames each: nuScenes has 34 boxes a key frame
CAMERAS = ("CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT")
RADARS = ("RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT")
SENSORS = {"LIDAR_TOP": 10, **dict.fromkeys((*CAMERAS, *RADARS), 6)}  # rows for each key frame
KINDS = (("vehicle.car", (1.9, 4.6, 1.7)), ("human.pedestrian.adult", (0.7, 0.8, 1.8)), ("movable_object.barrier", (2.5, 0.5, 1.0)))
LOCATIONS = ("singapore-onenorth", "singapore-hollandvillage", "singapore-queenstown", "boston-seaport")
LONG = ("sample_data", "ego_pose", "sample_annotation", "instance", "sample")

Row = dict[str, Any]


class Writer:
    """A table that is written row by row."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.begun = file, False

    def add(self, row: Row) -> None:
        text = json.dumps(row, separators=(",\n", ": "))
        self.file.write(f"{',' if self.begun else '['}\n{text}")
        self.begun = True

    def close(self) -> None:
        self.file.write("\n]\n" if self.begun else "[]\n")


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
    rng = random.Random(0)

    def token() -> str:
        return f"{rng.getrandbits(128):032x}"

    short = _short_tables(out, scenes, token)
    for name, rows in short.items():
        _write(folder / f"{name}.json", rows)
    with ExitStack() as stack:
        writers = {name: Writer(stack.enter_context((folder / f"{name}.json").open("w"))) for name in LONG}
        made = [_scene(number, short, writers, rng, token) for number in range(scenes)]
        for writer in writers.values():
            writer.close()
    _write(folder / "scene.json", made)


def _write(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w") as file:
        writer = Writer(file)
        for row in rows:
            writer.add(row)
        writer.close()


def _short_tables(out: Path, scenes: int, token: Callable[[], str]) -> dict[str, list[Row]]:
    """All but scenes and LONG: 12 calibrations a scene, a log for 12 scenes, as in nuScenes."""
    logs = [{"token": token(), "logfile": f"log-{n}", "vehicle": "n015", "date_captured": "2018-07-18", "location": LOCATIONS[n % 4]}
            for n in range(-(-scenes // 12))]  # fmt: skip
    sensors = [{"token": token(), "channel": name, "modality": _modality(name)} for name in SENSORS]
    (out / "maps").mkdir(exist_ok=True)
    maps = []
    for number, place in enumerate(LOCATIONS):
        mask = np.zeros((900, 3000), np.uint8)
        mask[350:550] = 255
        cv2.imwrite(str(out / "maps" / f"{place}.png"), mask)
        tokens = [log["token"] for log in logs[number::4]]
        maps.append({"token": token(), "category": "semantic_prior", "filename": f"maps/{place}.png", "log_tokens": tokens})
    return {
        "category": [{"token": token(), "name": name, "description": name} for name, _ in KINDS],
        "attribute": [{"token": token(), "name": "vehicle.moving", "description": ""}],
        "visibility": [{"token": str(n), "level": f"v{20 * n}", "description": ""} for n in (1, 2, 3, 4)],
        "sensor": sensors, "log": logs, "map": maps,
        "calibrated_sensor": [row for _ in range(scenes) for row in _rig(sensors, token)],
    }  # fmt: skip


def _modality(channel: str) -> str:
    return {"CAM": "camera", "LID": "lidar", "RAD": "radar"}[channel[:3]]


def _rig(sensors: list[Row], token: Callable[[], str]) -> Iterator[Row]:
    """Calibrations of one car: cameras around it, 60 degrees apart."""
    for sensor in sensors:
        row = {"token": token(), "sensor_token": sensor["token"], "translation": [0.94, 0.0, 1.84]}
        if sensor["channel"] in CAMERAS:
            yaw = -np.radians(60.0 * CAMERAS.index(sensor["channel"]))
            c, s = float(np.cos(yaw / 2)) / 2, float(np.sin(yaw / 2)) / 2
            row["translation"] = [1.5 + float(np.cos(yaw)), float(np.sin(yaw)), 1.5]
            yield row | {"rotation": [c + s, -c - s, c - s, s - c],
                         "camera_intrinsic": [[1266.4, 0.0, 816.3], [0.0, 1266.4, 491.5], [0.0, 0.0, 1.0]]}  # fmt: skip
        else:
            yield row | {"rotation": [1.0, 0.0, 0.0, 0.0], "camera_intrinsic": []}


def _scene(number: int, short: dict[str, list[Row]], writers: dict[str, Writer], rng: random.Random, token: Callable[[], str]) -> Row:
    start, scene, log = 1_531_883_530_449_377 + number * 60_000_000, token(), short["log"][number // 12]
    samples = [token() for _ in range(KEY_FRAMES)]
    for k, own in enumerate(samples):
        before, after = samples[k - 1] if k else "", samples[k + 1] if k + 1 < KEY_FRAMES else ""
        writers["sample"].add({"token": own, "timestamp": start + k * STEP_US, "prev": before, "next": after, "scene_token": scene})
    rig = short["calibrated_sensor"][number * len(SENSORS) : (number + 1) * len(SENSORS)]
    for channel, calibration in zip(SENSORS, rig, strict=True):
        _sweeps(channel, calibration["token"], start, samples, writers, token)
    for _ in range(INSTANCES):
        _instance(rng, samples, short, writers, token)
    return {"token": scene, "log_token": log["token"], "nbr_samples": KEY_FRAMES, "first_sample_token": samples[0],
            "last_sample_token": samples[-1], "name": f"made-{number:04d}", "description": "a straight drive"}  # fmt: skip


def _sweeps(channel: str, calibration: str, start: int, samples: list[str], writers: dict[str, Writer], token: Callable[[], str]) -> None:
    """The rows of one sensor in a scene, a pose for each."""
    per, camera = SENSORS[channel], channel in CAMERAS
    tokens = [token() for _ in range(per * len(samples))]
    for n, own in enumerate(tokens):
        stamp, folder = start + n * STEP_US // per, "sweeps" if n % per else "samples"
        sides = {"height": 900, "width": 1600} if camera else {"height": 0, "width": 0}
        suffix = "jpg" if camera else "pcd.bin" if channel == "LIDAR_TOP" else "pcd"
        writers["sample_data"].add({
            "token": own, "sample_token": samples[-(-n // per) if -(-n // per) < len(samples) else -1], "ego_pose_token": own,
            "calibrated_sensor_token": calibration, "timestamp": stamp, "fileformat": suffix.split(".")[0], "is_key_frame": n % per == 0,
            **sides, "filename": f"{folder}/{channel}/n015-2018-07-18-11-07-57+0800__{channel}__{stamp}.{suffix}",
            "prev": tokens[n - 1] if n else "", "next": tokens[n + 1] if n + 1 < len(tokens) else "",
        })  # fmt: skip
        place = [10.0 + SPEED_MPS * (stamp - start) / 1e6, 45.0, 0.0]
        writers["ego_pose"].add({"token": own, "timestamp": stamp, "rotation": [1.0, 0.0, 0.0, 0.0], "translation": place})


def _instance(
    rng: random.Random, samples: list[str], short: dict[str, list[Row]], writers: dict[str, Writer], token: Callable[[], str]
) -> None:
    """A thing that stands along the road, annotated in a run of key frames."""
    kind, own = rng.randrange(len(KINDS)), token()
    first = rng.randrange(len(samples) - ANNOTATED + 1)
    boxes, heading = [token() for _ in range(ANNOTATED)], rng.uniform(-3, 3)
    place = [round(10 + SPEED_MPS * first / 2 + rng.uniform(0, 60), 3), round(45 + rng.uniform(-30, 30), 3), 0.9]
    for k, box in enumerate(boxes):
        writers["sample_annotation"].add({
            "token": box, "sample_token": samples[first + k], "instance_token": own, "visibility_token": str(rng.randrange(1, 5)),
            "attribute_tokens": [short["attribute"][0]["token"]] if kind == 0 else [], "translation": place, "size": list(KINDS[kind][1]),
            "rotation": [float(np.cos(heading / 2)), 0.0, 0.0, float(np.sin(heading / 2))],
            "prev": boxes[k - 1] if k else "", "next": boxes[k + 1] if k + 1 < len(boxes) else "",
            "num_lidar_pts": rng.randrange(1, 200), "num_radar_pts": rng.randrange(3),
        })  # fmt: skip
    writers["instance"].add({"token": own, "category_token": short["category"][kind]["token"], "nbr_annotations": len(boxes),
                             "first_annotation_token": boxes[0], "last_annotation_token": boxes[-1]})  # fmt: skip


if __name__ == "__main__":
    main()
