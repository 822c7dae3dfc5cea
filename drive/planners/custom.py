"""Anybody's planner: `module:Class`, with a method `plan(observation)` and whatever else of the contract it has."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from drive.asking import spec_of
from drive.named import made
from drive.schema import Observation, Plan


def imported_planner(spec: str) -> Any:
    """The planner of `module:Class`. Whatever somebody's code raises while it is loaded is a ValueError that names it."""
    return completed(made(spec, "planner"), spec)


def completed(planner: Any, spec: str) -> Any:
    """Somebody's object as a whole `Planner`, or `PrivilegedPlanner` of the simulator: named after its class where it has no name;
    where its `plan` takes an observation alone, the one answer counts for every sample asked for.

    Raises ValueError where it has neither method, or a `spec` that is none.
    """
    plan, name = getattr(planner, "plan", None), getattr(planner, "name", None)
    named = name if isinstance(name, str) and name else type(planner).__name__
    if callable(getattr(planner, "plan_in_world", None)):
        planner.name = named
        spec_of(planner)
        return planner
    if not callable(plan):
        raise ValueError(f"{spec!r} is no planner: it needs a method `plan(observation, samples=1) -> drive.Plan`; see README.md")
    takes = inspect.signature(plan).parameters
    simple = "samples" not in takes and all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in takes.values())
    whole = SimplePlanner(planner, named, simple) if simple or named != name else planner
    spec_of(whole)
    return whole


class SimplePlanner:
    """A planner that lacks a name, or (`simple`) the number of samples: see `completed`. Its other attributes are its own."""

    def __init__(self, planner: Any, name: str, simple: bool) -> None:
        self.planner, self.name, self.simple = planner, name, simple

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer."""
        if not self.simple:
            return self.planner.plan(observation, samples=samples)
        plan = self.planner.plan(observation)
        if samples == 1 or not isinstance(plan, Plan):
            return plan
        return Plan(np.repeat(plan.best[None], samples, axis=0), plan.times_s, degraded=plan.degraded)

    def __getattr__(self, name: str) -> Any:
        if name == "planner":  # not there yet: while it is copied to a worker
            raise AttributeError(name)
        return getattr(self.planner, name)
