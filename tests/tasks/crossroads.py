"""A crossroads by hand, told in the ego's frame: the ego drives along +x, other traffic comes towards it and from its right.

     north out
         ^
<- west out   ||  <- from the east (oncoming)
ego ->  line  ||  -> east out
         ^
   from the south
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drive.roads import Lanes, LightColour, Lights, Route, links
from drive.schema import Agents, Observation, SceneSample, Target, Trajectory
from drive.tasks.truths.way import FRONT_M

NAMES = ("in", "straight", "out", "left", "south", "south-north", "north", "east", "east-west", "west")
FOLLOWS = (("in", "straight"), ("straight", "out"), ("in", "left"), ("left", "north"), ("south", "south-north"), ("south-north", "north"))
FOLLOWS += (("east", "east-west"), ("east-west", "west"))
CROSS_M = 11.75  # of the crossing lanes beyond the line
TIMES_S = np.arange(-4, 7) / 2


@dataclass(frozen=True)
class Other:
    """Somebody: middle of its box, heading, speed. visibility as in nuScenes."""

    x: float
    y: float
    heading: float = 0.0
    speed: float = 0.0
    category: str = "vehicle.car"
    size: tuple[float, float, float] = (4.0, 1.8, 1.5)
    visibility: int = 4
    velocity_known: bool = True


def lanes(line_x: float, yields: Sequence[tuple[str, str]] | None, left_m: float = 0.0) -> Lanes:
    """Lanes whose junction begins at line_x; the ego is left_m to the left of the middle of its own."""
    x, c, row = line_x, line_x + CROSS_M, {name: k for k, name in enumerate(NAMES)}
    arc = np.linspace(-np.pi / 2, 0, 12)
    turn = np.array([x, 12.0]) + np.stack([CROSS_M * np.cos(arc), 12 * np.sin(arc)], -1)
    ends = {"in": (-80, 0, x, 0), "straight": (x, 0, x + 20, 0), "out": (x + 20, 0, x + 120, 0), "south": (c, -80, c, -8)}
    ends |= {"south-north": (c, -8, c, 12), "north": (c, 12, c, 80), "east": (x + 120, 3.5, x + 20, 3.5)}
    ends |= {"east-west": (x + 20, 3.5, x, 3.5), "west": (x, 3.5, -80, 3.5)}
    lines = [turn if name == "left" else np.array(ends[name], dtype=np.float64).reshape(2, 2) for name in NAMES]
    count = len(NAMES)
    return Lanes(
        NAMES,
        tuple(line - [0.0, left_m] for line in lines),
        np.full(count, 3.5),
        np.ones(count, dtype=bool),
        np.full(count, 11.1),
        np.ones(count, dtype=bool),
        np.array([name in ("straight", "left", "south-north", "east-west") for name in NAMES]),
        links([(row[a], row[b]) for a, b in FOLLOWS]),
        links([]),
        links([]),
        None if yields is None else links([(row[a], row[b]) for a, b in yields]),
    )


def agents(others: Sequence[Other]) -> Agents:
    """Everybody at t0, standing still in the arrays' other steps."""
    shape = (len(others), len(TIMES_S))
    tall = [other.size[2] / 2 for other in others]
    centres = np.array([(o.x, o.y, z) for o, z in zip(others, tall, strict=True)]).reshape(-1, 1, 3)
    velocity = np.array([(o.speed * np.cos(o.heading), o.speed * np.sin(o.heading)) for o in others]).reshape(-1, 1, 2)
    return Agents(
        np.broadcast_to(centres, (*shape, 3)).copy(),
        np.repeat(np.array([o.heading for o in others]).reshape(-1, 1), len(TIMES_S), 1),
        np.array([o.size for o in others]).reshape(-1, 3),
        np.broadcast_to(velocity, (*shape, 2)).copy(),
        np.repeat(np.array([o.velocity_known for o in others], dtype=bool).reshape(-1, 1), len(TIMES_S), 1),
        np.ones(shape, dtype=bool),
        np.full(shape, -1),
        np.repeat(np.array([o.visibility for o in others], dtype=np.int64).reshape(-1, 1), len(TIMES_S), 1),
        tuple(o.category for o in others),
        tuple(f"other{k}" for k in range(len(others))),
        TIMES_S,
        4,
    )


def crossroads(
    line_m: float = 10.0,
    turn: str = "straight",
    light: LightColour | None = None,
    cross_light: LightColour | None = None,
    yields: Sequence[tuple[str, str]] | None = (("straight", "south-north"), ("left", "south-north"), ("left", "east-west")),
    others: Sequence[Other] = (),
    speed: float = 0.0,
    left_m: float = 0.0,
) -> SceneSample:
    """The bumper line_m before the line; light: of the ego's lanes, cross_light: of the traffic from the right, where there are any."""
    known = lanes(line_m + FRONT_M, yields, left_m)
    row = {name: k for k, name in enumerate(NAMES)}
    way = ("in", turn, "out" if turn == "straight" else "north")
    line = np.concatenate([known.lines[row[name]] for name in way])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = 80.0 + np.arange(100)
    points = np.stack([np.interp(at, along, line[:, k]) for k in (0, 1)], -1)
    slope = np.gradient(points, axis=0)
    length = float(np.hypot(*np.diff(known.lines[row[turn]], axis=0).T).sum())
    lit = light is not None
    route = Route(
        np.column_stack([points, np.arctan2(slope[:, 1], slope[:, 0])]),
        np.array([row[name] for name in way]),
        np.array([[line_m + FRONT_M, line_m + FRONT_M + length]]),
        np.zeros(1, dtype=np.int64),
        np.array([lit]),
    )
    shown = [("ours", light, ("straight", "left")), ("cross", cross_light, ("south-north",))]
    shown = [one for one in shown if one[1] is not None]
    nothing, none = np.zeros(len(shown)), np.zeros(len(shown), dtype=bool)
    rules = links([(k, row[name]) for k, (*_, names) in enumerate(shown) for name in names])
    lights = Lights(
        tuple(name for name, *_ in shown), tuple(colour for _, colour, _ in shown), nothing, none, nothing, none,
        tuple(np.zeros((0, 2, 2)) for _ in shown), rules,
    )  # fmt: skip
    future = Trajectory(np.column_stack([speed * TIMES_S[5:], np.zeros((6, 2))]), TIMES_S[5:], np.ones(6, dtype=bool))
    past = Trajectory(np.column_stack([speed * TIMES_S[:5], np.zeros((5, 2))]), TIMES_S[:5], np.ones(5, dtype=bool))
    observation = Observation("crossroads", (), past, TIMES_S[5:], speed_mps=speed)
    target = Target(future, agents(others), lanes=known, lights=lights, route=route)
    return SceneSample("crossroads", "crossroads", 0, 0, np.eye(4), observation, target)
