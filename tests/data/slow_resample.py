"""The readable way to resample a rig's pictures: pixel by pixel."""

from __future__ import annotations

import math

import cv2
import numpy as np

from drive.cameras import Camera, project, unproject
from drive.frames import Array

FAR_M, BORDER_RAD, ASIDE_M = 1e6, 0.02, 0.3


def slow_resample(cameras: list[Camera], pictures: list[np.ndarray], wanted: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The picture that the wanted camera would take, uint8 [H, W, 3], and which camera each pixel is from, -1 for none [H, W]."""
    picture = np.zeros((wanted.height, wanted.width, 3), np.uint8)
    source = np.full((wanted.height, wanted.width), -1)
    for row in range(wanted.height):
        for column in range(wanted.width):
            best = 0.0
            for k, camera in enumerate(cameras):
                worth, pixel, scale = _seen_by(camera, wanted, row, column)
                if worth > best:
                    best, source[row, column] = worth, k
                    picture[row, column] = _read(pictures[k], pixel, int(math.log2(max(scale, 1.0))))
    return picture, source


def _end_point(wanted: Camera, row: int, column: int) -> Array:
    """What a pixel looks at: the ground, or something very far away."""
    ray = wanted.ego_from_camera[:3, :3] @ unproject(wanted, [column + 0.5, row + 0.5])
    origin = wanted.ego_from_camera[:3, 3]
    reach = -origin[2] / ray[2] if ray[2] < 0 < origin[2] else FAR_M
    return origin + min(reach, FAR_M) * ray


def _pixel(camera: Camera, wanted: Camera, row: int, column: int) -> tuple[Array, bool]:
    pixel, front = project(camera, _end_point(wanted, row, column))
    return pixel, bool(front)


def _change(camera: Camera, wanted: Camera, row: int, column: int, down: int, right: int) -> Array:
    """How the camera's pixel moves from one pixel of the wanted picture to the next, from its neighbours on both sides where there are."""
    ahead = (min(row + down, wanted.height - 1), min(column + right, wanted.width - 1))
    behind = (max(row - down, 0), max(column - right, 0))
    steps = ahead[0] - behind[0] + ahead[1] - behind[1]
    return (_pixel(camera, wanted, *ahead)[0] - _pixel(camera, wanted, *behind)[0]) / steps


def _seen_by(camera: Camera, wanted: Camera, row: int, column: int) -> tuple[float, Array, float]:
    """How well a camera sees what a pixel looks at (0: not), where, and how many of its pixels that is along a side."""
    pixel, front = _pixel(camera, wanted, row, column)
    if not front or not (0 <= pixel[0] <= camera.width and 0 <= pixel[1] <= camera.height):
        return 0.0, pixel, 1.0
    down, right = _change(camera, wanted, row, column, 1, 0), _change(camera, wanted, row, column, 0, 1)
    scale = math.sqrt(abs(right[0] * down[1] - down[0] * right[1]))
    if not math.isfinite(scale):
        return 0.0, pixel, 1.0
    border = min(pixel[0], pixel[1], camera.width - pixel[0], camera.height - pixel[1]) / camera.K[0, 0]
    origin = wanted.ego_from_camera[:3, 3]
    ray, away = _end_point(wanted, row, column) - origin, camera.ego_from_camera[:3, 3] - origin
    aside = float(np.linalg.norm(np.cross(ray, away)) / np.linalg.norm(ray))
    return max(min(scale, 1.0) ** 2 * border / (border + BORDER_RAD), 1e-9) / (1 + aside / ASIDE_M), pixel, scale


def _read(picture: np.ndarray, pixel: Array, halved: int) -> Array:
    """Between the four nearest pixels of a picture halved so often."""
    height, width = picture.shape[:2]
    for level in range(halved + 1):
        size = (max(1, -(-width // 2**level)), max(1, -(-height // 2**level)))
        picture = picture if level == 0 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    x, y = pixel[0] * picture.shape[1] / width - 0.5, pixel[1] * picture.shape[0] / height - 0.5
    left, top = math.floor(x), math.floor(y)
    total = np.zeros(3)
    for down in (0, 1):
        for right in (0, 1):
            weight = (y - top if down else 1 - y + top) * (x - left if right else 1 - x + left)
            at = min(max(top + down, 0), picture.shape[0] - 1), min(max(left + right, 0), picture.shape[1] - 1)
            total += weight * picture[at]
    return np.round(total)
