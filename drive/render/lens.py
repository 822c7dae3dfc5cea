"""From lenses to pinhole faces. A pinhole camera is one face; a lens that bends looks through up to six faces of a cube around it.

Its pixel takes the triangle that the nearest ray of a face met, and meets that triangle with its own ray: depth, texture
and light are those of the true ray.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, unproject
from drive.frames import Array
from drive.render.scene import Floats

FACE_OVERSIZE = 1.25  # rays of a face per ray of the lens, so that its nearest ray is near


class Face(NamedTuple):
    """One pinhole view. rotation [3, 3]: camera to face frame; intrinsics [5]: fx, skew, cx, fy, cy; pixels [M] int32: which
    pixels (row * width + column) of the camera look through it; points [M, 2] float32: where on the face (u, v). Both are
    empty where the face is the camera's own picture."""

    rotation: Array
    intrinsics: Array
    width: int
    height: int
    pixels: NDArray[np.int32]
    points: Floats


def faces_of(camera: Camera) -> tuple[Face, ...]:
    """The faces that a camera's pixels look through. A pixel without a ray (the lens model has folded over) is in none, and stays
    black."""
    return _faces(camera.model, camera.K.tobytes(), camera.distortion, camera.width, camera.height)


@lru_cache(maxsize=64)
def _faces(model: Literal["pinhole", "fisheye"], k: bytes, distortion: tuple[float, ...], width: int, height: int) -> tuple[Face, ...]:
    matrix = np.frombuffer(k).reshape(3, 3)
    camera = Camera("lens", width, height, matrix, np.eye(4), model, distortion)
    if not camera.bends:
        intrinsics = np.array([matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[1, 1], matrix[1, 2]])
        return (Face(np.eye(3), intrinsics, width, height, np.zeros(0, np.int32), np.zeros((0, 2), np.float32)),)
    v, u = np.divmod(np.arange(width * height), width)
    points = np.stack([u + 0.5, v + 0.5], -1)
    rays = unproject(camera, points)
    seen = ~np.isnan(rays[:, 0])
    axis, way = np.abs(rays).argmax(-1), np.sign(np.take_along_axis(rays, np.abs(rays).argmax(-1)[:, None], -1)[:, 0])
    focal = max(8.0, FACE_OVERSIZE * matrix[0, 0])
    side = int(np.ceil(2 * focal)) + 2
    intrinsics = np.array([focal, 0.0, side / 2, focal, side / 2])
    faces = []
    for n, sign in ((2, 1.0), (0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0), (2, -1.0)):
        chosen = np.flatnonzero(seen & (axis == n) & (way == sign))
        if len(chosen):
            rotation = _towards(n, sign)
            local = rays[chosen] @ rotation.T
            places = focal * local[:, :2] / local[:, 2:] + side / 2
            faces.append(Face(rotation, intrinsics, side, side, chosen.astype(np.int32), np.ascontiguousarray(places, dtype=np.float32)))
    return tuple(faces)


def _towards(axis: int, sign: float) -> Array:
    """Rotation whose third row is an axis of the camera frame."""
    rows = np.zeros((3, 3))
    rows[2, axis] = sign
    rows[0, (axis + 1) % 3] = 1.0
    rows[1] = np.cross(rows[2], rows[0])
    return rows
