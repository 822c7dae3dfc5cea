"""What need not be drawn: cells outside the view or behind what is drawn already, triangles that show no pixel. Compiled.

Nothing here changes a picture: it only leaves out what could not be seen in it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import fast_kernel, fast_part, maker_part, part
from drive.render.pack import PackedMesh
from drive.render.scene import Floats

NEAR_M = 0.08
ROOM_PX = 1e-3
LAYER_BIAS = 2e-4  # how much nearer, in proportion, a layer counts as than the one below it in the same plane
MOST_BIAS = 1.0 + 130 * LAYER_BIAS  # no layer counts as nearer than this, rounding included
TILE_PX = 8


class PinholeView(NamedTuple):
    """A pinhole camera: position [3] and rotation [3, 3] (world to camera), intrinsics [5] (fx, skew, cx, fy, cy), size."""

    position: Array
    rotation: Array
    intrinsics: Array
    width: int
    height: int


@maker_part
def new_tiles(width: int, height: int) -> Floats:
    """The least 1 / z in each tile of the picture, before anything is drawn."""
    return np.zeros(((height + TILE_PX - 1) // TILE_PX, (width + TILE_PX - 1) // TILE_PX), np.float32)


@fast_kernel
def refresh(key: Floats, tiles: Floats) -> None:
    """Brings the tiles up to what is drawn. key [H, W]: see `Hits`."""
    height, width = key.shape
    lowest = np.empty(width, np.float32)
    for i in range(len(tiles)):
        top = key[TILE_PX * i]
        for j in range(width):
            lowest[j] = top[j]
        for row in range(TILE_PX * i + 1, min(height, TILE_PX * (i + 1))):
            line = key[row]
            for j in range(width):
                lowest[j] = min(lowest[j], line[j])
        for j in range(tiles.shape[1]):
            least = lowest[TILE_PX * j]
            for column in range(TILE_PX * j + 1, min(width, TILE_PX * (j + 1))):
                least = min(least, lowest[column])
            tiles[i, j] = least


@maker_part
def cells_in_view(view: PinholeView, boxes: Floats, far_m: float) -> NDArray[np.int64]:
    """Numbers of the cells that reach into the view's pyramid, out to a distance; the nearest first. boxes [C, 6]: low and high."""
    planes, o = pyramid_planes(view), view.position
    found, gaps, count = np.empty(len(boxes), np.int64), np.empty(len(boxes)), 0
    for cell in range(len(boxes)):
        low, high = boxes[cell, :3], boxes[cell, 3:]
        gap = 0.0
        for k in range(3):
            gap += max(low[k] - o[k], 0.0, o[k] - high[k]) ** 2
        inside = gap <= far_m * far_m
        for n in range(5):
            reach = 0.0  # of the box's corner that lies farthest inside the plane
            for k in range(3):
                reach += max(planes[n, k] * (low[k] - o[k]), planes[n, k] * (high[k] - o[k]))
            inside &= reach >= 0.0
        if inside:
            found[count], gaps[count] = cell, gap
            count += 1
    return found[:count][np.argsort(gaps[:count])]


@maker_part
def pyramid_planes(view: PinholeView) -> Array:
    """Inward normals [5, 3] in the world of the planes through the camera that bound what it sees."""
    r, k = view.rotation, view.intrinsics
    left, right, top, bottom = k[2] / k[0], (view.width - k[2]) / k[0], k[4] / k[3], (view.height - k[4]) / k[3]
    skew = abs(k[1] / k[0]) * max(abs(top), abs(bottom))
    planes = np.empty((5, 3))
    for n in range(3):
        planes[0, n], planes[1, n] = r[0, n] + (left + skew) * r[2, n], (right + skew) * r[2, n] - r[0, n]
        planes[2, n], planes[3, n] = r[1, n] + top * r[2, n], bottom * r[2, n] - r[1, n]
        planes[4, n] = r[2, n]
    return planes


