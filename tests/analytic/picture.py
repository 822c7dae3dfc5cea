"""Flat pictures: shaded sky and ground, every actor's box as one flat patch. They only have to be decodable and not all alike."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.frames import Array, invert_se3, transform_points
from drive.geometry import box_corners

Box = tuple[Array, tuple[float, float, float], tuple[int, int, int]]  # pose (x, y, heading), size, colour
NEAR_M, FAR_M = 0.5, 60.0


def draw(camera: Camera, world_from_camera: Array, boxes: list[Box]) -> NDArray[np.uint8]:
    """The picture uint8 [height, width, 3] that `camera` (its pose ignored) takes from world_from_camera."""
    picture = _backdrop(camera)
    camera_from_world = invert_se3(world_from_camera)
    far = [float(np.hypot(*(pose[:2] - world_from_camera[:2, 3]))) for pose, *_ in boxes]
    for n in sorted(range(len(boxes)), key=lambda n: -far[n]):
        pose, (length, width, height), colour = boxes[n]
        ground = box_corners([*pose, length, width])
        corners = transform_points(camera_from_world, [(x, y, z) for x, y in ground for z in (0.0, height)])
        if far[n] < FAR_M and corners[:, 2].min() > NEAR_M:
            pixels = corners[:, :2] / corners[:, 2:] * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2]
            cv2.fillConvexPoly(picture, cv2.convexHull(np.round(pixels).astype(np.int32)), colour)
    return picture


def _backdrop(camera: Camera) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[: camera.height, : camera.width]
    sky = rows < camera.K[1, 2]
    shade = np.where(sky, 190 + 0.2 * rows, 70 + 0.15 * rows) + 0.05 * columns
    return np.repeat(shade[..., None].astype(np.uint8), 3, axis=2)
