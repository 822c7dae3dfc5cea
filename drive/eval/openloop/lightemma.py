"""LightEMMA's metrics (michigan-traffic-lab/LightEMMA 846bddd): distances only.

Samples: at least seven key frames before and seven after (its 6 + 6 + 2 window). Values at 1, 2 and 3 s are means over
that second alone (steps 1-2, 3-4, 5-6), not up to it. ADE and FDE over six steps; a miss is a point more than 2 m off.
The original leaves out samples whose answer does not parse.
"""

from __future__ import annotations

import numpy as np

from drive.eval.openloop.batch import HORIZONS_S, OpenLoopBatch, Plans
from drive.eval.openloop.protocol import Protocol
from drive.frames import Array
from drive.schema import Mask

FRAMES_AROUND = 7
MISS_M = 2.0


def metrics(xy: Array, record_xy: Array) -> dict[str, Array]:
    """Plans and records [N, 6, 2] of the ego's positions -> values [N] by name."""
    distance = np.sqrt(((np.asarray(xy, dtype=np.float64) - record_xy) ** 2).sum(-1))
    values = {f"l2_{s}s": distance[:, 2 * s - 2 : 2 * s].mean(1) for s in HORIZONS_S}
    return {
        **values,
        "l2_avg": np.mean(list(values.values()), axis=0),
        "ade": distance.mean(1),
        "fde": distance[:, -1],
        "miss_rate": (distance.max(1) > MISS_M).astype(np.float64),
    }


def framed(batch: OpenLoopBatch) -> Mask:
    """Samples [N] with enough key frames around them; where the number after is unknown, a complete future will do."""
    return batch.complete & (batch.index >= FRAMES_AROUND) & ((batch.frames_after >= FRAMES_AROUND) | (batch.frames_after < 0))


def _score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
    return metrics(plans.poses[..., :2], batch.gt_poses[..., :2])


LIGHTEMMA = Protocol(
    name="lightemma",
    source="michigan-traffic-lab/LightEMMA 846bddd",
    settings={"samples": "7 key frames before and after", "average": "mean over each second alone", "miss": "max > 2 m"},
    select=framed,
    score=_score,
    drops_failures=True,
    keeps=lambda category: True,  # no objects, so none is left out
)
