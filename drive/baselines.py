"""Planners without a network, under the names that `--planner` takes."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.schema import Observation, Plan, PlanError, PlannerSpec, Trajectory


def _copies(trajectory: np.ndarray, observation: Observation, samples: int) -> Plan:
    return Plan(np.repeat(trajectory[None], samples, axis=0), observation.future_times_s)


class ConstantVelocity:
    """Goes on straight with the last displacement over its elapsed time, heading kept; where no pose before t0 is known, straight ahead
    with the speed that is told.

    Raises PlanError where neither is known.
    """

    name = "constant-velocity"
    spec = PlannerSpec(pictures="unused")

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        xy = observation.future_times_s[:, None] * _velocity(observation)
        return _copies(np.concatenate([xy, np.zeros((len(xy), 1))], -1), observation, samples)


def _velocity(observation: Observation) -> Array:
    """[2] m/s."""
    past = observation.past
    if len(past.valid) >= 2 and past.valid[-2:].all():
        return (past.poses[-1, :2] - past.poses[-2, :2]) / (past.times_s[-1] - past.times_s[-2])
    if observation.speed_mps is None:
        raise PlanError("neither a pose before t0 nor a speed is known: constant velocity needs one")
    return np.array([observation.speed_mps, 0.0])


class StandStill:
    """Stays where it is."""

    name = "stand-still"
    spec = PlannerSpec(pictures="unused")

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        return _copies(np.zeros((len(observation.future_times_s), 3)), observation, samples)


def recorded_plan(future: Trajectory, observation: Observation) -> Plan:
    """The recorded drive as a plan (the row `log`): what a metric says of it is the metric's floor on this data.

    Raises PlanError where the record ends before the horizon.
    """
    if not future.valid.all():
        raise PlanError(f"the record ends {int((~future.valid).sum())} steps before the horizon")
    return Plan(future.poses[None], observation.future_times_s)


BASELINES = {planner.name: planner for planner in (ConstantVelocity, StandStill)}
