"""Lanes that come near the ego's at a junction, who drives on them, and for whom the ego has to wait (`drive.tasks.truths.line`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drive.curves import resample, stations_of, unit
from drive.frames import Array, wrap_angle
from drive.geometry import EGO_LENGTH_M
from drive.roads import Lanes, LightColour
from drive.schema import Agents
from drive.tasks.truths.lead import seen_now, who
from drive.tasks.truths.way import FITS_RAD, project

CONFLICT_M = 2.6  # two bodies on lanes nearer than this may touch
OVER_M = 0.5  # whose bumper is further over its line has entered
COMMITTED_MPS2 = 4.0  # who would have to brake harder before its line will enter
GONE_M = 1.0
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


def crossed(lanes: Lanes, own: int, found: list[Conflict]) -> bool:
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
        if front < -OVER_M + (0.0 if red else v**2 / (2 * COMMITTED_MPS2)):
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
