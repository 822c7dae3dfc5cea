"""Flat polygons with holes as triangles, cut along a grid so that no triangle grows large."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import Array
from drive.jit import kernel, part
from drive.render.look.soup import Shape
from drive.world.state import Ints

LEAST_AREA_M2 = 1e-3
SLIVER_M2 = 2e-4  # a smaller triangle may have no area in float32


@part
def empty(ring: Array, after: Ints, a: int, b: int, c: int) -> bool:
    """Whether no corner that is left lies in the triangle of corners a, b, c; those at the same place as one of the three may."""
    k = after[c]
    while k != a:
        x, y = ring[k, 0], ring[k, 1]
        d0 = (ring[b, 0] - ring[a, 0]) * (y - ring[a, 1]) - (ring[b, 1] - ring[a, 1]) * (x - ring[a, 0])
        d1 = (ring[c, 0] - ring[b, 0]) * (y - ring[b, 1]) - (ring[c, 1] - ring[b, 1]) * (x - ring[b, 0])
        d2 = (ring[a, 0] - ring[c, 0]) * (y - ring[c, 1]) - (ring[a, 1] - ring[c, 1]) * (x - ring[c, 0])
        apart = (x != ring[a, 0] or y != ring[a, 1]) and (x != ring[b, 0] or y != ring[b, 1]) and (x != ring[c, 0] or y != ring[c, 1])
        if apart and d0 >= 0 and d1 >= 0 and d2 >= 0:
            return False
        k = after[k]
    return True


@kernel
def clip_ears(ring: Array) -> Ints:
    """Triangles [N - 2, 3] of a simple ring [N, 2], counter-clockwise: corners are cut off one by one, the first that can be."""
    n = len(ring)
    before, after = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for i in range(n):
        before[i], after[i] = (i - 1) % n, (i + 1) % n
    triangles = np.empty((n - 2, 3), dtype=np.int64)
    at, tried, left, made = 0, 0, n, 0
    while left > 2:
        a, b, c = before[at], at, after[at]
        cross = (ring[b, 0] - ring[a, 0]) * (ring[c, 1] - ring[a, 1]) - (ring[b, 1] - ring[a, 1]) * (ring[c, 0] - ring[a, 0])
        flat = abs(cross) <= 1e-12
        if flat or tried > left or (cross > 0 and empty(ring, after, a, b, c)):
            if not flat:
                triangles[made, 0], triangles[made, 1], triangles[made, 2] = a, b, c
                made += 1
            after[a], before[c] = c, a
            left -= 1
            tried = 0
        else:
            tried += 1
        at = c
    return triangles[:made]


def _simple(piece: BaseGeometry) -> list[BaseGeometry]:
    """Polygons without holes that cover a geometry: one with a hole is cut through the hole's middle."""
    if isinstance(piece, shapely.Polygon):
        if piece.area < LEAST_AREA_M2:
            return []
        if not piece.interiors:
            return [piece]
        low_x, low_y, high_x, high_y = piece.bounds
        x = shapely.Polygon(piece.interiors[0]).centroid.x
        halves = shapely.box(low_x, low_y, x, high_y), shapely.box(x, low_y, high_x, high_y)
        return [part for half in halves for part in _simple(piece.intersection(half))]
    return [part for child in getattr(piece, "geoms", ()) for part in _simple(child)]


def cells_of(area: BaseGeometry, cell_m: float) -> list[BaseGeometry]:
    """A polygonal area in simple pieces, none wider than a cell of the world's grid."""
    if area.is_empty:
        return []
    shapely.prepare(area)
    low_x, low_y, high_x, high_y = (np.floor(np.array(area.bounds) / cell_m) * cell_m).tolist()
    x, y = np.meshgrid(np.arange(low_x, high_x + cell_m, cell_m), np.arange(low_y, high_y + cell_m, cell_m))
    boxes = shapely.box(x.ravel(), y.ravel(), x.ravel() + cell_m, y.ravel() + cell_m)
    hit = shapely.intersects(area, boxes)
    return [part for piece in shapely.intersection(area, boxes[hit]) for part in _simple(piece)]


def flat_shape(area: BaseGeometry, z: float, cell_m: float, repeat_m: float) -> Shape:
    """A polygonal area at height z, front up; the texture repeats every `repeat_m` along x and y."""
    points, triangles, count = [], [], 0
    for piece in cells_of(area, cell_m):
        ring = np.array(shapely.geometry.polygon.orient(piece).exterior.coords)[:-1]
        points.append(ring)
        triangles.append(clip_ears(ring) + count)
        count += len(ring)
    plane = np.concatenate(points) if points else np.zeros((0, 2))
    corners = np.concatenate(triangles) if triangles else np.zeros((0, 3), dtype=np.int64)
    first, second = plane[corners[:, 1]] - plane[corners[:, 0]], plane[corners[:, 2]] - plane[corners[:, 0]]
    corners = corners[first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] > 2 * SLIVER_M2]
    return Shape(np.column_stack([plane, np.full(len(plane), z)]), corners, (plane / repeat_m)[corners])
