"""Asking a planner for a plan: its own time is limited, and what it answers is a plan that can be followed, or a failure with a reason."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from drive.asking import Refusal, as_plan, asked, spec_of
from drive.schema import Observation, Plan
from drive.world.state import State
from drive.world.world import World

TICK_S = 0.5  # at most, between two looks at the clock


class PlannerFailure(Exception):
    """A planner gave no usable answer; the message says why. traceback: of what it raised, where that was no PlanError."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.traceback = traceback


class _TooLate(BaseException):
    """No planner's `except Exception` keeps it."""


def ask(planner: Any, world: World, state: State, observation: Observation, deadline_s: float, reach_s: float) -> Plan:
    """The planner's answer. reach_s: how far into the future it must lead. Raises PlannerFailure."""
    privileged = spec_of(planner).privileged
    try:
        with _deadline(deadline_s):
            plan = asked(lambda: as_plan(planner.plan_in_world(world, state, observation) if privileged else planner.plan(observation)))
    except _TooLate as error:
        raise PlannerFailure(f"no plan within {deadline_s:g} s", traceback.format_exc()) from error
    if isinstance(plan, Refusal):
        raise PlannerFailure(plan.reason, plan.traceback)
    return _followable(plan, reach_s)


def _followable(plan: Plan, reach_s: float) -> Plan:
    if not np.isfinite(plan.trajectories).all() or not np.isfinite(plan.times_s).all():
        raise PlannerFailure("the plan holds NaN or infinity")
    if np.abs(plan.best[:, :2]).max() > 1000.0:
        raise PlannerFailure("the plan leads more than 1 km away")
    if len(plan.times_s) < 2 or (np.diff(plan.times_s) <= 0).any() or plan.times_s[0] <= 0:
        raise PlannerFailure("the plan's times must ascend from above 0")
    if plan.times_s[-1] < reach_s:
        raise PlannerFailure(f"the plan ends after {plan.times_s[-1]:g} s, before the next one comes")
    return plan


class _Clock:
    """Seconds of a planner: wall time, whether it computes or waits, but for stretches in which this process was halted.

    The clock is looked at every tick. Longer between two looks the process was either halted (Ctrl-Z, a closed lid), or in compiled
    code, which lets nobody look but takes CPU time.
    """

    def __init__(self, tick_s: float) -> None:
        self.tick_s, self.spent_s = tick_s, 0.0
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def look(self) -> float:
        """Seconds spent until now."""
        wall, cpu = time.monotonic(), time.process_time()
        self.spent_s += min(wall - self.wall, max(2 * self.tick_s, cpu - self.cpu))
        self.wall, self.cpu = wall, cpu
        return self.spent_s


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Interrupts what runs longer, where the platform and thread allow it; elsewhere it is measured afterwards. Raises _TooLate."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        began = time.monotonic()
        yield
        if time.monotonic() - began > seconds:
            raise _TooLate
        return
    clock = _Clock(min(seconds / 10, TICK_S))

    def look(*_: object) -> None:
        if clock.look() > seconds:
            raise _TooLate

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, clock.tick_s, clock.tick_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    look()
