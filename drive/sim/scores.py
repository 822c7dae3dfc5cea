"""What an episode is worth: success, PDM sub-scores over the whole drive, driving score, NeuroNCAP score, what was met.

Comfort and driving direction come from `drive.eval.navsim`; contacts, drivable area, time to collision and lights from the
flags of every step. Sub-scores carry NAVSIM's names and hold over the whole episode instead of four seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drive.eval.bench2drive import infraction_penalty
from drive.eval.navsim import simulate as navsim
from drive.eval.navsim.areas import driving_direction
from drive.eval.navsim.comfort import comfortable_v2
from drive.eval.neuroncap import impact_speed, stars
from drive.eval.result import MetricResult
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.sim.red_stops import red_stops
from drive.sim.rollout import Rollout
from drive.world.meetings import MET_M, MOVING_MPS
from drive.world.state import (
    ACCEL,
    CONTACT_NAMES,
    DT_S,
    FAULT,
    HEADING,
    LIGHT_PASSED,
    OFF_ROAD,
    PEDESTRIAN,
    RED_LIGHT,
    SPEED,
    STATION,
    STEER,
    STOPPED_AGENT,
    TTC_LOW,
    WHEELBASE_M,
    WRONG_WAY,
)

COMFORT_WINDOW = 20  # steps; Bench2Drive's chunks
METRICS: dict[str, str] = {
    "success": "",
    "route_completion": "",
    "at_fault_collision": "",
    "off_road": "",
    "red_light": "",
    "wrong_way": "",
    "no_at_fault_collisions": "",
    "drivable_area_compliance": "",
    "driving_direction_compliance": "",
    "time_to_collision_within_bound": "",
    "comfort": "",
    "ego_progress": "",
    "pdm_score": "",
    "driving_score": "",
    "neuroncap_score": "",
    "red_stops": "lights",
    "red_passes": "lights",
    "duration": "s",
}
NEEDS_A_GOAL = ("success", "route_completion", "ego_progress", "pdm_score", "driving_score")  # undefined where the human stands
ZERO_WHERE_FAILED = ("success", "route_completion", "pdm_score", "driving_score")  # nobody gains by giving no answer


@dataclass(frozen=True)
class EpisodeScore:
    """One episode. values: metric name (see METRICS) -> value, NaN where undefined; failed: the planner gave no usable answer; facts:
    what the episode was like (length_m, agents_met, moving_agents_met, junctions, lights, outcome, kinds of contacts, fault: the kind
    of the at-fault collision or "none"; notes: the world's and the planner's; traceback of a planner that raised). An episode that was
    not driven has outcome, contacts and fault alone."""

    name: str
    family: str
    planner: str
    values: dict[str, float]
    failed: bool
    facts: dict[str, Any]


def score(run: Rollout) -> EpisodeScore:
    """All metrics of one episode."""
    failed = run.outcome.startswith("planner failed")
    flags, facts = run.flags, episode_facts(run)
    collided = bool(flags[:, FAULT].any())
    off, red = bool(flags[:, OFF_ROAD].any()), bool(flags[:, RED_LIGHT].any())
    start = float(run.ego[0, STATION])
    way = run.world.goal_m - start
    completion = float(np.clip((run.ego[:, STATION].max() - start) / max(way, 1.0), 0.0, 1.0))
    direction = _direction(run)
    values = {
        "success": float(run.outcome == "arrived" and not (collided or off or red)),
        "route_completion": completion,
        "at_fault_collision": float(collided),
        "off_road": float(off),
        "red_light": float(red),
        "wrong_way": float(direction < 1.0),
        "no_at_fault_collisions": _no_collision(run),
        "drivable_area_compliance": float(not off),
        "driving_direction_compliance": direction,
        "time_to_collision_within_bound": float(not flags[:, TTC_LOW].any()),
        "comfort": comfort(run.ego),
        "ego_progress": completion,
        "driving_score": driving_score(completion, run),
        "neuroncap_score": neuroncap(run),
        "red_stops": float(red_stops(run)),
        "red_passes": float(flags[:, RED_LIGHT].sum()),
        "duration": len(run.actions) * DT_S,
    }
    product = values["no_at_fault_collisions"] * values["drivable_area_compliance"]
    values["pdm_score"] = product * (5 * completion + 5 * values["time_to_collision_within_bound"] + 2 * values["comfort"]) / 12
    if failed:
        values = failed_values()
    if not run.world.has_goal:
        values |= dict.fromkeys(NEEDS_A_GOAL, float("nan"))
    return EpisodeScore(run.world.name, run.world.family, run.planner, values, failed, facts)


def failed_values() -> dict[str, float]:
    """Of an episode without a usable answer: an outcome of its own, which says nothing on collisions or lights."""
    return {name: 0.0 if name in ZERO_WHERE_FAILED else float("nan") for name in METRICS}


def worst_first(scores: Iterable[EpisodeScore]) -> list[EpisodeScore]:
    """By success, then route completion; those without a goal last."""
    return sorted(scores, key=lambda s: tuple(2.0 if np.isnan(s.values[m]) else s.values[m] for m in ("success", "route_completion")))


def _no_collision(run: Rollout) -> float:
    """0 for an at-fault contact with a road user, 0.5 with an object, 1 without."""
    if not run.flags[:, FAULT].any():
        return 1.0
    guilty = run.contact[-1] >= STOPPED_AGENT
    return 0.0 if (run.world.static.kind[guilty] <= PEDESTRIAN).any() else 0.5


def _direction(run: Rollout) -> float:
    heading = run.ego[:, HEADING]
    centres = run.ego[:, :2] + EGO_CENTRE_AHEAD_M * np.stack([np.cos(heading), np.sin(heading)], -1)
    return float(driving_direction(centres[None], run.flags[None, :, WRONG_WAY].astype(bool))[0])


def comfort(ego: Array) -> float:
    """Share of two-second windows of ego vectors [N, 8] inside NAVSIM's bounds; 1 where the drive is shorter."""
    count = len(ego) // COMFORT_WINDOW
    if count == 0:
        return 1.0
    rate = ego[:, SPEED] * np.tan(ego[:, STEER]) / WHEELBASE_M
    states = np.zeros((len(ego), len(navsim.STATE_COLUMNS)))
    states[:, navsim.X : navsim.HEADING + 1] = ego[:, :3]
    states[:, navsim.VX], states[:, navsim.AX], states[:, navsim.AY] = ego[:, SPEED], ego[:, ACCEL], ego[:, SPEED] * rate
    states[:, navsim.STEERING], states[:, navsim.YAW_RATE] = ego[:, STEER], rate
    states[:, navsim.YAW_ACCELERATION] = np.gradient(rate, DT_S)
    chunks = states[: count * COMFORT_WINDOW].reshape(count, COMFORT_WINDOW, -1)
    return float(comfortable_v2(chunks).mean())


