"""Any planner, shown less than there is: what it still does well it does not owe to that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from drive.asking import notes_of, spec_of
from drive.data.images import blackened
from drive.schema import Answers, Observation, Plan, Planner


class ShownLess:
    """A planner, shown what `less` leaves of an observation; told: the word for that behind its name."""

    def __init__(self, planner: Any, less: Callable[[Observation], Observation], told: str) -> None:
        self.planner, self.less, self.name = planner, less, f"{planner.name}-{told}"
        self.spec = spec_of(planner)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to what is left."""
        return self.planner.plan(self.less(observation), samples)

    def take_notes(self) -> tuple[str, ...]:
        """The planner's notes."""
        return notes_of(self.planner)


class AnswersShownLess(ShownLess):
    """One that answers other requests too."""

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
        """The planner's answers to what is left."""
        return self.planner.answer(self.less(observation), requests, samples)


def black(planner: Planner) -> ShownLess:
    """The planner, shown black pictures; it answers what the planner does."""
    return _shown(planner, blackened, "black")


def newest(planner: Planner) -> ShownLess:
    """The planner, shown the pictures of t0 alone, as at the beginning of a drive; it answers what the planner does."""
    return _shown(planner, lambda observation: replace(observation, frames=observation.frames[-1:]), "newest")


def _shown(planner: Planner, less: Callable[[Observation], Observation], told: str) -> ShownLess:
    return (AnswersShownLess if hasattr(planner, "answer") else ShownLess)(planner, less, told)
