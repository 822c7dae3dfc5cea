"""What matters around the car, and what it does: right answers of `describe`.

A thing matters where it is not behind the car and its box, now or later within the window, comes near the corridor that the car is going
to drive: within `MARGIN_M` of a line from the front bumper on, `PEOPLE_M` for people and those on two wheels. The corridor follows the
way ahead (route or lanes; without them the recorded future, straight on beyond it) as far as the car comes in `REACH_S` at its speed,
`LEAST_REACH_M` at least.
EMMA's critical objects (arXiv 2410.23262, section 3.3, R2) "could influence the driving behaviour"; it publishes no rule.
"""

from __future__ import annotations

import numpy as np

from drive.answers.describe import CriticalObject
from drive.frames import Array, rotation_2d, wrap_angle
from drive.schema import Agents, SceneSample
from drive.tasks.questions.facts import MOVING_MPS, Facts, Thing
from drive.tasks.truths.way import FRONT_M, way_of

MARGIN_M, PEOPLE_M = 1.5, 3.0
PEOPLE = ("pedestrian", "bicycle", "motorcycle")
REACH_S, LEAST_REACH_M, MOST_REACH_M = 4.0, 30.0, 50.0
SLOWING_MPS = 1.0  # by so much within the window
ACROSS_RAD = np.deg2rad(45)
BEHAVIOURS = ("standing", "going ahead", "slowing down", "oncoming", "crossing to the left", "crossing to the right", "unknown")
CORNERS = np.array([(0.0, 0.0), (0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5)])


def critical_objects(facts: Facts, most: int) -> tuple[CriticalObject, ...] | None:
    """At most so many, nearest first; None where the data set does not know what is around."""
    agents = facts.sample.target.agents
    if agents is None or facts.things is None:
        return None
    line = corridor(facts.sample)
    found = [thing for thing in facts.things if thing.x_m >= 0 and _comes_near(agents, thing, line)][:most]
    return tuple(CriticalObject(thing.noun, thing.x_m, thing.y_m, behaviour(agents, thing, line)) for thing in found)


def corridor(sample: SceneSample) -> Array:
    """Points [N >= 2, 2] from the front bumper on, about a metre apart."""
    way, speed = way_of(sample.target), sample.observation.speed_mps or 0.0
    reach = float(np.clip(REACH_S * speed, LEAST_REACH_M, MOST_REACH_M))
    if way is None:
        line = _recorded_way(sample, reach)
        begin, along = FRONT_M, np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    else:
        line, begin, along = way.points[:, :2], way.front_m, way.along
    places = begin + np.arange(0.0, reach + 1.0)
    places = places[places <= along[-1]] if (places <= along[-1]).sum() >= 2 else places[:2]
    return np.stack([np.interp(places, along, column) for column in line.T], -1)


def _recorded_way(sample: SceneSample, reach_m: float) -> Array:
    """The recorded future from the origin on, then straight on for `reach_m` and the car's length."""
    future = sample.target.future
    line = np.concatenate([np.zeros((1, 2)), future.poses[future.valid, :2]])
    moved = np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 0.1])
    line = line[moved]
    heading = float(np.arctan2(*(line[-1] - line[-2])[::-1])) if len(line) > 1 else 0.0
    return np.concatenate([line, line[-1:] + (reach_m + 2 * FRONT_M) * np.array([[np.cos(heading), np.sin(heading)]])])


def _comes_near(agents: Agents, thing: Thing, line: Array) -> bool:
    margin = PEOPLE_M if thing.noun in PEOPLE else MARGIN_M
    steps = [k for k in range(agents.now, len(agents.times_s)) if agents.valid[thing.row, k]]
    size = agents.sizes[thing.row, :2]
    turns = rotation_2d(agents.headings[thing.row, steps])
    points = agents.centres[thing.row, steps, None, :2] + np.einsum("kij,cj->kci", turns, CORNERS * size)
    return bool((_off(points.reshape(-1, 2), line) <= margin).any())


def _off(points: Array, line: Array) -> Array:
    """Distance [K] of points [K, 2] from a line [N >= 2, 2]; infinite for those behind its first point."""
    starts, ways = line[:-1], np.diff(line, axis=0)
    apart = points[:, None] - starts
    share = (apart * ways).sum(-1) / np.maximum((ways**2).sum(-1), 1e-12)
    off = np.hypot(*np.moveaxis(apart - np.clip(share, 0, 1)[..., None] * ways, -1, 0)).min(1)
    return np.where((points - line[0]) @ ways[0] < 0, np.inf, off)


def behaviour(agents: Agents, thing: Thing, line: Array) -> str:
    """One of BEHAVIOURS: how it moves against the corridor's direction where it is nearest to it."""
    if thing.speed_mps is None:
        return "unknown"
    if thing.speed_mps <= MOVING_MPS:
        return "standing"
    velocity = agents.velocities[thing.row, agents.now]
    nearest = int(np.argmin(np.hypot(*(line[:-1] - [thing.x_m, thing.y_m]).T)))
    way = line[nearest + 1] - line[nearest]
    turn = float(wrap_angle(np.arctan2(velocity[1], velocity[0]) - np.arctan2(way[1], way[0])))
    if abs(turn) < ACROSS_RAD:
        return "slowing down" if _slows(agents, thing) else "going ahead"
    if abs(turn) > np.pi - ACROSS_RAD:
        return "oncoming"
    return "crossing to the left" if turn > 0 else "crossing to the right"


def _slows(agents: Agents, thing: Thing) -> bool:
    later = [k for k in range(agents.now + 1, len(agents.times_s)) if agents.velocity_valid[thing.row, k]]
    end = float(np.hypot(*agents.velocities[thing.row, later[-1]])) if later else None
    return end is not None and thing.speed_mps is not None and end < thing.speed_mps - SLOWING_MPS
