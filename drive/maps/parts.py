"""What a road map is made of: lanes, areas, lights, stop lines, crossings, junctions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from drive.frames import Array

LaneKind = Literal["road", "connector"]
Colour = Literal["green", "yellow", "red", "off"]  # off: dark, flashing or not seen; it rules nobody
COLOURS: tuple[Colour, ...] = ("green", "yellow", "red", "off")


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane. centreline [N >= 2, 2], in driving direction; names refer to lanes of the same map.

    left, right: the neighbour of the same direction, None where there is none. yields_to: connectors whose traffic goes
    first where the two meet. road, junction: what the lane belongs to ("" and None where unknown). width_known, limit_known: whether the
    map's source tells them; else they are what such lanes usually have.
    """

    id: str
    centreline: Array
    width_m: float
    speed_limit_mps: float
    successors: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
    left: str | None = None
    right: str | None = None
    kind: LaneKind = "road"
    road: str = ""
    junction: str | None = None
    yields_to: tuple[str, ...] = ()
    width_known: bool = True
    limit_known: bool = True

    @cached_property
    def stations(self) -> Array:
        """Distance along the centreline of each of its points, [N] metres, the first 0."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.centreline, axis=0).T))])

    @cached_property
    def box(self) -> tuple[float, ...]:
        """Least x, y and greatest x, y of the centreline."""
        return (*self.centreline.min(0).tolist(), *self.centreline.max(0).tolist())

    @property
    def length_m(self) -> float:
        """Length of the centreline."""
        return float(self.stations[-1])


@dataclass(frozen=True, eq=False)
class Polygon:
    """A ring [N >= 3, 2] and the rings of its holes; not closed (the first point is not repeated)."""

    exterior: Array
    holes: tuple[Array, ...] = ()


@dataclass(frozen=True)
class Light:
    """A traffic light over connectors: its cycle starts `offset_s` before time 0 and repeats (colour, seconds)."""

    id: str
    lanes: tuple[str, ...]
    cycle: tuple[tuple[Colour, float], ...]
    offset_s: float = 0.0

    @property
    def period_s(self) -> float:
        """Seconds of a whole cycle."""
        return sum(seconds for _, seconds in self.cycle)

    def colour(self, time_s: float) -> Colour:
        """What it shows at a time."""
        rest = (time_s + self.offset_s) % self.period_s
        for colour, seconds in self.cycle:
            if rest < seconds:
                return colour
            rest -= seconds
        return self.cycle[-1][0]


@dataclass(frozen=True, eq=False)
class StopLine:
    """Where the traffic of a lane waits: line [2, 2], right end first as the driver sees it; light: its id, if any."""

    line: Array
    lane: str
    kind: Literal["light", "yield"]
    light: str | None = None


@dataclass(frozen=True, eq=False)
class Crossing:
    """A pedestrian crossing: ring [N, 2] and the walk [2, 2] from kerb to kerb; light: what holds the cars, if any."""

    id: str
    ring: Array
    walk: Array
    light: str | None = None


@dataclass(frozen=True, eq=False)
class Junction:
    """A place where roads meet: kind ("four-way", "t", "roundabout", "merge", "split", "bend", "inferred"), centre [2], radius."""

    id: str
    kind: str
    centre: Array
    radius_m: float


def linked(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The same lanes with predecessors filled in from successors."""
    lanes = tuple(lanes)
    before: dict[str, list[str]] = {lane.id: [] for lane in lanes}
    for lane in lanes:
        for following in lane.successors:
            before[following].append(lane.id)
    return tuple(replace(lane, predecessors=tuple(before[lane.id])) for lane in lanes)
