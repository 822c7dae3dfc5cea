"""Oriented boxes in the plane: the ego's body, corners, overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array, rotation_2d

# nuScenes' car as the planning protocols draw it. Its centre lies ahead of the rear axle, the ego frame's origin.
EGO_LENGTH_M = 4.084
EGO_WIDTH_M = 1.85
EGO_CENTRE_AHEAD_M = 1.486


def box_corners(boxes: ArrayLike) -> Array:
    """Boxes [..., 5] (centre x, centre y, heading, length, width) -> corners [..., 4, 2], counter-clockwise from front left."""
    b = np.asarray(boxes, dtype=np.float64)
    half = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * 0.5
    local = half * b[..., None, 3:5]
    return local @ np.swapaxes(rotation_2d(b[..., 2]), -1, -2) + b[..., None, :2]


def ego_boxes(
    poses: ArrayLike, length_m: float = EGO_LENGTH_M, width_m: float = EGO_WIDTH_M, centre_ahead_m: float = EGO_CENTRE_AHEAD_M
) -> Array:
    """Rear-axle poses [..., 3] (x, y, heading) -> the ego's body as boxes [..., 5]."""
    p = np.asarray(poses, dtype=np.float64)
    direction = np.stack([np.cos(p[..., 2]), np.sin(p[..., 2])], -1)
    size = np.broadcast_to([length_m, width_m], (*p.shape[:-1], 2))
    return np.concatenate([p[..., :2] + centre_ahead_m * direction, p[..., 2:3], size], -1)


def boxes_overlap(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Whether boxes [..., 5] share a point (touching counts), broadcast over leading dimensions; separating axis test.

    A box with a non-finite value overlaps nothing here: callers must have refused it before.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    delta = b[..., :2] - a[..., :2]
    axes_a, axes_b = np.swapaxes(rotation_2d(a[..., 2]), -1, -2), np.swapaxes(rotation_2d(b[..., 2]), -1, -2)
    half_a, half_b = a[..., 3:5] / 2, b[..., 3:5] / 2
    relative = np.abs(axes_a @ np.swapaxes(axes_b, -1, -2))
    apart_a = np.abs((axes_a @ delta[..., None])[..., 0]) > half_a + (relative @ half_b[..., None])[..., 0]
    apart_b = np.abs((axes_b @ delta[..., None])[..., 0]) > half_b + (np.swapaxes(relative, -1, -2) @ half_a[..., None])[..., 0]
    finite = np.isfinite(a).all(-1) & np.isfinite(b).all(-1)
    return ~(apart_a.any(-1) | apart_b.any(-1)) & finite
