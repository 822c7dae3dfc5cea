"""A plain ray caster to check pictures by: Moeller and Trumbore (1997) over all triangles, nothing of the rasteriser's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, unproject
from drive.frames import Array, se2_to_se3
from drive.render import look
from drive.render.renderer import Renderer
from drive.render.scene import Buffers, Mesh
from drive.world.state import State

LAYER_STEP = 2e-4  # what lies in one plane: a layer counts as this much nearer, in proportion
NEAREST_M = 0.08
RAYS_AT_ONCE = 24
AROUND_PX = np.array([[-0.8, -0.8], [-0.8, 0.8], [0.8, -0.8], [0.8, 0.8]])

Found = tuple[Array, NDArray[np.int64], NDArray[np.int64]]


def joined(meshes: tuple[Mesh, ...]) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]:
    """Corners [T, 3, 3], nearness [T], instance [T], semantic [T] of several meshes."""
    corners = np.concatenate([mesh.vertices[mesh.triangles] for mesh in meshes]).astype(np.float64)
    near = 1.0 + LAYER_STEP * np.concatenate([mesh.layer for mesh in meshes])
    instance, semantic = (np.concatenate([getattr(mesh, name) for mesh in meshes]).astype(np.int64) for name in ("instance", "semantic"))
    return corners, near, instance, semantic


def cast(meshes: tuple[Mesh, ...], origin: Array, rays: Array) -> Found:
    """What unit rays [R, 3] meet first of the triangles' fronts: distance [R] (infinite: nothing), instance [R], semantic [R]."""
    corners, near, instance, semantic = joined(meshes)
    corners -= origin
    e1, e2, s = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], -corners[:, 0]
    # The scalar triple products of the paper, with the ray as the factor that changes.
    for_determinant, for_u, for_v = np.cross(e2, e1).T.copy(), np.cross(e2, s).T.copy(), np.cross(s, e1).T.copy()
    along = (for_v.T * e2).sum(-1)
    distance, found = np.full(len(rays), np.inf), np.full(len(rays), -1)
    for first in range(0, len(rays), RAYS_AT_ONCE):
        some = rays[first : first + RAYS_AT_ONCE]
        determinant, u, v = some @ for_determinant, some @ for_u, some @ for_v
        row, column = np.nonzero((determinant > 1e-12) & (u >= 0) & (v >= 0) & (u + v <= determinant))
        t = along[column] / determinant[row, column]
        rank = np.where(t > NEAREST_M, t / near[column], np.inf)
        for i in np.unique(row[np.isfinite(rank)]):
            best = np.flatnonzero(row == i)[rank[row == i].argmin()]
            distance[first + i], found[first + i] = t[best], column[best]
    met = found >= 0
    return distance, np.where(met, instance[found], 0), np.where(met, semantic[found], 0)


def meshes_of(renderer: Renderer, state: State, seed: int) -> tuple[Mesh, ...]:
    """What a renderer of a seed draws of a state."""
    return look.static_mesh(renderer.world, renderer.weather, seed), look.actor_mesh(renderer.models, state)


def cast_camera(meshes: tuple[Mesh, ...], state: State, camera: Camera, pixels: Array) -> Found:
    """What a camera's ego meets through continuous pixels [R, 2] (u, v)."""
    pose = se2_to_se3(state.ego[:3]) @ camera.ego_from_camera
    return cast(meshes, pose[:3, 3], unproject(camera, pixels) @ pose[:3, :3].T)


def random_pixels(camera: Camera, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of different pixels."""
    i, j = np.divmod(np.random.default_rng(seed).choice(camera.width * camera.height, count, replace=False), camera.width)
    return i, j


def agreement(meshes: tuple[Mesh, ...], buffers: Buffers, state: State, camera: Camera, i: Array, j: Array) -> NDArray[np.bool_]:
    """Whether depth (to 1 %), instance and semantic [R, 3] of pixels are what the caster finds."""
    distance, instance, semantic = cast_camera(meshes, state, camera, np.stack([j + 0.5, i + 0.5], -1))
    same_depth = np.isclose(buffers.depth[i, j], distance, rtol=0.01, atol=0.0)
    return np.stack([same_depth, buffers.instance[i, j] == instance, buffers.semantic[i, j] == semantic], -1)


def away_from_edges(meshes: tuple[Mesh, ...], state: State, camera: Camera, i: Array, j: Array) -> NDArray[np.bool_]:
    """Where four rays around a pixel's centre meet the same thing as the centre's ray, in the same plane."""
    centre = np.stack([j + 0.5, i + 0.5], -1)
    distance, instance, semantic = cast_camera(meshes, state, camera, centre)
    around = [cast_camera(meshes, state, camera, centre + shift) for shift in AROUND_PX]
    same = np.all([(found[1] == instance) & (found[2] == semantic) for found in around], axis=0)
    # In a plane 1 / distance is close to linear in the pixel.
    return same & np.isclose(np.mean([1 / found[0] for found in around], axis=0), 1 / distance, rtol=0.01, atol=0.0)
