"""Whom a drive meets: agents that come near the ego and move."""

from __future__ import annotations

import math

import numpy as np

from drive.jit import kernel
from drive.world.advance import advance
from drive.world.state import ACTIVE, BY_LANE, DT_S, STATION, State, Static, V, X, Y

MET_M, MOVING_MPS = 50.0, 0.5


@kernel
def meetings(sc: Static, start: State, goal_m: float, time_limit_s: float, enough: int) -> int:
    """How many moving agents the ego meets on its route when it drives as traffic does; stops counting at `enough`."""
    state, met, count = start, np.zeros(len(sc.kind), dtype=np.bool_), 0
    while count < enough and state.ego[STATION] < goal_m and state.step * DT_S < time_limit_s:
        state = advance(sc, state, 0.0, 0.0, BY_LANE, False)
        for i in range(1, len(met)):
            if not met[i] and state.marks[i, ACTIVE] == 1 and state.move[i, V] > MOVING_MPS:
                met[i] = math.hypot(state.pose[i, 0] - state.ego[X], state.pose[i, 1] - state.ego[Y]) < MET_M
                count += met[i]
    return count
