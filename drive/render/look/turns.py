"""Where along its path a driver signals a turn: before and in sharp curves, not where the road itself bends or goes round a ring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.world.state import BY_LANE
from drive.world.world import World

SHARP_RAD, WINDOW_M = 0.55, 5  # a turn: so much over so many metres to each side
AHEAD_M, AFTER_M = 28, 3


def signals(world: World) -> NDArray[np.int8]:
    """1 left, -1 right, 0 none, at every point of `Static.path`, [P]."""
    static = world.static
    result = np.zeros(len(static.path), dtype=np.int8)
    for i in np.flatnonzero((static.mode == BY_LANE) | (np.arange(len(static.mode)) == 0)):
        first, last = int(static.path_ptr[i]), int(static.path_ptr[i + 1])
        result[first:last] = _along(static.path[first:last], world)
    return result


def _along(path: Array, world: World) -> NDArray[np.int8]:
    """Signals along one path [N, 4], points one metre apart."""
    heading, n = path[:, 2], len(path)
    at = np.arange(n)
    change = heading[np.minimum(at + WINDOW_M, n - 1)] - heading[np.maximum(at - WINDOW_M, 0)]
    turn = np.sign(change) * (np.abs(change) > SHARP_RAD)
    for junction in world.map.junctions:
        inside = np.hypot(*(path[:, :2] - junction.centre).T) < junction.radius_m
        if junction.kind in ("bend", "merge", "split"):
            turn[inside] = 0
        elif junction.kind == "roundabout":
            turn[inside] = _exit(inside)[inside]
    result = np.zeros(n, dtype=np.int8)
    for point in np.flatnonzero(turn)[::-1]:
        result[max(0, point - AHEAD_M) : point + AFTER_M] = turn[point]
    return result


def _exit(inside: NDArray[np.bool_]) -> Array:
    """-1 over the last metres inside a ring of each passage through it."""
    leaving = np.flatnonzero(inside[:-1] & ~inside[1:])
    mask = np.zeros(len(inside))
    for point in leaving:
        mask[max(0, point - 6) : point + 1] = -1.0
    return mask
