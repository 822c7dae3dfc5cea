"""Meshes laid out for the rasteriser: triangles in square cells, each with a sphere around it, so that far streets cost nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.sim.render.scene import Floats, Mesh

CELL_M = 24.0
SPREAD_M = 60.0  # triangles longer than this stay out of the cells' spheres and are always looked at


class Packed(NamedTuple):
    """A mesh with its triangles sorted by cell. corners [T, 9] float32; normal [T, 3] float32 unit; density [T] float32: texture
    repeats per metre; cell_ptr [C + 1]; cell_sphere [C, 4] float32: centre and radius; the rest as in `Mesh`."""

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


def pack(mesh: Mesh, cells: bool = True) -> Packed:
    """Lays a mesh out; without cells all its triangles are one cell that is always looked at."""
    corners = mesh.vertices[mesh.triangles].astype(np.float64)
    order, pointer, spheres = _cells(corners) if cells and len(corners) else _one_cell(len(corners))
    corners = corners[order]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=-1)
    uv = mesh.uv[order].astype(np.float64)
    du, dv = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    uv_area = np.abs(du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0])
    safe = np.maximum(area, 1e-12)
    return Packed(
        np.ascontiguousarray(corners.reshape(-1, 9), dtype=np.float32),
        np.ascontiguousarray(cross / safe[:, None], dtype=np.float32),
        np.sqrt(uv_area / safe).astype(np.float32),
        np.ascontiguousarray(mesh.uv[order].reshape(-1, 6)),
        mesh.texture[order],
        mesh.tint[order],
        mesh.semantic[order],
        mesh.instance[order],
        mesh.glow[order],
        mesh.layer[order],
        pointer,
        spheres,
    )


def _one_cell(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    sphere = np.array([[0.0, 0.0, 0.0, np.inf]], dtype=np.float32)
    return np.arange(count), np.array([0, count], dtype=np.int64), sphere


def _cells(corners: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    middle = corners.mean(1)
    wide = np.ptp(corners, axis=1).max(-1) > SPREAD_M
    key = np.floor(middle[:, :2] / CELL_M).astype(np.int64)
    key[wide] = np.iinfo(np.int32).max
    order = np.lexsort((key[:, 1], key[:, 0]))
    cut = np.flatnonzero((np.diff(key[order], axis=0) != 0).any(-1)) + 1
    pointer = np.concatenate([[0], cut, [len(order)]]).astype(np.int64)
    spheres = []
    for a, b in zip(pointer, pointer[1:], strict=False):
        points = corners[order[a:b]].reshape(-1, 3)
        centre = (points.min(0) + points.max(0)) / 2
        radius = np.inf if wide[order[a]] else np.linalg.norm(points - centre, axis=-1).max()
        spheres.append([*centre, radius])
    return order, pointer, np.array(spheres, dtype=np.float32)