def driving_score(completion: float, run: Rollout) -> float:
    """Bench2Drive's, 0 to 1: route completion times a factor for every infraction, and times the share of steps on the road."""
    guilty = run.world.static.kind[run.contact[-1] >= STOPPED_AGENT]
    parked = int(run.flags[:, FAULT].any() and not len(guilty))
    infractions = {
        "collisions_pedestrian": [0] * int((guilty == PEDESTRIAN).sum()),
        "collisions_vehicle": [0] * int((guilty < PEDESTRIAN).sum()),
        "collisions_layout": [0] * (int((guilty > PEDESTRIAN).sum()) + parked),
        "red_light": [0] * int(run.flags[:, RED_LIGHT].sum()),
    }
    return completion * infraction_penalty(infractions, 100.0 * float(run.flags[:, OFF_ROAD].mean()))


def neuroncap(run: Rollout) -> float:
    """NeuroNCAP's: 5 without any contact, else 4 down to 0 by impact speed over the ego's highest speed so far. What is no agent stands."""
    touched = np.flatnonzero((run.contact > 0).any(1) | (run.flags[:, FAULT] > 0))
    if not len(touched):
        return 5.0
    step, before = int(touched[0]), max(int(touched[0]) - 1, 0)
    velocity = np.zeros(2)
    for agent in np.flatnonzero(run.contact[step] > 0)[:1]:
        heading = run.pose[step, agent, 2]
        velocity = run.speed[step, agent] * np.array([np.cos(heading), np.sin(heading)])
    impact = impact_speed(run.ego[before, :3], run.ego[before, SPEED], velocity)
    return float(stars(True, impact, max(float(run.ego[: step + 1, SPEED].max()), 0.1)))


def episode_facts(run: Rollout) -> dict[str, Any]:
    """What the episode was like."""
    world, ego = run.world, run.ego
    gaps = np.hypot(run.pose[..., 0] - ego[:, None, 0], run.pose[..., 1] - ego[:, None, 1])
    near = (gaps < MET_M) & (run.active == 1)
    near[:, 0] = False
    fault = CONTACT_NAMES[int(run.flags[:, FAULT].max())]
    kinds = [CONTACT_NAMES[k] for k in run.contact[-1] if k > 0] or ([fault] if run.flags[:, FAULT].any() else [])  # parked: no agent
    return {
        "outcome": run.outcome,
        "length_m": round(max(0.0, float(world.goal_m - ego[0, STATION])), 1) if world.has_goal else 0.0,
        "driven_m": round(float(np.hypot(*np.diff(ego[:, :2], axis=0).T).sum()), 1),
        "agents_met": int(near.any(0).sum()),
        "moving_agents_met": int((near & (run.speed > MOVING_MPS)).any(0).sum()),
        "junctions": junctions_on_route(run),
        "lights": int(run.flags[:, LIGHT_PASSED].sum()),
        "contacts": kinds,
        "fault": fault,
        "off_road_steps": int(run.flags[:, OFF_ROAD].sum()),
        "notes": [*world.notes, *run.notes],
    } | ({"traceback": run.traceback} if run.traceback else {})


def junctions_on_route(run: Rollout) -> int:
    """Junctions (not bends, merges or splits) that the ego came within their radius of."""
    places = [j for j in run.world.map.junctions if j.kind in ("t", "four-way", "roundabout")]
    return sum(bool((np.hypot(*(run.ego[:, :2] - j.centre).T) < j.radius_m).any()) for j in places)


def metric_results(scores: list[EpisodeScore]) -> dict[str, MetricResult]:
    """Episodes of one planner -> a `MetricResult` per metric, valid where the episode defines it. A failed one counts as 0 in
    ZERO_WHERE_FAILED and defines no other."""
    failed = np.array([s.failed for s in scores], dtype=bool)
    values = {name: np.array([s.values[name] for s in scores], dtype=np.float64) for name in METRICS}
    return {name: MetricResult(name, values[name], ~np.isnan(values[name]), failed, unit) for name, unit in METRICS.items()}
