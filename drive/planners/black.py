"""Any planner, shown black pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drive.asking import notes_of, spec_of
from drive.data.images import blackened
from drive.schema import Answers, Observation, Plan, Planner


class BlackPictures:
    """A planner, shown black pictures: what it still does well it does not owe to sight."""

    def __init__(self, planner: Any) -> None:
        self.planner, self.name = planner, f"{planner.name}-black"
        self.spec = spec_of(planner)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to the blackened observation."""
        return self.planner.plan(blackened(observation), samples)

    def take_notes(self) -> tuple[str, ...]:
        """The planner's notes."""
        return notes_of(self.planner)


class BlackAnswers(BlackPictures):
    """One that answers other requests too."""

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
        """The planner's answers to the blackened observation."""
        return self.planner.answer(blackened(observation), requests, samples)


def black(planner: Planner) -> BlackPictures:
    """The planner, shown black pictures; it answers what the planner does."""
    return BlackAnswers(planner) if hasattr(planner, "answer") else BlackPictures(planner)
