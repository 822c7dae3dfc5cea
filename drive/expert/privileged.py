"""The privileged planners by name, and their kernels."""

from __future__ import annotations

from drive.expert.belief import believed
from drive.expert.expert import Expert, LaneFollower, load_search
from drive.expert.visible import VisibleExpert
from drive.world.world import World

PRIVILEGED = {planner.name: planner for planner in (Expert, VisibleExpert, LaneFollower)}
_loaded = False


def load_kernels(world: World) -> None:
    """Compiles, or loads from disk, every kernel that a plan may need: once in a process, before a clock runs."""
    global _loaded
    if not _loaded:
        load_search(world)
        believed(world, world.start)
        _loaded = True
