"""SparseDrive's planning metric (swc-17/SparseDrive ec0225d), used unchanged by DiffusionDrive on nuScenes.

Samples: complete futures. Objects: every annotation with points of each future frame, barriers and cones too. Polygons,
not cells; touching counts. The ego's heading is that of the trajectory (central differences; all steps look ahead where
the last point lies within 0.5 m of the first). Steps at which the record collides do not count. Means up to each horizon.
"""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import OpenLoopBatch, Plans
from drive.eval.openloop.protocol import Protocol, cumulative
from drive.frames import Array
from drive.jit import kernel, part
from drive.schema import Mask

LENGTH_M, WIDTH_M, AHEAD_M = np.float32(4.084), np.float32(1.85), np.float32(0.5)
STANDING_M = np.float32(0.5)


def yaw_of(path: np.ndarray) -> np.ndarray:
    """Headings [N, 6] of paths [N, 6, 2] float32 in L that start at the origin."""
    whole = np.concatenate([np.zeros_like(path[:, :1]), path], 1)
    chord = np.concatenate([whole[:, 2:] - whole[:, :-2], whole[:, -1:] - whole[:, -2:-1]], 1)
    standing = np.sqrt(((path[:, -1] - path[:, 0]) ** 2).sum(-1)) < STANDING_M
    return np.where(standing[:, None], np.float32(np.pi / 2), np.arctan2(chord[..., 1], chord[..., 0]))


def ego_boxes(path: np.ndarray) -> Array:
    """Paths [N, 6, 2] float32 in L -> the ego's boxes [N, 6, 5] (x, y, cos, sin of the heading in float32, float64)."""
    yaw = yaw_of(path)
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack([path[..., 0] + AHEAD_M * cos, path[..., 1] + AHEAD_M * sin, cos, sin], -1).astype(np.float64)


def per_step(batch: OpenLoopBatch, xy: Array) -> tuple[Array, Mask, Mask]:
    """Plans xy [N, 6, 2] in L -> L2 [N, 6] m, box flags [N, 6], and at which steps the record itself collides [N, 6]."""
    plan, record = np.asarray(xy, dtype=np.float32), np.asarray(batch.gt_traj, dtype=np.float32)
    there = batch.agent_valid & (batch.agent_points != 0)
    args = (batch.agent_xy, batch.agent_yaw, batch.agent_wl, there)
    hit, recorded = _hits(ego_boxes(plan), *args), _hits(ego_boxes(record), *args)
    l2 = np.sqrt(((plan - record) ** 2).sum(-1)).astype(np.float64)
    return l2, hit & ~recorded, recorded


@part
def _corners(x: float, y: float, cos: float, sin: float, length: float, width: float, out: Array) -> None:  # pragma: no cover - compiled
    for i in range(4):
        along = length * (0.5 if i in (0, 3) else -0.5)
        across = width * (0.5 if i < 2 else -0.5)
        out[i, 0] = cos * along - sin * across + x
        out[i, 1] = sin * along + cos * across + y


@part
def _apart(a: Array, b: Array) -> bool:  # pragma: no cover - compiled
    """Whether an edge of the quadrilateral a [4, 2] (counter-clockwise) has all of b strictly on its outer side."""
    for i in range(4):
        ex, ey = a[(i + 1) % 4, 0] - a[i, 0], a[(i + 1) % 4, 1] - a[i, 1]
        outside = True
        for j in range(4):
            if ex * (b[j, 1] - a[i, 1]) - ey * (b[j, 0] - a[i, 0]) >= 0:
                outside = False
                break
        if outside:
            return True
    return False


@kernel
def _hits(ego: Array, xy: Array, yaw: Array, wl: Array, there: Mask) -> Mask:  # pragma: no cover - compiled
    """Ego boxes [N, 6, 4] (x, y, cos, sin) against agents [N, A, 7, ...] -> hit [N, 6]. Agents are rounded to float32 first,
    and their corners computed in float64, as the original does."""
    hit = np.zeros(ego.shape[:2], dtype=np.bool_)
    body, other = np.empty((4, 2)), np.empty((4, 2))
    for n in range(ego.shape[0]):
        for k in range(ego.shape[1]):
            x, y = ego[n, k, 0], ego[n, k, 1]
            _corners(x, y, ego[n, k, 2], ego[n, k, 3], float(LENGTH_M), float(WIDTH_M), body)
            for a in range(xy.shape[1]):
                if not there[n, a, k + 1]:
                    continue
                ax, ay = float(np.float32(xy[n, a, k + 1, 0])), float(np.float32(xy[n, a, k + 1, 1]))
                width, length = float(np.float32(wl[n, a, 0])), float(np.float32(wl[n, a, 1]))
                reach = (width + length) / 2 + 2.3
                if abs(ax - x) > reach or abs(ay - y) > reach:
                    continue
                angle = float(np.float32(yaw[n, a, k + 1]))
                _corners(ax, ay, float(np.float32(np.cos(angle))), float(np.float32(np.sin(angle))), length, width, other)
                if not _apart(body, other) and not _apart(other, body):
                    hit[n, k] = True
                    break
    return hit


def _score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    l2, hit, _ = per_step(batch, plans.xy)
    return {**cumulative("l2", l2), **cumulative("collision", hit)}


SPARSEDRIVE = Protocol(
    name="sparsedrive",
    source="swc-17/SparseDrive ec0225d",
    settings={
        "samples": "complete future",
        "objects": "all annotations with points of each future frame",
        "overlap": "polygons, closed",
        "ego": "4.084 x 1.85 m, +0.5 m along the heading",
        "ego_yaw": "trajectory, central differences",
        "gt_collisions": "step not counted, sample kept",
        "average": "mean up to the horizon",
    },
    select=lambda batch: batch.complete,
    score=_score,
    keeps=lambda category: True,
    excused=lambda batch: per_step(batch, batch.gt_traj)[2],
)
