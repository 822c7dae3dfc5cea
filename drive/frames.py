"""Axes, units, SE(2) and SE(3).

Ego frame: x forward, y left, z up, origin on the ground under the rear axle. Metres, radians (counter-clockwise from +x),
seconds. A matrix `a_from_b` maps points of frame b to frame a, so `a_from_c = a_from_b @ b_from_c`. Everything here is
float64: world coordinates may be hundreds of kilometres large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Camera axes (x right, y down, z along the optical axis) of a camera that looks along the ego's +x.
EGO_FROM_CAMERA_AXES: Array = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def wrap_angle(angle: ArrayLike) -> Array:
    """Angle in radians, any shape -> the same angle in [-pi, pi)."""
    return (np.asarray(angle, dtype=np.float64) + np.pi) % (2 * np.pi) - np.pi


def rotation_2d(angle: ArrayLike) -> Array:
    """Angles [...] in radians -> rotation matrices [..., 2, 2]."""
    a = np.asarray(angle, dtype=np.float64)
    matrices = np.empty((*a.shape, 2, 2))
    matrices[..., 0, 0] = matrices[..., 1, 1] = np.cos(a)
    matrices[..., 1, 0] = np.sin(a)
    matrices[..., 0, 1] = -matrices[..., 1, 0]
    return matrices


def rotation_z(angle: float) -> Array:
    """Rotation about +z by an angle in radians, [3, 3]."""
    matrix = np.eye(3)
    matrix[:2, :2] = rotation_2d(angle)
    return matrix


def quaternion_to_rotation(quaternion: ArrayLike) -> Array:
    """Quaternions [..., 4] (w, x, y, z) -> rotation matrices [..., 3, 3].

    Raises ValueError where one is not of unit length (1e-3 tolerance): a scaled quaternion is a damaged record, and
    normalising it silently would invent a rotation.
    """
    q = np.asarray(quaternion, dtype=np.float64)
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    if q.shape[-1] != 4 or not np.all(np.abs(norm - 1) < 1e-3):
        raise ValueError(f"not a unit quaternion (w, x, y, z): got {q.tolist()}; check the record with `drive check`")
    w, x, y, z = np.moveaxis(q / norm, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def se3(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """Rotation [..., 3, 3] and translation [..., 3] -> homogeneous matrices [..., 4, 4]."""
    rotation, translation = np.asarray(rotation, dtype=np.float64), np.asarray(translation, dtype=np.float64)
    shape = np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1])
    matrix = np.zeros((*shape, 4, 4))
    matrix[..., :3, :3] = rotation
    matrix[..., :3, 3] = translation
    matrix[..., 3, 3] = 1.0
    return matrix


def is_rigid(matrix: Array) -> bool:
    """Whether a matrix [4, 4] is a rotation and a translation, to a thousandth."""
    R = matrix[:3, :3]
    turns = np.allclose(R @ R.T, np.eye(3), atol=1e-3) and np.linalg.det(R) > 0
    return bool(np.isfinite(matrix).all() and turns and np.allclose(matrix[3], [0.0, 0.0, 0.0, 1.0]))


def invert_se3(matrix: ArrayLike) -> Array:
    """Inverse of rigid matrices [..., 4, 4], exact in the rotation part."""
    m = np.asarray(matrix, dtype=np.float64)
    rotation = np.swapaxes(m[..., :3, :3], -1, -2)
    return se3(rotation, -(rotation @ m[..., :3, 3:])[..., 0])


def transform_points(a_from_b: ArrayLike, points_in_b: ArrayLike) -> Array:
    """One matrix [4, 4] applied to points [..., 3] -> points [..., 3] in frame a."""
    m = np.asarray(a_from_b, dtype=np.float64)
    return np.asarray(points_in_b, dtype=np.float64) @ m[:3, :3].T + m[:3, 3]


def heading_of(rotation: ArrayLike) -> Array:
    """Rotation or rigid matrices [..., >=3, >=3] -> heading of their x axis in the xy plane, radians [...]."""
    return angle_of(np.asarray(rotation, dtype=np.float64)[..., :2, 0])


def angle_of(vectors: ArrayLike) -> Array:
    """Vectors [..., >=2] -> the angle of their x and y from the x axis, radians [...].

    Of copies: NumPy takes another way, and rounds the last bit otherwise, where the result happens to lie right behind an array with gaps.
    """
    v = np.asarray(vectors, dtype=np.float64)
    return np.arctan2(v[..., 1].copy(), v[..., 0].copy())


def se2_to_se3(pose: ArrayLike) -> Array:
    """Poses [..., 3] (x, y, heading) -> rigid matrices [..., 4, 4] with z = 0."""
    p = np.asarray(pose, dtype=np.float64)
    matrix = se3(np.broadcast_to(np.eye(3), (*p.shape[:-1], 3, 3)), np.concatenate([p[..., :2], np.zeros_like(p[..., :1])], -1))
    matrix[..., :2, :2] = rotation_2d(p[..., 2])
    return matrix


def compose_se2(a_from_b: ArrayLike, pose_in_b: ArrayLike) -> Array:
    """Pose of frame b in a, [..., 3], applied to poses [..., 3] in b -> poses [..., 3] in a; headings wrapped."""
    a, p = np.asarray(a_from_b, dtype=np.float64), np.asarray(pose_in_b, dtype=np.float64)
    xy = (rotation_2d(a[..., 2]) @ p[..., :2, None])[..., 0] + a[..., :2]
    return np.concatenate([xy, wrap_angle(a[..., 2:] + p[..., 2:])], -1)


def invert_se2(pose: ArrayLike) -> Array:
    """Inverse of poses [..., 3] (x, y, heading)."""
    p = np.asarray(pose, dtype=np.float64)
    xy = -(rotation_2d(-p[..., 2]) @ p[..., :2, None])[..., 0]
    return np.concatenate([xy, wrap_angle(-p[..., 2:])], -1)
