"""AD-MLP's planning metric (E2E-AD/AD-MLP 4b93ba0): ST-P3's, except that near-standstill plans are snapped.

A plan that stays within 0.1 m in both coordinates up to a horizon is set to 0 for that horizon, in L2 and collision. The
class negates the lateral coordinate twice, so it expects occupancy whose columns count to the right:

* `admlp`: such occupancy (ST-P3's, mirrored);
* `admlp-verbatim`: the class on ST-P3's occupancy as it is, so that plans are mirrored against the objects.

Which of the two the published numbers used cannot be told: the stored occupancy was not published with the code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drive.eval.openloop.batch import HORIZONS_S, OpenLoopBatch, Plans
from drive.eval.openloop.halfmetre import StepFindings
from drive.eval.openloop.protocol import Protocol
from drive.eval.openloop.stp3 import SETTINGS, observed
from drive.eval.openloop.stp3 import per_step as stp3_per_step
from drive.frames import Array
from drive.schema import Mask

SNAP_M = np.float32(0.1)


def per_step(batch: OpenLoopBatch, xy: Array, horizon_s: int, mirrored: bool = True) -> StepFindings:
    """Plans xy [N, 6, 2] in L -> L2 and flags; only the first 2 * horizon_s steps mean something."""
    plan = np.array(xy, dtype=np.float32)
    still = np.abs(plan[:, : 2 * horizon_s]).max((1, 2), initial=0) < SNAP_M
    plan[still] = 0
    return stp3_per_step(batch, plan, right=True, mirrored=mirrored)


def _score(mirrored: bool) -> Callable[[OpenLoopBatch, Plans], dict[str, Array]]:
    def score(batch: OpenLoopBatch, plans: Plans) -> dict[str, Array]:
        values: dict[str, Array] = {}
        for s in HORIZONS_S:
            steps = per_step(batch, plans.xy, s, mirrored)
            values[f"l2_{s}s"] = steps.l2[:, : 2 * s].mean(1)
            values[f"collision_{s}s"] = steps.box[:, : 2 * s].mean(1)
        for name in ("l2", "collision"):
            values[f"{name}_avg"] = np.mean([values[f"{name}_{s}s"] for s in HORIZONS_S], axis=0)
        return values

    return score


def _protocol(name: str, columns: str, mirrored: bool) -> Protocol:
    settings = {**SETTINGS, "snap": "plans within 0.1 m up to the horizon become 0", "columns": columns}

    def excused(batch: OpenLoopBatch) -> Mask:
        return stp3_per_step(batch, batch.gt_traj, right=True, mirrored=mirrored).record

    return Protocol(name, "E2E-AD/AD-MLP 4b93ba0", settings, observed, _score(mirrored), excused=excused)


ADMLP = _protocol("admlp", "plan and occupancy to the right", True)
ADMLP_VERBATIM = _protocol("admlp-verbatim", "plan to the right, occupancy to the left", False)
