"""Which triangle is seen at each pixel: homogeneous rasterisation (Olano and Greer, 1997), compiled.

A pixel's ray is d = (x, y, 1) in the camera frame. A triangle with corners a, b, c there is hit where the three weights
d . (b x c), d . (c x a), d . (a x b) have one sign; they are the corners' weights at the hit, perspective included, and their sum
over a . (b x c) is 1 / z. All are linear in the pixel, so nothing needs to be clipped. Neighbours share an edge's numbers up to
sign, so no ray slips between them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import maker_part, part
from drive.render.culling import LAYER_BIAS, NEAR_M, ROOM_PX, PinholeView, cells_in_view, hidden, mark_candidates, refresh
from drive.render.pack import PackedMesh
from drive.render.scene import Floats

REFRESH_CELLS = 8  # so many cells are drawn between two looks at what they hide


class Hits(NamedTuple):
    """What a view sees. key [H, W] float32: biased 1 / z, 0 where nothing is; which [H, W] int32: row of `weights`, -1 nothing.

    weights [N, 13] float64: the three weights' planes in the pixel (A, B, C each), a . (b x c), and -1 / A of each; source [N]: the
    triangle.
    """

    key: Floats
    which: NDArray[np.int32]
    weights: Array
    source: NDArray[np.int64]


@maker_part
def new_hits(width: int, height: int, triangles: int) -> Hits:
    """Nothing seen yet; room for so many triangles."""
    which = np.full((height, width), -1, dtype=np.int32)
    return Hits(np.zeros((height, width), np.float32), which, np.empty((triangles, 13)), np.empty(triangles, np.int64))


@maker_part
def draw(view: PinholeView, mesh: PackedMesh, first_source: int, far_m: float, hits: Hits, tiles: Floats, used: int) -> int:
    """Draws a mesh, but what is fine, into `hits`, near cells first; returns how many rows of its weights are in use afterwards."""
    cells, drawn = cells_in_view(view, mesh.cell_box, far_m), 0
    keep = np.empty(len(mesh.layer), np.bool_)
    for cell in cells:
        if hidden(view, mesh.cell_box[cell], tiles):
            continue
        begin, end = mesh.cell_ptr[cell], mesh.fine_ptr[cell]
        mark_candidates(view, mesh, begin, end, keep)
        for t in range(begin, end):
            if keep[t - begin]:
                used = draw_triangle(view, mesh.corners, t, mesh.layer[t], first_source + t, hits, used)
        drawn += 1
        if drawn % REFRESH_CELLS == 0:
            refresh(hits.key, tiles)
    refresh(hits.key, tiles)
    return used


@part
def draw_triangle(view: PinholeView, corners: Floats, t: int, layer: int, source: int, hits: Hits, used: int) -> int:
    """Draws triangle t of corners [9, T]; returns `used`, one more where it covers a pixel."""
    r, o = view.rotation, view.position
    a0, a1, a2 = corners[0, t] - o[0], corners[1, t] - o[1], corners[2, t] - o[2]
    b0, b1, b2 = corners[3, t] - o[0], corners[4, t] - o[1], corners[5, t] - o[2]
    c0, c1, c2 = corners[6, t] - o[0], corners[7, t] - o[1], corners[8, t] - o[2]
    az = r[2, 0] * a0 + r[2, 1] * a1 + r[2, 2] * a2
    bz = r[2, 0] * b0 + r[2, 1] * b1 + r[2, 2] * b2
    cz = r[2, 0] * c0 + r[2, 1] * c1 + r[2, 2] * c2
    if az < NEAR_M and bz < NEAR_M and cz < NEAR_M:
        return used
    ax, ay = r[0, 0] * a0 + r[0, 1] * a1 + r[0, 2] * a2, r[1, 0] * a0 + r[1, 1] * a1 + r[1, 2] * a2
    bx, by = r[0, 0] * b0 + r[0, 1] * b1 + r[0, 2] * b2, r[1, 0] * b0 + r[1, 1] * b1 + r[1, 2] * b2
    cx, cy = r[0, 0] * c0 + r[0, 1] * c1 + r[0, 2] * c2, r[1, 0] * c0 + r[1, 1] * c1 + r[1, 2] * c2
    k = view.intrinsics
    if az >= NEAR_M and bz >= NEAR_M and cz >= NEAR_M:
        u0, u1, u2 = (k[0] * ax + k[1] * ay) / az, (k[0] * bx + k[1] * by) / bz, (k[0] * cx + k[1] * cy) / cz
        v0, v1, v2 = k[3] * ay / az, k[3] * by / bz, k[3] * cy / cz
        low_u, high_u = min(u0, u1, u2) + k[2], max(u0, u1, u2) + k[2]
        low_v, high_v = min(v0, v1, v2) + k[4], max(v0, v1, v2) + k[4]
    else:
        low_u, high_u, low_v, high_v = cut_box(k, ax, ay, az, bx, by, bz, cx, cy, cz)
    # First and last pixel centres in the box, with room for rounding; most small triangles hold none.
    first_u, last_u = max(math.ceil(low_u - 0.5 - ROOM_PX), 0.0), min(math.floor(high_u - 0.5 + ROOM_PX), view.width - 1.0)
    first_v, last_v = max(math.ceil(low_v - 0.5 - ROOM_PX), 0.0), min(math.floor(high_v - 0.5 + ROOM_PX), view.height - 1.0)
    if first_u > last_u or first_v > last_v:
        return used
    rows = hits.weights[used]
    if not weigh(k, ax, ay, az, bx, by, bz, cx, cy, cz, rows):
        return used
    hits.source[used] = source
    return used + 1 if fill(rows, first_u, last_u, int(first_v), int(last_v), layer, used, hits) else used


@part
def weigh(
    k: Array, ax: float, ay: float, az: float, bx: float, by: float, bz: float, cx: float, cy: float, cz: float, rows: Array
) -> bool:
    """Writes a row of `Hits.weights` for a triangle in the camera frame; False where it turns its back."""
    # Weights' normals, turned so that they are positive inside a triangle that shows its front.
    ux, uy, uz = cy * bz - by * cz, cz * bx - bz * cx, cx * by - bx * cy
    volume = ax * ux + ay * uy + az * uz
    if volume <= 1e-9:
        return False
    vx, vy, vz = ay * cz - cy * az, az * cx - cz * ax, ax * cy - cx * ay
    wx, wy, wz = by * az - ay * bz, bz * ax - az * bx, bx * ay - ax * by
    ifx, ify, skew = 1.0 / k[0], 1.0 / k[3], k[1] / (k[0] * k[3])
    rows[0], rows[1] = ux * ifx, uy * ify - ux * skew
    rows[3], rows[4] = vx * ifx, vy * ify - vx * skew
    rows[6], rows[7] = wx * ifx, wy * ify - wx * skew
    rows[2] = uz - ux * (k[2] * ifx - k[4] * skew) - uy * k[4] * ify
    rows[5] = vz - vx * (k[2] * ifx - k[4] * skew) - vy * k[4] * ify
    rows[8] = wz - wx * (k[2] * ifx - k[4] * skew) - wy * k[4] * ify
    rows[9] = volume
    for n in range(3):
        rows[10 + n] = -1.0 / rows[3 * n] if rows[3 * n] != 0.0 else 0.0
    return True


@part
def cut_box(
    k: Array, ax: float, ay: float, az: float, bx: float, by: float, bz: float, cx: float, cy: float, cz: float
) -> tuple[float, float, float, float]:
    """The box in the picture (u from, to, v from, to) of a triangle that reaches behind the camera: of its part in front."""
    low_u, high_u, low_v, high_v = 1e30, -1e30, 1e30, -1e30
    for e in range(3):
        if e == 0:
            px, py, pz, qx, qy, qz = ax, ay, az, bx, by, bz
        elif e == 1:
            px, py, pz, qx, qy, qz = bx, by, bz, cx, cy, cz
        else:
            px, py, pz, qx, qy, qz = cx, cy, cz, ax, ay, az
        if pz >= NEAR_M:
            u, v = (k[0] * px + k[1] * py) / pz + k[2], k[3] * py / pz + k[4]
            low_u, high_u, low_v, high_v = min(low_u, u), max(high_u, u), min(low_v, v), max(high_v, v)
        if (pz >= NEAR_M) != (qz >= NEAR_M):
            s = (NEAR_M - pz) / (qz - pz)
            sx, sy = px + s * (qx - px), py + s * (qy - py)
            u, v = (k[0] * sx + k[1] * sy) / NEAR_M + k[2], k[3] * sy / NEAR_M + k[4]
            low_u, high_u, low_v, high_v = min(low_u, u), max(high_u, u), min(low_v, v), max(high_v, v)
    return low_u, high_u, low_v, high_v


@part
def fill(rows: Array, left: float, right: float, top: int, bottom: int, layer: int, index: int, hits: Hits) -> bool:
    """Fills the pixels of a box that the triangle covers, where it is the nearest; whether there is one."""
    bias = 1.0 + LAYER_BIAS * layer
    slope = np.float32((rows[0] + rows[3] + rows[6]) / rows[9] * bias)
    limit = np.float32(bias / NEAR_M)
    seen = False
    for i in range(top, bottom + 1):
        y = i + 0.5
        begin, end = left, right
        start = 0.0
        for n in range(3):
            rest = rows[3 * n + 1] * y + rows[3 * n + 2]
            start += rest
            step = rows[3 * n]
            if step > 0.0:
                begin = max(begin, math.ceil(rest * rows[10 + n] - 0.5))
            elif step < 0.0:
                end = min(end, math.floor(rest * rows[10 + n] - 0.5))
            elif rest < 0.0:
                end = -1.0
        if begin > end:
            continue
        offset = start / rows[9] * bias
        key, ids = hits.key[i], hits.which[i]
        for j in range(int(begin), int(end) + 1):
            near = np.float32(offset + slope * (j + 0.5))
            if near > key[j] and near < limit:
                key[j] = near
                ids[j] = index
                seen = True
    return seen
