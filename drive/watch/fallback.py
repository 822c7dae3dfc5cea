"""What to drive where the pictures cannot be trusted: slower along the planner's own path, or to a stop along the bend driven now."""

from __future__ import annotations

import numpy as np

from drive.frames import Array, wrap_angle
from drive.schema import Observation, Plan
from drive.watch.checks import FASTEST_MPS

SLOW_SHARE = 0.5  # of the plan's speed
BRAKING_MPS2 = 3.0  # a passenger stays seated; traffic behind can follow
SHARPEST = 0.2  # 1/m, a car's turning circle
UNTRUSTED_MPS = 15.0  # taken for the speed where neither the one told nor the poses can be


def slowed(plan: Plan) -> Plan:
    """The same paths at `SLOW_SHARE` of the speed: at each time the pose of a share of that time."""
    times = np.concatenate([[0.0], plan.times_s])
    at = SLOW_SHARE * plan.times_s

    def slow(path: Array) -> Array:
        whole = np.concatenate([np.zeros((1, 3)), path])
        whole[:, 2] = np.unwrap(whole[:, 2])
        columns = [np.interp(at, times, whole[:, k]) for k in range(3)]
        columns[2] = wrap_angle(columns[2])
        return np.stack(columns, -1)

    return Plan(np.stack([slow(path) for path in plan.trajectories]), plan.times_s, plan.log_probs, plan.text, plan.degraded)


def stopping(observation: Observation, samples: int = 1) -> Plan:
    """Brakes at `BRAKING_MPS2` to a standstill on the circle that the car is on."""
    speed, times = driven_mps(observation), observation.future_times_s
    braked = np.minimum(times, speed / BRAKING_MPS2)
    length = speed * braked - 0.5 * BRAKING_MPS2 * braked**2
    turn = bend(observation, speed)
    angle = turn * length
    half = np.sinc(angle / (2 * np.pi)) * length  # the chord
    path = np.stack([half * np.cos(angle / 2), half * np.sin(angle / 2), wrap_angle(angle)], -1)
    return Plan(np.repeat(path[None], samples, 0), times)


def driven_mps(observation: Observation) -> float:
    """The speed by the last two poses where they are known, else the one told, else `UNTRUSTED_MPS` (braking is planned from there)."""
    past, told = observation.past, observation.speed_mps
    if len(past.valid) >= 2 and past.valid[-2:].all() and np.isfinite(past.poses[-2:]).all():
        seconds = float(past.times_s[-1] - past.times_s[-2])
        mean = float(np.hypot(*(past.poses[-1, :2] - past.poses[-2, :2]))) / seconds if seconds > 0 else np.inf
        if mean <= FASTEST_MPS:
            near = told is not None and np.isfinite(told) and abs(told - mean) < UNTRUSTED_MPS / 3
            return max(0.0, float(told)) if near and told is not None else mean
    return max(0.0, float(told)) if told is not None and np.isfinite(told) and told <= FASTEST_MPS else UNTRUSTED_MPS


def bend(observation: Observation, speed_mps: float) -> float:
    """Curvature in 1/m by the yaw rate; 0 where it is unknown or the car all but stands."""
    rate = observation.yaw_rate_radps
    if rate is None or not np.isfinite(rate) or speed_mps < 1.0:
        return 0.0
    return float(np.clip(rate / speed_mps, -SHARPEST, SHARPEST))
