"""Shadow maps: what stands nearest to the sun, seen along its light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drive.frames import Array
from drive.jit import fast_part, kernel
from drive.render.pack import PackedMesh
from drive.render.scene import SEMANTIC, Floats

MAX_SIDE = 2048
STATIC_TEXEL_M = 0.2
FLAT = np.array([name in ("ground", "road", "marking", "crossing", "pavement") for name in SEMANTIC])


class ShadowMap(NamedTuple):
    """height [N, N] float32: distance towards the sun of the nearest caster, -inf where none. axes [3, 3]: rows right, up, to the
    sun. origin [2]: right and up of the map's first corner; texel_m: width of one entry."""

    height: Floats
    axes: Array
    origin: Array
    texel_m: float


def sun_axes(direction: Array) -> Array:
    """Rows right, up, towards the sun, for a unit direction [3] to the sun."""
    right = np.array([-direction[1], direction[0], 0.0])
    norm = np.linalg.norm(right)
    right = right / norm if norm > 1e-9 else np.array([1.0, 0.0, 0.0])
    return np.stack([right, np.cross(direction, right), direction])


def static_map(mesh: PackedMesh, direction: Array) -> ShadowMap:
    """The map of all that never moves, over all casters."""
    axes = sun_axes(direction)
    casters = ~FLAT[mesh.semantic]
    points = mesh.corners[:, casters].T.reshape(-1, 3).astype(np.float64) @ axes[:2].T
    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.ones(2))
    texel = max(STATIC_TEXEL_M, float((high - low).max()) / (MAX_SIDE - 4))
    side = min(MAX_SIDE, int(np.ceil((high - low).max() / texel)) + 4)
    made = ShadowMap(np.full((side, side), -np.inf, dtype=np.float32), axes, low - 2 * texel, texel)
    cast(made, np.ascontiguousarray(mesh.corners[:, casters]))
    return made


def actor_map(meshes: Sequence[PackedMesh], centre: Array, axes: Array, radius_m: float = 60.0, side: int = 512) -> ShadowMap:
    """The map of things that move, around a point [3]."""
    made = ShadowMap(np.full((side, side), -np.inf, dtype=np.float32), axes, axes[:2] @ centre - radius_m, 2 * radius_m / side)
    for mesh in meshes:
        outside = np.maximum(mesh.cell_box[:, :3] - centre, 0) + np.maximum(centre - mesh.cell_box[:, 3:], 0)
        for cell in np.flatnonzero(np.linalg.norm(outside, axis=-1) < radius_m):
            cast(made, np.ascontiguousarray(mesh.corners[:, mesh.cell_ptr[cell] : mesh.cell_ptr[cell + 1]]))
    return made


@kernel
def cast(shadow: ShadowMap, corners: Floats) -> None:
    """Draws triangles [9, T], both sides, into a map."""
    m, o, scale, last = shadow.axes, shadow.origin, 1.0 / shadow.texel_m, len(shadow.height) - 1.0
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = m[0, 0], m[0, 1], m[0, 2], m[1, 0], m[1, 1], m[1, 2], m[2, 0], m[2, 1], m[2, 2]
    for t in range(corners.shape[1]):
        c = corners[:, t]
        u0, u1 = (m00 * c[0] + m01 * c[1] + m02 * c[2] - o[0]) * scale, (m00 * c[3] + m01 * c[4] + m02 * c[5] - o[0]) * scale
        u2 = (m00 * c[6] + m01 * c[7] + m02 * c[8] - o[0]) * scale
        v0, v1 = (m10 * c[0] + m11 * c[1] + m12 * c[2] - o[1]) * scale, (m10 * c[3] + m11 * c[4] + m12 * c[5] - o[1]) * scale
        v2 = (m10 * c[6] + m11 * c[7] + m12 * c[8] - o[1]) * scale
        left, right = max(0.0, math.ceil(min(u0, u1, u2) - 0.5)), min(last, math.floor(max(u0, u1, u2) - 0.5))
        low, high = max(0.0, math.ceil(min(v0, v1, v2) - 0.5)), min(last, math.floor(max(v0, v1, v2) - 0.5))
        area = (u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0)
        if left > right or low > high or abs(area) < 1e-9:
            continue
        h0, h1 = m20 * c[0] + m21 * c[1] + m22 * c[2], m20 * c[3] + m21 * c[4] + m22 * c[5]
        h2, share = m20 * c[6] + m21 * c[7] + m22 * c[8], 1.0 / area
        for i in range(int(low), int(high) + 1):
            for j in range(int(left), int(right) + 1):
                x, y = j + 0.5, i + 0.5
                w0, w1 = ((u1 - x) * (v2 - y) - (u2 - x) * (v1 - y)) * share, ((u2 - x) * (v0 - y) - (u0 - x) * (v2 - y)) * share
                w2 = 1.0 - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    shadow.height[i, j] = max(shadow.height[i, j], np.float32(w0 * h0 + w1 * h1 + w2 * h2))


@fast_part
def lit(height: Floats, u: float, v: float, up: float) -> float:
    """How much of the sun a place sees, 0 to 1: the four nearest entries of a map's heights, weighed by distance; 1 beside the map.

    u, v: the place counted in entries from the first one's middle; up: how far towards the sun.
    """
    last, j, i = np.uint32(len(height) - 1), np.uint32(np.int32(u)), np.uint32(np.int32(v))  # below zero becomes very large
    if j >= last or i >= last:
        return 1.0
    here, above = height[i], height[i + np.uint32(1)]
    a, b, c, d = here[j] <= up, here[j + np.uint32(1)] <= up, above[j] <= up, above[j + np.uint32(1)] <= up
    if a & b & c & d:
        return 1.0
    if not (a | b | c | d):
        return 0.0
    fu, fv = max(0.0, float(u - j)), max(0.0, float(v - i))
    return (1 - fv) * ((1 - fu) * a + fu * b) + fv * ((1 - fu) * c + fu * d)
