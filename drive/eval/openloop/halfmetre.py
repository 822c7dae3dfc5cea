"""The 200 x 200 grid of half-metre cells that ST-P3, UniAD, VAD and their descendants share.

The ego's box (4.084 x 1.85 m, drawn 0.5 m ahead of the trajectory point) covers 8 x 4 cells around the grid's centre. It
is never turned: these protocols move it by whole cells and keep the heading of t0 for all 3 s. Cells are clipped to the
grid before they are looked up, so an ego outside +-50 m is tested against the border row or column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.eval.openloop.batch import HUMANS, VEHICLES, OpenLoopBatch
from drive.eval.openloop.raster import Ints, fills_any
from drive.frames import Array
from drive.jit import kernel
from drive.schema import Mask

CELLS = 200
CELL_M = 0.5
HALF_M = 50.0
# Centre of the first cell, and the ego's cells when it stands at the origin.
FIRST_M = -49.75
FOOTPRINT_ROWS = (97, 104)
FOOTPRINT_COLS = (98, 101)

# How far the ego's box and its one cell (half a grid off in VAD's point test, see there) reach from the trajectory point.
REACH_M = 3.0

# What the reports say of all protocols on this grid.
GRID_SETTINGS = {
    "grid": "0.5 m, +-50 m, indices clipped to the border",
    "ego": "4.084 x 1.85 m, +0.5 m ahead",
    "ego_yaw": "ignored",
    "gt_collisions": "step not counted, sample kept",
}


@dataclass(frozen=True, eq=False)
class StepFindings:
    """What a protocol finds at each step: l2 [N, 6] m; box, point [N, 6] bool: the ego's box, its one cell, is hit and the
    recorded drive's box is not; record [N, 6] bool: the recorded drive's box is hit, so the step is excused."""

    l2: Array
    box: Mask
    point: Mask
    record: Mask


def corners_32(xy: Array, yaw: Array, wl: Array) -> NDArray[np.float32]:
    """Boxes (centre [..., 2], yaw [...], width and length [..., 2]) -> corners [..., 4, 2], in float32 as the originals.

    Corners that fall between two cells up to the last bit land in the same one as there.
    """
    x, y, angle = (np.asarray(v, dtype=np.float32) for v in (xy[..., 0], xy[..., 1], yaw))
    half = np.asarray(wl, dtype=np.float32) / np.float32(2)
    along = np.array([1, -1, -1, 1], dtype=np.float32) * half[..., 1:2]
    across = np.array([1, 1, -1, -1], dtype=np.float32) * half[..., 0:1]
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    return np.stack([cos * along - sin * across + x[..., None], sin * along + cos * across + y[..., None]], -1)


def rounded(corners: NDArray[np.float32]) -> Ints:
    """Corners [..., 2] in metres -> grid vertices [..., 2], halves to even."""
    return np.round((corners + np.float32(HALF_M)) / np.float32(CELL_M)).astype(np.int64)


def truncated(values: Array) -> Ints:
    """Towards zero, and clipped to the grid. What is no 32-bit integer (NaN too) becomes 0, as in the originals' conversion."""
    return np.clip(np.where(np.abs(values) < 2**31, np.trunc(values), 0), 0, CELLS - 1).astype(np.int64)


def footprint(rows: Array, cols: Array) -> Ints:
    """The ego's box moved by rows, cols [N, 6] (cells, any fraction) -> first row, last row, first column, last column [N, 6, 4]."""
    row = [truncated(rows + FOOTPRINT_ROWS[i]) for i in (0, 1)]
    return np.stack([*row, *(truncated(cols + FOOTPRINT_COLS[i]) for i in (0, 1))], -1)


def single_cell(rows: Array, cols: Array) -> tuple[Ints, Mask]:
    """Cells [N, 6] as fractions -> rectangles [N, 6, 4] of one cell, and whether it is inside the grid [N, 6]."""
    row, col = np.trunc(rows), np.trunc(cols)
    inside = (row >= 0) & (row < CELLS) & (col >= 0) & (col < CELLS)
    row, col = truncated(row), truncated(col)
    return np.stack([row, row, col, col], -1), inside


def on_grid(*paths: ArrayLike) -> Array:
    """Paths [N, 6, 2] in L -> where their boxes are looked up, [N, E, 6, 2]: clipped to the grid; NaN counts as 0."""
    stacked = np.stack([np.asarray(path, dtype=np.float64) for path in paths], 1)
    return np.clip(np.nan_to_num(stacked, posinf=HALF_M, neginf=-HALF_M), -HALF_M, HALF_M)


def road_users(batch: OpenLoopBatch) -> Mask:
    """Agents [N, A] in the raw categories human.* and vehicle.*."""
    return np.isin(batch.agent_raw, (*HUMANS, *VEHICLES))


@kernel
def rectangles_hit(rectangles: Ints, polygons: Ints, start: Ints) -> Mask:  # pragma: no cover - compiled
    """Rectangles [N, 6, 4] of cells against the polygons of their step (see `Occupancy.near`) -> hit [N, 6]."""
    hit = np.zeros(rectangles.shape[:2], dtype=np.bool_)
    full = np.ones((FOOTPRINT_ROWS[1] - FOOTPRINT_ROWS[0] + 1, FOOTPRINT_COLS[1] - FOOTPRINT_COLS[0] + 1), dtype=np.bool_)
    for n in range(rectangles.shape[0]):
        for k in range(rectangles.shape[1]):
            top, bottom, left, right = rectangles[n, k]
            cells = full[: bottom - top + 1, : right - left + 1]
            step = n * rectangles.shape[1] + k
            for i in range(start[step], start[step + 1]):
                if fills_any(polygons[i], CELLS, CELLS, cells, top, left):
                    hit[n, k] = True
                    break
    return hit
