"""One state of a world from above, for environments."""

from __future__ import annotations

import numpy as np

from drive.sim.draw import PIXELS_PER_M, VIEW_M, Backdrop, MapView, draw_step
from drive.sim.rollout import Rollout
from drive.viz.canvas import Picture
from drive.world.state import ACTIVE, CONTACT, State, V
from drive.world.world import World


class BirdsEye:
    """Pictures of a world's states, north up, the ego in the middle; the map is drawn once."""

    def __init__(self, world: World) -> None:
        self.world, self._backdrop = world, Backdrop(world)

    def picture(self, state: State) -> Picture:
        """uint8 [H, W, 3]."""
        side = int(VIEW_M * PIXELS_PER_M)
        at = MapView(side, side, state.ego[:2], (side / 2, side / 2), np.pi / 2)
        return draw_step(_standing(self.world, state), state.step, None, self._backdrop, at).finish()


def _standing(world: World, state: State) -> Rollout:
    """A drive in which every step up to the state's is that state."""

    def always(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, (state.step + 1, *values.shape))

    return Rollout(
        world,
        planner="",
        ego=always(state.ego),
        pose=always(state.pose),
        speed=always(state.move[:, V]),
        active=always(state.marks[:, ACTIVE]),
        contact=always(state.marks[:, CONTACT]),
        flags=always(state.flags),
        actions=np.zeros((state.step, 2)),
        plans=(),
        outcome="",
        hash="",
    )
