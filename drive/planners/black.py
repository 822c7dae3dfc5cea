"""Any planner, shown black pictures."""

from __future__ import annotations

from collections.abc import Sequence

from drive.asking import answers_of, spec_of
from drive.data.images import blackened
from drive.schema import Answers, Observation, Plan, Planner


class BlackPictures:
    """Any planner, shown black pictures: what it still does well it does not owe to sight."""

    def __init__(self, planner: Planner) -> None:
        self.planner, self.name = planner, f"{planner.name}-black"
        self.spec = spec_of(planner)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to the blackened observation."""
        return self.planner.plan(blackened(observation), samples)

    def answer(self, observation: Observation, requests: Sequence[str], samples: int = 1) -> Answers:
        """The planner's answers to the blackened observation."""
        return answers_of(self.planner, blackened(observation), requests, samples)
