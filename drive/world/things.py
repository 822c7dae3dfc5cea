"""What can be annotated in a world: agents, parked cars, road works, each with category, box and place in the instance images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.world.state import ACTIVE, BUS, CAR, CYCLIST, MOTORCYCLE, PEDESTRIAN, TRAILER, TRUCK, Ints, State, V
from drive.world.world import World

AGENTS = {
    CAR: "vehicle.car",
    TRUCK: "vehicle.truck",
    BUS: "vehicle.bus.rigid",
    TRAILER: "vehicle.trailer",
    MOTORCYCLE: "vehicle.motorcycle",
    CYCLIST: "vehicle.bicycle",
    PEDESTRIAN: "human.pedestrian.adult",
}
WORKS = ("vehicle.construction", "movable_object.trafficcone", "movable_object.barrier")
# Within what distance of the ego nuScenes' detection benchmark counts a class.
CLASS_RANGE_M = {
    "vehicle.car": 50.0,
    "vehicle.truck": 50.0,
    "vehicle.bus.rigid": 50.0,
    "vehicle.trailer": 50.0,
    "vehicle.construction": 50.0,
    "human.pedestrian.adult": 40.0,
    "vehicle.motorcycle": 40.0,
    "vehicle.bicycle": 40.0,
    "movable_object.trafficcone": 30.0,
    "movable_object.barrier": 30.0,
}
MOVING_MPS = 0.2


@dataclass(frozen=True, eq=False)
class Things:
    """K things of a world. names, categories: K strings. size [K, 3]: length, width, height m. instance [K]: as in the instance
    images. agent [K]: index of the agent, -1 for what never moves, whose pose is in `fixed` [K, 3] (x, y, heading)."""

    names: tuple[str, ...]
    categories: tuple[str, ...]
    size: Array
    instance: Ints
    agent: Ints
    fixed: Array

    def poses(self, state: State) -> tuple[Array, NDArray[np.bool_]]:
        """Box centres and headings [K, 3] in a state, and who is there [K]."""
        moving = self.agent >= 0
        poses = np.where(moving[:, None], state.pose[self.agent], self.fixed)
        return poses, ~moving | (state.marks[self.agent, ACTIVE] == 1)

    def attribute(self, k: int, state: State) -> str | None:
        """What thing k is doing; None for cones and barriers, which have no attribute."""
        category = self.categories[k]
        if category.startswith("movable_object"):
            return None
        if category in ("vehicle.bicycle", "vehicle.motorcycle"):
            return "cycle.with_rider"
        moving = self.agent[k] >= 0 and state.move[self.agent[k], V] > MOVING_MPS
        if category == AGENTS[PEDESTRIAN]:
            return "pedestrian.moving" if moving else "pedestrian.standing"
        return "vehicle.moving" if moving else "vehicle.stopped" if self.agent[k] >= 0 else "vehicle.parked"


def list_things(world: World) -> Things:
    """All that can be annotated in a world. The category of a kind that nuScenes has none for is the kind's own name."""
    static = world.static
    count = len(static.kind)
    rows: list[tuple[str, str, Sequence[float], int, int, Sequence[float]]] = []
    for i in range(1, count):
        category = AGENTS.get(int(static.kind[i]), world.kind(i))
        rows.append((f"agent{i}", category, static.size[i].tolist(), i + 1, i, (0.0, 0.0, 0.0)))
    if world.furniture is not None:
        for n, row in enumerate(world.furniture.parked.tolist()):
            rows.append((f"parked{n}", AGENTS[CAR], row[3:6], count + 1 + n, -1, row[:3]))
        first = count + 1 + len(world.furniture.parked)
        for n, row in enumerate(world.furniture.works.tolist()):
            rows.append((f"works{n}", WORKS[int(row[6])], row[3:6], first + n, -1, row[:3]))
    names, categories, sizes, instances, agents, fixed = zip(*rows, strict=True) if rows else ((), (), (), (), (), ())
    return Things(names, categories, _rows(sizes), np.array(instances, dtype=np.int64), np.array(agents, dtype=np.int64), _rows(fixed))


def _rows(rows: Sequence[Sequence[float]]) -> Array:
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
