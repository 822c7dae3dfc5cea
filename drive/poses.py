"""Positions <-> poses: the headings of a path of positions, and the rear axle's path <-> that of another point of the car.

The one place for both: plans files, planners, protocols and the tracker use it. A car is taken as a bicycle: it moves along its
heading, ahead or backwards, and turns only while it moves. So no heading is read off a step, whose direction is noise where it is
short; the drive of a bicycle is fitted to the whole path, from the ego's own heading at t0 (`drive.bicycle_fit`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.bicycle_fit import fitted_headings
from drive.frames import Array, rotation_2d

# A step against the heading by less is no reversing, but a plan that stands a little inaccurately.
REVERSING_M = 0.01


def moved_point(poses: ArrayLike, mount: ArrayLike) -> Array:
    """Rear-axle poses [..., T, 3] -> displacements [..., T, 2] since t0 of the point at `mount` [2] on the car; ego frame of t0."""
    p, m = np.asarray(poses, dtype=np.float64), np.asarray(mount, dtype=np.float64)
    return p[..., :2] + (rotation_2d(p[..., 2]) @ m - m)


def axle_poses(moved: ArrayLike, mount: ArrayLike = (0.0, 0.0), headings: ArrayLike | None = None) -> Array:
    """The inverse of `moved_point`: displacements [..., T, 2] of a point of the car -> rear-axle poses [..., T, 3].

    headings [..., T], radians: as given; None: fitted to the path (`fitted_headings`). The positions stay those given, noise included.
    """
    xy, m = np.asarray(moved, dtype=np.float64), np.asarray(mount, dtype=np.float64)
    found = fitted_headings(xy, m) if headings is None else np.asarray(headings, dtype=np.float64)
    return np.concatenate([xy - (rotation_2d(found) @ m - m), found[..., None]], -1)


def past_poses(points: ArrayLike) -> Array:
    """Past positions [K >= 1, 2], the last one the ego's origin at t0 -> poses [K, 3]: driven backwards from t0, where the heading is 0."""
    xy = np.asarray(points, dtype=np.float64)
    return np.concatenate([axle_poses(xy[-2::-1])[::-1] if len(xy) > 1 else np.zeros((0, 3)), np.zeros((1, 3))])


def signed_lengths(poses: ArrayLike) -> Array:
    """Lengths [..., T - 1] of the steps between poses [..., T, 3], negative where the car reverses."""
    p = np.asarray(poses, dtype=np.float64)
    step = np.diff(p[..., :2], axis=-2)
    middle = p[..., :-1, 2] + np.diff(np.unwrap(p[..., 2], axis=-1), axis=-1) / 2
    ahead = step[..., 0] * np.cos(middle) + step[..., 1] * np.sin(middle)
    return np.hypot(step[..., 0], step[..., 1]) * np.where(ahead < -REVERSING_M, -1.0, 1.0)
