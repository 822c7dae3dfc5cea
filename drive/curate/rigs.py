"""What is told of a camera, and whether boxes that it shows are where its calibration puts them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, project
from drive.frames import Array, rotation_2d
from drive.schema import Agents, CameraImage

Grey = NDArray[np.uint8]
ACROSS = tuple(range(-16, 17, 2))  # shifts of all boxes to the right, 1/320 of the width
DOWN = tuple(range(-8, 9, 2))  # and down
SEEN_PX = (6.0, 120.0)  # a box is compared whose picture is so high, of 180
NEAR_M, CONTRAST = 60.0, 8.0


def calibration(view: CameraImage) -> tuple[float, ...]:
    """Focal lengths and centre over width and height [4], the camera's rotation as a vector [3] rad and its place on the car [3] m."""
    camera = view.camera
    pose = camera.ego_from_camera if view.mount is None else view.mount
    K, (w, h) = camera.K, (camera.width, camera.height)
    turn = cv2.Rodrigues(np.ascontiguousarray(pose[:3, :3]))[0].ravel()
    values = [K[0, 0] / w, K[1, 1] / h, K[0, 2] / w, K[1, 2] / h, *turn, *pose[:3, 3]]
    return tuple(round(float(v), 5) for v in values)


def turned_deg(one: Sequence[float], other: Sequence[float]) -> float:
    """The angle between two calibrations' rotations, degrees."""
    a, b = (cv2.Rodrigues(np.array(v[4:7], dtype=np.float64))[0] for v in (one, other))
    return float(np.degrees(np.linalg.norm(cv2.Rodrigues(a.T @ b)[0])))


def box_fit(grey: Grey, camera: Camera, agents: Agents) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """How much what is inside boxes differs from what is around them, the boxes moved by each of ACROSS and each of DOWN, summed over the
    boxes, of which there are so many: at the right place by most, over many boxes. camera: of this picture."""
    frames = _seen(camera, agents)
    across, down = np.zeros(len(ACROSS)), np.zeros(len(DOWN))
    if len(frames):
        summed = np.asarray(cv2.integral(grey), dtype=np.int64)
        unit = np.array([grey.shape[1] / 320, grey.shape[0] / 180])
        across = np.array([_contrast(summed, frames, (dx * unit[0], 0.0)).sum() for dx in ACROSS])
        down = np.array([_contrast(summed, frames, (0.0, dy * unit[1])).sum() for dy in DOWN])
    return len(frames), tuple(np.round(across, 2).tolist()), tuple(np.round(down, 2).tolist())


def _seen(camera: Camera, agents: Agents) -> Array:
    """Rectangles [N, 4] (left, top, right, bottom) px around boxes that are wholly in the picture, whatever the shift."""
    now = agents.now
    rows = np.flatnonzero(agents.valid[:, now] & (np.hypot(*agents.centres[:, now, :2].T) < NEAR_M) & (agents.points[:, now] != 0))
    if not len(rows):
        return np.zeros((0, 4))
    half = 0.5 * agents.sizes[rows]
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    local = signs[None] * half[:, None]
    flat = local[..., :2] @ np.swapaxes(rotation_2d(agents.headings[rows, now]), -1, -2)
    pixels, front = project(camera, np.concatenate([flat, local[..., 2:]], -1) + agents.centres[rows, now][:, None])
    pixels = pixels[front.all(-1)]
    if not len(pixels):
        return np.zeros((0, 4))
    frames = np.concatenate([pixels.min(1), pixels.max(1)], -1)
    w, h = camera.width, camera.height
    high, wide = (frames[:, 3] - frames[:, 1]) * 180 / h, (frames[:, 2] - frames[:, 0]) * 320 / w
    margin = np.array([(ACROSS[-1] + 8) * w / 320, (DOWN[-1] + 8) * h / 180])
    inside = (frames[:, :2] >= margin).all(-1) & (frames[:, 2:] <= np.array([w, h]) - margin).all(-1)
    return np.asarray(frames[inside & (high >= SEEN_PX[0]) & (high <= SEEN_PX[1]) & (wide >= SEEN_PX[0]) & (wide <= SEEN_PX[1])])


def _contrast(summed: NDArray[np.int64], frames: Array, shift: tuple[float, float]) -> Array:
    """|mean inside - mean of a frame of half the size around| / (CONTRAST + that), [N]."""
    moved = frames + [*shift, *shift]
    size = moved[:, 2:] - moved[:, :2]
    around = moved + np.concatenate([-0.25 * size, 0.25 * size], -1)
    (inner, count), (outer, more) = _sum(summed, moved), _sum(summed, around)
    mean, ring = inner / count, (outer - inner) / np.maximum(more - count, 1.0)
    return np.asarray(np.abs(mean - ring) / (CONTRAST + ring))


def _sum(summed: NDArray[np.int64], frames: Array) -> tuple[Array, Array]:
    limits = np.array([summed.shape[1] - 1, summed.shape[0] - 1] * 2)
    x0, y0, x1, y1 = np.clip(np.rint(frames), 0, limits).astype(np.int64).T
    total = summed[y1, x1] - summed[y0, x1] - summed[y1, x0] + summed[y0, x0]
    return total.astype(np.float64), np.maximum((x1 - x0) * (y1 - y0), 1).astype(np.float64)
