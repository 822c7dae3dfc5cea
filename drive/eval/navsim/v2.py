"""Extended PDM score (EPDMS) of NAVSIM v2.2: NC * DAC * DDC * TLC * (5 EP + 5 TTC + 2 LK + 2 HC + 2 EC) / 16.

Source: autonomousvision/navsim, commit 0a380a9 (v2.2 with the correction of the human filter, issue 151). Against v1:
traffic that overlaps the ego at t0 is taken out; progress is not zeroed by violations, only the normaliser is; the time to
collision looks no further than 4 s; steps inside intersections count neither as off the route nor as off the lane.
EC compares with the plan of the frame before; where there is none, its weight is left out.
The human filter sets each sub-score to 1 in which the recorded drive itself gets 0. `pdm_score` is without EC and without the
filter, as the original's column of that name is; `epdms` is the benchmark's score. Two stages: `two_stage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from drive.eval.navsim.areas import CENTRE, driving_direction, ego_areas, lane_keeping, progress
from drive.eval.navsim.comfort import extended_comfortable, history_comfortable
from drive.eval.navsim.contacts import LOOK_AHEAD_STEPS, at_fault, overlaps_now, time_to_collision, traffic_light
from drive.eval.navsim.runs import PLAN, PROGRESS_M, NavsimPlan, ProposalScores, drive_plans, known_metrics, product_of_known
from drive.eval.navsim.scene import DT_S, STEPS, Scene
from drive.eval.navsim.simulate import body_points, plan_path, simulate
from drive.eval.result import BenchmarkResult
from drive.frames import Array

FACTORS = ("no_at_fault_collisions", "drivable_area_compliance", "driving_direction_compliance", "traffic_light_compliance")
WEIGHTS = {"ego_progress": 5.0, "time_to_collision_within_bound": 5.0, "lane_keeping": 2.0, "history_comfort": 2.0}
EXTENDED_COMFORT, EXTENDED_COMFORT_WEIGHT = "two_frame_extended_comfort", 2.0
NAMES = (*FACTORS, *WEIGHTS, EXTENDED_COMFORT, "pdm_score", "epdms")
NEXT_FRAME_S = 0.55


def epdms(scenes: Sequence[Scene], plans: Sequence[NavsimPlan], human_filter: bool = True) -> BenchmarkResult:
    """Plans [8, 3] for N scenes -> NAMES over the scenes; EC is valid where the frame before is among the scenes.

    A plan that cannot be used scores 0 in all of them.
    """
    scenes = [scene if scene.reference_v2 is None else replace(scene, reference=scene.reference_v2) for scene in scenes]
    states, failures = drive_plans(scenes, plans)
    rows = sub_scores(scenes, states, failures, human_filter)
    usable = [i for i, scene in enumerate(scenes) if scene.token in rows]
    for now, before in previous_frames([scenes[i] for i in usable]).items():
        i, j = usable[now], usable[before]
        rows[scenes[i].token][EXTENDED_COMFORT] = pair_comfort(scenes[i], states[i], scenes[j], states[j])
    for row in rows.values():
        row["epdms"] = final_score(row)
    whole = {"pdm_score": _pdm_of_known, "epdms": _epdms_of_known}
    return BenchmarkResult(known_metrics(scenes, rows, (*FACTORS, *WEIGHTS), whole, NAMES), failures)


def _pdm_of_known(row: Mapping[str, float]) -> float:
    return product_of_known(row, FACTORS, WEIGHTS)


def _epdms_of_known(row: Mapping[str, float]) -> float:
    return product_of_known(row, FACTORS, {**WEIGHTS, EXTENDED_COMFORT: EXTENDED_COMFORT_WEIGHT})


def sub_scores(scenes: Sequence[Scene], states: Array, failures: Mapping[str, str], human_filter: bool) -> dict[str, dict[str, float]]:
    """Rows by token, failed scenes left out: everything of NAMES but `epdms`, EC still NaN. states as from `drive_plans`."""
    humans, rows = _human_states(scenes) if human_filter else {}, {}
    for scene, driven in zip(scenes, states, strict=True):
        if scene.token in failures:
            continue
        row = {name: float(v[PLAN]) for name, v in score(scene, driven).scores.items()}
        if scene.token in humans:
            excused = score(scene, humans[scene.token], history=False).scores
            row = human_filtered(row, {name: float(v[0]) for name, v in excused.items()})
        rows[scene.token] = {**row, EXTENDED_COMFORT: float("nan")}
    return rows


def pair_comfort(now: Scene, states: Array, before: Scene, earlier: Array) -> float:
    """EC of two scenes that overlap in time, with their driven states [2, 41, 11]: 1 or 0."""
    gap = round((now.time_s - before.time_s) / DT_S)
    return float(extended_comfortable(states[[PLAN], : STEPS - gap], earlier[[PLAN], gap:])[0])


def score(scene: Scene, states: Array, history: bool = True) -> ProposalScores:
    """Driven states [P, 41, 11] of proposals that are scored together: FACTORS, WEIGHTS and `pdm_score`.

    history: comfort takes the recorded past in; else (the human alone) it is 1.
    """
    points = body_points(states)
    corners, centres = points[..., :CENTRE, :], points[..., CENTRE, :]
    scene = _without_overlapping(scene)
    areas = ego_areas(scene, points)
    collision, collision_step = at_fault(scene, states, corners, areas)
    ttc, ttc_step = time_to_collision(scene, states, corners, areas, STEPS - max(LOOK_AHEAD_STEPS))
    raw = progress(scene, centres)
    got = {
        "no_at_fault_collisions": collision,
        "drivable_area_compliance": 1.0 - areas.off_road.any(1),
        "driving_direction_compliance": driving_direction(centres, areas.off_route & ~areas.centre_crossing),
        "traffic_light_compliance": traffic_light(scene, corners),
    }
    allowed = np.prod(list(got.values()), axis=0)
    got["ego_progress"] = _normalised(raw, allowed)
    got["time_to_collision_within_bound"] = ttc
    got["lane_keeping"] = lane_keeping(scene, centres, areas.centre_crossing)
    comfort = history_comfortable(scene, states) if history else np.ones(len(states))
    got["history_comfort"] = comfort.astype(np.float64)
    got["pdm_score"] = allowed * sum(w * got[name] for name, w in WEIGHTS.items()) / sum(WEIGHTS.values())
    return ProposalScores(got, raw, collision_step, ttc_step, areas)


def human_filtered(row: Mapping[str, float], human: Mapping[str, float]) -> dict[str, float]:
    """A scene's row with each of FACTORS and WEIGHTS set to 1 in which the human's row has 0."""
    names = (*FACTORS, *WEIGHTS)
    return {name: 1.0 if name in names and human[name] == 0 else value for name, value in row.items()}


def final_score(row: Mapping[str, float]) -> float:
    """EPDMS of a row of FACTORS, WEIGHTS and EXTENDED_COMFORT (NaN: none, its weight is left out)."""
    weighted, total = sum(w * row[name] for name, w in WEIGHTS.items()), sum(WEIGHTS.values())
    if not np.isnan(row[EXTENDED_COMFORT]):
        weighted += EXTENDED_COMFORT_WEIGHT * row[EXTENDED_COMFORT]
        total += EXTENDED_COMFORT_WEIGHT
    return float(np.prod([row[name] for name in FACTORS]) * weighted / total)


def previous_frames(scenes: Sequence[Scene]) -> dict[int, int]:
    """Index of a scene -> index of the frame before it: the same log, original, at most NEXT_FRAME_S earlier."""
    order = sorted((i for i, s in enumerate(scenes) if s.original and s.log), key=lambda i: (scenes[i].log, scenes[i].time_s))
    pairs = zip(order[1:], order[:-1], strict=True)
    same = ((i, j) for i, j in pairs if scenes[i].log == scenes[j].log)
    return {i: j for i, j in same if 0 < scenes[i].time_s - scenes[j].time_s <= NEXT_FRAME_S}


def _human_states(scenes: Sequence[Scene]) -> dict[str, Array]:
    """Driven states [1, 41, 11] of the recorded drive of each original scene that has one."""
    asked = [(scene.token, scene.ego, scene.human) for scene in scenes if scene.original and scene.human is not None]
    if not asked:
        return {}
    egos = np.stack([ego for _, ego, _ in asked])
    driven = simulate(egos, plan_path(egos, np.stack([human for _, _, human in asked])))
    return {token: states[None] for (token, _, _), states in zip(asked, driven, strict=True)}


def _without_overlapping(scene: Scene) -> Scene:
    gone = overlaps_now(body_points(scene.ego)[:CENTRE], scene.traffic)
    return replace(scene, traffic=scene.traffic.without(gone)) if gone.any() else scene


def _normalised(raw: Array, allowed: Array) -> Array:
    best = (raw * allowed).max()
    return np.clip(raw / best, 0.0, 1.0) if best > PROGRESS_M else np.ones(len(raw))
