"""The way ahead of a sample: its route, or without one the lanes that follow the ego's, where they fork the recorded future's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drive.answers.see import LanePlace
from drive.curves import resample, stations_of, unit
from drive.frames import Array, wrap_angle
from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M
from drive.roads import Lanes
from drive.schema import Target

FRONT_M = EGO_CENTRE_AHEAD_M + 0.5 * EGO_LENGTH_M  # of the bumper ahead of the origin
REACH_M, LINE_REACH_M = 60.0, 50.0  # who, and which lights and lines, are further ahead are not asked for
STRETCHES_M = ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0))
SHORTEST_M = 30.0  # a way along lanes that is known no further says nothing of who is ahead
FITS_RAD = np.pi / 3
USUAL_WIDTH_M = 3.5  # of a lane whose width is not known
MOST_LANES = 12


@dataclass(frozen=True, eq=False)
class WayAhead:
    """points [N >= 2, 3] (x, y, unwrapped heading), about one metre apart; along [N]: metres from the first point; origin_m: where on it
    the ego's origin is beside it (a little below 0 where it is behind the first point)."""

    points: Array
    along: Array
    origin_m: float

    @property
    def front_m(self) -> float:
        """Where the ego's front bumper is."""
        return self.origin_m + FRONT_M

    def heading(self, at_m: Array | float) -> Array:
        """Headings at places; beyond its ends it goes straight on."""
        return np.interp(at_m, self.along, self.points[:, 2])

    def at(self, at_m: Array) -> Array:
        """Points [K, 3] at places [K] within it."""
        return np.stack([np.interp(at_m, self.along, column) for column in self.points.T], -1)


@lru_cache(maxsize=8)  # several tasks ask it of one sample
def way_of(target: Target) -> WayAhead | None:
    """None where neither a route nor lanes are known, and where the ego is in no lane that leads on."""
    if target.route is not None:
        points = target.route.points[:, :2]
        return _made(points, np.arange(float(len(points)))) if len(points) >= 2 else None
    own = None if target.lanes is None else own_lane(target)
    if target.lanes is None or own is None:
        return None
    line = resample(_onward(target.lanes, own[0], target.future.poses[target.future.valid, :2]))
    way = _made(line, stations_of(line))
    return way if way.along[-1] - way.front_m >= SHORTEST_M else None


def curvatures(way: WayAhead) -> tuple[float, float, float]:
    """Mean curvature over each of STRETCHES_M from the origin on, 1/m; what lies beyond the way's end counts as straight."""
    first, second, third = (
        float(way.heading(way.origin_m + end) - way.heading(way.origin_m + begin)) / (end - begin) for begin, end in STRETCHES_M
    )
    return first, second, third


@lru_cache(maxsize=8)
def own_lane(target: Target) -> tuple[int, LanePlace] | None:
    """Row of the lane that the ego's origin is in, and where in it; one of the route's before others, then the one it is most nearly in the
    middle of. None where it is in none. Raises ValueError where lanes are not known."""
    lanes = target.lanes
    if lanes is None:
        raise ValueError("the target knows no lanes")
    route = set() if target.route is None or target.route.lanes is None else set(target.route.lanes.tolist())
    found = []
    for row, line in enumerate(lanes.lines):
        _, left, heading, beside = project(line, np.zeros(2))
        half = 0.5 * (lanes.width_m[row] if lanes.width_known[row] else USUAL_WIDTH_M)
        turn = float(-wrap_angle(heading))
        if beside and abs(left) <= half and abs(turn) <= FITS_RAD:
            found.append((row not in route, abs(left), row, LanePlace(left, turn)))
    return min(found)[2:] if found else None


def limit_of(target: Target) -> float | None:
    """Speed limit of the ego's lane, of the route's next where it is in none, m/s; None where it is not known."""
    if target.lanes is None:
        return None
    own, route = own_lane(target), None if target.route is None else target.route.lanes
    row = own[0] if own else int(route[0]) if route is not None and len(route) else None
    return None if row is None or not target.lanes.limit_known[row] else float(target.lanes.limit_mps[row])


def project(line: Array, point: Array) -> tuple[float, float, float, bool]:
    """The place of a polyline [N >= 2, 2] that is nearest to a point [2]: station from its start, how far the point is to the left of it,
    its heading there, and whether the point is beside it rather than before its start or beyond its end."""
    starts, ways = line[:-1], np.diff(line, axis=0)
    squared = np.maximum((ways**2).sum(-1), 1e-12)
    share = ((point - starts) * ways).sum(-1) / squared
    inside = np.clip(share, 0.0, 1.0)
    off = point - starts - inside[:, None] * ways
    k = int(np.argmin((off**2).sum(-1)))
    length = np.sqrt(squared)
    left = float((ways[k, 0] * off[k, 1] - ways[k, 1] * off[k, 0]) / length[k])
    beside = not ((k == 0 and share[0] < 0) or (k == len(ways) - 1 and share[-1] > 1))
    return float(length[:k].sum() + inside[k] * length[k]), left, float(np.arctan2(ways[k, 1], ways[k, 0])), beside


def _made(line: Array, along: Array) -> WayAhead:
    """The way along a polyline [N >= 2, 2] whose points are at places [N]."""
    slope = np.gradient(line, axis=0) if len(line) > 2 else np.repeat(np.diff(line, axis=0), 2, 0)
    heading = np.unwrap(np.arctan2(slope[:, 1], slope[:, 0]))
    station, _, _, beside = project(line, np.zeros(2))
    origin = float(np.interp(station, stations_of(line), along))
    if not beside and station == 0.0:
        origin = float(-line[0] @ unit(heading[0]))
    return WayAhead(np.column_stack([line, heading]), along, origin)


def _onward(lanes: Lanes, row: int, future: Array) -> Array:
    """The line from a lane's start on; at a fork along the lane that the recorded future [T, 2] ends nearest to, no further where it ends
    before the fork."""
    rows = [row]
    while len(rows) < MOST_LANES:
        onward = [int(after) for after in lanes.successors(rows[-1]) if after not in rows]
        if len(onward) > 1:
            if not len(future) or project(lanes.lines[rows[-1]], future[-1])[3]:
                break
            onward = [min(onward, key=lambda after: _beside(lanes.lines[after], future))]
        if not onward:
            break
        rows.append(onward[0])
    return np.concatenate([lanes.lines[row] for row in rows])


def _beside(line: Array, future: Array) -> float:
    """Mean distance of the recorded points [T, 2] that a polyline is beside; infinite where it is beside none."""
    places = [project(line, point) for point in future]
    return float(np.mean([abs(left) for _, left, _, beside in places if beside] or [np.inf]))
