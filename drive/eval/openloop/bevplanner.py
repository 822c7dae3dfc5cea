"""BEV-Planner's planning metric (NVlabs/BEV-Planner 01c28d6), with its road-boundary rate (CCR).

Samples: complete futures. Objects: vehicles with points of each future frame. A grid of 0.1 m in the ego frame; the ego's
box is turned by the direction of its last displacement, and by 0 where that is under 1 m (so a slow step after a turn
looks ahead again). L2 at T s is the mean up to T; a collision at T s is one at any step up to T; CCR is the same test
against the road-boundary polylines of t0. Steps at which the record collides, or touches a boundary, never count.

The ego's box stands 0.5 + 0.985793 m ahead of the trajectory point. The second term is the LiDAR's distance from the rear
axle, and objects are given in the ego frame, but trajectories are the LiDAR's displacements as in VAD's data; the two
agree where the car does not turn.
"""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import RAW_TO_DETECTION, OpenLoopBatch, Plans
from drive.eval.openloop.halfmetre import StepFindings, corners_32, on_grid
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.protocol import Protocol, any_until, cumulative
from drive.eval.openloop.raster import Ints, fills_any, line_hits
from drive.frames import Array
from drive.jit import kernel, maker_part, part
from drive.schema import Mask

CELLS = 1000
CELL_M = np.float32(0.1)
FIRST_M = np.float32(-49.95)
OUTSIDE_M = np.float32(-1000.0)
LIDAR_AHEAD_M = 0.985793
VEHICLE_CLASSES = (0, 1, 2, 3, 4, 6, 7)
LEAST_STEP_M = 1.0
# The ego's cells at the origin, as offsets from the grid's centre: 41 ahead x 18 across.
ORIGIN = float(FIRST_M / CELL_M)
AHEAD = np.arange(494, 535) + ORIGIN
ACROSS = np.arange(491, 509) + ORIGIN
WINDOW = 64
# No cell of the box lies further than this from the trajectory point, however it is turned.
REACH_CELLS = 40
# How far the ego's box reaches from the trajectory point, objects being moved ahead by LIDAR_AHEAD_M.
REACH_M = 4.5


def to_ego(points: Array) -> Array:
    """Points or displacements [..., 2] in L (x right, y forward) -> x forward, y left."""
    return np.stack([points[..., 1], -points[..., 0]], -1)


def occupancy(batch: OpenLoopBatch) -> Occupancy:
    """The vehicles with points of the future frames; column = forward, row = left."""
    vehicle = np.isin(RAW_TO_DETECTION[batch.agent_raw], VEHICLE_CLASSES)
    drawn = batch.agent_valid[:, :, 1:] & (batch.agent_points[:, :, 1:] != 0) & vehicle[:, :, None]

    def vertices(n: Ints, a: Ints, k: Ints) -> Ints:
        centre = to_ego(batch.agent_xy[n, a, k + 1]) + np.array([LIDAR_AHEAD_M, 0.0])
        corners = corners_32(centre, batch.agent_yaw[n, a, k + 1] - np.pi / 2, batch.agent_wl[n, a])
        return np.trunc((corners - FIRST_M) / CELL_M).astype(np.int64)

    return Occupancy(drawn, batch.agent_xy[:, :, 1:], batch.agent_wl, vertices)


def boundary_lines(batch: OpenLoopBatch) -> Ints:
    """Road-boundary polylines [N, B, 20, 2] as grid vertices (column = forward, row = left), clipped to the grid."""
    cells = (batch.boundary.astype(np.float32) - FIRST_M) / CELL_M
    return np.clip(cells, 0, CELLS - 1).astype(np.int64)


def headings(path: np.ndarray) -> np.ndarray:
    """Direction of each displacement of a path [N, 6, 2] float32 that starts at the origin; 0 where it is too short."""
    steps = np.diff(path, axis=1, prepend=np.zeros_like(path[:, :1]))
    length = np.sqrt((steps**2).sum(-1))
    return np.where(length < np.float32(LEAST_STEP_M), np.float32(0), np.arctan2(steps[..., 1], steps[..., 0]))


def per_step(batch: OpenLoopBatch, xy: Array) -> tuple[StepFindings, StepFindings]:
    """Plans xy [N, 6, 2] in L -> flags against objects, and against road boundaries, at each step (L2 the same in both)."""
    plan, record = (to_ego(np.asarray(v, dtype=np.float32)) for v in (xy, batch.gt_traj))
    near = occupancy(batch).near(on_grid(xy, batch.gt_traj), REACH_M)
    lines = boundary_lines(batch), batch.n_boundary

    def hits(path: np.ndarray) -> tuple[Mask, Mask]:
        # NaN and infinity become the corner cell, as in the original's conversion to integers.
        path = np.where(np.isfinite(path).all(-1, keepdims=True), path, OUTSIDE_M)
        yaw = headings(path)
        turn = np.stack([np.cos(yaw), np.sin(yaw)], -1).astype(np.float64)
        return _hits((path / CELL_M).astype(np.float64), turn, *near, *lines)

    (box, edge), (record_box, record_edge) = hits(plan), hits(record)
    cell = np.trunc((plan - FIRST_M) / CELL_M)
    inside = ((cell >= 0) & (cell < CELLS)).all(-1)
    point, point_edge = _points(np.where(inside[..., None], cell, 0).astype(np.int64), *near, *lines)
    l2 = np.sqrt(((plan - record) ** 2).sum(-1)).astype(np.float64)
    return (
        StepFindings(l2, box & ~record_box, point & inside & ~record_box, record_box),
        StepFindings(l2, edge & ~record_edge, point_edge & inside & ~record_edge, record_edge),
    )


