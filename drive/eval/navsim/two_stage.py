"""NAVSIM v2's two stages (navhard): how a plan ends decides how much each synthetic follow-up scene counts.

Source: autonomousvision/navsim, commit 0a380a9 (`run_pdm_score.py`, `scene_aggregator.py`). A group is a pair of consecutive
recorded frames and, 4 s on, pairs of synthetic ones. Of each of the two frames: its EPDMS times the weighted mean EPDMS of
the synthetic scenes, whose weights fall with the distance of their start from the end of the frame's plan. The group's score
is the mean of the two, the benchmark's the mean over groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.navsim.runs import NavsimPlan, checked_plan, drive_plans
from drive.eval.navsim.scene import Scene
from drive.eval.navsim.v2 import EXTENDED_COMFORT, final_score, pair_comfort, sub_scores
from drive.eval.result import BenchmarkResult, MetricResult
from drive.frames import Array, compose_se2

VARIANCE_M2 = 0.1


@dataclass(frozen=True)
class Group:
    """Tokens: a frame, the one half a second before it, and the second stage's pairs (after the frame, after the one before)."""

    now: str
    before: str
    second: tuple[tuple[str, str], ...]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All pairs of consecutive scenes, the first stage's first."""
        return (self.now, self.before), *self.second


def navhard(scenes: Sequence[Scene], plans: Sequence[NavsimPlan], groups: Sequence[Group], human_filter: bool = True) -> BenchmarkResult:
    """Plans [8, 3] for all scenes of G groups -> `epdms`, `epdms_stage_one`, `epdms_stage_two` over the groups.

    A scene without a usable plan has score 0. Raises ValueError where a group names a scene that is not there, or none at all
    for its second stage.
    """
    states, failures = drive_plans(scenes, plans)
    index = {scene.token: i for i, scene in enumerate(scenes)}
    missing = [t for group in groups for pair in group.pairs for t in pair if t not in index]
    if missing or not all(group.second for group in groups):
        raise ValueError(f"every group needs second-stage pairs and scenes that are given; missing scenes: {missing[:5]}")
    rows = sub_scores(scenes, states, failures, human_filter)
    for now, before in (pair for group in groups for pair in group.pairs if set(pair) <= set(rows)):
        i, j = index[now], index[before]
        comfort = pair_comfort(scenes[i], states[i], scenes[j], states[j])
        rows[now][EXTENDED_COMFORT] = rows[before][EXTENDED_COMFORT] = comfort
    scores = {token: final_score(rows[token]) if token in rows else 0.0 for token in index}
    values = np.zeros((3, len(groups)))
    for g, group in enumerate(groups):
        stages = []
        for k, first in enumerate((group.now, group.before)):
            followers = [pair[k] for pair in group.second]
            starts = np.stack([scenes[index[token]].ego[:2] for token in followers])
            weights = follow_up_weights(_end(scenes[index[first]], plans[index[first]], first in failures), starts)
            stages.append((scores[first], float(weights @ [scores[token] for token in followers])))
        values[:, g] = np.mean([(one * two, one, two) for one, two in stages], axis=0)
    failed = np.array([any(t in failures for pair in group.pairs for t in pair) for group in groups], dtype=bool)
    names = ("epdms", "epdms_stage_one", "epdms_stage_two")
    valid = np.ones(len(groups), dtype=bool)
    return BenchmarkResult({n: MetricResult(n, v, valid, failed, "") for n, v in zip(names, values, strict=True)}, failures)


def follow_up_weights(end_xy: ArrayLike, starts_xy: ArrayLike) -> Array:
    """Weights [K] of the scenes that start at [K, 2], after a plan that ends at end_xy [2] (metres): a Gaussian of the
    distance, normalised; all alike where all vanish."""
    squared = ((np.asarray(starts_xy, dtype=np.float64) - np.asarray(end_xy)) ** 2).sum(-1)
    weights = np.exp(-squared / (2 * VARIANCE_M2))
    if np.isclose(weights.sum(), 0.0):
        return np.full(len(weights), 1.0 / len(weights))
    return weights / weights.sum()


def _end(scene: Scene, plan: NavsimPlan, failed: bool) -> Array:
    """Where the plan ends, world frame [2]; the ego's own place where there is no plan (its score is 0 anyway)."""
    return scene.ego[:2] if failed else compose_se2(scene.ego[:3], checked_plan(plan)[-1])[:2]
