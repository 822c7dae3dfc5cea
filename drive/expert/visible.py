"""The visible expert: the expert's search in a world that holds only what cameras can justify (`drive.expert.belief`).

Its plans are labels that a camera planner can learn; how well it drives is the ceiling of whoever learns from it.
"""

from __future__ import annotations

from drive.expert.belief import believed
from drive.expert.expert import Expert
from drive.world.state import State, Static
from drive.world.world import World


class VisibleExpert(Expert):
    """Sees the world, and makes use of what cameras show of it now; `plan_in_world` keeps nothing between calls."""

    name = "visible-expert"

    def known(self, world: World, state: State) -> tuple[Static, State]:
        """What cameras justify."""
        return believed(world, state)
