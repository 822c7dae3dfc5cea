"""Ego frame <-> the protocols' LiDAR frame L; the one place where either becomes the other.

L is nuScenes' LIDAR_TOP frame at t0: x right, y forward, origin at the LiDAR. Trajectories in L are the path of the LiDAR,
as displacements from where it was at t0; in the ego frame they are the path of the rear axle. The ground is taken as flat
in between: the LiDAR's height does not change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, heading_of, rotation_z, se3, wrap_angle
from drive.poses import axle_poses, moved_point

# nuScenes' LIDAR_TOP, for data without a LiDAR: 0.94 m ahead of the rear axle, axes turned by exactly -90 degrees.
NOMINAL_EGO_FROM_LIDAR: Array = se3(rotation_z(-np.pi / 2), [0.943713, 0.0, 1.84023])


def protocol_lidar(ego_from_lidar: ArrayLike | None) -> Array:
    """The calibrated LiDAR pose [4, 4] (None where a data set has none) -> ego_from_L [4, 4].

    L keeps the calibrated axes up to a multiple of 90 degrees about their z, the one that brings y closest to forward.
    nuScenes' LiDAR stays as it is; one calibrated with x forward (PandaSet) is turned by -90 degrees.
    """
    if ego_from_lidar is None:
        return NOMINAL_EGO_FROM_LIDAR
    pose = np.array(ego_from_lidar, dtype=np.float64)
    quarters = int(np.round((-np.pi / 2 - float(heading_of(pose))) / (np.pi / 2))) % 4
    # Exact quarter turns: a cosine of 90 degrees that is 6e-17 would move points off the axes.
    for _ in range(quarters):
        pose[:3, :2] = np.stack([pose[:3, 1], -pose[:3, 0]], -1)
    return pose


def lidar_path(poses: ArrayLike, ego_from_lidar: Array) -> Array:
    """Rear-axle poses [..., T, 3] in the ego frame of t0 -> positions of the LiDAR [..., T, 2] in L."""
    return moved_point(poses, ego_from_lidar[:2, 3]) @ ego_from_lidar[:2, :2]


def rear_axle_path(path: ArrayLike, ego_from_lidar: Array) -> Array:
    """The inverse of `lidar_path`: positions [..., T, 2], or poses [..., T, 3], in L -> rear-axle poses [..., T, 3].

    A heading in L is counter-clockwise from L's x axis, so a car that looks ahead has +pi/2. Without headings they are fitted
    to the positions (`drive.poses`).
    """
    p = np.asarray(path, dtype=np.float64)
    moved = p[..., :2] @ np.linalg.inv(ego_from_lidar[:2, :2])
    headings = wrap_angle(p[..., 2] + heading_of(ego_from_lidar)) if p.shape[-1] == 3 else None
    return axle_poses(moved, ego_from_lidar[:2, 3], headings)
