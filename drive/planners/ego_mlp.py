"""The blind floor as a planner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drive.planners.notes import speaks
from drive.planners.untold import Untold
from drive.poses import axle_poses
from drive.schema import Observation, Plan, PlanError, PlannerSpec

if TYPE_CHECKING:
    from drive.model.ego_mlp import EgoMlp


@dataclass(eq=False)
class EgoMlpPlanner:
    """The blind floor as a planner: speed, acceleration, yaw rate and command in, one trajectory out."""

    network: EgoMlp
    name: str = "ego-mlp"
    _untold: Untold = field(default_factory=Untold, repr=False)

    @property
    def spec(self) -> PlannerSpec:
        """Its network's window; no pictures."""
        return PlannerSpec(self.network.config.window, "unused")

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The one answer, `samples` times. Raises PlanError where other times are asked for."""
        import torch

        from drive.model.ego_mlp import ego_features

        times = self.network.config.window.future_times_s
        if not np.array_equal(observation.future_times_s, times):
            raise PlanError(f"this network plans at {times.tolist()} s, asked for {observation.future_times_s.tolist()}")
        if self._untold.add([observation]):
            speaks(self)
        with torch.inference_mode():
            xy = self.network(torch.from_numpy(ego_features(observation))[None])[0].double().numpy()
        return Plan(np.repeat(axle_poses(xy)[None], samples, axis=0), times)

    def take_notes(self) -> tuple[str, ...]:
        """Which speeds were unknown since this was asked last."""
        return self._untold.told()

    def plan_batch(self, observations: Sequence[Observation], samples: int = 1) -> list[Plan]:
        """Several observations, one by one."""
        return [self.plan(observation, samples) for observation in observations]
