"""How much of each thing the cameras see: its pixels in the instance images over the pixels of its whole outline.

The outline is the thing's own triangles drawn alone, nothing before them, in every camera's image. Both counts are summed over the
cameras, as nuScenes' visibility is that of the panorama.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, project
from drive.frames import Array, invert_se3, se2_to_se3, transform_points
from drive.jit import kernel
from drive.render.scene import Buffers

LEVELS = ((1, "v0-40"), (2, "v40-60"), (3, "v60-80"), (4, "v80-100"))
BOUNDS = (0.4, 0.6, 0.8)
NEAR_M = 0.1


def level(share: float) -> int:
    """nuScenes' visibility level (1 to 4) of a visible share."""
    return int(np.digitize(share, BOUNDS)) + 1


def seen_pixels(pictures: Sequence[Buffers]) -> dict[int, int]:
    """Pixels of each instance over all pictures."""
    seen: dict[int, int] = {}
    for picture in pictures:
        names, counts = np.unique(picture.instance, return_counts=True)
        for name, count in zip(names.tolist(), counts.tolist(), strict=True):
            seen[name] = seen.get(name, 0) + count
    return seen


class Outlines:
    """Triangles by instance, for counting the pixels that each would cover alone."""

    def __init__(self, corners: NDArray[np.floating], instance: NDArray[np.integer]) -> None:
        """corners [T, 3, 3] in the world; instance [T]."""
        order = np.argsort(instance, kind="stable")
        names, first = np.unique(instance[order], return_index=True)
        parts = np.split(order, first[1:])
        self.corners = {int(name): corners[part].astype(np.float64) for name, part in zip(names, parts, strict=True) if name > 0}

    def pixels(self, instance: int, cameras: Sequence[Camera], ego: Array) -> int:
        """Pixels that an instance covers in the cameras of an ego pose (x, y, heading), nothing before it."""
        corners = self.corners.get(instance)
        if corners is None:
            return 0
        in_ego = transform_points(invert_se3(se2_to_se3(ego)), corners)
        return sum(_covered(camera, in_ego) for camera in cameras)


def _covered(camera: Camera, in_ego: Array) -> int:
    """Pixels of one camera whose centres lie in the triangles [T, 3, 3], in the ego frame."""
    if not camera.bends:
        in_camera = clipped(transform_points(invert_se3(camera.ego_from_camera), in_ego), NEAR_M)
        pixels = in_camera[..., :2] / in_camera[..., 2:] * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2]
    else:
        pixels, front = project(camera, in_ego)
        pixels = pixels[front.all(-1)]
    size = np.array([camera.width, camera.height])
    inside = (pixels.max(1) > 0).all(-1) & (pixels.min(1) < size).all(-1)
    return int(count_covered(pixels[inside], camera.width, camera.height)) if inside.any() else 0


@kernel
def clipped(corners: Array, near: float) -> Array:
    """The parts of triangles [T, 3, 3] beyond z = near, as triangles [N, 3, 3]."""
    out = np.zeros((2 * len(corners), 3, 3))
    n = 0
    ring = np.zeros((4, 3))
    for t in range(len(corners)):
        count = 0
        for i in range(3):
            a, b = corners[t, i], corners[t, (i + 1) % 3]
            if a[2] >= near:
                ring[count] = a
                count += 1
            if (a[2] >= near) != (b[2] >= near):
                ring[count] = a + (near - a[2]) / (b[2] - a[2]) * (b - a)
                count += 1
        for i in range(1, count - 1):
            out[n, 0], out[n, 1], out[n, 2] = ring[0], ring[i], ring[i + 1]
            n += 1
    return out[:n]


@kernel
def count_covered(corners: Array, width: int, height: int) -> int:
    """Pixels of an image whose centres lie in any of the triangles [T, 3, 2], whichever way round these are."""
    left, top = max(0, int(np.floor(corners[:, :, 0].min()))), max(0, int(np.floor(corners[:, :, 1].min())))
    right, bottom = min(width, int(np.ceil(corners[:, :, 0].max()))), min(height, int(np.ceil(corners[:, :, 1].max())))
    mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), dtype=np.uint8)
    for t in range(len(corners)):
        (ax, ay), (bx, by), (cx, cy) = corners[t, 0], corners[t, 1], corners[t, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        sign = 1.0 if area > 0 else -1.0
        for i in range(max(top, int(np.floor(min(ay, by, cy)))), min(bottom, int(np.ceil(max(ay, by, cy))))):
            y = i + 0.5
            for j in range(max(left, int(np.floor(min(ax, bx, cx)))), min(right, int(np.ceil(max(ax, bx, cx))))):
                x = j + 0.5
                e0 = sign * ((bx - ax) * (y - ay) - (by - ay) * (x - ax))
                e1 = sign * ((cx - bx) * (y - by) - (cy - by) * (x - bx))
                e2 = sign * ((ax - cx) * (y - cy) - (ay - cy) * (x - cx))
                if e0 >= 0 and e1 >= 0 and e2 >= 0:
                    mask[i - top, j - left] = 1
    return mask.sum()
