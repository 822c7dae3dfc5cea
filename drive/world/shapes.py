"""Compiled geometry: points on paths, boxes that overlap, points in the drivable area."""

from __future__ import annotations

import math

import numpy as np

from drive.frames import Array
from drive.jit import part
from drive.world.state import Ints


@part
def point_on(path: Array, first: int, count: int, station: float, offset: float) -> tuple[float, float, float]:
    """Point and heading at a station of a path (clamped to its ends), `offset` to the left."""
    last = count - 1
    s = min(max(station, 0.0), last - 1e-9)
    i = int(s)
    f = s - i
    a, b = first + i, first + min(i + 1, last)
    heading = path[a, 2] + f * (path[b, 2] - path[a, 2])
    x = path[a, 0] + f * (path[b, 0] - path[a, 0]) - math.sin(heading) * offset
    y = path[a, 1] + f * (path[b, 1] - path[a, 1]) + math.cos(heading) * offset
    return x, y, heading


@part
def pose_on(path: Array, first: int, count: int, station: float, offset: float, base: float) -> tuple[float, float, float]:
    """Box centre and heading of a body whose axles, `base` before and behind, both ride on the path."""
    fx, fy, _ = point_on(path, first, count, station + base, offset)
    rx, ry, heading = point_on(path, first, count, station - base, offset)
    if abs(fx - rx) + abs(fy - ry) < 1e-6:
        return fx, fy, heading
    return (fx + rx) / 2, (fy + ry) / 2, math.atan2(fy - ry, fx - rx)


@part
def project_on(path: Array, first: int, count: int, x: float, y: float, near: float) -> tuple[float, float]:
    """Station and offset to the left of a point on a path, searched some metres around a station."""
    best, station, lateral = 1e18, near, 0.0
    for k in range(max(0, int(near) - 6), min(count - 1, int(near) + 9)):
        ax, ay = path[first + k, 0], path[first + k, 1]
        dx, dy = path[first + k + 1, 0] - ax, path[first + k + 1, 1] - ay
        share = min(max(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
        ex, ey = x - ax - share * dx, y - ay - share * dy
        if ex * ex + ey * ey < best:
            best, station = ex * ex + ey * ey, k + share
            lateral = math.copysign(math.sqrt(best), dx * ey - dy * ex)
    return station, lateral


@part
def overlap(
    ax: float, ay: float, ah: float, al: float, aw: float, bx: float, by: float, bh: float, bl: float, bw: float
) -> bool:
    """Whether two boxes (centre, heading, length, width) share a point: separating axis test."""
    dx, dy = bx - ax, by - ay
    reach = 0.5 * (math.hypot(al, aw) + math.hypot(bl, bw))
    if dx * dx + dy * dy > reach * reach:
        return False
    ca, sa, cb, sb = math.cos(ah), math.sin(ah), math.cos(bh), math.sin(bh)
    c, s = abs(ca * cb + sa * sb), abs(ca * sb - sa * cb)
    if abs(ca * dx + sa * dy) > 0.5 * (al + bl * c + bw * s) or abs(-sa * dx + ca * dy) > 0.5 * (aw + bl * s + bw * c):
        return False
    return not (abs(cb * dx + sb * dy) > 0.5 * (bl + al * c + aw * s) or abs(-sb * dx + cb * dy) > 0.5 * (bw + al * s + aw * c))


@part
def on_road(x: float, y: float, road_start: float, road_ptr: Ints, road_edges: Array) -> bool:
    """Whether a point lies in the drivable area (even-odd rule over the edges of its strip; strips are one metre high)."""
    strip = int(math.floor(y - road_start))
    if strip < 0 or strip >= len(road_ptr) - 1:
        return False
    inside = False
    for e in range(road_ptr[strip], road_ptr[strip + 1]):
        x1, y1, x2, y2 = road_edges[e, 0], road_edges[e, 1], road_edges[e, 2], road_edges[e, 3]
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


@part
def box_on_road(
    x: float, y: float, heading: float, length: float, width: float, road_start: float, road_ptr: Ints, road_edges: Array
) -> bool:
    """Whether all four corners of a box lie in the drivable area."""
    c, s = math.cos(heading), math.sin(heading)
    for i in range(4):
        u = 0.5 * length if i < 2 else -0.5 * length
        v = 0.5 * width if i % 2 == 0 else -0.5 * width
        if not on_road(x + c * u - s * v, y + s * u + c * v, road_start, road_ptr, road_edges):
            return False
    return True


@part
def segments_cross(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float
) -> bool:
    """Whether segment ab crosses segment cd (ending on cd counts, starting on it does not)."""
    d1 = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    d2 = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    d3 = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    d4 = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    return d1 != 0 and d1 * d2 <= 0 and d3 * d4 < 0


def closed_edges(rings: list[Array]) -> Array:
    """Rings [N, 2] -> their edges [E, 4] (x1, y1, x2, y2), each ring closed."""
    return np.concatenate([np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])
