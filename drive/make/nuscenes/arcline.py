"""Centrelines as nuScenes' arcline paths: pieces of straight lines and circles."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.frames import Array, wrap_angle

TOLERANCE_M = 0.03
STRAIGHT_PER_M = 1e-4  # curvature below which a piece is a line
LINE_RADIUS_M = 999.999  # what the format wants of a line, which has none


def arcline_paths(line: Array) -> list[dict[str, Any]]:
    """A polyline [N >= 2, 2] -> consecutive arcline paths that pass its points within TOLERANCE_M.

    Each is one arc ("LSL" or "RSR", all of it in the first segment) or a line (all of it in the straight one).
    """
    paths, i = [], 0
    while i < len(line) - 1:
        j = i + 1
        while j + 1 < len(line) and _deviation(line[i : j + 2]) <= TOLERANCE_M:
            j += 1
        paths.append(_path(line[i : j + 1]))
        i = j
    return paths


def _curvature(points: Array) -> float:
    """Of the circle through the first, the middle and the last point (Menger), 1/m, positive to the left."""
    if len(points) < 3:
        return 0.0
    a, b, c = points[0], points[len(points) // 2], points[-1]
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    sides = np.hypot(*(b - a)) * np.hypot(*(c - b)) * np.hypot(*(c - a))
    return float(2 * area / max(sides, 1e-12))


def _deviation(points: Array) -> float:
    """Largest distance of the points from the arc through the first, the middle and the last."""
    curvature, chord = _curvature(points), points[-1] - points[0]
    length = float(np.hypot(*chord))
    along, across = chord / length, np.array([-chord[1], chord[0]]) / length
    if abs(curvature) < STRAIGHT_PER_M:
        return float(np.abs((points - points[0]) @ across).max())
    radius = 1 / curvature
    rise = np.sqrt(max(radius**2 - length**2 / 4, 0.0))
    centre = points[0] + along * length / 2 + across * np.copysign(rise, radius)
    return float(np.abs(np.hypot(*(points - centre).T) - abs(radius)).max())


def _path(points: Array) -> dict[str, Any]:
    curvature, chord = _curvature(points), points[-1] - points[0]
    length, direction = float(np.hypot(*chord)), float(np.arctan2(chord[1], chord[0]))
    turn, shape, radius, segments = 0.0, "LSL", LINE_RADIUS_M, [0.0, length, 0.0]
    if abs(curvature) >= STRAIGHT_PER_M:
        turn = 2 * float(np.arcsin(np.clip(curvature * length / 2, -1, 1)))
        shape, radius = ("LSL" if turn > 0 else "RSR"), abs(1 / curvature)
        segments = [abs(turn) * radius, 0.0, 0.0]
    return {
        "start_pose": _pose(points[0], direction - turn / 2),
        "end_pose": _pose(points[-1], direction + turn / 2),
        "shape": shape,
        "radius": round(radius, 4),
        "segment_length": [round(v, 4) for v in segments],
    }


def _pose(point: Array, heading: float) -> list[float]:
    return [round(float(point[0]), 3), round(float(point[1]), 3), round(float(wrap_angle(heading)), 5)]
