"""Red lights that the ego stands at: with those that it passes, whether it does what the lights say."""

from __future__ import annotations

import numpy as np

from drive.maps import COLOURS
from drive.sim.rollout import Rollout
from drive.world.advance import light_colours
from drive.world.state import DT_S, OFF_ROAD, SPEED, STATION

AT_LINE_M, STANDS_MPS = 10.0, 0.3
RED = COLOURS.index("red")


def red_stops(run: Rollout) -> int:
    """How many of the lights on its route the ego stood at while they were red: slower than `STANDS_MPS`, on the road, its front at most
    `AT_LINE_M` before the line. A light that it stood at twice counts once."""
    static = run.world.static
    own = slice(int(static.gate_ptr[0]), int(static.gate_ptr[1]))
    lines, lights = static.gate_span[own, 0], static.connector_light[static.gate_connector[own]]
    fronts = run.ego[:, STATION] + 0.5 * static.body[0]
    stands = (run.ego[:, SPEED] < STANDS_MPS) & (run.flags[:, OFF_ROAD] == 0)
    ahead = lines - fronts[:, None]
    at_line = stands[:, None] & (ahead > 0.0) & (ahead <= AT_LINE_M) & (lights >= 0)
    stood = set()
    for step, gate in np.argwhere(at_line):
        now = (int(run.world.start.step) + int(step)) * DT_S
        if light_colours(static.light_cycle, static.light_time, now)[lights[gate]] == RED:
            stood.add(int(gate))
    return len(stood)