@part
def hidden(view: PinholeView, box: Floats, tiles: Floats) -> bool:
    """Whether everything in a box lies behind what is drawn already, or beside the picture."""
    r, o, k = view.rotation, view.position, view.intrinsics
    nearest, low_u, high_u, low_v, high_v = 1e30, 1e30, -1e30, 1e30, -1e30
    for corner in range(8):
        p0, p1, p2 = box[3 * (corner & 1)] - o[0], box[1 + 3 * (corner >> 1 & 1)] - o[1], box[2 + 3 * (corner >> 2)] - o[2]
        z = r[2, 0] * p0 + r[2, 1] * p1 + r[2, 2] * p2
        if z < NEAR_M:
            return False
        x, y = r[0, 0] * p0 + r[0, 1] * p1 + r[0, 2] * p2, r[1, 0] * p0 + r[1, 1] * p1 + r[1, 2] * p2
        u, v = (k[0] * x + k[1] * y) / z + k[2], k[3] * y / z + k[4]
        nearest = min(nearest, z)
        low_u, high_u, low_v, high_v = min(low_u, u), max(high_u, u), min(low_v, v), max(high_v, v)
    if high_u < 0.0 or high_v < 0.0 or low_u > view.width or low_v > view.height:
        return True
    most = MOST_BIAS / nearest
    first, last = int(max(low_u, 0.0)) // TILE_PX, min(int(min(high_u, 1e6)) // TILE_PX, tiles.shape[1] - 1)
    for i in range(int(max(low_v, 0.0)) // TILE_PX, min(int(min(high_v, 1e6)) // TILE_PX, len(tiles) - 1) + 1):
        for j in range(first, last + 1):
            if tiles[i, j] < most:
                return False
    return True


@part
def mark_candidates(view: PinholeView, mesh: PackedMesh, begin: int, end: int, keep: NDArray[np.bool_]) -> None:
    """Marks in `keep` which of the triangles begin..end may show a pixel."""
    c, n = mesh.corners, mesh.normal
    columns = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], n[0], n[1], n[2]
    _mark(view, columns, begin, end, keep)


@fast_part
def _mark(view: PinholeView, columns: tuple[Floats, ...], begin: int, end: int, keep: NDArray[np.bool_]) -> None:
    """The triangles that turn their front to the camera and whose box in the picture holds a pixel's centre, with room for rounding;
    those that reach behind the camera too. Without a branch, so that the processor takes many at once."""
    r, o, k = view.rotation, view.position, view.intrinsics
    x0, y0, z0, x1, y1, z1, x2, y2, z2, n0, n1, n2 = columns
    o0, o1, o2, k0, k1, k3 = o[0], o[1], o[2], k[0], k[1], k[3]
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = r[0, 0], r[0, 1], r[0, 2], r[1, 0], r[1, 1], r[1, 2], r[2, 0], r[2, 1], r[2, 2]
    from_u, to_u, from_v, to_v = k[2] - 0.5 - ROOM_PX, k[2] - 0.5 + ROOM_PX, k[4] - 0.5 - ROOM_PX, k[4] - 0.5 + ROOM_PX
    last_u, last_v = view.width - 1.0, view.height - 1.0
    for m in range(end - begin):
        t = begin + m
        a0, a1, a2, b0, b1, b2 = x0[t] - o0, y0[t] - o1, z0[t] - o2, x1[t] - o0, y1[t] - o1, z1[t] - o2
        c0, c1, c2 = x2[t] - o0, y2[t] - o1, z2[t] - o2
        front = a0 * n0[t] + a1 * n1[t] + a2 * n2[t] < 0.0
        az, bz, cz = r20 * a0 + r21 * a1 + r22 * a2, r20 * b0 + r21 * b1 + r22 * b2, r20 * c0 + r21 * c1 + r22 * c2
        ay, by, cy = r10 * a0 + r11 * a1 + r12 * a2, r10 * b0 + r11 * b1 + r12 * b2, r10 * c0 + r11 * c1 + r12 * c2
        ax, bx, cx = r00 * a0 + r01 * a1 + r02 * a2, r00 * b0 + r01 * b1 + r02 * b2, r00 * c0 + r01 * c1 + r02 * c2
        ia, ib, ic = 1.0 / max(az, NEAR_M), 1.0 / max(bz, NEAR_M), 1.0 / max(cz, NEAR_M)
        ua, ub, uc = (k0 * ax + k1 * ay) * ia, (k0 * bx + k1 * by) * ib, (k0 * cx + k1 * cy) * ic
        va, vb, vc = k3 * ay * ia, k3 * by * ib, k3 * cy * ic
        begin_u, end_u = max(math.ceil(min(ua, min(ub, uc)) + from_u), 0.0), min(math.floor(max(ua, max(ub, uc)) + to_u), last_u)
        begin_v, end_v = max(math.ceil(min(va, min(vb, vc)) + from_v), 0.0), min(math.floor(max(va, max(vb, vc)) + to_v), last_v)
        ahead, behind = max(az, max(bz, cz)) >= NEAR_M, min(az, min(bz, cz)) < NEAR_M
        keep[m] = front & ahead & (behind | ((begin_u <= end_u) & (begin_v <= end_v)))
