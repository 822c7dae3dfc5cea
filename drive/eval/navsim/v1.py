"""PDM score of NAVSIM v1.1: NC * DAC * (5 EP + 5 TTC + 2 C) / 12.

Source: autonomousvision/navsim, commit 3e8291b (`pdm_scorer.py`). Quirks kept: driving direction is computed and has weight
0; raw progress is multiplied by NC * DAC before it is divided by the better of plan and reference; comfort smooths over the
whole plan; traffic that overlaps the ego at t0 counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drive.eval.navsim.areas import CENTRE, driving_direction, ego_areas, progress
from drive.eval.navsim.comfort import comfortable_v1
from drive.eval.navsim.contacts import at_fault, time_to_collision
from drive.eval.navsim.runs import PLAN, PROGRESS_M, NavsimPlan, ProposalScores, drive_plans, known_metrics, product_of_known
from drive.eval.navsim.scene import Scene
from drive.eval.navsim.simulate import body_points
from drive.eval.result import BenchmarkResult
from drive.frames import Array

FACTORS = ("no_at_fault_collisions", "drivable_area_compliance")
WEIGHTS = {"ego_progress": 5.0, "time_to_collision_within_bound": 5.0, "comfort": 2.0}
TERMS = (*FACTORS, "ego_progress", "time_to_collision_within_bound", "comfort", "driving_direction_compliance")
NAMES = (*TERMS, "pdm_score")


def pdms(scenes: Sequence[Scene], plans: Sequence[NavsimPlan]) -> BenchmarkResult:
    """Plans [8, 3] for N scenes -> NAMES over the scenes. A plan that cannot be used scores 0 in all of them."""
    states, failures = drive_plans(scenes, plans)
    rows = {}
    for scene, driven in zip(scenes, states, strict=True):
        if scene.token not in failures:
            rows[scene.token] = {name: float(v[PLAN]) for name, v in score(scene, driven).scores.items()}
    return BenchmarkResult(known_metrics(scenes, rows, TERMS, {"pdm_score": _of_known}, NAMES), failures)


def _of_known(row: Mapping[str, float]) -> float:
    return product_of_known(row, FACTORS, WEIGHTS)


def score(scene: Scene, states: Array) -> ProposalScores:
    """Driven states [P, 41, 11] of proposals that are scored together, the reference among them."""
    points = body_points(states)
    corners, centres = points[..., :CENTRE, :], points[..., CENTRE, :]
    areas = ego_areas(scene, points)
    collision, collision_step = at_fault(scene, states, corners, areas)
    ttc, ttc_step = time_to_collision(scene, states, corners, areas, states.shape[1])
    on_road = 1.0 - areas.off_road.any(1)
    raw = progress(scene, centres)
    got = {
        "no_at_fault_collisions": collision,
        "drivable_area_compliance": on_road,
        "ego_progress": _normalised(raw, collision * on_road),
        "time_to_collision_within_bound": ttc,
        "comfort": comfortable_v1(states).astype(np.float64),
        "driving_direction_compliance": driving_direction(centres, areas.off_route),
    }
    weighted = sum(weight * got[name] for name, weight in WEIGHTS.items()) / sum(WEIGHTS.values())
    got["pdm_score"] = collision * on_road * weighted
    return ProposalScores(got, raw, collision_step, ttc_step, areas)


def _normalised(raw: Array, allowed: Array) -> Array:
    masked = raw * allowed
    if masked.max() > PROGRESS_M:
        return masked / masked.max()
    return (allowed > 0).astype(np.float64)
