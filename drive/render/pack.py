"""Meshes laid out for the rasteriser: triangles in square cells, each with a box around it, so that far streets cost nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import kernel
from drive.render.scene import FINE_LAYER, Floats, Mesh

CELL_M = 16.0
SPREAD_M = 60.0  # triangles longer than this share one cell


class PackedMesh(NamedTuple):
    """A mesh with its triangles sorted by cell. corners [9, T] float32: x, y, z of each corner in turn; normal [3, T] float32 unit;
    density [T] float32: texture repeats per metre; cell_ptr [C + 1]; fine_ptr [C]: where in each cell the fine triangles begin (see
    `scene.FINE_LAYER`), which come last; cell_box [C, 6] float32: low and high; the rest as in `Mesh`."""

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
    fine_ptr: NDArray[np.int64]
    cell_box: Floats


def pack(mesh: Mesh) -> PackedMesh:
    """Lays out what never moves."""
    order, pointer = _cells(mesh.vertices[mesh.triangles].astype(np.float64), mesh.layer >= FINE_LAYER)
    looks = (mesh.texture[order], mesh.tint[order], mesh.semantic[order], mesh.instance[order], mesh.glow[order], mesh.layer[order])
    return _packed(Mesh(mesh.vertices, mesh.triangles[order], mesh.uv[order], *looks), pointer)


def pack_actors(mesh: Mesh) -> PackedMesh:
    """Lays out what moves: every run of triangles of one instance is a cell, all of it fine or none of it."""
    cut = np.flatnonzero(np.diff(mesh.instance)) + 1
    return _packed(mesh, np.concatenate([[0], cut, [len(mesh.instance)]]).astype(np.int64))


def _packed(mesh: Mesh, pointer: NDArray[np.int64]) -> PackedMesh:
    corners, normal, density, boxes = shaped(mesh.vertices, mesh.triangles, mesh.uv, pointer)
    uv = np.ascontiguousarray(mesh.uv.reshape(-1, 6))
    looks = (mesh.texture, mesh.tint, mesh.semantic, mesh.instance, mesh.glow, mesh.layer)
    fine = np.concatenate([[0], np.cumsum(mesh.layer >= FINE_LAYER)])[pointer]
    return PackedMesh(corners, normal, density, uv, *looks, pointer, pointer[1:] - np.diff(fine), boxes)


@kernel
def shaped(vertices: Floats, triangles: NDArray[np.int32], uv: Floats, pointer: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Corners [9, T], normals [3, T], repeats per metre [T], and a box around each cell [C, 6]."""
    count = len(triangles)
    corners, normal = np.empty((9, count), np.float32), np.empty((3, count), np.float32)
    density, boxes = np.empty(count, np.float32), np.empty((len(pointer) - 1, 6), np.float32)
    for t in range(count):
        a, b, c = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
        for axis in range(3):
            corners[axis, t], corners[3 + axis, t], corners[6 + axis, t] = a[axis], b[axis], c[axis]
        p0, p1, p2 = float(b[0]) - a[0], float(b[1]) - a[1], float(b[2]) - a[2]
        q0, q1, q2 = float(c[0]) - a[0], float(c[1]) - a[1], float(c[2]) - a[2]
        n0, n1, n2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
        area = max(math.sqrt(n0 * n0 + n1 * n1 + n2 * n2), 1e-12)
        normal[0, t], normal[1, t], normal[2, t] = n0 / area, n1 / area, n2 / area
        du, dv = float(uv[t, 1, 0]) - uv[t, 0, 0], float(uv[t, 1, 1]) - uv[t, 0, 1]
        eu, ev = float(uv[t, 2, 0]) - uv[t, 0, 0], float(uv[t, 2, 1]) - uv[t, 0, 1]
        density[t] = math.sqrt(abs(du * ev - dv * eu) / area)
    for cell in range(len(pointer) - 1):
        boxes[cell, :3], boxes[cell, 3:] = np.inf, -np.inf
        for k in range(9):
            for t in range(pointer[cell], pointer[cell + 1]):
                boxes[cell, k % 3] = min(boxes[cell, k % 3], corners[k, t])
                boxes[cell, 3 + k % 3] = max(boxes[cell, 3 + k % 3], corners[k, t])
    return corners, normal, density, boxes


def _cells(corners: Array, fine: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order of triangles by cell, fine ones last in it, and where each cell begins; very long ones share a last cell."""
    middle = corners.mean(1)
    wide = np.ptp(corners, axis=1).max(-1) > SPREAD_M
    key = np.floor(middle[:, :2] / CELL_M).astype(np.int64)
    key[wide] = np.iinfo(np.int32).max
    order = np.lexsort((fine, key[:, 1], key[:, 0]))
    cut = np.flatnonzero((np.diff(key[order], axis=0) != 0).any(-1)) + 1
    return order, np.concatenate([[0], cut, [len(order)]]).astype(np.int64)
