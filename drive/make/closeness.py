"""States right behind somebody, which no good drive comes by: who brakes a moment late has to know how to stop there, and to stay."""

from __future__ import annotations

import numpy as np

from drive.expert.proposals import on_route
from drive.frames import Array
from drive.make.balance import LEAD_M
from drive.world.shapes import point_on
from drive.world.state import HEADING, SPEED, STATION, State, X, Y
from drive.world.world import World

NEAREST_M, FARTHEST_M = 0.5, 12.0
STOP_MPS2, STOPPED_M = 6.0, 0.5  # the ego is never so fast that it could not stop by this braking, so far behind


def right_behind(world: World, state: State, rng: np.random.Generator) -> State | None:
    """A state with the ego on its route close behind who is next there, at a speed from which it can stop if that one stands; None where
    nobody is within `LEAD_M`. Gaps are drawn by their root: half are below 3.4 m. Only the ego's pose, speed and station are new
    (`drive.make.demonstrations.displaced` brings the rest up to date)."""
    static, ego = world.static, state.ego
    half, count = 0.5 * float(static.body[0]), int(static.path_ptr[1])
    begins = on_route(static, state, LEAD_M)[:, 0]
    begins = begins[begins > ego[STATION] + half]
    if not len(begins):
        return None
    gap = NEAREST_M + (FARTHEST_M - NEAREST_M) * float(rng.random()) ** 2
    station = float(begins.min()) - gap - half
    if station < float(static.body[2]):
        return None
    cap = float(static.path[min(int(station), count - 1), 3])
    fastest = min(cap, float(np.sqrt(2 * STOP_MPS2 * max(gap - STOPPED_M, 0.0))))
    moved = on_way(world, ego, station)
    moved[SPEED] = fastest * float(rng.random())
    return state._replace(ego=moved)


def on_way(world: World, ego: Array, station: float) -> Array:
    """The ego [8] in the middle of its route with its centre at a station; all else as it was."""
    static, moved = world.static, ego.copy()
    moved[X], moved[Y], moved[HEADING] = point_on(static.path, 0, int(static.path_ptr[1]), station - float(static.body[2]), 0.0)
    moved[STATION] = station
    return moved
