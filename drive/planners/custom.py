"""Anybody's planner: `module:Class`, with a method `plan(observation)` and whatever else of the contract it has."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from drive.asking import spec_of
from drive.schema import Observation, Plan


def imported_planner(spec: str) -> Any:
    """The planner of `module:Class`. Whatever somebody's code raises while it is loaded is a ValueError that names it."""
    module_name, _, attribute = spec.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        dotted = ".".join(Path(module_name).with_suffix("").parts)
        raise ValueError(f"planner {spec!r} names a file; name the module, from the folder that holds it: {dotted}:{attribute}")
    if os.getcwd() not in sys.path:  # the console script does not have it there
        sys.path.insert(0, os.getcwd())
    try:
        made = getattr(importlib.import_module(module_name), attribute)()
    except Exception as error:
        raise ValueError(f"no planner at {spec!r}: {type(error).__name__}: {error}") from error
    return completed(made, spec)


def completed(made: Any, spec: str) -> Any:
    """Somebody's object as a whole `Planner`, or `PrivilegedPlanner` of the simulator: named after its class where it has no name;
    where its `plan` takes an observation alone, the one answer counts for every sample asked for.

    Raises ValueError where it has neither method, or a `spec` that is none.
    """
    plan, name = getattr(made, "plan", None), getattr(made, "name", None)
    named = name if isinstance(name, str) and name else type(made).__name__
    if callable(getattr(made, "plan_in_world", None)):
        made.name = named
        spec_of(made)
        return made
    if not callable(plan):
        raise ValueError(f"{spec!r} is no planner: it needs a method `plan(observation, samples=1) -> drive.Plan`; see README.md")
    takes = inspect.signature(plan).parameters
    simple = "samples" not in takes and all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in takes.values())
    whole = SimplePlanner(made, named, simple) if simple or named != name else made
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
