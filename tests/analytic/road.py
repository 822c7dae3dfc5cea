"""Roads made of arcs, and cars that drive along them: everything has a closed form, so tests know the exact answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.frames import Array


@dataclass(frozen=True)
class Road:
    """Consecutive arcs (length m, curvature 1/m, positive to the left) from `start` (x, y, heading), at arc length `s_start`."""

    start: tuple[float, float, float]
    arcs: tuple[tuple[float, float], ...]
    s_start: float = 0.0

    @property
    def s_end(self) -> float:
        return self.s_start + sum(length for length, _ in self.arcs)

    def pose(self, s: float, offset: float = 0.0) -> Array:
        """Pose (x, y, heading) at arc length s, `offset` metres to the left of the line. Beyond its ends the road is straight."""
        x, y, heading = self.start
        left = s - self.s_start
        last = len(self.arcs) - 1
        for i, (length, curvature) in enumerate(self.arcs):
            here = left if left <= length or i == last else length
            turn = curvature * here
            # sinc form of the chord, exact for straight lines too
            chord = here * np.sinc(turn / (2 * np.pi))
            x += chord * np.cos(heading + turn / 2)
            y += chord * np.sin(heading + turn / 2)
            heading += turn
            left -= here
            if left <= 0:
                break
        return np.array([x - offset * np.sin(heading), y + offset * np.cos(heading), heading])

    def curvature(self, s: float) -> float:
        """Curvature 1/m at arc length s."""
        ends = np.cumsum([length for length, _ in self.arcs]) + self.s_start
        return self.arcs[min(int(np.searchsorted(ends, s, side="right")), len(self.arcs) - 1)][1]

    def line(self, offset: float, s0: float, s1: float, step: float = 2.5) -> Array:
        """Points [N, 2] along the road at an offset, from s0 to s1: the ends of arcs, and every `step` metres of a bend."""
        at, begin = [s0], self.s_start
        for length, curvature in self.arcs:
            low, high = max(begin, s0), min(begin + length, s1)
            if low < high:
                at.extend(np.linspace(low, high, max(2, round((high - low) / step)) if curvature else 2))
            begin += length
        return np.array([self.pose(s, offset)[:2] for s in sorted({*at, s1})])

    def arc_lines(self, offset: float, against: bool) -> list[tuple[Array, float, float]]:
        """The arcs beside the road at an offset to the left, (start pose, length m, curvature 1/m) each; against: driven backwards."""
        ends = self.s_start + np.concatenate([[0.0], np.cumsum([length for length, _ in self.arcs])])
        arcs = []
        for (length, curvature), low, high in zip(self.arcs, ends, ends[1:], strict=False):
            beside = 1 - curvature * offset
            start = self.pose(high, offset) + [0, 0, np.pi] if against else self.pose(low, offset)
            arcs.append((start, float(length * beside), float((-curvature if against else curvature) / beside)))
        return arcs[::-1] if against else arcs

    def band(self, right: float, left: float, s0: float, s1: float) -> Array:
        """The ring [N, 2] of the strip between two offsets, counter-clockwise."""
        return np.concatenate([self.line(right, s0, s1), self.line(left, s0, s1)[::-1]])


@dataclass(frozen=True)
class Motion:
    """Distance along a road: s0 at t = 0, speed v0, constant acceleration until it stands."""

    s0: float
    speed: float = 0.0
    acceleration: float = 0.0

    def at(self, t: float) -> tuple[float, float]:
        """Speed m/s and acceleration m/s^2 along the road at time t."""
        speed = self.speed + self.acceleration * t
        return (0.0, 0.0) if self.acceleration < 0 and speed <= 0 else (speed, self.acceleration)

    def s(self, t: float) -> float:
        """Arc length at time t (seconds, also negative)."""
        if self.acceleration < 0:
            t = min(t, -self.speed / self.acceleration)
        return self.s0 + self.speed * t + 0.5 * self.acceleration * t * t


@dataclass(frozen=True)
class Actor:
    """Something annotated: a category, its size (length, width, height), and its way along the road.

    reverse: it faces against the road. crossing: m/s to the left, across the road, for a pedestrian who faces that way.
    """

    category: str
    size: tuple[float, float, float]
    motion: Motion
    offset: float
    colour: tuple[int, int, int]
    reverse: bool = False
    crossing: float = 0.0

    def pose(self, road: Road, t: float) -> Array:
        """Pose (x, y, heading) of its centre in the world at time t."""
        pose = road.pose(self.motion.s(t), self.offset + self.crossing * t)
        turn = np.pi if self.reverse else np.copysign(np.pi / 2, self.crossing) if self.crossing else 0.0
        return pose + np.array([0.0, 0.0, turn])

    @property
    def moving(self) -> bool:
        return self.motion.speed != 0 or self.crossing != 0


@dataclass(frozen=True)
class Scene:
    """A drive: the ego keeps to the road's line (the middle of its lane) from s = 0 on."""

    name: str
    split: str
    description: str
    road: Road
    ego: Motion
    actors: tuple[Actor, ...]
    crossing_s: float | None = None
