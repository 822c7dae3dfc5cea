"""What cameras on the ego can see of a world's boxes: a line-of-sight test against houses and vehicles, cheap enough for every plan.

From the eye, points over each box are looked at; a sight line that passes through another box below that box's height is blocked. A
car's roof hides a car behind it but not the lorry above it. Trees, signs and the ground hide nothing here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import kernel, part
from drive.world.state import ACTIVE, HEADING, Ints, State, X, Y
from drive.world.things import Things
from drive.world.world import World

EYE_AHEAD_M, EYE_HEIGHT_M = 1.6, 1.55  # behind the windscreen, as the shipped rigs are mounted
RANGE_M = 70.0  # a car's width is 1.5 degrees there
LEVELS = (0.4, 0.6, 0.8)  # nuScenes' visibility: level 1 below the first share, 4 from the last on
SEEN = LEVELS[0]  # who shows less is not known to be there
SPOTS = 9  # points looked at on a box: corners, middles of its sides, its centre
INSET, LOOKED_AT = 0.45, 0.9  # of length and width; of its height


@part
def _blocks(ex: float, ey: float, ez: float, tx: float, ty: float, tz: float, box: Array, i: int) -> bool:
    """Whether the sight line from e to t passes through box i (x, y, heading, length, width, height) below its top."""
    dx, dy = box[i, 0] - ex, box[i, 1] - ey
    wx, wy = tx - ex, ty - ey
    reach = 0.5 * (box[i, 3] + box[i, 4])
    far = math.sqrt(wx * wx + wy * wy) + 1e-9
    along = (dx * wx + dy * wy) / far
    if along < -reach or along > far + reach or abs(dx * wy - dy * wx) / far > reach:
        return False
    c, s = math.cos(box[i, 2]), math.sin(box[i, 2])
    enter, leave = 0.0, 1.0
    for axis in range(2):
        start = -(c * dx + s * dy) if axis == 0 else -(c * dy - s * dx)
        way = c * wx + s * wy if axis == 0 else c * wy - s * wx
        half = 0.5 * box[i, 3 + axis]
        if abs(way) < 1e-9:
            if abs(start) > half:
                return False
            continue
        a, b = (-half - start) / way, (half - start) / way
        enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        if enter >= leave:
            return False
    return min(ez + enter * (tz - ez), ez + leave * (tz - ez)) < box[i, 5]


@kernel
def seen_shares(eye: Array, boxes: Array, walls: Array) -> Array:
    """The share of each box [K, 6] (x, y, heading, length, width, height) that is in sight from an eye (x, y, z), [K] in 0..1.

    walls [W, 6]: boxes that only hide.
    """
    shares = np.zeros(len(boxes))
    for k in range(len(boxes)):
        c, s, seen = math.cos(boxes[k, 2]), math.sin(boxes[k, 2]), 0
        tz = LOOKED_AT * boxes[k, 5]
        for spot in range(SPOTS):
            u, v = (spot % 3 - 1) * INSET * boxes[k, 3], (spot // 3 - 1) * INSET * boxes[k, 4]
            tx, ty = boxes[k, 0] + c * u - s * v, boxes[k, 1] + s * u + c * v
            hidden = False
            for n in range(len(boxes) + len(walls)):
                if n < len(boxes):
                    hidden = n != k and _blocks(eye[0], eye[1], eye[2], tx, ty, tz, boxes, n)
                else:
                    hidden = _blocks(eye[0], eye[1], eye[2], tx, ty, tz, walls, n - len(boxes))
                if hidden:
                    break
            seen += 0 if hidden else 1
        shares[k] = seen / SPOTS
    return shares


def eye_of(ego: Array) -> Array:
    """Where the cameras are (x, y, z), of an ego vector [8]."""
    return np.array([ego[X] + EYE_AHEAD_M * np.cos(ego[HEADING]), ego[Y] + EYE_AHEAD_M * np.sin(ego[HEADING]), EYE_HEIGHT_M])


def seen_agents(world: World, state: State) -> NDArray[np.bool_]:
    """Which agents [A] cameras on the ego can see; itself always, those out of play never. A trailer is seen with its tractor, and the
    reverse."""
    static = world.static
    near = np.hypot(*(state.pose[:, :2] - state.ego[:2]).T) <= RANGE_M
    there = np.flatnonzero((state.marks[:, ACTIVE] == 1) & near)
    there = there[there > 0]
    boxes = np.concatenate([state.pose[there], static.size[there]], 1)
    seen = np.zeros(len(static.kind), dtype=bool)
    seen[there] = seen_shares(eye_of(state.ego), boxes, _walls(world, state.ego, still=True)) >= SEEN
    towed = np.flatnonzero((static.tow >= 0) & (state.marks[:, ACTIVE] == 1))
    both = seen[towed] | seen[static.tow[towed]]
    seen[towed], seen[static.tow[towed]] = both, both
    seen[0] = True
    return seen


def visibility(world: World, state: State, things: Things) -> Ints:
    """nuScenes' level of every thing [K]: 1 where less than 40 % is in sight or it is beyond `RANGE_M`, 2, 3, and 4 from 80 % on."""
    poses, there = things.poses(state)
    boxes, shares = np.concatenate([poses, things.size], 1), np.zeros(len(poses))
    there &= np.hypot(*(boxes[:, :2] - state.ego[:2]).T) <= RANGE_M
    shares[there] = seen_shares(eye_of(state.ego), boxes[there], _walls(world, state.ego, still=False))
    return np.digitize(shares, LEVELS).astype(np.int64) + 1


def _walls(world: World, ego: Array, still: bool) -> Array:
    """Houses [W, 6] within range; still: parked vehicles and road works with them."""
    if world.furniture is None:
        return np.zeros((0, 6))
    kinds = [world.furniture.buildings, *((world.furniture.parked, world.furniture.works) if still else ())]
    rows = np.concatenate([kind[:, :6] for kind in kinds])
    near = np.hypot(*(rows[:, :2] - ego[:2]).T) - 0.5 * np.hypot(rows[:, 3], rows[:, 4]) <= RANGE_M
    return np.ascontiguousarray(rows[near])
