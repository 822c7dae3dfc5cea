"""Shadow maps: what stands nearest to the sun, seen along its light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drive.frames import Array
from drive.sim.jit import kernel, pixel_kernel
from drive.sim.render.pack import Packed
from drive.sim.render.scene import SEMANTIC, Floats

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


def static_map(mesh: Packed, direction: Array) -> ShadowMap:
    """The map of all that never moves, over all casters."""
    axes = sun_axes(direction)
    casters = ~FLAT[mesh.semantic]
    points = mesh.corners[casters].astype(np.float64).reshape(-1, 3) @ axes[:2].T
    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.ones(2))
    texel = max(STATIC_TEXEL_M, float((high - low).max()) / (MAX_SIDE - 4))
    side = min(MAX_SIDE, int(np.ceil((high - low).max() / texel)) + 4)
    made = ShadowMap(np.full((side, side), -np.inf, dtype=np.float32), axes, low - 2 * texel, texel)
    cast(made, mesh.corners[casters])
    return made


def actor_map(meshes: Sequence[Packed], centre: Array, axes: Array, radius_m: float = 60.0, side: int = 512) -> ShadowMap:
    """The map of things that move, around a point [3]."""
    made = ShadowMap(np.full((side, side), -np.inf, dtype=np.float32), axes, axes[:2] @ centre - radius_m, 2 * radius_m / side)
    for mesh in meshes:
        gap = np.linalg.norm(mesh.cell_sphere[:, :3] - centre, axis=-1) - mesh.cell_sphere[:, 3]
        for cell in np.flatnonzero(gap < radius_m):
            cast(made, mesh.corners[mesh.cell_ptr[cell] : mesh.cell_ptr[cell + 1]])
    return made


@kernel
def cast(shadow: ShadowMap, corners: Floats) -> None:
    """Draws triangles [T, 9], both sides, into a map."""
    m, n = shadow.axes, len(shadow.height)
    for t in range(len(corners)):
        u, v, h = np.empty(3), np.empty(3), np.empty(3)
        for k in range(3):
            x, y, z = corners[t, 3 * k], corners[t, 3 * k + 1], corners[t, 3 * k + 2]
            u[k] = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z - shadow.origin[0]) / shadow.texel_m
            v[k] = (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z - shadow.origin[1]) / shadow.texel_m
            h[k] = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
        area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
        if abs(area) < 1e-9:
            continue
        for i in range(max(0, int(v.min() - 0.5)), min(n - 1, int(v.max() + 0.5)) + 1):
            for j in range(max(0, int(u.min() - 0.5)), min(n - 1, int(u.max() + 0.5)) + 1):
                x, y = j + 0.5, i + 0.5
                w0 = ((u[1] - x) * (v[2] - y) - (u[2] - x) * (v[1] - y)) / area
                w1 = ((u[2] - x) * (v[0] - y) - (u[0] - x) * (v[2] - y)) / area
                w2 = 1.0 - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    shadow.height[i, j] = max(shadow.height[i, j], np.float32(w0 * h[0] + w1 * h[1] + w2 * h[2]))


@pixel_kernel
def lit(shadow: ShadowMap, x: float, y: float, z: float, bias: float) -> float:
    """How much of the sun a point sees by a map, 0 to 1: its four nearest entries, weighed by distance."""
    m, n = shadow.axes, len(shadow.height)
    u = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z - shadow.origin[0]) / shadow.texel_m - 0.5
    v = (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z - shadow.origin[1]) / shadow.texel_m - 0.5
    if u < 0 or v < 0 or u >= n - 1 or v >= n - 1:
        return 1.0
    h = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + bias
    j, i = int(u), int(v)
    fu, fv = u - math.floor(u), v - math.floor(v)
    top = (1 - fu) * (shadow.height[i, j] <= h) + fu * (shadow.height[i, j + 1] <= h)
    bottom = (1 - fu) * (shadow.height[i + 1, j] <= h) + fu * (shadow.height[i + 1, j + 1] <= h)
    return (1 - fv) * top + fv * bottom