@kernel
def _hits(
    path: Array, turn: Array, polygons: Ints, start: Ints, lines: Ints, line_count: Ints
) -> tuple[Mask, Mask]:  # pragma: no cover - compiled
    """Path [N, 6, 2] in cells with turn [N, 6, 2] = cos, sin -> does the turned box hit an object, a boundary [N, 6] each."""
    objects = np.zeros(path.shape[:2], dtype=np.bool_)
    edges = np.zeros(path.shape[:2], dtype=np.bool_)
    cells = np.zeros((WINDOW, WINDOW), dtype=np.bool_)
    for n in range(path.shape[0]):
        for k in range(path.shape[1]):
            first, last = start[n * path.shape[1] + k], start[n * path.shape[1] + k + 1]
            if first == last and not _lines_near(lines[n], line_count[n], path[n, k]):
                continue
            rows, cols, row0, col0 = _draw_ego(path[n, k], turn[n, k], cells)
            window = cells[:rows, :cols]
            for i in range(first, last):
                if fills_any(polygons[i], CELLS, CELLS, window, row0, col0):
                    objects[n, k] = True
                    break
            edges[n, k] = _lines_hit(lines[n], line_count[n], window, row0, col0)
            window[:] = False
    return objects, edges


@maker_part
def _draw_ego(at: Array, turn: Array, cells: Mask) -> tuple[int, int, int, int]:  # pragma: no cover - compiled
    """Marks the ego's turned cells in `cells` (row = left, column = forward) -> used rows, columns, and the corner's row, column.

    Turned cells are rounded, moved, truncated and clipped to the grid, in this order.
    """
    count = len(AHEAD) * len(ACROSS)
    row, col = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    i = 0
    for x in AHEAD:
        for y in ACROSS:
            forward = np.rint(x * turn[0] - y * turn[1] - ORIGIN) + at[0]
            left = np.rint(x * turn[1] + y * turn[0] - ORIGIN) + at[1]
            col[i] = min(max(int(forward), 0), CELLS - 1)
            row[i] = min(max(int(left), 0), CELLS - 1)
            i += 1
    row0, col0 = row.min(), col.min()
    for i in range(count):
        cells[row[i] - row0, col[i] - col0] = True
    return row.max() - row0 + 1, col.max() - col0 + 1, row0, col0


@part
def _lines_near(lines: Ints, count: int, at: Array) -> bool:  # pragma: no cover - compiled
    """Whether a stretch of a boundary comes within REACH_CELLS of the ego's point (clipped to the grid) in both axes."""
    x, y = min(max(at[0] - ORIGIN, 0), CELLS - 1), min(max(at[1] - ORIGIN, 0), CELLS - 1)
    for b in range(count):
        for i in range(lines.shape[1] - 1):
            ax, ay, bx, by = lines[b, i, 0], lines[b, i, 1], lines[b, i + 1, 0], lines[b, i + 1, 1]
            near_x = min(ax, bx) - REACH_CELLS <= x <= max(ax, bx) + REACH_CELLS
            if near_x and min(ay, by) - REACH_CELLS <= y <= max(ay, by) + REACH_CELLS:
                return True
    return False


@part
def _lines_hit(lines: Ints, count: int, window: Mask, row0: int, col0: int) -> bool:  # pragma: no cover - compiled
    for b in range(count):
        for i in range(lines.shape[1] - 1):
            if line_hits(lines[b, i, 0], lines[b, i, 1], lines[b, i + 1, 0], lines[b, i + 1, 1], window, row0, col0):
                return True
    return False


@kernel
def _points(
    cell: Ints, polygons: Ints, start: Ints, lines: Ints, line_count: Ints
) -> tuple[Mask, Mask]:  # pragma: no cover - compiled
    """Cells [N, 6, 2] (forward, left) inside the grid -> is it filled by an object, by a boundary [N, 6] each."""
    objects = np.zeros(cell.shape[:2], dtype=np.bool_)
    edges = np.zeros(cell.shape[:2], dtype=np.bool_)
    one = np.ones((1, 1), dtype=np.bool_)
    for n in range(cell.shape[0]):
        for k in range(cell.shape[1]):
            col, row = cell[n, k]
            step = n * cell.shape[1] + k
            for i in range(start[step], start[step + 1]):
                if fills_any(polygons[i], CELLS, CELLS, one, row, col):
                    objects[n, k] = True
                    break
            edges[n, k] = _lines_hit(lines[n], line_count[n], one, row, col)
    return objects, edges


def _score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    objects, boundary = per_step(batch, plans.xy)
    scores = {**cumulative("l2", objects.l2), **any_until("collision", objects.box)}
    if (batch.n_boundary >= 0).all():
        scores |= any_until("ccr", boundary.box)
    return scores


BEVPLANNER = Protocol(
    name="bevplanner",
    source="NVlabs/BEV-Planner 01c28d6",
    settings={
        "samples": "complete future",
        "objects": "vehicles with points of each future frame",
        "grid": "0.1 m, +-50 m, indices clipped to the border",
        "ego": "4.084 x 1.85 m, +1.485793 m ahead",
        "ego_yaw": "last displacement, 0 below 1 m",
        "gt_collisions": "step not counted, sample kept",
        "boundary": "outline of drivable_area, 102.4 x 50 m, 20 points a line (the original: road_segment and lane)",
        "average": "L2 mean up to the horizon, collision any up to it",
    },
    select=lambda batch: batch.complete,
    score=_score,
    uses_map=True,
    excused=lambda batch: per_step(batch, batch.gt_traj)[0].record,
)
