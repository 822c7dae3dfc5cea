"""Protocol `exact`: oriented polygons, every road user, no grid, complete samples only. Ours, not a published one.

The ego's body (`drive.geometry`) stands at each planned rear-axle pose with the plan's own heading and is tested against
every human.* and vehicle.* annotated at that very step, whatever its points or visibility. Touching counts. A collision at
T s is one at any step up to T. Nothing is excused: steps at which the record collides too count, and the row `log` shows
how many they are. L2 is the distance of the rear axles at the step.
"""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import ROAD_USERS, OpenLoopBatch, Plans
from drive.eval.openloop.protocol import Protocol, any_until, at_step
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M, EGO_WIDTH_M, ego_boxes
from drive.jit import kernel, part
from drive.schema import Mask


def collisions(poses: Array, boxes: Array, valid: Mask) -> Mask:
    """Ego poses [N, 6, 3] against boxes [N, A, 7, 5] with valid [N, A, 7], both in one frame -> hit [N, 6]."""
    return _collisions(ego_boxes(poses), boxes, valid)


@kernel
def _collisions(ego: Array, boxes: Array, valid: Mask) -> Mask:  # pragma: no cover - compiled
    hit = np.zeros(ego.shape[:2], dtype=np.bool_)
    for n in range(ego.shape[0]):
        for k in range(ego.shape[1]):
            for a in range(boxes.shape[1]):
                if valid[n, a, k + 1] and boxes_touch(ego[n, k], boxes[n, a, k + 1]):
                    hit[n, k] = True
                    break
    return hit


@part
def boxes_touch(a: Array, b: Array) -> bool:  # pragma: no cover - compiled
    """`drive.geometry.boxes_overlap` of two boxes [5], compiled: separating axis test, touching counts."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    reach = np.hypot(a[3], a[4]) / 2 + np.hypot(b[3], b[4]) / 2
    if dx * dx + dy * dy > reach * reach * (1 + 1e-9):
        return False
    ca, sa, cb, sb = np.cos(a[2]), np.sin(a[2]), np.cos(b[2]), np.sin(b[2])
    along, across = abs(ca * cb + sa * sb), abs(ca * sb - sa * cb)
    la, wa, lb, wb = a[3] / 2, a[4] / 2, b[3] / 2, b[4] / 2
    return (
        abs(dx * ca + dy * sa) <= la + lb * along + wb * across
        and abs(dy * ca - dx * sa) <= wa + lb * across + wb * along
        and abs(dx * cb + dy * sb) <= lb + la * along + wa * across
        and abs(dy * cb - dx * sb) <= wb + la * across + wa * along
    )


def score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    """See the module."""
    l2 = np.hypot(*np.moveaxis(plans.poses[..., :2] - batch.gt_poses[..., :2], -1, 0))
    hit = collisions(plans.poses, batch.agent_boxes, batch.agent_valid & batch.agent_road_user[:, :, None])
    return {**at_step("l2", l2), **any_until("collision", hit)}


EXACT = Protocol(
    name="exact",
    source="drive",
    settings={
        "samples": "complete future",
        "objects": "human.*, vehicle.*",
        "overlap": "oriented boxes, closed",
        "ego": [EGO_LENGTH_M, EGO_WIDTH_M, EGO_CENTRE_AHEAD_M],
        "ego_yaw": "plan",
        "l2": "at step, rear axle",
        "collision": "any step up to T",
        "gt_collisions": "count",
    },
    select=lambda batch: batch.complete,
    score=score,
    keeps=lambda category: category.startswith(ROAD_USERS),
)
