"""The next light and the next line on the way, and whether one may drive over that line now.

The rules are those of the towns' own traffic (`drive.world.traffic.may_enter`), told from what a driver can see. One may NOT enter where

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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drive.answers.see import LeadSeen, LightSeen, LineSeen
from drive.frames import Array, wrap_angle
from drive.geometry import EGO_LENGTH_M
from drive.roads import Lanes, LightColour, Route
from drive.schema import Agents, Target
from drive.tasks.truths.lead import seen_now, who
from drive.tasks.truths.way import FITS_RAD, LINE_REACH_M, Way, project
from drive.world.curves import resample, stations_of, unit

CONFLICT_M = 2.6  # two bodies on lanes nearer than this may touch
OVER_M, OWN_LINE_M = 1.0, 0.5  # whose bumper is further over a line has entered: the ego, another
YELLOW_MPS2, COMMITTED_MPS2 = 3.0, 4.0
GONE_M, SLOW_MPS, ROOM_M = 1.0, 2.5, 3.0
STANDING_MPS, LOOKED_AT_M = 0.3, 80.0
OWN_MPS2, OTHERS_MPS2, MARGIN_S = 1.2, 1.0, 1.2
FITS_M, LIKE_M, TURNED_COST_M = 2.4, 0.6, 3.0  # off a lane's middle; a lane that fits worse than the best by more is not meant; a radian


@dataclass(frozen=True)
class Conflict:
    """A lane that comes near the ego's: stretch of the ego's lane, and of it, from their starts; whether it goes first (1), the ego does
    (-1), or neither (0); whether it leads elsewhere than the ego's; row of its light, None where it has none."""

    row: int
    own_m: tuple[float, float]
    its_m: tuple[float, float]
    first: int
    crosses: bool
    light: int | None


def next_gate(way: Way, route: Route, lit: bool = False) -> tuple[int, float] | None:
    """Index of the first of the route's gates, of those with a light where lit, whose line the bumper is not OVER_M over, and the distance
    to it; None where there is none within LINE_REACH_M."""
    to_line = route.gates[:, 0] - way.front_m
    ahead = np.flatnonzero((to_line > -OVER_M) & (to_line <= LINE_REACH_M) & (route.lit | (not lit)))
    return (int(ahead[0]), float(to_line[ahead[0]])) if len(ahead) else None


def light_of(way: Way, target: Target) -> tuple[LightSeen | None, bool]:
    """The next light on the route, and whether that is known (no route, no lights, or one that is dark: it is not)."""
    if target.route is None or target.lights is None:
        return None, False
    gate = next_gate(way, target.route, lit=True)
    if gate is None:
        return None, True
    colour = target.lights.colours[int(target.route.light[gate[0]])]
    return (None, False) if colour is None else (LightSeen(colour, gate[1]), True)


def line_of(way: Way, target: Target, lead: LeadSeen | None, speed_mps: float) -> tuple[LineSeen | None, bool]:
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
    free = not (full and _crossed(lanes, own, found))
    others = drivers(lanes, agents) if found and free else []
    free = free and not any(must_wait(lanes, others, target.lights.colours, one, to_line, speed_mps) for one in found)
    return LineSeen(free, to_line), True


def _lane_of(way: Way, route: Route, lanes: Lanes, gate: int) -> int | None:
    """Row of the route's lane that begins at a gate's line."""
    rows = np.zeros(0, dtype=np.int64) if route.lanes is None else route.lanes[lanes.in_junction[route.lanes]]
    if not len(rows):
        return None
    start = way.at(np.array([route.gates[gate, 0]]))[0, :2]
    off = np.hypot(*(np.array([lanes.lines[row][0] for row in rows]) - start).T)
    return int(rows[np.argmin(off)]) if off.min() <= 1.5 else None


def conflicts(lanes: Lanes, own: int, lights: dict[int, int]) -> list[Conflict] | None:
    """The lanes that cross or join a lane across a junction; None where there are some and who goes first is not known."""
    line, before, after, near = lanes.lines[own], set(lanes.predecessors(own)), set(lanes.successors(own)), []
    for row in np.flatnonzero(lanes.in_junction):
        linked = row == own or row in after or own in lanes.successors(row) or before & set(lanes.predecessors(row))
        spans = None if linked else _shared(line, lanes.lines[row])
        if spans is not None:
            near.append((int(row), *spans))
    if not near:
        return []
    if lanes.yields is None:
        return None
    pairs = {(int(a), int(b)) for a, b in lanes.yields}
    first = [((own, row) in pairs) - ((row, own) in pairs) for row, *_ in near]
    crosses = [not after & set(lanes.successors(row)) for row, *_ in near]
    return [Conflict(*one, f, c, lights.get(one[0])) for one, f, c in zip(near, first, crosses, strict=True)]


