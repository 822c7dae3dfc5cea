"""Any planner, watched over: every plan says whether what it was made from could be trusted, and is replaced where it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drive.asking import notes_of, spec_of
from drive.schema import Answers, Degraded, Observation, Plan, PlanError, PlannerSpec, Window
from drive.watch.fallback import slowed, stopping
from drive.watch.judge import Judge, load_weights

FRAMES = 2  # that standing pictures can be told by
SURE = 0.97  # from here on it stops; below, from the judgement's threshold on, it goes slower


class Watchful:
    """A planner whose plans carry `degraded`. What it is shown has two frames at least; the planner gets as many as it asked for.

    cameras: that must be there; by default those of the planner's spec, where that names any. Where the planner refuses an observation
    that is degraded, it is braked all the same; a refusal of any other stays one.
    """

    def __init__(self, planner: Any, cameras: Sequence[str] = ()) -> None:
        spec = spec_of(planner)
        if spec.privileged:
            raise ValueError(f"planner {planner.name!r} is shown the world itself: there are no pictures of its to watch over")
        window = spec.window or Window()
        self.planner, self.name, self.frames = planner, f"{planner.name}-watchful", window.frames
        self.spec: PlannerSpec = replace(spec, window=replace(window, frames=max(FRAMES, window.frames)))
        self.judge = Judge(load_weights(), tuple(cameras) or spec.cameras, spec.pictures != "unused")
        self.threshold = self.judge.weights.threshold
        self.counts: Counter[str] = Counter()

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's plan, or a slower one, or one to a standstill. Raises PlanError where the planner does, and nothing is wrong."""
        degraded = self.judge(observation)
        plan = self._plan(observation, samples, degraded)
        assert plan.degraded is not None
        self.counts.update(["", plan.degraded.fallback])
        return plan

    def take_notes(self) -> tuple[str, ...]:
        """How many plans were replaced, and the planner's notes."""
        count, told = self.counts[""], [f"{name} in {self.counts[name]}" for name in ("slow", "stop") if self.counts[name]]
        self.counts.clear()
        return (*((f"of {count} plans fell back to {', to '.join(told)}",) if told else ()), *notes_of(self.planner))

    def _plan(self, observation: Observation, samples: int, degraded: Degraded) -> Plan:
        alarmed = degraded.probability >= self.threshold
        if alarmed and degraded.probability >= SURE:
            return _with(stopping(observation, samples), replace(degraded, fallback="stop"))
        try:
            plan = self.planner.plan(self._shown(observation), samples)
        except PlanError:
            if not alarmed:
                raise
            return _with(stopping(observation, samples), replace(degraded, fallback="stop"))
        return _with(slowed(plan), replace(degraded, fallback="slow")) if alarmed else _with(plan, degraded)

    def _shown(self, observation: Observation) -> Observation:
        return replace(observation, frames=observation.frames[-self.frames :])


class WatchfulAnswers(Watchful):
    """One that answers other requests too; these are the planner's own."""

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
        """The planner's answers."""
        return self.planner.answer(self._shown(observation), requests, samples)


def _with(plan: Plan, degraded: Degraded) -> Plan:
    return replace(plan, degraded=degraded)


def watchful(planner: Any, cameras: Sequence[str] = ()) -> Watchful:
    """The planner, watched over; it answers what the planner does."""
    return (WatchfulAnswers if hasattr(planner, "answer") else Watchful)(planner, cameras)
