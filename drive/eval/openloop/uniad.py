"""UniAD's planning metric (OpenDriveLab/UniAD dd161b2), and its two ways of averaging.

Samples: every key frame. Objects: vehicles (no pedestrians, no filter by points or visibility) of each future frame.
Quirks, kept: steps without a recorded future count with L2 0 and no collision, in numerator and denominator alike, which
deflates every mean; the ego is drawn up to a cell too far back, since its cell index is truncated.

* `uniad`: the value at 1, 2 and 3 s; "avg" is the mean of the three.
* `uniad-stp3`: the same flags, averaged over all steps up to each horizon (`planning_evaluation_strategy="stp3"`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drive.eval.openloop.batch import RAW_TO_DETECTION, OpenLoopBatch, Plans
from drive.eval.openloop.halfmetre import (
    CELL_M,
    FIRST_M,
    GRID_SETTINGS,
    REACH_M,
    StepFindings,
    corners_32,
    footprint,
    on_grid,
    rectangles_hit,
    rounded,
    single_cell,
)
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.protocol import Protocol, at_step, cumulative
from drive.eval.openloop.raster import Ints
from drive.frames import Array
from drive.schema import Mask

VEHICLE_CLASSES = (0, 1, 2, 3, 4, 6, 7)


def occupancy(batch: OpenLoopBatch) -> Occupancy:
    """The vehicles of the future frames; column = right, row = forward."""
    vehicle = np.isin(RAW_TO_DETECTION[batch.agent_raw], VEHICLE_CLASSES)

    def vertices(n: Ints, a: Ints, k: Ints) -> Ints:
        return rounded(corners_32(batch.agent_xy[n, a, k + 1], batch.agent_yaw[n, a, k + 1], batch.agent_wl[n, a]))

    drawn = batch.agent_valid[:, :, 1:] & vehicle[:, :, None]
    return Occupancy(drawn, batch.agent_xy[:, :, 1:], batch.agent_wl, vertices)


def per_step(batch: OpenLoopBatch, xy: Array) -> StepFindings:
    """Plans xy [N, 6, 2] in L -> what UniAD's metric adds up at each step."""
    plan, record = (np.asarray(v, dtype=np.float32) for v in (xy, np.where(batch.gt_mask[..., None], batch.gt_traj, 0.0)))
    near = occupancy(batch).near(on_grid(plan, record), REACH_M)

    def box_hit(path: np.ndarray) -> Mask:
        cells = (path / np.float32(CELL_M)).astype(np.float64)
        return rectangles_hit(footprint(cells[..., 1], cells[..., 0]), *near)

    excused = box_hit(record) & batch.gt_mask
    counts = batch.gt_mask & ~excused
    cell = (plan - np.float32(FIRST_M)) / np.float32(CELL_M)
    point, inside = single_cell(cell[..., 1], cell[..., 0])
    l2 = np.sqrt(((plan - record) ** 2).sum(-1)) * batch.gt_mask
    at_point = rectangles_hit(point, *near) & inside
    return StepFindings(l2.astype(np.float64), box_hit(plan) & counts, at_point & counts, excused)


def _score_at_step(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    steps = per_step(batch, plans.xy)
    return {**at_step("l2", steps.l2), **at_step("collision", steps.box), **at_step("point_collision", steps.point)}


def _score_cumulative(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    steps = per_step(batch, plans.xy)
    return {**cumulative("l2", steps.l2), **cumulative("collision", steps.box), **cumulative("point_collision", steps.point)}


_SETTINGS = {
    **GRID_SETTINGS,
    "samples": "all key frames; steps without a future count as 0",
    "objects": "vehicles of each future frame",
    "cell": "truncated",
}
UNIAD = Protocol(
    name="uniad",
    source="OpenDriveLab/UniAD dd161b2",
    settings={**_SETTINGS, "average": "at step"},
    select=lambda batch: np.ones(len(batch), dtype=bool),
    score=_score_at_step,
    excused=lambda batch: per_step(batch, batch.gt_traj).record,
)
UNIAD_STP3 = replace(UNIAD, name="uniad-stp3", settings={**_SETTINGS, "average": "mean up to the horizon"}, score=_score_cumulative)
