"""The eight drives of the synthetic set."""

from __future__ import annotations

import numpy as np

from tests.analytic.road import Actor, Motion, Road, Scene

# Offsets from the middle of the ego's lane, metres to the left: lane | lane, parking on the right, kerbs, pavements.
LANE = 3.5
RIGHT_EDGE, CENTRE_LINE, LEFT_EDGE = -LANE / 2, LANE / 2, 1.5 * LANE
PARKING_EDGE, LEFT_KERB = RIGHT_EDGE - 2.4, LEFT_EDGE + 0.6
# right edge, left edge, whether it is driven against the road
LANES = ((RIGHT_EDGE, CENTRE_LINE, False), (CENTRE_LINE, LEFT_EDGE, True))
PAVEMENT = 3.0
CROSSING_LENGTH = 3.5
TILE = 240.0
# Road before the start and behind the end of a drive; the bend goes on for some of it.
BEFORE, BEND_AFTER, AFTER = 60.0, 25.0, 90.0

KEY_FRAMES, KEY_FRAME_S = 14, 0.5
DURATION_S = (KEY_FRAMES - 1) * KEY_FRAME_S
PAINTS = ((178, 44, 40), (46, 84, 150), (222, 222, 218), (54, 58, 64), (196, 160, 60), (92, 128, 96), (128, 134, 142))
CAR, VAN = (4.5, 1.85, 1.5), (5.6, 2.05, 2.3)
PERSON = (0.6, 0.6, 1.75)

# name, split, curvature of the bend 1/m, ego speed m/s, ego acceleration m/s^2
DRIVES = (
    ("straight", "train", 0.0, 9.0, 0.0),
    ("left-40m", "train", 1 / 40, 8.0, 0.0),
    ("right-30m", "train", -1 / 30, 7.0, 0.0),
    ("accelerate", "train", 0.0, 3.0, 1.0),
    ("brake", "train", 0.0, 9.0, -1.5),
    ("stopped", "train", 0.0, 0.0, 0.0),
    ("left-60m", "val", 1 / 60, 8.0, 0.0),
    ("right-45m", "val", -1 / 45, 7.5, 0.0),
)


def make_scenes(seed: int) -> list[Scene]:
    """The drives, each on a tile of its own; the seed places and paints what stands and drives beside the ego."""
    rng = np.random.default_rng(seed)
    return [_scene(i, rng, *drive) for i, drive in enumerate(DRIVES)]


def tile_origin(index: int) -> tuple[float, float]:
    """Lower left corner of a drive's tile in the world."""
    return (index % 4) * TILE, (index // 4) * TILE


def _scene(index: int, rng: np.random.Generator, name: str, split: str, curvature: float, speed: float, acceleration: float) -> Scene:
    ego = Motion(0.0, speed, acceleration)
    bend = ego.s(DURATION_S) + BEND_AFTER
    arcs = ((BEFORE, 0.0), (bend, curvature), (AFTER, 0.0))
    road = Road(_start(index, arcs), arcs, -BEFORE)
    crossing = ego.s(DURATION_S) + 7.0 if name in ("brake", "stopped") else None
    how = f"radius {abs(1 / curvature):.0f} m to the {'left' if curvature > 0 else 'right'}" if curvature else "straight road"
    description = f"{how}, ego at {speed:g} m/s, acceleration {acceleration:g} m/s^2, from the first LiDAR sweep on"
    return Scene(name, split, description, road, ego, _actors(rng, name, ego, crossing), crossing)


def _start(index: int, arcs: tuple[tuple[float, float], ...]) -> tuple[float, float, float]:
    """Where the road begins, so that it lies in the middle of its tile."""
    trial = Road((0.0, 0.0, 0.3), arcs)
    points = np.array([trial.pose(s)[:2] for s in np.arange(0.0, trial.s_end)])
    x, y = np.array(tile_origin(index)) + TILE / 2 - (points.min(0) + points.max(0)) / 2
    return float(x), float(y), 0.3


def _actors(rng: np.random.Generator, name: str, ego: Motion, crossing: float | None) -> tuple[Actor, ...]:
    paint = [PAINTS[i] for i in rng.permutation(len(PAINTS))]
    end = ego.s(DURATION_S)
    actors = []
    if crossing is None:
        lead = Motion(ego.s0 + float(rng.uniform(16, 22)), ego.speed, ego.acceleration)
        actors.append(Actor("vehicle.car", CAR, lead, 0.0, paint[0]))
    else:
        walker = Motion(crossing + CROSSING_LENGTH / 2)
        actors.append(Actor("human.pedestrian.adult", PERSON, walker, PARKING_EDGE - 1.0, (60, 90, 170), crossing=1.3))
    for k, gap in enumerate((45.0, 85.0)):
        oncoming = Motion(gap + float(rng.uniform(0, 8)), -float(rng.uniform(6, 8)))
        actors.append(Actor("vehicle.car", CAR, oncoming, LANE, paint[1 + k], reverse=True))
    for s in np.arange(-25.0, end + 60, 9.5):
        if rng.uniform() < 0.55 and (crossing is None or abs(s - crossing) > 8):
            big = rng.uniform() < 0.2
            category, size = ("vehicle.truck", VAN) if big else ("vehicle.car", CAR)
            where = Motion(float(s + rng.uniform(-1, 1)))
            actors.append(Actor(category, size, where, PARKING_EDGE + 1.15, paint[int(rng.integers(len(paint)))]))
    for side in (PARKING_EDGE - 1.6, LEFT_KERB + 1.4):
        stroll = Motion(float(rng.uniform(12, end + 20)), float(rng.choice([-1.3, 1.2])))
        actors.append(Actor("human.pedestrian.adult", PERSON, stroll, side, (150, 70, 60), reverse=stroll.speed < 0))
    return tuple(actors)
