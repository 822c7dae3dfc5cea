"""Whom a drive meets: agents that come near the ego and move."""

from __future__ import annotations

import numpy as np

from drive.world.advance import advance
from drive.world.state import ACTIVE, BY_LANE, DT_S, STATION, State, Static, V, X, Y

MET_M, MOVING_MPS = 50.0, 0.5


def meetings(sc: Static, start: State, goal_m: float, time_limit_s: float, enough: int) -> int:
    """How many moving agents the ego meets on its route when it drives as traffic does; stops counting at `enough`."""
    state, met = start, np.zeros(len(sc.kind), dtype=np.bool_)
    while met.sum() < enough and state.ego[STATION] < goal_m and state.step * DT_S < time_limit_s:
        state = advance(sc, state, 0.0, 0.0, BY_LANE, False)
        near = np.hypot(state.pose[:, 0] - state.ego[X], state.pose[:, 1] - state.ego[Y]) < MET_M
        met[1:] |= (near & (state.marks[:, ACTIVE] == 1) & (state.move[:, V] > MOVING_MPS))[1:]
    return min(int(met.sum()), enough)
