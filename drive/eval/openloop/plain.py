"""The protocols' box tests in their plain form: fill every agent into an image, or make a polygon of it, and look.

Readable references for the kernels (compared in tests, timed beside them by `drive bench metrics`). As plain as the
originals, one `cv2.fillPoly` per frame and agent, but without their detours: vertices come in one array, images are bytes,
and only the ego's cells are looked up. Each takes a batch and plans xy [N, 6, 2] in L and returns the flags [N, 6].
"""

from __future__ import annotations

import cv2
import numpy as np
import shapely

from drive.eval.openloop import bevplanner, halfmetre, sparsedrive, stp3, uniad, vad
from drive.eval.openloop.batch import OpenLoopBatch
from drive.frames import Array
from drive.geometry import box_corners, ego_boxes
from drive.schema import Mask

ROWS, COLS = (np.arange(first, last + 1) for first, last in (halfmetre.FOOTPRINT_ROWS, halfmetre.FOOTPRINT_COLS))
ROWS, COLS = (cells.ravel() for cells in np.meshgrid(ROWS, COLS, indexing="ij"))


def images(polygons: np.ndarray, drawn: Mask, cells: int) -> np.ndarray:
    """Polygons [A, 6, 4, 2] of one sample where drawn [A, 6] -> six filled images [6, cells, cells] uint8."""
    filled = np.zeros((polygons.shape[1], cells, cells), dtype=np.uint8)
    for polygon, k in zip(polygons[drawn], np.nonzero(drawn)[1].tolist(), strict=True):
        cv2.fillPoly(filled[k], [polygon], (1,))
    return filled


