"""Writes one drive: its rows in all tables, its pictures, LiDAR points and CAN bus."""

from __future__ import annotations

import json

import cv2
import numpy as np

from drive.frames import Array
from tests.analytic.annotations import annotate
from tests.analytic.picture import draw
from tests.analytic.rig import CAMERAS, DELAY_US, HEIGHT, LIDAR, WIDTH
from tests.analytic.road import Scene
from tests.analytic.rows import Row, Writer, chain, ego_pose, pose_fields, token
from tests.analytic.scenes import KEY_FRAME_S, KEY_FRAMES

START_US, SCENE_GAP_US = 1_700_000_000_000_000, 60_000_000
JPEG_QUALITY = 64
CAN_HZ = 10


def write_scene(writer: Writer, index: int, scene: Scene) -> None:
    """One scene: its rows in all tables and its files."""
    tokens = [token("sample", scene.name, k) for k in range(KEY_FRAMES)]
    scene_row = {
        "token": token("scene", scene.name),
        "log_token": token("log", "synthetic"),
        "nbr_samples": KEY_FRAMES,
        "first_sample_token": tokens[0],
        "last_sample_token": tokens[-1],
        "name": scene.name,
        "description": scene.description,
    }
    writer.tables.setdefault("scene", []).append(scene_row)
    start = START_US + index * SCENE_GAP_US
    for k, name in enumerate(tokens):
        row = {"token": name, "timestamp": start + round(k * KEY_FRAME_S * 1e6), **chain(tokens, k), "scene_token": scene_row["token"]}
        writer.tables.setdefault("sample", []).append(row)
    clouds = annotate(writer, scene, tokens)
    _record(writer, index, scene, tokens, start, clouds)
    _can_bus(writer, scene, start)


def _record(writer: Writer, index: int, scene: Scene, tokens: list[str], start: int, clouds: list[Array]) -> None:
    """The sensors' files with their rows in sample_data and ego_pose."""
    for k, sweep in enumerate(clouds):
        data = np.pad(sweep, ((0, 0), (0, 2))).astype("<f4").tobytes()  # x, y, z, intensity, ring
        _sensor_data(writer, scene, tokens, k, LIDAR, start, data)
        for camera in CAMERAS:
            t = k * KEY_FRAME_S + DELAY_US[camera.name] / 1e6
            boxes = [(a.pose(scene.road, t), a.size, a.colour) for a in scene.actors]
            picture = draw(camera, ego_pose(scene, t) @ camera.ego_from_camera, boxes)
            _sensor_data(writer, scene, tokens, k, camera.name, start, _jpeg(picture))


def _sensor_data(writer: Writer, scene: Scene, tokens: list[str], k: int, channel: str, start: int, data: bytes) -> None:
    """One sensor's file at key frame k, and its rows."""
    stamp = start + round(k * KEY_FRAME_S * 1e6) + DELAY_US[channel]
    names = [token("sample_data", scene.name, channel, i) for i in range(len(tokens))]
    suffix, form, height, width = ("pcd.bin", "pcd", 0, 0) if channel == LIDAR else ("jpg", "jpg", HEIGHT, WIDTH)
    file = f"samples/{channel}/{scene.name}__{channel}__{stamp}.{suffix}"
    path = writer.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    pose = pose_fields(ego_pose(scene, (stamp - start) / 1e6))
    writer.tables.setdefault("ego_pose", []).append({"token": names[k], "timestamp": stamp, **pose})
    row: Row = {"token": names[k], "sample_token": tokens[k], "ego_pose_token": names[k]}
    row |= {"calibrated_sensor_token": token("calibrated_sensor", channel), "timestamp": stamp, "fileformat": form}
    row |= {"is_key_frame": True, "height": height, "width": width, "filename": file, **chain(names, k)}
    writer.tables.setdefault("sample_data", []).append(row)


def _jpeg(picture: np.ndarray) -> bytes:
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    if not done:
        raise OSError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _can_bus(writer: Writer, scene: Scene, start: int) -> None:
    """Exact speed, acceleration and yaw rate of the ego, as can_bus/<scene>_pose.json."""
    messages = []
    for i in range(round((KEY_FRAMES - 1) * KEY_FRAME_S * CAN_HZ) + 1):
        t = i / CAN_HZ
        speed, acceleration = scene.ego.at(t)
        s = scene.ego.s(t)
        fields = pose_fields(ego_pose(scene, t))
        rates = {"accel": [acceleration, 0.0, 9.81], "vel": [speed, 0.0, 0.0], "rotation_rate": [0.0, 0.0, speed * scene.road.curvature(s)]}
        messages.append({"utime": start + round(t * 1e6), **rates, "pos": fields["translation"], "orientation": fields["rotation"]})
    path = writer.root / "can_bus" / f"{scene.name}_pose.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(messages, separators=(",", ":")) + "\n")
