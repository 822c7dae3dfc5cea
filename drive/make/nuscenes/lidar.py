"""A LiDAR's sweep, read from depth images that are rendered at its place.

32 beams as those of nuScenes' LiDAR. A point is where the ray through the centre of the pixel that a beam hits ends, so it lies
on the drawn surface exactly; its direction is off the beam's by less than a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drive.cameras import Camera, unproject
from drive.frames import Array, invert_se3, rotation_z, se3
from drive.render.rigs import mount
from drive.render.scene import SEMANTIC, Buffers
from drive.world.state import Ints

CHANNEL = "LIDAR_TOP"
POSITION_M = (0.94, 0.0, 1.84)
EGO_FROM_LIDAR: Array = se3(rotation_z(-np.pi / 2), POSITION_M)  # nuScenes' LiDAR frame: x right, y forward
BEAMS, TOP_DEG, BOTTOM_DEG = 32, 10.67, -30.67
RANGE_M = (1.0, 70.0)
# What comes back from a surface of each kind, 0 to 255.
INTENSITY = {"marking": 90, "crossing": 90, "sign": 160, "vegetation": 35, "building": 30, "road": 8, "obstacle": 60}
OTHER_INTENSITY = 25


class Sweep(NamedTuple):
    """points [N, 5] float32: x, y, z in the LiDAR frame, intensity, ring; instance [N]: what each hit, as in `Buffers`."""

    points: np.ndarray
    instance: Ints


@dataclass(frozen=True, eq=False)
class Lidar:
    """The depth cameras of a LiDAR with so many columns a turn, and the pixel of each beam.

    face, row, column [R] pick a beam's pixel; direction [R, 3] is that pixel's ray in the ego frame; ring [R], 0 the lowest.
    """

    cameras: tuple[Camera, ...]
    face: Ints
    row: Ints
    column: Ints
    direction: Array
    ring: Ints

    def sweep(self, faces: Sequence[Buffers]) -> Sweep:
        """The points of a turn from what its cameras see."""
        depth, semantic, instance = (np.stack([getattr(f, name) for f in faces]) for name in ("depth", "semantic", "instance"))
        at = (self.face, self.row, self.column)
        far = depth[at].astype(np.float64)
        hit = (far >= RANGE_M[0]) & (far <= RANGE_M[1])
        in_ego = np.array(POSITION_M) + self.direction[hit] * far[hit, None]
        lidar_from_ego = invert_se3(EGO_FROM_LIDAR)
        points = in_ego @ lidar_from_ego[:3, :3].T + lidar_from_ego[:3, 3]
        strength = np.array([INTENSITY.get(name, OTHER_INTENSITY) for name in SEMANTIC])[semantic[at][hit]]
        rows = np.column_stack([points, strength, self.ring[hit]])
        return Sweep(rows.astype(np.float32), instance[at][hit].astype(np.int64))


def make_lidar(columns: int) -> Lidar:
    """A LiDAR of so many columns a turn. Raises ValueError below 64 or above 4096."""
    if not 64 <= columns <= 4096:
        raise ValueError(f"a LiDAR has 64 to 4096 columns a turn, got {columns}")
    cameras = _faces(columns)
    azimuth = np.arange(columns) * (2 * np.pi / columns) - np.pi
    elevation = np.radians(np.linspace(BOTTOM_DEG, TOP_DEG, BEAMS))
    face = np.round(azimuth / (np.pi / 2)).astype(np.int64)
    aside = azimuth - face * (np.pi / 2)
    K = cameras[0].K
    u = K[0, 2] - K[0, 0] * np.tan(aside)
    v = K[1, 2] - K[1, 1] * np.tan(elevation)[:, None] / np.cos(aside)
    column = np.clip(np.floor(np.broadcast_to(u, v.shape)), 0, cameras[0].width - 1).astype(np.int64).ravel()
    row = np.clip(np.floor(v), 0, cameras[0].height - 1).astype(np.int64).ravel()
    which = np.broadcast_to(face % 4, v.shape).ravel()
    ring = np.repeat(np.arange(BEAMS), columns)
    pixels = np.stack([column + 0.5, row + 0.5], -1)
    direction = np.zeros((len(row), 3))
    for n, camera in enumerate(cameras):
        direction[which == n] = unproject(camera, pixels[which == n]) @ camera.ego_from_camera[:3, :3].T
    _, first = np.unique(np.stack([which, row, column]), axis=1, return_index=True)  # no pixel twice
    keep = np.sort(first)
    return Lidar(cameras, which[keep], row[keep], column[keep], direction[keep], ring[keep])


def _faces(columns: int) -> tuple[Camera, ...]:
    """Four cameras that look around from the LiDAR, each a quarter turn, as fine as its columns."""
    focal = columns / (2 * np.pi)
    above, below = (np.tan(np.radians(abs(angle))) * np.sqrt(2) * focal + 1 for angle in (TOP_DEG, BOTTOM_DEG))
    width, height = 2 * int(np.ceil(focal)), int(np.ceil(above + below))
    K = np.array([[focal, 0.0, width / 2], [0.0, focal, above], [0.0, 0.0, 1.0]])
    return tuple(Camera(f"face{n}", width, height, K, mount(POSITION_M, 90.0 * n)) for n in range(4))
