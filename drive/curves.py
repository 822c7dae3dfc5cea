"""Plane curves: arcs of given end poses, even resampling, parallel curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle


def unit(angle: ArrayLike) -> Array:
    """Angles [...] -> unit vectors [..., 2]."""
    a = np.asarray(angle, dtype=np.float64)
    return np.stack([np.cos(a), np.sin(a)], -1)


def stations_of(line: Array) -> Array:
    """Distance along a polyline [N, 2] of each of its points, [N]."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def resample(line: Array, step_m: float = 1.0) -> Array:
    """The polyline [N, 2] at even spacing of about `step_m` [M >= 2, 2]; its two ends are kept exactly."""
    along = stations_of(line)
    keep = np.concatenate([[True], np.diff(along) > 1e-9])
    line, along = line[keep], along[keep]
    wanted = np.linspace(0.0, along[-1], max(2, round(along[-1] / step_m) + 1))
    return np.stack([np.interp(wanted, along, line[:, 0]), np.interp(wanted, along, line[:, 1])], -1)


def normals_of(line: Array) -> Array:
    """Left unit normals at the points of a polyline [N, 2]."""
    slope = np.gradient(line, axis=0)
    slope /= np.maximum(np.hypot(*slope.T)[:, None], 1e-12)
    return np.stack([-slope[:, 1], slope[:, 0]], -1)


def parallel(line: Array, left_m: ArrayLike) -> Array:
    """The curve at a distance to the left (negative: right) of a polyline [N, 2]; left_m is a number or [N]."""
    return line + normals_of(line) * np.broadcast_to(np.asarray(left_m, dtype=np.float64), len(line))[:, None]


def arc_between(start: ArrayLike, start_heading: float, end: ArrayLike, end_heading: float, step_m: float = 1.0) -> Array:
    """Smooth curve [N, 2] from one pose to another: the cubic Bezier curve whose handles are a circular arc's."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    chord = float(np.hypot(*(b - a)))
    turn = float(np.abs(wrap_angle(end_heading - start_heading)))
    handle = chord / 3 if turn < 1e-3 else chord * (2 / 3) * np.tan(turn / 4) / np.sin(turn / 2)
    p1, p2 = a + handle * unit(start_heading), b - handle * unit(end_heading)
    t = np.linspace(0.0, 1.0, 41)[:, None]
    return resample((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * b, step_m)


def circle_arc(centre: ArrayLike, radius_m: float, start_angle: float, end_angle: float, step_m: float = 1.0) -> Array:
    """Counter-clockwise arc [N, 2] about a centre from one angle to the next."""
    sweep = (end_angle - start_angle) % (2 * np.pi)
    angles = start_angle + np.linspace(0.0, sweep, max(3, round(sweep * radius_m / step_m) + 1))
    return np.asarray(centre, dtype=np.float64) + radius_m * unit(angles)


def smoothstep(share: ArrayLike) -> Array:
    """0 to 1 with level ends (3t^2 - 2t^3), clipped outside."""
    t = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def least_radius(line: Array) -> float:
    """Smallest radius of curvature along an evenly sampled polyline [N >= 3, 2], metres."""
    first = np.gradient(line, axis=0)
    second = np.gradient(first, axis=0)
    cross = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    return float(1 / max((cross / np.maximum(np.hypot(*first.T) ** 3, 1e-12)).max(), 1e-9))
