"""What a protocol is: which samples it takes, and what it says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from drive.eval.openloop.batch import HORIZONS_S, OpenLoopBatch, Plans
from drive.eval.result import MetricResult
from drive.eval.rules import Rules
from drive.frames import Array
from drive.schema import Mask

# A point further from the ego than this is out of range: the plan is a failed one in every protocol.
MAX_RANGE_M = 1000.0


@dataclass(frozen=True, eq=False)
class Protocol(Rules):
    """An open-loop planning protocol on samples of a data set.

    select(batch) -> samples [N] that it scores. score(batch, plans) -> metric name -> values [N], for selected samples only; names
    beginning with l2, ade or fde are metres, all others fractions. uses_map: some metric needs the map.
    keeps(category): whether an object of a category that nuScenes does not have counts all the same, like any other object.
    excused(batch) -> steps [N, 6] at which the recorded drive itself collides and no collision is counted; None where all count.
    """

    select: Callable[[OpenLoopBatch], Mask]
    score: Callable[[OpenLoopBatch, Plans], dict[str, Array]]
    uses_map: bool = False
    excused: Callable[[OpenLoopBatch], Mask] | None = None
    keeps: Callable[[str], bool] = field(default=lambda category: False)

    def results(self, batch: OpenLoopBatch, plans: Plans, original: bool = False) -> dict[str, MetricResult]:
        """Scores of the selected samples of a batch. A failed sample has the worst value, 1, where the metric is bounded,
        and is not valid where it is a length.

        A sample fails where it is not usable, where a value is not finite, or where a point lies further than MAX_RANGE_M
        from the ego. original: score such values as the reference code would, usable or not. There NaN and infinity
        become the grid's corner cell, or a polygon that meets none, and count as safe.
        """
        chosen = self.select(batch)
        batch, plans = batch.take(chosen), plans.take(chosen)
        failed = np.zeros(len(batch), dtype=bool)
        if not original:
            failed = ~plans.usable | ~in_range(plans)
            plans = plans.without(failed)
        return {name: _finish(name, values, failed) for name, values in self.score(batch, plans).items()}


def in_range(plans: Plans) -> Mask:
    """Rows [N] whose values are all finite and whose points lie within MAX_RANGE_M."""
    finite = np.isfinite(plans.xy).all((1, 2)) & np.isfinite(plans.poses).all((1, 2))
    reach = np.nan_to_num(np.maximum(np.abs(plans.xy), np.abs(plans.poses[..., :2])), nan=np.inf).max((1, 2), initial=0)
    near = reach <= MAX_RANGE_M
    distance = np.hypot(*np.moveaxis(np.where(near[:, None, None], plans.poses[..., :2], 0.0), -1, 0))
    return finite & near & (distance.max(1, initial=0) <= MAX_RANGE_M)


def unit_of(metric: str) -> str:
    """"m" for lengths, "" for fractions."""
    return "m" if metric.startswith(("l2", "ade", "fde")) else ""


def _finish(name: str, values: Array, failed: Mask) -> MetricResult:
    unit = unit_of(name)
    worst = 0.0 if unit else 1.0
    values = np.where(failed, worst, np.asarray(values, dtype=np.float64))
    return MetricResult(name, values, ~failed if unit else np.ones(len(values), dtype=bool), failed, unit)


def at_step(name: str, per_step: Array | Mask) -> dict[str, Array]:
    """Values [N, 6] -> the value at 1, 2 and 3 s, and the mean of the three."""
    return _horizons(name, [per_step[:, 2 * s - 1] for s in HORIZONS_S])


def cumulative(name: str, per_step: Array | Mask) -> dict[str, Array]:
    """Values [N, 6] -> the mean over all steps up to 1, 2 and 3 s, and the mean of the three."""
    return _horizons(name, [per_step[:, : 2 * s].mean(1) for s in HORIZONS_S])


def any_until(name: str, per_step: Array | Mask) -> dict[str, Array]:
    """Flags [N, 6] -> whether there was one up to 1, 2 and 3 s, and the mean of the three."""
    return _horizons(name, [per_step[:, : 2 * s].max(1) for s in HORIZONS_S])


def _horizons(name: str, values: Sequence[Array | Mask]) -> dict[str, Array]:
    named = {f"{name}_{s}s": v.astype(np.float64) for s, v in zip(HORIZONS_S, values, strict=True)}
    return {**named, f"{name}_avg": np.mean(list(named.values()), axis=0)}
