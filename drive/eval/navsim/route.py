"""The way ahead in a lane graph, as NAVSIM has it: its lanes with those beside them, and one centreline.

nuPlan's maps group lanes into roadblocks, and its logs tell the roadblocks of the route. Here the route is that of the recorded drive:
the lanes that it took from t0 on, the lanes of the same direction beside them (by geometry, since most maps do not tell neighbours), and
behind its end the straightest way on. As in the original the centreline follows links inside the route from the lane under the ego.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.curves import resample
from drive.frames import Array, wrap_angle
from drive.roads import Lanes

ON_LANE_M, ON_LANE_RAD = 4.0, np.pi / 4  # a pose further off, or turned more, is on no lane
BESIDE_M, BESIDE_RAD, BESIDE_SHARE = 5.5, np.pi / 6, 0.5  # a lane beside another: so near, so parallel, for so much of it
AHEAD_M = 150.0  # of centreline, from the ego on
STEP_M = 1.0


@dataclass(frozen=True, eq=False)
class RouteAhead:
    """rows: lanes of the route. line [C, 2]: the centreline, about STEP_M apart. start: the lane under the ego."""

    rows: tuple[int, ...]
    line: Array
    start: int


class LaneGraph:
    """Lanes as even points with headings, for questions of nearness."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.points = [resample(line, STEP_M) for line in lanes.lines]
        self.headings = [np.arctan2(*np.gradient(line, axis=0).T[::-1]) for line in self.points]
        self._all = np.concatenate(self.points) if self.points else np.zeros((0, 2))
        self._heading = np.concatenate(self.headings) if self.points else np.zeros(0)
        self._owner = np.repeat(np.arange(len(self.points)), [len(line) for line in self.points])

    def under(self, pose: Array, among: set[int] | None = None) -> int | None:
        """The lane that a pose [3] is on: near and turned like it, the sum of both least; None where there is none."""
        gap = np.hypot(*(self._all - pose[:2]).T)
        turn = np.abs(wrap_angle(self._heading - pose[2]))
        fits = (gap <= ON_LANE_M) & (turn <= ON_LANE_RAD)
        if among is not None:
            fits &= np.isin(self._owner, list(among))
        if not fits.any():
            return None
        return int(self._owner[np.where(fits, gap + turn, np.inf).argmin()])

    def beside(self, row: int) -> set[int]:
        """Lanes of the same direction beside a lane: BESIDE_SHARE of the shorter one's points lie so near and so parallel to the other."""
        found = {int(other) for pairs in (self.lanes.left, self.lanes.right) for one, other in pairs if one == row}
        own, heading = self.points[row], self.headings[row]
        low, high = own.min(0) - BESIDE_M, own.max(0) + BESIDE_M
        for other, points in enumerate(self.points):
            if other == row or other in found or (points.max(0) < low).any() or (points.min(0) > high).any():
                continue
            gap = np.hypot(*np.moveaxis(own[:, None] - points, -1, 0))
            near, turn = gap.argmin(1), gap.min(1)
            along = (turn <= BESIDE_M) & (np.abs(wrap_angle(heading - self.headings[other][near])) <= BESIDE_RAD)
            along &= (near > 0) & (near < len(points) - 1)  # past its ends nothing is beside
            if along.sum() >= BESIDE_SHARE * min(len(own), len(points)):
                found.add(other)
        return found

    def straightest(self, row: int) -> int | None:
        """The lane that follows with the least turn between both ends; None where none does."""
        after = self.lanes.successors(row)
        turns = [abs(float(wrap_angle(self.headings[k][-1] - self.headings[row][-1]))) for k in after]
        return int(after[int(np.argmin(turns))]) if len(after) else None


def route_ahead(lanes: Lanes, drive: Array) -> RouteAhead | None:
    """The route of a recorded drive: poses [N, 3] from t0 on, close together. None where no lane lies under its first one."""
    graph = LaneGraph(lanes)
    taken = _taken(graph, drive)
    if not taken or graph.under(drive[0]) is None:
        return None
    taken = _extended(graph, taken)
    rows = _with_beside(graph, taken)
    start = graph.under(drive[0], set(rows))
    assert start is not None
    return RouteAhead(tuple(sorted(rows)), _centreline(graph, start, taken, rows), start)


def _taken(graph: LaneGraph, drive: Array) -> list[int]:
    """The lanes under a drive in its order; where two fit, the one that follows the last lane, or is it."""
    taken: list[int] = []
    for pose in drive:
        allowed = {taken[-1], *map(int, graph.lanes.successors(taken[-1]))} if taken else None
        row = graph.under(pose, allowed)
        row = graph.under(pose) if row is None else row
        if row is not None and row not in taken:
            taken.append(row)
    return taken


def _extended(graph: LaneGraph, taken: list[int]) -> list[int]:
    taken, length = list(taken), 0.0
    while length < AHEAD_M:
        following = graph.straightest(taken[-1])
        if following is None or following in taken:
            break
        taken.append(following)
        length += len(graph.points[following]) * STEP_M
    return taken


def _with_beside(graph: LaneGraph, taken: list[int]) -> set[int]:
    """The lanes taken and those beside them, and beside these: the width of the carriageway."""
    rows, queue = set(taken), list(taken)
    while queue:
        new = graph.beside(queue.pop()) - rows
        rows |= new
        queue.extend(new)
    return rows


def _centreline(graph: LaneGraph, start: int, taken: list[int], rows: set[int]) -> Array:
    """From the start on over links inside the route, by lanes that were taken where these go on; [C, 2]."""
    way, length = [start], len(graph.points[start]) * STEP_M
    while length < AHEAD_M + len(graph.points[start]) * STEP_M:
        after = [int(k) for k in graph.lanes.successors(way[-1]) if int(k) in rows and int(k) not in way]
        if not after:
            break
        straight = graph.straightest(way[-1])
        way.append(min(after, key=lambda k: (taken.index(k) if k in taken else len(taken), k != straight)))
        length += len(graph.points[way[-1]]) * STEP_M
    line = np.concatenate([graph.points[row] for row in way])
    keep = np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 1e-6])
    return resample(line[keep], STEP_M)
