"""Plans that heed what their network states: they stay behind who it states ahead.

Most cars that `first-answers` hits it has stated, and planned into all the same (docs/log.md). `heedful:NAME` slows such a plan along its
own path, by the gentlest braking that is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from drive.answers.see import LeadSeen, Seen
from drive.asking import PLAN
from drive.frames import Array
from drive.planners.network import NetworkPlanner
from drive.schema import Answers, Observation, Plan, PlanError, PlannerSpec

STAND_OFF_M, SHARE_OFF = 1.5, 0.1  # left to who is ahead, and of the gap that is stated: it is told worse from afar
LEAD_BRAKES_MPS2 = 3.0  # who is ahead may begin to brake so: its stated speed lasts no longer
BRAKES_MPS2 = np.arange(0.5, 8.01, 0.25)
SEE = "see"


def room_behind(lead: LeadSeen, times_s: Array) -> Array:
    """How far the car's front may come by times_s [T], m, [T]: no further than who is ahead would be by then if it began to brake now, as
    responsibility-sensitive safety asks of a car behind (arXiv 1708.06374), less a distance and a share of the gap."""
    speed_mps = max(lead.speed_mps, 0.0)
    rolling_s = np.minimum(times_s, speed_mps / LEAD_BRAKES_MPS2)
    ahead = speed_mps * rolling_s - 0.5 * LEAD_BRAKES_MPS2 * rolling_s**2
    return np.asarray(np.maximum((1.0 - SHARE_OFF) * lead.gap_m - STAND_OFF_M + ahead, 0.0))


def behind(poses: Array, times_s: Array, speed_mps: float, lead: LeadSeen) -> Array:
    """A plan [T, 3] in the ego frame of t0 at times_s [T] that stays behind a lead as it is stated, on the plan's own path: as it is where
    it does already, else slowed from the car's speed by the least of `BRAKES_MPS2` that is enough, or the most where none is."""
    path = np.vstack([np.zeros(3), poses])
    way = np.append(0.0, np.cumsum(np.hypot(*np.diff(path[:, :2], axis=0).T)))
    room = room_behind(lead, times_s)
    if (way[1:] <= room).all():
        return poses
    braking = np.minimum(times_s, speed_mps / BRAKES_MPS2[:, None])
    slowed = np.minimum(speed_mps * braking - 0.5 * BRAKES_MPS2[:, None] * braking**2, way[1:])  # [brakes, T]
    enough = (slowed <= room).all(1)
    driven = slowed[int(np.argmax(enough)) if enough.any() else -1]
    along = way + np.arange(len(way)) * 1e-9  # a plan that stands has one place at many times
    return np.stack([np.interp(driven, along, column) for column in path.T], -1)


class Heedful:
    """A network as a planner whose plans, among other answers too, stay behind who it states ahead beside them."""

    def __init__(self, planner: NetworkPlanner) -> None:
        self.planner, self.name = planner, f"{planner.name}-heedful"

    @property
    def spec(self) -> PlannerSpec:
        """The planner's."""
        return self.planner.spec

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's plan, slowed where it must be. Raises PlanError where the planner does, nothing is stated (a deadline), or the
        speed is unknown."""
        answers = self.planner.planned([observation], samples)[0]
        if SEE not in answers.values | answers.failures:
            raise PlanError(f"{self.name} heeds what it states, and was to plan without (a deadline): give it time, or none of heedful:")
        return self.planner.as_plan(self._heeding(answers, observation))

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1, deadline_s: float | None = None) -> Answers:
        """The planner's answers; plans stay behind who is stated among them, and fail where that was asked for and failed. A plan that is
        asked for without `see` is as the planner has it."""
        return self._heeding(self.planner.answer(observation, requests, samples, deadline_s), observation)

    def take_notes(self) -> tuple[str, ...]:
        """The planner's notes."""
        return self.planner.take_notes()

    def _heeding(self, answers: Answers, observation: Observation) -> Answers:
        names = [name for name in answers.values if name.partition(":")[0] == PLAN]
        stated: Sequence[Seen] = answers.values.get(SEE, ())
        times, speed = self.planner.network.config.window.future_times_s, observation.speed_mps
        leads = any(seen.lead for seen in stated)
        if names and SEE in answers.failures:
            return _without(answers, names, f"{self.name} heeds what it states, and that failed: {answers.failures[SEE]}")
        if names and leads and speed is None:
            return _without(answers, names, f"{self.name} brakes from the car's speed, which is unknown: give it, or {self.planner.name}")
        if not names or not leads or speed is None:
            return answers
        made = {
            name: tuple(
                plan if seen.lead is None else behind(plan, times, speed, seen.lead)
                for plan, seen in zip(answers.values[name], stated, strict=True)
            )
            for name in names
        }
        return replace(answers, values={**answers.values, **made})


def _without(answers: Answers, names: Sequence[str], why: str) -> Answers:
    """These answers as failures."""
    values = {name: value for name, value in answers.values.items() if name not in names}
    log_probs = {name: value for name, value in answers.log_probs.items() if name not in names}
    return Answers(values, log_probs, answers.failures | dict.fromkeys(names, why))


def heedful(planner: Any) -> Heedful:
    """The planner, its plans kept behind what it states. Raises ValueError where it states nothing before it plans."""
    chain = planner.plan_chain[0] if isinstance(planner, NetworkPlanner) else ()
    links = [str(link) for link in chain]
    if SEE not in links or links.index(SEE) > links.index(planner.plan_chain[1]):
        raise ValueError(
            f"heedful: {planner.name} states nothing before it plans; take a network that plans by see>plan, such as first-answers"
        )
    return Heedful(planner)
