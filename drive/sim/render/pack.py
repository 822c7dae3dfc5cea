"""Meshes laid out for the rasteriser: triangles in square cells, each with a sphere around it, so that far streets cost nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.sim.jit import kernel
from drive.sim.render.scene import Floats, Mesh

CELL_M = 16.0
SPREAD_M = 60.0  # triangles longer than this share one cell
WIDE_M = 150.0  # cells wider than this are always looked at


class Packed(NamedTuple):
    """A mesh with its triangles sorted by cell. corners [T, 9] float32; normal [T, 3] float32 unit; density [T] float32: texture
    repeats per metre; cell_ptr [C + 1]; cell_sphere [C, 4] float32: centre and radius; extent [T] float32: length of the
    longest edge, infinite for what moves; the rest as in `Mesh`."""

    corners: Floats
    normal: Floats
    density: Floats
    uv: Floats
    texture: NDArray[np.int32]
    tint: Floats
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
    glow: Floats
    layer: NDArray[np.int8]
    cell_ptr: NDArray[np.int64]
    cell_sphere: Floats
    extent: Floats


def pack(mesh: Mesh) -> Packed:
    """Lays out what never moves."""
    order, pointer = _cells(mesh.vertices[mesh.triangles].astype(np.float64))
    looks = (mesh.texture[order], mesh.tint[order], mesh.semantic[order], mesh.instance[order], mesh.glow[order], mesh.layer[order])
    extent = np.ptp(mesh.vertices[mesh.triangles[order]], axis=1).max(-1)
    return _packed(Mesh(mesh.vertices, mesh.triangles[order], mesh.uv[order], *looks), pointer, extent)


def pack_actors(mesh: Mesh) -> Packed:
    """Lays out what moves: every run of triangles of one instance is a cell."""
    cut = np.flatnonzero(np.diff(mesh.instance)) + 1
    return _packed(mesh, np.concatenate([[0], cut, [len(mesh.instance)]]).astype(np.int64), np.full(len(mesh.instance), np.inf, np.float32))


def _packed(mesh: Mesh, pointer: NDArray[np.int64], extent: Floats) -> Packed:
    corners, normal, density, spheres = shaped(mesh.vertices, mesh.triangles, mesh.uv, pointer)
    uv = np.ascontiguousarray(mesh.uv.reshape(-1, 6))
    looks = (mesh.texture, mesh.tint, mesh.semantic, mesh.instance, mesh.glow, mesh.layer)
    return Packed(corners, normal, density, uv, *looks, pointer, spheres, extent)


@kernel
def shaped(vertices: Floats, triangles: NDArray[np.int32], uv: Floats, pointer: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Corners [T, 9], normals [T, 3], repeats per metre [T], and a sphere around each cell [C, 4]."""
    count = len(triangles)
    corners, normal = np.empty((count, 9), np.float32), np.empty((count, 3), np.float32)
    density, spheres = np.empty(count, np.float32), np.empty((len(pointer) - 1, 4), np.float32)
    for t in range(count):
        for k in range(3):
            for axis in range(3):
                corners[t, 3 * k + axis] = vertices[triangles[t, k], axis]
        c = corners[t]
        p0, p1, p2 = float(c[3]) - c[0], float(c[4]) - c[1], float(c[5]) - c[2]
        q0, q1, q2 = float(c[6]) - c[0], float(c[7]) - c[1], float(c[8]) - c[2]
        n0, n1, n2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
        area = max(math.sqrt(n0 * n0 + n1 * n1 + n2 * n2), 1e-12)
        normal[t, 0], normal[t, 1], normal[t, 2] = n0 / area, n1 / area, n2 / area
        du, dv = float(uv[t, 1, 0]) - uv[t, 0, 0], float(uv[t, 1, 1]) - uv[t, 0, 1]
        eu, ev = float(uv[t, 2, 0]) - uv[t, 0, 0], float(uv[t, 2, 1]) - uv[t, 0, 1]
        density[t] = math.sqrt(abs(du * ev - dv * eu) / area)
    for cell in range(len(pointer) - 1):
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for t in range(pointer[cell], pointer[cell + 1]):
            for k in range(9):
                low[k % 3], high[k % 3] = min(low[k % 3], corners[t, k]), max(high[k % 3], corners[t, k])
        reach = math.sqrt((high[0] - low[0]) ** 2 + (high[1] - low[1]) ** 2 + (high[2] - low[2]) ** 2) / 2
        for axis in range(3):
            spheres[cell, axis] = (low[axis] + high[axis]) / 2
        spheres[cell, 3] = reach if reach < WIDE_M else np.inf
    return corners, normal, density, spheres


def _cells(corners: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order of triangles by cell, the largest first, and where each cell begins; very long ones share a last cell."""
    middle = corners.mean(1)
    wide = np.ptp(corners, axis=1).max(-1) > SPREAD_M
    key = np.floor(middle[:, :2] / CELL_M).astype(np.int64)
    key[wide] = np.iinfo(np.int32).max
    order = np.lexsort((-np.ptp(corners, axis=1).max(-1), key[:, 1], key[:, 0]))
    cut = np.flatnonzero((np.diff(key[order], axis=0) != 0).any(-1)) + 1
    return order, np.concatenate([[0], cut, [len(order)]]).astype(np.int64)
