"""What v1 and v2 share: plans -> driven states for many scenes at once; scores of proposals; scores -> metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.navsim.areas import Areas
from drive.eval.navsim.scene import NEEDED, PLAN_TIMES_S, STATE_COLUMNS, STEPS, Scene
from drive.eval.navsim.simulate import plan_path, simulate
from drive.eval.plans import bare_plan
from drive.eval.result import MetricResult
from drive.frames import Array
from drive.schema import PlanError

PLAN = 1  # of the two proposals that are scored together; the other is the reference
# A plan [8, 3] relative to the ego at PLAN_TIMES_S (x, y, heading), or the reason why there is none.
NavsimPlan = ArrayLike | PlanError | None
OF_KNOWN = "_of_known_terms"
PROGRESS_M = 5.0  # where nobody gets further than this, everybody's progress is full


@dataclass(frozen=True, eq=False)
class ProposalScores:
    """Of the P proposals of a scene: scores by name, each [P]; raw progress [P] m; steps [P] of the first at-fault contact
    and of the first violation of the time to collision (infinity: none); the areas."""

    scores: dict[str, Array]
    progress_m: Array
    collision_step: Array
    ttc_step: Array
    areas: Areas


def checked_plan(plan: NavsimPlan) -> Array:
    """The poses [8, 3] of a usable plan, rounded to float32 as NAVSIM stores them. Raises PlanError for any other."""
    return bare_plan(plan, len(PLAN_TIMES_S), (3,), "poses of x, y, heading").astype(np.float32).astype(np.float64)


def drive_plans(scenes: Sequence[Scene], plans: Sequence[NavsimPlan]) -> tuple[Array, dict[str, str]]:
    """Driven states [N, 2, 41, 11] of the reference and the PLAN, and the failures (token -> reason).

    A failed scene's PLAN row holds the reference's states and must not be scored. Raises ValueError where the numbers
    disagree or a token stands twice.
    """
    tokens = [scene.token for scene in scenes]
    if len(plans) != len(scenes):
        raise ValueError(f"need one plan per scene, got {len(plans)} plans for {len(scenes)} scenes")
    if len(set(tokens)) != len(tokens):
        raise ValueError(f"scenes must have different tokens, got {len(set(tokens))} tokens for {len(tokens)} scenes")
    failures, paths = {}, []
    for scene, plan in zip(scenes, plans, strict=True):
        path = scene.reference
        try:
            path = plan_path(scene.ego, checked_plan(plan))
        except PlanError as error:
            failures[scene.token] = str(error)
        paths.append(np.stack([scene.reference, path]))
    if not scenes:
        return np.zeros((0, 2, STEPS, len(STATE_COLUMNS))), {}
    egos = np.stack([scene.ego for scene in scenes])
    return simulate(egos[:, None], np.stack(paths)), failures


def metrics_of(
    scenes: Sequence[Scene],
    rows: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    untold: Mapping[str, frozenset[str]] | None = None,
) -> dict[str, MetricResult]:
    """Rows (token -> name -> value in 0 .. 1, or NaN where the metric does not apply) -> metrics over the scenes.

    A scene without a row failed: its value is 0 and counts, but in metrics that are untold of it (token -> names).
    """
    failed = np.array([scene.token not in rows for scene in scenes], dtype=bool)
    results = {}
    for name in names:
        values = np.array([rows[s.token][name] if s.token in rows else 0.0 for s in scenes], dtype=np.float64)
        valid = ~np.isnan(values) & np.array([name not in (untold or {}).get(s.token, ()) for s in scenes], dtype=bool)
        results[name] = MetricResult(name, np.where(valid, values, 0.0), valid, failed, "")
    return results


def known_metrics(
    scenes: Sequence[Scene],
    rows: Mapping[str, Mapping[str, float]],
    terms: Sequence[str],
    whole: Mapping[str, Callable[[Mapping[str, float]], float]],
    names: Sequence[str],
) -> dict[str, MetricResult]:
    """`metrics_of` without what scenes lack (`Scene.lacks`) of some terms: no value there, nor in the scores made of these, which have one
    over the known terms instead, under their name with OF_KNOWN. whole: those scores' names -> how they follow from a row's known terms.
    """
    untold = {scene.token: lacking | set(whole) for scene in scenes if (lacking := scene.untold(terms))}
    if not untold:
        return metrics_of(scenes, rows, names)
    added = [name + OF_KNOWN for name in whole]
    found = {
        token: {name: float("nan") if name in untold.get(token, ()) else value for name, value in row.items()}
        for token, row in rows.items()
    }
    for row in found.values():
        row |= {name + OF_KNOWN: score(row) for name, score in whole.items()}
    return metrics_of(scenes, found, (*names, *added), untold)


def product_of_known(row: Mapping[str, float], factors: Sequence[str], weights: Mapping[str, float]) -> float:
    """Product of factors times the weighted mean of terms, those that are NaN left out; NaN where nothing is known."""
    held = {name: weight for name, weight in weights.items() if not np.isnan(row[name])}
    known = [row[name] for name in factors if not np.isnan(row[name])]
    if not held or not known:
        return float("nan")
    return float(np.prod(known) * sum(weight * row[name] for name, weight in held.items()) / sum(held.values()))


def told_lacks(scenes: Sequence[Scene], terms: Sequence[str]) -> list[str]:
    """Of a protocol's terms those that scenes lack the data for, a line for each kind of data."""
    counts = Counter(what for scene in scenes for what in scene.lacks)
    untold = {what: ", ".join(name for name in terms if name in NEEDED[what]) for what in counts}
    return [
        f"{count} of {len(scenes)} scenes lack {what}; without a value there: {untold[what]}"
        for what, count in counts.items()
        if untold[what]
    ]
