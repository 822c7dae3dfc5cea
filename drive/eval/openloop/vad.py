"""VAD's planning metric (hustvl/VAD 1688c4b), also used by many that report "ST-P3 metrics".

Samples: complete futures. Objects: human.* and vehicle.* that are one of the ten detection classes, annotated at t0 with at
least one point, within 15 m to the side and 30 m ahead or behind at t0; each followed until the first frame in which it
is not annotated. All values are means over the steps up to a horizon.

Quirks, kept: agents that appear later, or stand further away at t0, do not exist; the row index is 200 minus the cell
before truncation, so the ego is drawn up to a cell too far ahead (UniAD: too far back); the "point" test looks 25 m away
from the ego (half of an offset is missing) and means nothing.
"""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import RAW_TO_DETECTION, OpenLoopBatch, Plans
from drive.eval.openloop.halfmetre import (
    CELL_M,
    CELLS,
    FIRST_M,
    FOOTPRINT_COLS,
    FOOTPRINT_ROWS,
    GRID_SETTINGS,
    REACH_M,
    StepFindings,
    corners_32,
    on_grid,
    rectangles_hit,
    road_users,
    rounded,
    single_cell,
    truncated,
)
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.protocol import Protocol, cumulative
from drive.eval.openloop.raster import Ints
from drive.frames import Array
from drive.schema import Mask

RANGE_X_M, RANGE_Y_M = 15.0, 30.0


def occupancy(batch: OpenLoopBatch) -> Occupancy:
    """The agents known at t0 and followed; column = right, row = backward."""
    now = batch.agent_xy[:, :, 0]
    near = (np.abs(now[..., 0]) < RANGE_X_M) & (np.abs(now[..., 1]) < RANGE_Y_M)
    known = near & (batch.agent_points[:, :, 0] != 0) & (RAW_TO_DETECTION[batch.agent_raw] >= 0) & road_users(batch)
    drawn = np.logical_and.accumulate(batch.agent_valid, axis=2)[:, :, 1:] & known[:, :, None]

    def vertices(n: Ints, a: Ints, k: Ints) -> Ints:
        corners = corners_32(batch.agent_xy[n, a, k + 1], batch.agent_yaw[n, a, k + 1], batch.agent_wl[n, a])
        return rounded(corners * np.array([1, -1], dtype=np.float32))

    return Occupancy(drawn, batch.agent_xy[:, :, 1:], batch.agent_wl, vertices)


def per_step(batch: OpenLoopBatch, xy: Array) -> StepFindings:
    """Plans xy [N, 6, 2] in L -> L2 and flags of VAD's metric at each step; rows without a complete future mean nothing."""
    plan, record = np.asarray(xy, dtype=np.float32), np.asarray(batch.gt_traj, dtype=np.float32)
    # The point test's missing half offset: it looks this far to the left and ahead.
    misplaced = plan + np.array([FIRST_M / 2, -FIRST_M / 2], dtype=np.float32)
    near = occupancy(batch).near(on_grid(plan, record, misplaced), REACH_M)

    def box_hit(path: np.ndarray) -> Mask:
        cells = (path / np.float32(CELL_M)).astype(np.float64)
        rows = [truncated(CELLS - (cells[..., 1] + FOOTPRINT_ROWS[i])) for i in (1, 0)]
        cols = [truncated(cells[..., 0] + FOOTPRINT_COLS[i]) for i in (0, 1)]
        return rectangles_hit(np.stack([*rows, *cols], -1), *near)

    excused = box_hit(record)
    half = np.float32(-FIRST_M / 2)
    point, inside = single_cell((half - plan[..., 1]) / np.float32(CELL_M), (half + plan[..., 0]) / np.float32(CELL_M))
    l2 = np.sqrt(((plan - record) ** 2).sum(-1))
    at_point = rectangles_hit(point, *near) & inside
    return StepFindings(l2.astype(np.float64), box_hit(plan) & ~excused, at_point & ~excused, excused)


def _score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    steps = per_step(batch, plans.xy)
    return {**cumulative("l2", steps.l2), **cumulative("collision", steps.box)}


VAD = Protocol(
    name="vad",
    source="hustvl/VAD 1688c4b",
    settings={
        **GRID_SETTINGS,
        "samples": "complete future",
        "objects": "human and vehicle detection classes, with points and within 15 x 30 m at t0, until first missing",
        "cell": "200 minus the cell, truncated",
        "average": "mean up to the horizon",
    },
    select=lambda batch: batch.complete,
    score=_score,
    excused=lambda batch: per_step(batch, batch.gt_traj).record,
)
