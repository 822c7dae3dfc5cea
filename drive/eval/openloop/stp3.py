"""ST-P3's planning metric (OpenDriveLab/ST-P3 6b11e13).

Samples: two key frames before and six after. Objects: human* and vehicle*, no filter by points; an instance is drawn in
the future only if it was seen in the three observed frames with a visibility other than level 1. Means up to each horizon.

Quirks, kept:
* each future frame is drawn in its own ego frame and then warped to t0, nearest cell, in float32. The warp turns by the
  ego's heading but shifts by (-x, +y) of its position, which is the inverse movement on a circular arc only;
* objects are relative to the rear axle, trajectories are displacements of the LiDAR: 0.94 m apart, half of it made up for by
  the 0.5 m by which the ego's box is moved ahead;
* cell indices are truncated, so the box is drawn up to a cell too far back; columns count to the left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.openloop.batch import OpenLoopBatch, Plans
from drive.eval.openloop.halfmetre import (
    CELL_M,
    CELLS,
    FIRST_M,
    GRID_SETTINGS,
    HALF_M,
    REACH_M,
    StepFindings,
    footprint,
    road_users,
    single_cell,
)
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.protocol import Protocol, cumulative
from drive.eval.openloop.raster import Ints, fills_any
from drive.frames import Array, rotation_2d
from drive.geometry import box_corners
from drive.jit import kernel, part
from drive.schema import Mask

# Largest extent of the ego's cells after the warp.
WINDOW = 16


def occupancy(batch: OpenLoopBatch) -> Occupancy:
    """The agents seen at t0, each future frame in its own ego frame; column = left, row = forward."""

    def vertices(n: Ints, a: Ints, k: Ints) -> Ints:
        pose, boxes = batch.gt_poses[n, k], batch.agent_boxes[n, a, k + 1]
        centre = ((boxes[:, None, :2] - pose[:, None, :2]) @ rotation_2d(pose[:, 2]))[:, 0]
        own = np.concatenate([centre, boxes[:, 2:3] - pose[:, 2:3], boxes[:, 3:]], -1)
        return np.round((box_corners(own) + HALF_M) / CELL_M).astype(np.int64)[..., ::-1].copy()

    drawn = batch.agent_valid[:, :, 1:] & (batch.agent_seen & road_users(batch))[:, :, None]
    return Occupancy(drawn, batch.agent_boxes[:, :, 1:, :2], batch.agent_wl, vertices)


def warp(batch: OpenLoopBatch) -> np.ndarray:
    """ST-P3's warp of each future frame to t0: rows of a float32 matrix [N, 6, 2, 3] on cells scaled to -1..1."""
    x, y, angle = (batch.gt_poses[..., i].astype(np.float32) for i in range(3))
    cos, sin = np.cos(angle), np.sin(angle)
    half = np.float32(HALF_M)
    return np.stack([np.stack([cos, -sin, y / half], -1), np.stack([sin, cos, -x / half], -1)], -2)


def sources(batch: OpenLoopBatch, rectangles: Ints) -> Array:
    """Where the warp takes the middle of rectangles [N, 6, 4] from, as positions [N, 6, 2] in the ego frame of t0."""
    middle = (rectangles[..., 0::2] + rectangles[..., 1::2] + 1) / CELLS - 1
    row, col = middle[..., 0], middle[..., 1]
    left, ahead = (HALF_M * (m[..., 0] * col + m[..., 1] * row + m[..., 2]) for m in np.moveaxis(warp(batch).astype(np.float64), -2, 0))
    own = np.stack([ahead, left], -1)
    pose = batch.gt_poses
    return (own[..., None, :] @ np.swapaxes(rotation_2d(pose[..., 2]), -1, -2))[..., 0, :] + pose[..., :2]


@part
def _source(position: int, other: int, row: np.ndarray) -> int:  # pragma: no cover - compiled
    """Index along one axis of the cell that nearest sampling takes for (column, row) = (position, other), in float32."""
    n, one, two = np.float32(CELLS), np.float32(1), np.float32(2)
    x, y = (two * np.float32(position) + one) / n - one, (two * np.float32(other) + one) / n - one
    at = row[0] * x + row[1] * y + row[2]
    return int(np.rint(((at + one) * n - one) / two))


