"""Cameras and agents whose geometry is known by hand, for the pictures' tests."""

from __future__ import annotations

import numpy as np

from drive.cameras import Camera
from drive.frames import EGO_FROM_CAMERA_AXES, rotation_z, se3
from drive.schema import Agents

TIMES = np.arange(1, 7) / 2


def make_camera(yaw_deg: float, width: int = 320, height: int = 180, model: str = "pinhole", name: str | None = None) -> Camera:
    """A level camera 1.5 m above the ground, 1 m from the origin in the direction it looks in."""
    rotation = rotation_z(np.radians(yaw_deg)) @ EGO_FROM_CAMERA_AXES
    focal = width / 3.0 if model == "fisheye" else width / 2.0
    K = [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]
    pose = se3(rotation, rotation_z(np.radians(yaw_deg)) @ [1.0, 0.0, 0.0] + [0.0, 0.0, 1.5])
    return Camera(name or f"YAW_{yaw_deg:g}", width, height, np.array(K), pose, model=model)  # type: ignore[arg-type]


def make_agents() -> Agents:
    """A car 20 m ahead that drives 5 m/s, and a pedestrian who stands 8 m to the left."""
    times = np.arange(-4, 7) / 2
    count = len(times)
    centres = np.zeros((2, count, 3))
    centres[0] = np.column_stack([20 + 5 * times, np.zeros(count), np.full(count, 0.8)])
    centres[1] = [0.0, 8.0, 0.9]
    velocities = np.zeros((2, count, 2))
    velocities[0, :, 0] = 5.0
    always = np.ones((2, count), dtype=bool)
    return Agents(
        centres=centres,
        headings=np.zeros((2, count)),
        sizes=np.array([[4.5, 1.9, 1.6], [0.7, 0.7, 1.8]]),
        velocities=velocities,
        velocity_valid=always,
        valid=always,
        points=np.ones((2, count), dtype=np.int64),
        visibility=np.full((2, count), 4, dtype=np.int64),
        categories=("vehicle.car", "human.pedestrian.adult"),
        instances=("a", "b"),
        times_s=times,
        now=4,
    )


def straight(speed: float) -> np.ndarray:
    return np.column_stack([speed * TIMES, np.zeros(6), np.zeros(6)])
