"""The answer of task `see`: what a driver has to know before it decides, as short typed parts.

Distances run along the way ahead (the route; without one the lanes that follow) from the middle of the front bumper, metres; speeds in m/s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from drive.roads import LightColour

Who = Literal["vehicle", "cyclist", "person", "thing"]
WHO: tuple[Who, ...] = get_args(Who)
SeenPart = Literal["lane", "bends", "cap", "lead", "light", "line"]
PARTS: tuple[SeenPart, ...] = get_args(SeenPart)


@dataclass(frozen=True)
class LanePlace:
    """Where the ego's origin is in its lane. offset_m: to the left of its middle above 0. heading_rad: of the ego against the lane's
    direction there, to the left above 0."""

    offset_m: float
    heading_rad: float


@dataclass(frozen=True)
class LeadSeen:
    """Who or what is next in the way. gap_m: from the front bumper. speed_mps: along the way, below 0 where it comes towards the ego."""

    who: Who
    gap_m: float
    speed_mps: float


@dataclass(frozen=True)
class LightSeen:
    """The next traffic light on the way. distance_m: to the line where its traffic waits, a little below 0 where the bumper is over it."""

    colour: LightColour
    distance_m: float


@dataclass(frozen=True)
class LineSeen:
    """The next place where traffic crosses or goes first. may_enter: whether one may drive over its line now (`drive.tasks.truths.line`).
    distance_m: to that line, a little below 0 where the bumper is over it."""

    may_enter: bool
    distance_m: float


@dataclass(frozen=True)
class Seen:
    """parts: which of the fields below are answered; the others are None and say nothing. One that is answered with None: there is none.

    bends: mean curvature of the way ahead over three stretches (`drive.tasks.truths.way.STRETCHES_M`), 1/m, to the left above 0.
    cap_mps: the speed limit. bends and cap_mps are never None where they are answered.
    """

    parts: tuple[SeenPart, ...] = PARTS
    lane: LanePlace | None = None
    bends: tuple[float, float, float] | None = None
    cap_mps: float | None = None
    lead: LeadSeen | None = None
    light: LightSeen | None = None
    line: LineSeen | None = None

    def __post_init__(self) -> None:
        if ("bends" in self.parts) != (self.bends is not None) or ("cap" in self.parts) != (self.cap_mps is not None):
            raise ValueError(
                f"bends and cap_mps are given exactly where they are among the parts {self.parts}, got {self.bends}, {self.cap_mps}"
            )