@kernel
def _warped_hits(rectangles: Ints, warps: np.ndarray, polygons: Ints, start: Ints) -> Mask:  # pragma: no cover - compiled
    """Rectangles [N, 6, 4] of cells at t0 -> whether one of them is occupied after the warp [N, 6]."""
    hit = np.zeros(rectangles.shape[:2], dtype=np.bool_)
    cells = np.zeros((WINDOW, WINDOW), dtype=np.bool_)
    rows, cols = np.empty(WINDOW * WINDOW, dtype=np.int64), np.empty(WINDOW * WINDOW, dtype=np.int64)
    for n in range(rectangles.shape[0]):
        for k in range(rectangles.shape[1]):
            top, bottom, left, right = rectangles[n, k]
            first, last = start[n * rectangles.shape[1] + k], start[n * rectangles.shape[1] + k + 1]
            if first == last:
                continue
            used = 0
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    col, row = _source(c, r, warps[n, k, 0]), _source(c, r, warps[n, k, 1])
                    if 0 <= row < CELLS and 0 <= col < CELLS:
                        rows[used], cols[used] = row, col
                        used += 1
            if used == 0:
                continue
            row0, col0 = rows[:used].min(), cols[:used].min()
            cells[:] = False
            for i in range(used):
                cells[rows[i] - row0, cols[i] - col0] = True
            window = cells[: rows[:used].max() - row0 + 1, : cols[:used].max() - col0 + 1]
            for i in range(first, last):
                if fills_any(polygons[i], CELLS, CELLS, window, row0, col0):
                    hit[n, k] = True
                    break
    return hit


def per_step(batch: OpenLoopBatch, xy: ArrayLike, right: bool = False, mirrored: bool = False) -> StepFindings:
    """Plans xy [N, 6, 2] in L -> L2 and flags of ST-P3's metric at each step; rows without a complete future mean nothing.

    right: columns are counted to the right instead (AD-MLP). mirrored: the occupancy's columns are reversed (AD-MLP).
    """
    plan, record = np.asarray(xy, dtype=np.float32), np.asarray(batch.gt_traj, dtype=np.float32)
    sign = np.float32(1 if right else -1)

    def flip(rectangles: Ints) -> Ints:
        top, bottom, left, right_ = np.moveaxis(rectangles, -1, 0)
        return np.stack([top, bottom, CELLS - 1 - right_, CELLS - 1 - left], -1) if mirrored else rectangles

    def box(path: np.ndarray) -> Ints:
        cells = (path / np.float32(CELL_M)).astype(np.float64)
        return flip(footprint(cells[..., 1], sign * cells[..., 0]))

    first, size = np.float32(FIRST_M), np.float32(CELL_M)
    point, inside = single_cell((plan[..., 1] - first) / size, (sign * plan[..., 0] - first) / size)
    l2 = np.sqrt(((plan - record) ** 2).sum(-1)).astype(np.float64)
    looked_up = [box(plan), box(record), flip(point)]
    near = occupancy(batch).near(np.stack([sources(batch, cells) for cells in looked_up], 1), REACH_M)
    at_plan, excused, at_point = (_warped_hits(cells, warp(batch), *near) for cells in looked_up)
    return StepFindings(l2, at_plan & ~excused, at_point & inside & ~excused, excused)


def observed(batch: OpenLoopBatch) -> Mask:
    """Samples [N] with two key frames before and six after. Raises ValueError where the window shows fewer than two."""
    if (batch.past_steps < 2).any():
        raise ValueError("ST-P3's protocols need a window with at least 1 s of past, to tell which agents were seen before")
    return batch.complete & (batch.index >= 2)


def _score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    steps = per_step(batch, plans.xy)
    return {**cumulative("l2", steps.l2), **cumulative("collision", steps.box), **cumulative("point_collision", steps.point)}


SETTINGS = {
    **GRID_SETTINGS,
    "samples": "two key frames before, six after",
    "objects": "human and vehicle instances seen in the three observed frames, visibility level 1 unseen",
    "cell": "truncated",
    "warp": "each frame to t0, nearest, float32",
    "average": "mean up to the horizon",
}
STP3 = Protocol(
    name="stp3",
    source="OpenDriveLab/ST-P3 6b11e13",
    settings=SETTINGS,
    select=observed,
    score=_score,
    excused=lambda batch: per_step(batch, batch.gt_traj).record,
)
