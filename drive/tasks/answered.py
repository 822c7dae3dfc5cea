"""Any planner asked chains of requests on one observation: each link's answer, or why it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drive.asking import PLAN, Refusal, as_plan, asked
from drive.schema import Answers, Observation
from drive.tasks import Chain, chains, spelled

UNANSWERED = "was not answered"


@dataclass(frozen=True, eq=False)
class Answered:
    """values: link as it is written (`see`, `plan:bins`, `ask(why?)`) -> the answer to use. reasons: why others have none; every link
    stands in one of the two. refusal: what failed all of them at once."""

    values: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None


def answered(planner: Any, observation: Observation, wanted: Sequence[Chain]) -> Answered:
    """Asks a planner, as `answers_of`."""
    links = [str(link) for chain in wanted for link in chain]
    requests = [spelled(chain) for chain in wanted]
    found = asked(lambda: answers_of(planner, observation, requests)) if requests else Refusal("")
    if isinstance(found, Refusal):
        return Answered({}, dict.fromkeys(links, found.reason), found if links else None)
    values = {link: found.values[link][0] for link in links if len(found.values.get(link, ()))}
    return Answered(values, {link: found.failures.get(link, UNANSWERED) for link in links if link not in values})


def answers_of(planner: Any, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
    """A planner's answers to requests. One that has a `plan` alone answers every link that is a plan, which is the same whatever it stands
    behind, and refuses the others by name. Raises what the planner raises; ValueError for what is no request."""
    if hasattr(planner, "answer"):
        return planner.answer(observation, requests, samples)
    links = [link for chain in chains(requests) for link in chain]
    failures = {str(link): f"{planner.name} answers plan alone" for link in links if link.task != PLAN}
    plans = [str(link) for link in links if link.task == PLAN]
    plan = asked(lambda: as_plan(planner.plan(observation, samples=samples), observation.future_times_s)) if plans else Refusal("")
    if isinstance(plan, Refusal):
        return Answers({}, {}, failures | dict.fromkeys(plans, plan.reason))
    log_probs = {} if plan.log_probs is None else dict.fromkeys(plans, np.asarray(plan.log_probs))
    return Answers(dict.fromkeys(plans, tuple(plan.trajectories)), log_probs, failures)
