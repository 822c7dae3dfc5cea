"""What questions are answered from: the things around the car that can be seen, by the words people use for them.

Distances are from the ego's origin (the rear axle) to the middle of a thing's box, as boxes are told; a thing is `ahead` where its
bearing is within 45 degrees of the car's own heading, `behind` within 45 degrees of the opposite, else `left` or `right`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drive.answers.boxes import CLASS_OF, CLASSES, VEHICLES
from drive.answers.see import PARTS, LineSeen, Seen, SeenPart
from drive.schema import Agents, SceneSample
from drive.tasks.boxes import visible_rows
from drive.tasks.see import truths
from drive.tasks.seen import seen_of
from drive.tasks.truths.way import STRETCHES_M, own_lane

MOVING_MPS = 0.5
CHANGE_MPS = 1.0  # over the recorded future; less is keeping the speed
SIDES = ("ahead", "left", "right", "behind")
VEHICLE = "vehicle"  # any of `drive.answers.boxes.VEHICLES`
_NOUN_OF = {name: name.removeprefix("traffic_").replace("_", " ") for name in CLASSES}
NOUNS = tuple(_NOUN_OF.values())
_VEHICLES = {_NOUN_OF[name] for name in VEHICLES}


def noun_of(category: str) -> str:
    """The word for a nuScenes category that `drive.answers.boxes` has a class for."""
    return _NOUN_OF[CLASS_OF[category]]


@dataclass(frozen=True)
class Thing:
    """A thing at t0. row: of the target's `Agents`. x_m, y_m: its middle. speed_mps: None where it is not known."""

    row: int
    noun: str
    x_m: float
    y_m: float
    speed_mps: float | None

    @property
    def distance_m(self) -> float:
        return float(np.hypot(self.x_m, self.y_m))

    @property
    def side(self) -> str:
        """One of `SIDES`."""
        bearing = np.degrees(np.arctan2(self.y_m, self.x_m))
        return "ahead" if abs(bearing) <= 45 else "behind" if abs(bearing) >= 135 else "left" if bearing > 0 else "right"

    @property
    def moving(self) -> bool | None:
        return None if self.speed_mps is None else self.speed_mps > MOVING_MPS

    def is_a(self, noun: str) -> bool:
        """Whether a word fits it; `vehicle` fits every kind of them."""
        return self.noun == noun or (noun == VEHICLE and self.noun in _VEHICLES)


@dataclass(frozen=True, eq=False)
class Facts:
    """A sample as questions look at it."""

    sample: SceneSample

    @cached_property
    def things(self) -> tuple[Thing, ...] | None:
        """What task `boxes` would tell, nearest first; None where the data set does not know what is around."""
        agents = self.sample.target.agents
        if agents is None:
            return None
        return tuple(_thing(agents, row) for row in visible_rows(agents, self.sample.observation).tolist())

    @cached_property
    def seen(self) -> Seen:
        """What task `see` would tell: the way ahead, who is on it, its lights and lines."""
        return seen_of({part: value for part, value, known in truths(self.sample, PARTS) if known})

    def tells(self, part: SeenPart) -> bool:
        """Whether the data set knows a part of `seen`."""
        return part in self.seen.parts

    def line_near(self, within_m: float) -> LineSeen | None:
        """The next line where traffic crosses; None where there is none that near, or nobody knows."""
        line = self.seen.line if self.tells("line") else None
        return line if line is not None and line.distance_m <= within_m else None

    @cached_property
    def turn_ahead_rad(self) -> float | None:
        """By how much the way ahead turns over the stretches that `seen` tells, to the left above 0."""
        bends = self.seen.bends if self.tells("bends") else None
        return None if bends is None else sum(bend * (end - begin) for bend, (begin, end) in zip(bends, STRETCHES_M, strict=True))

    @cached_property
    def lanes_beside(self) -> tuple[int, int] | None:
        """How many lanes of the same direction are left and right of the ego's; None where lanes are not known or it is in none."""
        lanes = self.sample.target.lanes
        own = None if lanes is None else own_lane(self.sample.target)
        if lanes is None or own is None or lanes.in_junction[own[0]]:
            return None
        return _chain(lanes.left, own[0]), _chain(lanes.right, own[0])

    @cached_property
    def end_mps(self) -> float | None:
        """Speed over the last step of the recorded future; None where it is not whole."""
        future = self.sample.target.future
        if len(future.poses) < 2 or not future.valid.all():
            return None
        return float(np.hypot(*(future.poses[-1, :2] - future.poses[-2, :2])) / (future.times_s[-1] - future.times_s[-2]))

    @property
    def change_mps(self) -> float | None:
        """By how much the car becomes faster within the recorded future."""
        own = self.sample.observation.speed_mps
        return None if own is None or self.end_mps is None else self.end_mps - own

    @property
    def slows(self) -> bool:
        return self.change_mps is not None and self.change_mps < -CHANGE_MPS

    @property
    def speeds_up(self) -> bool:
        return self.change_mps is not None and self.change_mps > CHANGE_MPS

    @property
    def stands_at_the_end(self) -> bool:
        return self.end_mps is not None and self.end_mps < MOVING_MPS

    def those(self, noun: str, within_m: float = np.inf, fits: Callable[[Thing], bool] = lambda thing: True) -> list[Thing] | None:
        """The things of a word within a distance, nearest first; None where nothing is known."""
        if self.things is None:
            return None
        return [thing for thing in self.things if thing.is_a(noun) and thing.distance_m <= within_m and fits(thing)]


def _chain(pairs: np.ndarray, row: int) -> int:
    """How many steps lead on from a row along links [E, 2]."""
    following, seen = dict(pairs.tolist()), {row}
    while (row := following.get(row, -1)) >= 0 and row not in seen:
        seen.add(row)
    return len(seen) - 1


def _thing(agents: Agents, row: int) -> Thing:
    now = agents.now
    x, y = agents.centres[row, now, :2].tolist()
    speed = float(np.hypot(*agents.velocities[row, now])) if agents.velocity_valid[row, now] else None
    return Thing(row, noun_of(agents.categories[row]), x, y, speed)
