"""Any planner, shown black pictures."""

from __future__ import annotations

from drive.data.images import blackened
from drive.schema import Observation, Plan, Planner, Window


class BlackPictures:
    """Any planner, shown black pictures: what it still does well it does not owe to sight."""

    def __init__(self, planner: Planner) -> None:
        self.planner, self.name = planner, f"{planner.name}-black"
        self.window: Window = getattr(planner, "window", Window())
        self.pictures, self.camera_names = getattr(planner, "pictures", None), getattr(planner, "camera_names", ())

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to the blackened observation."""
        return self.planner.plan(blackened(observation), samples)
