"""Small benchmark files with known answers, array by array, so that a test may break any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.navsim.scene import DT_S, PLAN_TIMES_S, REPLAY_STEPS, STEPS

STRIP = np.array([[-100.0, -5.4], [200.0, -5.4], [200.0, 5.4], [-100.0, 5.4]])


def navsim_arrays(scenes: int = 2, speed: float = 8.0) -> dict[str, Any]:
    """Scenes on a straight empty road, driven at constant speed, half a second of past."""
    arrays: dict[str, Any] = {"n": np.int64(scenes)}
    state = np.zeros(11)
    state[3] = speed
    before = state.copy()
    before[0] = -0.5 * speed
    reference = np.zeros((STEPS, 3))
    reference[:, 0] = speed * DT_S * np.arange(STEPS)
    human = np.zeros((8, 3))
    human[:, 0] = speed * PLAN_TIMES_S
    for i in range(scenes):
        one = {
            "ego0": state, "past": np.stack([before, state]), "ref": reference, "human": human,
            "centerline": np.stack([np.arange(-100.0, 200.0), np.zeros(300)], -1),
            "poly_type": np.array(["LANE", "ROADBLOCK"]), "poly_token": np.array(["own", "road"]), "poly_n": np.array([4, 4]),
            "poly_xy": np.concatenate([STRIP, STRIP]), "route_tokens": np.array(["own"]),
            "ag_type": np.array(["vehicle"]), "ag_lw": np.array([[4.5, 1.9]]), "ag_pose": np.full((1, REPLAY_STEPS, 3), 80.0),
            "ag_vel": np.zeros((1, REPLAY_STEPS, 2)), "ag_valid": np.ones((1, REPLAY_STEPS), dtype=np.uint8),
        }  # fmt: skip
        arrays |= {f"s{i}_{name}": value for name, value in one.items()}
    return arrays


def waymo_arrays(samples: int = 2) -> dict[str, Any]:
    """Moments whose one rater drove straight on at 10 m/s and got 8."""
    path = np.stack([2.5 * np.arange(1, 21), np.zeros(20)], -1)
    return {
        "init_speed": np.full(samples, 11.0), "rater_n": np.ones(samples, dtype=np.int64), "rater_len": np.full(samples, 20),
        "rater_pts": np.tile(path, (samples, 1)), "rater_score": np.full(samples, 8.0), "future": np.tile(path, (samples, 1, 1)),
        "past": np.tile(np.stack([2.5 * np.arange(-4, 1), np.zeros(5)], -1), (samples, 1, 1)),
    }  # fmt: skip


def run_arrays() -> dict[str, Any]:
    """Two runs of one scenario: one past a parked car, one into it at 10 m/s, as fast as the reference."""
    times = 0.5 * np.arange(9)
    ego = np.stack([10 * times, np.zeros(9), np.zeros(9), np.full(9, 10.0)], -1)
    arrays: dict[str, Any] = {"n": np.int64(2)}
    for i, y in enumerate((5.0, 0.0)):
        one = {
            "times": times, "ego": ego, "reference": np.float64(10.0), "scenario": np.array("frontal"), "sequence": np.array(f"{i}"),
            "actor_class": np.array(["car"]), "actor_size": np.array([[4.0, 2.0]]), "actor_times": times,
            "actor_poses": np.tile([20.0, y, 0.0], (1, 9, 1)),
        }  # fmt: skip
        arrays |= {f"r{i}_{name}": value for name, value in one.items()}
    return arrays


def motion_arrays(drives: int = 2, steps: int = 40) -> dict[str, Any]:
    """Drives at constant speed: fully comfortable."""
    still, x, y = np.zeros((steps, 3)), np.tile([1.0, 0, 0], (steps, 1)), np.tile([0, 1.0, 0], (steps, 1))
    one = {"acceleration": still, "angular_velocity": still, "forward_vector": x, "right_vector": y}
    return {f"c{i}_{name}": value for i in range(drives) for name, value in one.items()}


def moment_arrays() -> dict[str, Any]:
    """An ego at 10 m/s far from a car, and one that touches it."""
    return {"rows": np.array([[0, 0, 0, 10, 50, 0, 0, 0, 2, 4, 10], [0, 0, 0, 5, 3, 0, 0, 0, 2, 4, 10]], dtype=np.float64)}


def records(routes: int = 220) -> dict[str, Any]:
    """A leaderboard checkpoint of routes that were all driven without fault."""
    scores = {"score_route": 100.0, "score_penalty": 1.0, "score_composed": 100.0}
    one = {"status": "Completed", "infractions": {}, "outside_pct": 0.0, "scores": scores}
    return {"_checkpoint": {"records": [{**one, "route_id": f"route-{i}"} for i in range(routes)]}}


ARRAYS = {
    "navsim1": navsim_arrays, "navsim2": navsim_arrays, "wod-e2e": waymo_arrays, "neuroncap": run_arrays,
    "neuroncap-moments": moment_arrays, "bench2drive-comfort": motion_arrays,
}  # fmt: skip


def write_plans(path: Path, plans: dict[str, Any], times: Any, **meta: Any) -> Path:
    """A plans file of trajectories by token."""
    head = {"planner": "mine", "frame": "ego", "times_s": list(map(float, times)), **meta}
    results = {token: {"trajectory": np.asarray(plan).tolist()} for token, plan in plans.items()}
    path.write_text(json.dumps({"meta": head, "results": results}))
    return path