def _crossed(lanes: Lanes, own: int, found: list[Conflict]) -> bool:
    """Whether lanes cross at the junction of a lane with these conflicts: roundabouts and merges only join."""
    if any(one.crosses for one in found):
        return True
    return any(other.crosses for one in found for other in conflicts(lanes, one.row, {}) or ())


def _shared(line: Array, other: Array) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The stretches of two polylines that are nearer than CONFLICT_M; None where they are nowhere."""
    if (other.min(0) > line.max(0) + CONFLICT_M).any() or (other.max(0) < line.min(0) - CONFLICT_M).any():
        return None
    line, other = resample(line), resample(other)
    touch = np.hypot(*np.moveaxis(line[:, None] - other[None], -1, 0)) < CONFLICT_M
    if not touch.any():
        return None
    own, its = np.flatnonzero(touch.any(1)), np.flatnonzero(touch.any(0))
    mine, theirs = stations_of(line), stations_of(other)
    return (float(mine[own[0]]), float(mine[own[-1]])), (float(theirs[its[0]]), float(theirs[its[-1]]))


@dataclass(frozen=True)
class Driver:
    """Somebody in sight who drives: the lanes that it may be in, best first, as (row, station of its middle); length m, speed m/s."""

    places: tuple[tuple[int, float], ...]
    length_m: float
    speed_mps: float


def drivers(lanes: Lanes, agents: Agents) -> list[Driver]:
    """Everybody in sight who drives on a lane; whose velocity is not known is taken to stand."""
    boxes, low, high = (
        agents.boxes(agents.now),
        [line.min(0) - FITS_M for line in lanes.lines],
        [line.max(0) + FITS_M for line in lanes.lines],
    )
    found = []
    for k in np.flatnonzero(seen_now(agents)):
        if who(agents.categories[k]) in ("vehicle", "cyclist"):
            at, heading = boxes[k, :2], float(boxes[k, 2])
            near = [row for row in range(len(low)) if (low[row] <= at).all() and (at <= high[row]).all()]
            places = _places(lanes, near, at, heading)
            speed = float(agents.velocities[k, agents.now] @ unit(heading))
            if places:
                found.append(Driver(places, float(boxes[k, 3]), max(speed, 0.0)))
    return found


def _places(lanes: Lanes, rows: list[int], at: Array, heading: float) -> tuple[tuple[int, float], ...]:
    """Which of some lanes a place and heading may be in, best first, with the station there."""
    costs = []
    for row in rows:
        station, left, along, beside = project(lanes.lines[row], at)
        turn = abs(float(wrap_angle(along - heading)))
        if beside and abs(left) <= FITS_M and turn <= FITS_RAD:
            costs.append((abs(left) + TURNED_COST_M * turn, row, station))
    costs.sort()
    return tuple((row, station) for cost, row, station in costs if cost <= costs[0][0] + LIKE_M)


def must_wait(
    lanes: Lanes, others: Sequence[Driver], colours: tuple[LightColour | None, ...], conflict: Conflict, to_line: float, speed_mps: float
) -> bool:
    """Whether somebody on a conflicting lane, or on the way to it, keeps the ego behind its line."""
    red = conflict.light is not None and colours[conflict.light] == "red"
    clear_s = _seconds(to_line + conflict.own_m[1] + EGO_LENGTH_M, speed_mps, OWN_MPS2)
    before = _before(lanes, conflict.row)
    for driver in others:
        away = [before[row] - station for row, station in driver.places if row in before]
        if not away:
            continue
        v, front = driver.speed_mps, away[0] - 0.5 * driver.length_m  # front: from its bumper to its line
        if -front - driver.length_m > conflict.its_m[1] + GONE_M:
            continue
        if front < -OWN_LINE_M + (0.0 if red else v**2 / (2 * COMMITTED_MPS2)):
            return True
        to_conflict = front + conflict.its_m[0]
        if red or conflict.first < 0 or v < STANDING_MPS or to_conflict > LOOKED_AT_M or (conflict.first == 0 and front >= to_line - 1.0):
            continue
        if _seconds(to_conflict, v, OTHERS_MPS2) < clear_s + MARGIN_S:
            return True
    return False


def _before(lanes: Lanes, row: int) -> dict[int, float]:
    """Lanes that lead to a lane, itself included: metres from their start to its start."""
    reach, waiting = {row: 0.0}, [row]
    while waiting:
        lane = waiting.pop(0)
        for back in lanes.predecessors(lane):
            if int(back) not in reach and reach[lane] < LOOKED_AT_M:
                reach[int(back)] = reach[lane] + float(stations_of(lanes.lines[back])[-1])
                waiting.append(int(back))
    return reach


def _seconds(distance: float, speed: float, acceleration: float) -> float:
    """Time to cover a distance from a speed with a constant acceleration above 0."""
    return float((np.sqrt(speed**2 + 2 * acceleration * max(distance, 0.0)) - speed) / acceleration)
