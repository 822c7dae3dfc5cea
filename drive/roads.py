"""What a target tells of the road around the ego, and what a navigator says of the way.

All places are in the ego frame of t0, metres and radians. A field that is None in a `Target` is not known to its source; one with no
rows says that there is none. What is known of some rows only has a mask beside it; values outside the mask are 0 and mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array

Ints = NDArray[np.int64]
Known = NDArray[np.bool_]
LightColour = Literal["green", "yellow", "red"]
COLOURS: tuple[LightColour, ...] = ("green", "yellow", "red")
Turn = Literal["left", "straight", "right", "roundabout"]
TURNS: tuple[Turn, ...] = ("left", "straight", "right", "roundabout")


@dataclass(frozen=True)
class Navigation:
    """What a navigator says of the next junction on the route: "in 40 metres, at the roundabout, the second exit, then left".

    turn: what to do there. distance_m: along the route from the ego's origin to where the junction begins, 0 inside it; inside a
    roundabout to where its exit leaves. exit: of a roundabout, counted from 1 where the ego is; None elsewhere. then: the same of the
    junction after it where that follows soon, without a `then` of its own; None elsewhere. Raises ValueError for other words, a negative
    distance, an exit below 1 or elsewhere, a `then` that is nearer or has a `then`.
    """

    turn: Turn
    distance_m: float
    exit: int | None = None
    then: Navigation | None = None

    def __post_init__(self) -> None:
        if self.turn not in TURNS or not 0.0 <= self.distance_m < np.inf:
            raise ValueError(f"a Navigation is one of {', '.join(TURNS)} and a distance from 0 on, got {self.turn!r}, {self.distance_m}")
        if (self.exit is not None) != (self.turn == "roundabout") or (self.exit is not None and self.exit < 1):
            raise ValueError(f"an exit is counted from 1 at a roundabout and None elsewhere, got {self.exit} with {self.turn!r}")
        if self.then is not None and (self.then.then is not None or self.then.distance_m < self.distance_m):
            raise ValueError(f"then is one junction further on, got {self.then} after {self.distance_m:g} m")


@dataclass(frozen=True, eq=False)
class Lanes:
    """The lane graph around the ego: L whole lanes.

    ids: L names. lines: L centrelines [N >= 2, 2] in driving direction. width_m [L], width_known [L]. limit_mps [L], limit_known [L]:
    the speed limit. in_junction [L] bool: leads across a junction. follows [E, 2]: rows (lane, a lane that follows it); left, right
    [E, 2]: rows (lane, its neighbour of the same direction). yields [E, 2]: rows (lane, a lane whose traffic goes first where the two
    meet), None where the source does not tell. Links to lanes that are not among the L are left out.
    """

    ids: tuple[str, ...]
    lines: tuple[Array, ...]
    width_m: Array
    width_known: Known
    limit_mps: Array
    limit_known: Known
    in_junction: Known
    follows: Ints
    left: Ints
    right: Ints
    yields: Ints | None = None

    def successors(self, row: int) -> Ints:
        """Rows of the lanes that follow a lane."""
        return self.follows[self.follows[:, 0] == row, 1]

    def predecessors(self, row: int) -> Ints:
        """Rows of the lanes that a lane follows."""
        return self.follows[self.follows[:, 1] == row, 0]


@dataclass(frozen=True, eq=False)
class Lights:
    """N traffic lights.

    ids: N names. colours: what each shows at t0, None where it was not seen or is dark. since_s, since_known [N]: for how long it has
    shown that; remaining_s, remaining_known [N]: for how long it will. stop_lines: N arrays [S, 2, 2], the lines at which its traffic
    waits, right end first as the driver sees it. rules [E, 2]: rows (light, row of the `Lanes` beside it); lanes not there are left out.
    """

    ids: tuple[str, ...]
    colours: tuple[LightColour | None, ...]
    since_s: Array
    since_known: Known
    remaining_s: Array
    remaining_known: Known
    stop_lines: tuple[Array, ...]
    rules: Ints


@dataclass(frozen=True, eq=False)
class Route:
    """The way ahead. points [N, 3]: x, y, heading, one metre apart, from beside the ego on. lanes: rows of the `Lanes` beside it in
    driving order, those not there left out; None where unknown. gates [G, 2]: where on the way, metres from its first point, a junction
    is entered and left whose traffic crosses; below 0 where it is entered already. light [G], lit [G]: the row of the `Lights` beside it
    that rules the gate, and whether there is one.
    """

    points: Array
    lanes: Ints | None
    gates: Array
    light: Ints
    lit: Known


@dataclass(frozen=True, eq=False)
class Signs:
    """N traffic signs. kinds: N words. positions [N, 2]. headings [N]: in which a driver goes who reads it. value, value_known [N]: of a
    limit in m/s."""

    kinds: tuple[str, ...]
    positions: Array
    headings: Array
    value: Array
    value_known: Known


def links(pairs: list[tuple[int, int]]) -> Ints:
    """Pairs of rows as [E, 2], also where there are none."""
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
