"""Any planner asked chains of requests on one observation: each link's answer, or why it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drive.asking import Refusal, answers_of, asked
from drive.schema import Observation
from drive.tasks.requests import Chain, spelled

UNANSWERED = "was not answered"


@dataclass(frozen=True, eq=False)
class Answered:
    """values: link as it is written (`see`, `plan:bins`, `ask(why?)`) -> the answer to use. reasons: why others have none; every link
    stands in one of the two. refusal: what failed all of them at once."""

    values: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None


def answered(planner: Any, observation: Observation, wanted: Sequence[Chain]) -> Answered:
    """Asks a planner. One that plans alone is asked each link by itself: whatever its plan stands behind, it is the same."""
    links = [str(link) for chain in wanted for link in chain]
    requests = [spelled(chain) for chain in wanted] if hasattr(planner, "answer") else links
    found = asked(lambda: answers_of(planner, observation, requests)) if requests else Refusal("")
    if isinstance(found, Refusal):
        return Answered({}, dict.fromkeys(links, found.reason), found if links else None)
    values = {link: found.values[link][0] for link in links if len(found.values.get(link, ()))}
    return Answered(values, {link: found.failures.get(link, UNANSWERED) for link in links if link not in values})
