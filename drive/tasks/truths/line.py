"""The next light and the next line on the way, and whether one may drive over that line now.

The rules are those of the towns' own traffic (`drive.world.traffic.may_enter`), told from what a driver can see (constants: here and in
`drive.tasks.truths.conflicts`). One may NOT enter where

- the light of the line is red, or yellow and the car can still stop before it at YELLOW_MPS2;
- lanes cross at the junction behind the line, and somebody slow is so near that the car would stand in it;
- somebody in sight is over its own line, or can no longer stop before it, on a lane that comes nearer than CONFLICT_M to the ego's, and
  its tail has not left that place;
- somebody in sight who moves and has the right of way (it crosses first, has green or no light, or is nearer where neither goes first)
  would be there less than MARGIN_S after the ego is through, both speeding up gently.

Nobody's route is known: who may take several lanes is taken to take each of them. Who is in no lane is no reason to wait, and who is in the
ego's way is the lead. For how long somebody waits already is not seen, so the towns' traffic, which grows impatient, enters sooner.
"""

from __future__ import annotations

import numpy as np

from drive.answers.see import LeadSeen, LightSeen, LineSeen
from drive.geometry import EGO_LENGTH_M
from drive.roads import Lanes, Route
from drive.schema import Target
from drive.tasks.truths.conflicts import conflicts, crossed, drivers, must_wait
from drive.tasks.truths.way import LINE_REACH_M, WayAhead

OVER_M = 1.0  # whose bumper is further over its line has entered
YELLOW_MPS2 = 3.0
SLOW_MPS, ROOM_M = 2.5, 3.0


def next_gate(way: WayAhead, route: Route, lit: bool = False) -> tuple[int, float] | None:
    """Index of the first of the route's gates, of those with a light where lit, whose line the bumper is not OVER_M over, and the distance
    to it; None where there is none within LINE_REACH_M."""
    to_line = route.gates[:, 0] - way.front_m
    ahead = np.flatnonzero((to_line > -OVER_M) & (to_line <= LINE_REACH_M) & (route.lit | (not lit)))
    return (int(ahead[0]), float(to_line[ahead[0]])) if len(ahead) else None


def light_of(way: WayAhead, target: Target) -> tuple[LightSeen | None, bool]:
    """The next light on the route, and whether that is known (no route, no lights, or one that is dark: it is not)."""
    if target.route is None or target.lights is None:
        return None, False
    gate = next_gate(way, target.route, lit=True)
    if gate is None:
        return None, True
    colour = target.lights.colours[int(target.route.light[gate[0]])]
    return (None, False) if colour is None else (LightSeen(colour, gate[1]), True)


def line_of(way: WayAhead, target: Target, lead: LeadSeen | None, speed_mps: float) -> tuple[LineSeen | None, bool]:
    """The next line, and whether it is known who goes first there."""
    route, lanes, agents = target.route, target.lanes, target.agents
    if route is None or lanes is None or target.lights is None or agents is None:
        return None, False
    gate = next_gate(way, route)
    if gate is None:
        return None, lanes.yields is not None  # who does not know who yields does not know all lines either
    index, to_line = gate
    colour = target.lights.colours[int(route.light[index])] if route.lit[index] else "green"
    if colour is None or (own := _lane_of(way, route, lanes, index)) is None:
        return None, False
    if colour == "red" or (colour == "yellow" and to_line > speed_mps**2 / (2 * YELLOW_MPS2)):
        return LineSeen(False, to_line), True
    found = conflicts(lanes, own, {int(lane): int(light) for light, lane in target.lights.rules})
    if found is None:
        return None, False
    through = to_line + float(route.gates[index, 1] - route.gates[index, 0])
    full = lead is not None and lead.speed_mps < SLOW_MPS and lead.gap_m < through + EGO_LENGTH_M + ROOM_M
    free = not (full and crossed(lanes, own, found))
    others = drivers(lanes, agents) if found and free else []
    free = free and not any(must_wait(lanes, others, target.lights.colours, one, to_line, speed_mps) for one in found)
    return LineSeen(free, to_line), True


def _lane_of(way: WayAhead, route: Route, lanes: Lanes, gate: int) -> int | None:
    """Row of the route's lane that begins at a gate's line."""
    rows = np.zeros(0, dtype=np.int64) if route.lanes is None else route.lanes[lanes.in_junction[route.lanes]]
    if not len(rows):
        return None
    start = way.at(np.array([route.gates[gate, 0]]))[0, :2]
    off = np.hypot(*(np.array([lanes.lines[row][0] for row in rows]) - start).T)
    return int(rows[np.argmin(off)]) if off.min() <= 1.5 else None
