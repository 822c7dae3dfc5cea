"""An Argoverse 2 log, written by pyarrow from the columns that the sensor guide shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather

from tests.data.made import AHEAD, CAR_SIZE, FOCAL, HEADING, HEIGHT, WIDTH, car_from_ego, ego_place, jpeg, quaternion, turn

FIRST_NS, STEP_NS, FRAMES = 315_970_000_000_000_000, 100_000_000, 60
AXLE_M, CAMERA_LATE_NS = 0.32, 20_000_000
MOUNT = np.array([1.6, 0.1, 1.1])


def write_log(folder: Path, pictures: bool = True, boxes: bool = True) -> Path:
    """Writes a log whose car stands still and whose ego drives; its camera is CAMERA_LATE_NS behind the LiDAR."""
    stamps = FIRST_NS + STEP_NS * np.arange(FRAMES)
    every = np.sort(np.concatenate([stamps, stamps + CAMERA_LATE_NS]))
    rows = [_pose_row(ego_place((s - FIRST_NS) / 1e9) + (0, 0, AXLE_M), turn(HEADING)) for s in every]
    write(folder / "city_SE3_egovehicle.feather", [{"timestamp_ns": int(s), **row} for s, row in zip(every, rows, strict=True)])
    if boxes:
        write(folder / "annotations.feather", [row for s in stamps for row in _box_rows(int(s))])
    else:
        for stamp in stamps:
            write(folder / f"sensors/lidar/{stamp}.feather", [{"x": 1.0}])
    if pictures:
        _write_camera(folder, stamps)
    _write_map(folder)
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    feather.write_feather(pa.Table.from_pylist(rows), str(path), compression="lz4")


def _pose_row(place: Any, rotation: np.ndarray) -> dict[str, float]:
    names = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
    return dict(zip(names, (*quaternion(rotation), *map(float, place)), strict=True))


def _box_rows(stamp: int) -> list[dict[str, Any]]:
    seconds = (stamp - FIRST_NS) / 1e9
    sizes = dict(zip(("length_m", "width_m", "height_m"), CAR_SIZE, strict=True))
    car = {"timestamp_ns": stamp, "track_uuid": "car-1", "category": "REGULAR_VEHICLE", **sizes, "num_interior_pts": 7}
    bollard = {**car, "track_uuid": "post-1", "category": "BOLLARD", "length_m": 0.3, "width_m": 0.3}
    below = np.array([0, 0, -AXLE_M])
    return [{**car, **_pose_row(car_from_ego(seconds) + below, turn(0.3))}, {**bollard, **_pose_row([5.0, 3.0, 0.0], turn(0.0))}]


def _write_camera(folder: Path, stamps: np.ndarray) -> None:
    name = "ring_front_center"
    write(folder / "calibration/egovehicle_SE3_sensor.feather", [{"sensor_name": name, **_pose_row(MOUNT, AHEAD)}])
    numbers = {"fx_px": FOCAL, "fy_px": FOCAL, "cx_px": WIDTH / 2, "cy_px": HEIGHT / 2, "k1": -0.3, "k2": 0.1, "k3": 0.0}
    write(folder / "calibration/intrinsics.feather", [{"sensor_name": name, **numbers, "height_px": HEIGHT, "width_px": WIDTH}])
    (folder / "sensors/cameras" / name).mkdir(parents=True)
    for stamp in stamps:
        (folder / "sensors/cameras" / name / f"{stamp + CAMERA_LATE_NS}.jpg").write_bytes(jpeg())


def _write_map(folder: Path) -> None:
    def along(left: float, ahead: tuple[float, ...] = (-20.0, 20.0, 100.0)) -> list[dict[str, float]]:
        points = [ego_place(0.0) + turn(HEADING) @ np.array([x, left, 0.0]) for x in ahead]
        return [dict(zip("xyz", map(float, point), strict=True)) for point in points]

    def lane(name: int, left: float, right: float, ahead: tuple[float, ...], **more: Any) -> dict[str, Any]:
        told = {"id": name, "is_intersection": False, "lane_type": "VEHICLE", "successors": [], "predecessors": [], **more}
        marks = {"left_lane_mark_type": "DOUBLE_SOLID_YELLOW", "right_lane_mark_type": "NONE"}
        ends = {"left_lane_boundary": along(left, ahead), "right_lane_boundary": along(right, ahead)}
        return {"right_neighbor_id": None, "left_neighbor_id": None, **marks, **ends, **told}

    near, far = (-20.0, 20.0, 60.0), (60.0, 70.0, 100.0)
    lanes = [
        lane(1, 2.0, -2.0, near, successors=[2, 99], left_neighbor_id=3, right_neighbor_id=4),
        lane(2, 2.0, -2.0, far, is_intersection=True, predecessors=[1]),
        lane(3, 2.0, 6.0, near[::-1], left_neighbor_id=1),
        lane(4, -2.0, -5.0, near, left_neighbor_id=1, lane_type="BUS"),
        lane(5, -5.0, -6.0, near, lane_type="BIKE"),
    ]
    area = along(6.0) + along(-6.0)[::-1]
    crossing = {
        "id": 8,
        "edge1": along(6.0, (50.0, 50.0))[:1] + along(-6.0, (50.0, 50.0))[:1],
        "edge2": along(-6.0, (54.0,)) + along(6.0, (54.0,)),
    }
    data = {
        "lane_segments": {str(row["id"]): row for row in lanes},
        "drivable_areas": {"7": {"id": 7, "area_boundary": area}},
        "pedestrian_crossings": {"8": crossing},
    }
    (folder / "map").mkdir(parents=True, exist_ok=True)
    (folder / "map" / f"log_map_archive_{folder.name}____PIT_city_57819.json").write_text(json.dumps(data))
