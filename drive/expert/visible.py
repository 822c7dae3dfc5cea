"""The visible expert: the expert's search in a world that holds only what cameras can justify (`drive.expert.belief`).

Its plans are labels that a camera planner can learn; how well it drives is the ceiling of whoever learns from it.
"""

from __future__ import annotations

from drive.expert.belief import believed
from drive.expert.expert import LOST_M, best_proposal, plan_from_rows
from drive.schema import Observation, Plan, PlanError, PlannerSpec
from drive.world.state import LATERAL, State
from drive.world.world import World


class VisibleExpert:
    """Sees the world, and makes use of what cameras show of it now; `plan_in_world` keeps nothing between calls."""

    name = "visible-expert"
    spec = PlannerSpec(pictures="unused", privileged=True)

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        """The best proposal's poses at the observation's times. Raises PlanError where the ego has lost its route."""
        if abs(state.ego[LATERAL]) > LOST_M:
            raise PlanError(f"the ego is {abs(state.ego[LATERAL]):.0f} m beside its route")
        static, now = believed(world, state)
        return plan_from_rows(best_proposal(static, now).rows, state, observation)
