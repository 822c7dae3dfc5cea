"""Boxes of the tables, projected, against the pixels of the agents that were drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from drive.cameras import Camera, project
from drive.compare.rerender import Recast, flat_camera, heights
from drive.data.scenes import CameraRecord
from drive.frames import Array, se2_to_se3
from drive.render.scene import Buffers
from drive.viz.cameras import box_corners_3d
from drive.world.state import State

if TYPE_CHECKING:
    from drive.render.renderer import Renderer

LEAST_SIDE_PX = 12  # smaller boxes are not measured
WHOLE = 0.8  # share of an agent's own rectangle that must be seen for it to be measured


@dataclass(frozen=True)
class Overlap:
    """One agent in one picture: what it is, intersection over union of both rectangles, distance of their centres in pixels."""

    category: str
    iou: float
    off_px: float


def measure(recast: Recast, renderer: Renderer, index: int, record: CameraRecord, state: State, drawn: Buffers) -> list[Overlap]:
    """The agents that one camera sees whole: the table's box against the drawn pixels, as rectangles of the picture.

    state: what was drawn.
    """
    from drive.render.look import actor_mesh
    from drive.render.renderer import lifted

    tracks = recast.log.tracks
    seen_by = _in_world(record.camera, recast.log.world_from_ego[index])
    placed = _in_world(flat_camera(recast.log, index, record), se2_to_se3(state.ego[:3]))
    mesh = lifted(actor_mesh(renderer.models, state), heights(recast, index))
    found = []
    for a, i in recast.agents.items():
        if not tracks.valid[a, index]:
            continue
        heading = float(np.arctan2(tracks.forward[a, index, 1], tracks.forward[a, index, 0]))
        box = _rectangle(seen_by, box_corners_3d(tracks.centres[a, index], heading, tracks.sizes[a, index]))
        own = _rectangle(placed, mesh.vertices[mesh.triangles[mesh.instance == i + 1]].reshape(-1, 3).astype(np.float64))
        rows, columns = np.nonzero(drawn.instance == i + 1)
        if box is None or own is None or not len(rows):
            continue
        pixels = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=np.float64)
        if min(box[2] - box[0], box[3] - box[1]) >= LEAST_SIDE_PX and _iou(own, pixels) >= WHOLE:
            off = float(np.hypot(*(box[:2] + box[2:] - pixels[:2] - pixels[2:]) / 2))
            found.append(Overlap(tracks.categories[a], _iou(box, pixels), off))
    return found


def _in_world(camera: Camera, world_from_ego: Array) -> Camera:
    return replace(camera, ego_from_camera=world_from_ego @ camera.ego_from_camera)


def _rectangle(camera: Camera, points: Array) -> Array | None:
    """left, top, right, bottom [4] of projected points, cut to the picture; None where any lies behind or all outside."""
    if not len(points):
        return None
    uv, front = project(camera, points)
    if not front.all():
        return None
    size = np.array([camera.width, camera.height], dtype=np.float64)
    low, high = np.clip(uv.min(0), 0, size), np.clip(uv.max(0), 0, size)
    return np.concatenate([low, high]) if (high > low).all() else None


def _iou(a: Array, b: Array) -> float:
    both = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both))
