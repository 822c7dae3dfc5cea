"""A `SceneLog` as the rows that the rules of conventions look at, so that every data set is judged by the same ones."""

from __future__ import annotations

import numpy as np

from drive.data.conventions.facts import CAMERA_PREFIX, LIDAR, Box, Row, Shot
from drive.data.scenes import CameraRecord, SceneLog
from drive.frames import Array


def rows_of(log: SceneLog) -> tuple[list[Shot], list[Box]]:
    """The key frames of a scene as shots (its reference as LIDAR_TOP, its cameras with their mounts) and its boxes."""
    poses = [_pose(f"{token}, pose", m) for token, m in zip(log.tokens, log.world_from_ego, strict=True)]
    stamps = zip(log.tokens, log.timestamps_us.tolist(), strict=True)
    samples = [{"token": token, "timestamp": stamp, "scene_token": log.name} for token, stamp in stamps]
    shots = []
    for sample, pose, cameras, lidar in zip(samples, poses, log.cameras, log.ego_from_lidar, strict=True):
        pose["timestamp"] = sample["timestamp"]
        mount = {**_pose(f"{log.name}, {LIDAR}", np.eye(4) if lidar is None else lidar), "camera_intrinsic": []}
        shots.append(Shot({"token": f"{sample['token']}, {LIDAR}", "timestamp": sample["timestamp"]}, LIDAR, mount, pose, sample))
        shots += [camera_shot(log.name, sample, pose, record) for record in cameras]
    return shots, _boxes(log)


def camera_shot(scene: str, sample: Row, pose: Row, record: CameraRecord) -> Shot:
    """A picture with its mount; of its own pose nothing is told but the key frame's. sample, pose: rows of that."""
    camera = record.camera
    data = {"token": f"{sample['token']}, {camera.name}", "timestamp": sample["timestamp"], "width": camera.width, "height": camera.height}
    calibration = {**_pose(f"{scene}, {camera.name}", record.mount), "camera_intrinsic": camera.K.tolist(), "camera_model": camera.model}
    return Shot(data, CAMERA_PREFIX + camera.name, calibration, pose, sample)


def _boxes(log: SceneLog) -> list[Box]:
    tracks, found = log.tracks, []
    for k, step in zip(*np.nonzero(tracks.valid), strict=True):
        heading = float(np.arctan2(tracks.forward[k, step, 1], tracks.forward[k, step, 0]))
        length, width, height = tracks.sizes[k, step].tolist()
        row = {
            "token": f"{tracks.instances[k]} at {log.tokens[step]}",
            "sample_token": log.tokens[step],
            "instance_token": tracks.instances[k],
            "translation": tracks.centres[k, step].tolist(),
            "size": [width, length, height],
            "rotation": [float(np.cos(heading / 2)), 0.0, 0.0, float(np.sin(heading / 2))],
        }
        found.append(Box(row, tracks.categories[k]))
    return found


def _pose(token: str, matrix: Array) -> Row:
    return {"token": token, "translation": matrix[:3, 3].tolist(), "rotation": quaternion_of(matrix[:3, :3]).tolist()}


def quaternion_of(rotation: Array) -> Array:
    """A rotation [3, 3] -> the quaternion (w, x, y, z) of unit length: the eigenvector of Bar-Itzhack's matrix for its eigenvalue 1."""
    m = rotation
    symmetric = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], 0],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric / 3)
    x, y, z, w = vectors[:, -1]
    return np.array([w, x, y, z])
