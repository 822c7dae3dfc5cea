"""Plans that heed what their network states: they stay behind who it states ahead.

Most cars that `first-answers` hits it has stated, and planned into all the same (docs/log.md). `heedful:NAME` slows such a plan along its
own path, by the gentlest braking that is enough. It asks who was ahead in the pictures of a moment before, too: one picture shows nobody's
speed, and now and then somebody is not stated who was right before.
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
from drive.schema.observation import MOST_FRAMES

STAND_OFF_M, SHARE_OFF = 1.5, 0.1  # left to who is ahead, and of the gap that is stated: it is told worse from afar
LEAD_BRAKES_MPS2 = 3.0  # who is ahead may begin to brake so: its stated speed lasts no longer
BRAKES_MPS2 = np.arange(0.5, 12.01, 0.25)  # the hardest is more than a car can: who is told so gives all that it has
RESPONSE_S = 0.3  # so late a car does what a plan says
BEFORE_S = 0.3, 1.0  # as long ago as that, and no longer, a moment before is
KEPT_M = 15.0  # who was stated no further away than this, and is not now, is taken to be there still
SEE, LEAD = "see", "see:lead"
SLOWED = "slowed, to stay behind who is ahead"


def lead_by_both(now: LeadSeen | None, before: LeadSeen | None, went_m: float, dt_s: float) -> LeadSeen | None:
    """Who is ahead, by what is stated now and what was dt_s before, since when the car has gone went_m: no faster than the gap has grown
    by, and who is stated no more has stayed where it was, where that was near."""
    if before is None:
        return now
    if now is None:
        there = replace(before, gap_m=max(before.gap_m - went_m, 0.0))
        return there if there.gap_m < KEPT_M else None
    return replace(now, speed_mps=min(now.speed_mps, max((now.gap_m - before.gap_m + went_m) / dt_s, 0.0)))


def room_behind(lead: LeadSeen, times_s: Array) -> Array:
    """How far the car's front may come by times_s [T], m, [T]: no further than who is ahead would be by then if it began to brake now, as
    responsibility-sensitive safety asks of a car behind (arXiv 1708.06374), less a distance and a share of the gap."""
    speed_mps = max(lead.speed_mps, 0.0)
    rolling_s = np.minimum(times_s, speed_mps / LEAD_BRAKES_MPS2)
    ahead = speed_mps * rolling_s - 0.5 * LEAD_BRAKES_MPS2 * rolling_s**2
    return np.asarray(np.maximum((1.0 - SHARE_OFF) * lead.gap_m - STAND_OFF_M + ahead, 0.0))


def behind(poses: Array, times_s: Array, speed_mps: float, lead: LeadSeen) -> Array:
    """A plan [T, 3] in the ego frame of t0 at times_s [T] that stays behind a lead as it is stated, on the plan's own path: as it is where
    it does already, else slowed from the car's speed by the least of `BRAKES_MPS2` that is enough though it begins `RESPONSE_S` late, or
    the most where none is."""
    path = np.vstack([np.zeros(3), poses])
    way = np.append(0.0, np.cumsum(np.hypot(*np.diff(path[:, :2], axis=0).T)))
    room = room_behind(lead, times_s)
    if (way[1:] <= room).all():
        return poses
    braking = np.minimum(times_s, speed_mps / BRAKES_MPS2[:, None])
    slowed = np.minimum(speed_mps * braking - 0.5 * BRAKES_MPS2[:, None] * braking**2, way[1:])  # [brakes, T]
    late = np.where(slowed < way[1:], speed_mps * np.minimum(times_s, RESPONSE_S), 0.0)
    enough = (slowed + late <= room).all(1)
    driven = slowed[int(np.argmax(enough)) if enough.any() else -1]
    along = way + np.arange(len(way)) * 1e-9  # a plan that stands has one place at many times
    return np.stack([np.interp(driven, along, column) for column in path.T], -1)


class Heedful:
    """A network as a planner whose plans, among other answers too, stay behind who it states ahead beside them, and who it states in the
    frame before, where an observation has one of `BEFORE_S` ago."""

    def __init__(self, planner: NetworkPlanner) -> None:
        self.planner, self.name = planner, f"{planner.name}-heedful"

    @property
    def spec(self) -> PlannerSpec:
        """The planner's, with a frame more where a window may have one."""
        spec, window = self.planner.spec, self.planner.network.config.window
        return replace(spec, window=replace(window, frames=min(window.frames + 1, MOST_FRAMES)))

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's plan, slowed where it must be, which its text says then.

        Raises PlanError where the planner does, nothing is stated (a deadline), or the speed is unknown.
        """
        answers = self.planner.planned([observation], samples)[0]
        if SEE not in answers.values | answers.failures:
            raise PlanError(f"{self.name} heeds what it states, and was to plan without (a deadline): give it time, or none of heedful:")
        heeding = self._heeding(answers, observation)
        return _told(self.planner.as_plan(heeding), answers, heeding)

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1, deadline_s: float | None = None) -> Answers:
        """The planner's answers; plans stay behind who is stated among them, and fail where that was asked for and failed. A plan that is
        asked for without `see` is as the planner has it."""
        return self._heeding(self.planner.answer(observation, requests, samples, deadline_s), observation)

    def take_notes(self) -> tuple[str, ...]:
        """The planner's notes."""
        return self.planner.take_notes()

    def _heeding(self, answers: Answers, observation: Observation) -> Answers:
        names = [name for name in answers.values if name.partition(":")[0] == PLAN]
        if names and SEE in answers.failures:
            return _without(answers, names, f"{self.name} heeds what it states, and that failed: {answers.failures[SEE]}")
        stated: Sequence[Seen] = answers.values.get(SEE, ())
        if not names or not stated:
            return answers
        try:
            leads, speed = self._leads(stated, observation), observation.speed_mps
        except PlanError as error:
            return _without(answers, names, f"{self.name} heeds what it states of the frame before, and that failed: {error}")
        if not any(leads):
            return answers
        if speed is None:
            return _without(answers, names, f"{self.name} brakes from the car's speed, which is unknown: give it, or {self.planner.name}")
        times = self.planner.network.config.window.future_times_s
        made = {
            name: tuple(plan if lead is None else behind(plan, times, speed, lead) for plan, lead in zip(plans, leads, strict=True))
            for name, plans in ((name, answers.values[name]) for name in names)
        }
        return replace(answers, values={**answers.values, **made})

    def _leads(self, stated: Sequence[Seen], observation: Observation) -> list[LeadSeen | None]:
        """Who is ahead, for each time it is stated now."""
        now = [seen.lead for seen in stated]
        frames = observation.frames[:-1]
        if not frames or observation.speed_mps is None or not BEFORE_S[0] <= -frames[-1].time_s <= BEFORE_S[1]:
            return now
        dt_s, asked = -frames[-1].time_s, LEAD if LEAD in self.planner.network.config.requests else SEE
        earlier: Seen = self.planner.answer(replace(observation, frames=frames), asked).best(asked)
        return [lead_by_both(lead, earlier.lead, observation.speed_mps * dt_s, dt_s) for lead in now]


def _told(plan: Plan, answers: Answers, heeding: Answers) -> Plan:
    """The plan, its text with a line more where it was slowed."""
    names = [name for name in heeding.values if name.partition(":")[0] == PLAN]
    slowed = any(own is not now for name in names for own, now in zip(answers.values[name], heeding.values[name], strict=True))
    return replace(plan, text=f"{plan.text}\n{SLOWED}") if slowed else plan


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