def _looked_up(images_: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> Mask:
    """Images [6, H, W], or one for all steps [1, H, W], at cells [6, C], truncated and clipped -> whether one is filled [6]."""
    last = images_.shape[-1] - 1
    r, c = (np.clip(v, 0, last).astype(np.int64) for v in (rows, cols))
    return images_[np.arange(len(images_))[:, None], r, c].any(1)


def _cells(path: Array) -> tuple[Array, Array]:
    """A path [6, 2] in L -> how far it lies to the right and ahead, in half-metre cells [6, 1]."""
    cells = (path.astype(np.float32) / np.float32(halfmetre.CELL_M)).astype(np.float64)
    return cells[:, :1], cells[:, 1:]


def uniad_flags(batch: OpenLoopBatch, xy: Array) -> Mask:
    """UniAD's box flags."""
    polygons, drawn = uniad.occupancy(batch).everything()
    polygons, flags = polygons.astype(np.int32), np.zeros(xy.shape[:2], dtype=bool)
    record = np.where(batch.gt_mask[..., None], batch.gt_traj, 0.0)
    for i in range(len(batch)):
        filled = images(polygons[i], drawn[i], halfmetre.CELLS)
        plan, recorded = (_looked_up(filled, ahead + ROWS, right + COLS) for right, ahead in map(_cells, (xy[i], record[i])))
        flags[i] = plan & ~recorded & batch.gt_mask[i]
    return flags


def vad_flags(batch: OpenLoopBatch, xy: Array) -> Mask:
    """VAD's box flags."""
    polygons, drawn = vad.occupancy(batch).everything()
    polygons, flags = polygons.astype(np.int32), np.zeros(xy.shape[:2], dtype=bool)
    for i in range(len(batch)):
        filled = images(polygons[i], drawn[i], halfmetre.CELLS)
        pairs = map(_cells, (xy[i], batch.gt_traj[i]))
        plan, recorded = (_looked_up(filled, halfmetre.CELLS - (ahead + ROWS), right + COLS) for right, ahead in pairs)
        flags[i] = plan & ~recorded
    return flags


def stp3_flags(batch: OpenLoopBatch, xy: Array) -> Mask:
    """ST-P3's box flags; the warp is applied to the ego's cells alone."""
    polygons, drawn = stp3.occupancy(batch).everything()
    warps = stp3.warp(batch)
    polygons, flags = polygons.astype(np.int32), np.zeros(xy.shape[:2], dtype=bool)
    for i in range(len(batch)):
        filled = images(polygons[i], drawn[i], halfmetre.CELLS)
        pairs = map(_cells, (xy[i], batch.gt_traj[i]))
        plan, recorded = (_warped(filled, warps[i], ahead + ROWS, -right + COLS) for right, ahead in pairs)
        flags[i] = plan & ~recorded
    return flags


def _warped(filled: np.ndarray, warps: np.ndarray, rows: Array, cols: Array) -> Mask:
    n = np.float32(halfmetre.CELLS)
    r, c = (halfmetre.truncated(v).astype(np.float32) for v in (rows, cols))
    y, x = ((2 * v + 1) / n - 1 for v in (r, c))
    at = [row[:, :1] * x + row[:, 1:2] * y + row[:, 2:] for row in (warps[:, 0], warps[:, 1])]
    col, row = (np.rint(((v + 1) * n - 1) / 2).astype(np.int64) for v in at)
    inside = (row >= 0) & (row < halfmetre.CELLS) & (col >= 0) & (col < halfmetre.CELLS)
    hit = filled[np.arange(len(filled))[:, None], np.where(inside, row, 0), np.where(inside, col, 0)]
    return (hit.astype(bool) & inside).any(1)


def bevplanner_flags(batch: OpenLoopBatch, xy: Array) -> tuple[Mask, Mask]:
    """BEV-Planner's box flags against objects and against road boundaries."""
    polygons, drawn = bevplanner.occupancy(batch).everything()
    lines = bevplanner.boundary_lines(batch).astype(np.int32)
    polygons = polygons.astype(np.int32)
    flags, edges = np.zeros(xy.shape[:2], dtype=bool), np.zeros(xy.shape[:2], dtype=bool)
    ego = np.stack(np.meshgrid(bevplanner.AHEAD, bevplanner.ACROSS, indexing="ij"), -1).reshape(-1, 2)
    for i in range(len(batch)):
        filled = images(polygons[i], drawn[i], bevplanner.CELLS)
        boundary = np.zeros((1, bevplanner.CELLS, bevplanner.CELLS), dtype=np.uint8)
        cv2.polylines(boundary[0], list(lines[i, : max(batch.n_boundary[i], 0)]), isClosed=False, color=(1,))
        cells = [_turned(bevplanner.to_ego(path.astype(np.float32)), ego) for path in (xy[i], batch.gt_traj[i])]
        hits = [(_looked_up(filled, left, ahead), _looked_up(boundary, left, ahead)) for ahead, left in cells]
        flags[i], edges[i] = (plan & ~recorded for plan, recorded in zip(*hits, strict=True))
    return flags, edges


def _turned(path: np.ndarray, ego: Array) -> tuple[Array, Array]:
    """The ego's cells [C, 2], turned, rounded and moved along a path [6, 2] -> ahead, left [6, C]."""
    yaw = bevplanner.headings(path[None])[0]
    cos, sin = (np.asarray(v, dtype=np.float64)[:, None] for v in (np.cos(yaw), np.sin(yaw)))
    at = (path / bevplanner.CELL_M).astype(np.float64)
    ahead = np.round(ego[:, 0] * cos - ego[:, 1] * sin - bevplanner.ORIGIN) + at[:, :1]
    left = np.round(ego[:, 0] * sin + ego[:, 1] * cos - bevplanner.ORIGIN) + at[:, 1:]
    return ahead, left


def sparsedrive_flags(batch: OpenLoopBatch, xy: Array) -> Mask:
    """SparseDrive's box flags, with shapely."""
    there = batch.agent_valid & (batch.agent_points != 0)
    flags = np.zeros(xy.shape[:2], dtype=bool)
    egos = [_quads(sparsedrive.ego_boxes(path.astype(np.float32))) for path in (xy, batch.gt_traj)]
    for i in range(len(batch)):
        a, k = np.nonzero(there[i, :, 1:])
        boxes = np.concatenate([batch.agent_xy[i, a, k + 1], batch.agent_yaw[i, a, k + 1, None], batch.agent_wl[i, a, ::-1]], -1)
        agents = shapely.polygons(box_corners(boxes.astype(np.float32)))
        plan, recorded = (_touched(ego[i], agents, k) for ego in egos)
        flags[i] = plan & ~recorded
    return flags


def _touched(egos: np.ndarray, agents: np.ndarray, steps: np.ndarray) -> Mask:
    """Ego polygons [6] against agents' polygons [M] at their steps [M] -> at which steps [6] one is touched."""
    hit = shapely.intersects(egos[steps], agents)
    return np.bincount(steps, weights=hit, minlength=len(egos)) > 0


def _quads(boxes: Array) -> np.ndarray:
    """SparseDrive's ego boxes [N, 6, 4] (x, y, cos, sin) -> polygons [N, 6]."""
    heading = np.arctan2(boxes[..., 3], boxes[..., 2])[..., None]
    size = np.broadcast_to([float(sparsedrive.LENGTH_M), float(sparsedrive.WIDTH_M)], (*boxes.shape[:-1], 2))
    return shapely.polygons(box_corners(np.concatenate([boxes[..., :2], heading, size], -1)))


def exact_flags(batch: OpenLoopBatch, poses: Array) -> Mask:
    """The flags of `exact`, with shapely; poses [N, 6, 3] in the ego frame."""
    egos = shapely.polygons(box_corners(ego_boxes(poses)))
    valid = batch.agent_valid & batch.agent_road_user[:, :, None]
    flags = np.zeros(poses.shape[:2], dtype=bool)
    for i in range(len(batch)):
        a, k = np.nonzero(valid[i, :, 1:])
        flags[i] = _touched(egos[i], shapely.polygons(box_corners(batch.agent_boxes[i, a, k + 1])), k)
    return flags
