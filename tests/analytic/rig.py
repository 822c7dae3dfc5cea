"""The synthetic car's sensors: six cameras and a LiDAR, placed much as on nuScenes' car."""

from __future__ import annotations

import numpy as np

from drive.cameras import Camera
from drive.frames import EGO_FROM_CAMERA_AXES, Array, rotation_z, se3

WIDTH, HEIGHT = 400, 225
PRINCIPAL_POINT = (203.5, 122.5)
LIDAR = "LIDAR_TOP"


def _mount(position: tuple[float, float, float], yaw_deg: float, axes: Array) -> Array:
    return se3(rotation_z(np.radians(yaw_deg)) @ axes, position)


def _camera(channel: str, position: tuple[float, float, float], yaw_deg: float, focal: float) -> Camera:
    K = np.array([[focal, 0, PRINCIPAL_POINT[0]], [0, focal, PRINCIPAL_POINT[1]], [0, 0, 1]])
    return Camera(channel, WIDTH, HEIGHT, K, _mount(position, yaw_deg, EGO_FROM_CAMERA_AXES))


CAMERAS = (
    _camera("CAM_FRONT", (1.70, 0.0, 1.51), 0.0, 316.0),
    _camera("CAM_FRONT_RIGHT", (1.55, -0.49, 1.50), -56.0, 316.0),
    _camera("CAM_FRONT_LEFT", (1.52, 0.49, 1.51), 55.0, 316.0),
    _camera("CAM_BACK", (0.03, 0.0, 1.57), 180.0, 202.0),
    _camera("CAM_BACK_LEFT", (1.04, 0.48, 1.56), 108.0, 316.0),
    _camera("CAM_BACK_RIGHT", (1.04, -0.48, 1.56), -110.0, 316.0),
)
# nuScenes' LiDAR frame: x right, y forward.
LIDAR_MOUNT = _mount((0.94, 0.0, 1.84), -90.0, np.eye(3))
# Each sensor's time after the key frame's, microseconds: cameras are triggered while the sweep passes them.
DELAY_US = {
    LIDAR: 0,
    "CAM_FRONT": -35_000,
    "CAM_FRONT_RIGHT": -27_000,
    "CAM_FRONT_LEFT": -43_000,
    "CAM_BACK": -10_000,
    "CAM_BACK_LEFT": -1_000,
    "CAM_BACK_RIGHT": -19_000,
}
