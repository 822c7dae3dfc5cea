"""What the expert would do, shown from many places: town after town, states along a drive, most of them displaced.

A drive by lane visits a route as traffic would; states are drawn from it, more of them where the route turns or the ego
brakes. Most are displaced sideways, in heading and in speed, and the expert's plan from there is the answer: how to come
back (DART, arXiv 1703.09327, perturbs the demonstrator for the same reason). Drawing states one by one instead of driving
through them leaves the learner no history to copy from.

Where a past is asked for, the ego is driven to the displaced state from some time before, in a world that is stepped as always, so that
pictures, poses and speeds of that time agree: it begins as far to the side and before the state's place, at such a speed, that steering
along the route's bend with one acceleration brings it there (`arriving`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drive.expert.privileged import PRIVILEGED
from drive.frames import Array
from drive.make.balance import STANDING_M, balanced_weights, light_ahead, phase_shifts
from drive.make.closeness import on_way, right_behind
from drive.make.recipe import Displacement, Recipe
from drive.schema import COMMANDS, Observation, PlanError
from drive.world.advance import advance, settle_ego
from drive.world.observe import command_at, observe
from drive.world.state import (
    ACCEL,
    BY_LANE,
    DT_S,
    FAULT,
    HEADING,
    OFF_ROAD,
    SPEED,
    STATION,
    STEER,
    TOUCHING,
    WHEELBASE_M,
    State,
    X,
    Y,
)
from drive.world.traffic import HARD_BRAKE
from drive.world.world import World

TURN_WEIGHT, BRAKE_WEIGHT = 2.5, 3.0  # how much oftener states are shown where the route turns, where the ego brakes
BRAKING_MPS2 = -0.4
TRIES = 6
ROUNDING_MPS2 = 0.5  # by how much what a plan's positions say of braking is off
CLOSE_SHARE = 0.4  # of a displacement to the side and in heading, where the ego is put right behind somebody
AT_REST = 0.25  # share of the states before a light that are shown standing, when states are balanced


@dataclass(frozen=True, eq=False)
class Shown:
    """One state, and the expert's answer to it. future [T, 3] in the ego frame at the window's times; command: index into
    `COMMANDS`; dynamics: speed, acceleration, yaw rate; off_road: whether a corner of the car is beside the road. history: the states that
    led to it, 0.1 s apart, the state itself last; observation: what was to be seen, without pictures."""

    history: tuple[State, ...]
    future: Array
    command: int
    dynamics: Array
    off_road: bool
    observation: Observation

    @property
    def state(self) -> State:
        """The state that is shown."""
        return self.history[-1]


def demonstrations(world: World, count: int, recipe: Recipe, rng: np.random.Generator, drive: Sequence[State] | None = None) -> list[Shown]:
    """Up to `count` states of a world with the plan of the recipe's teacher for each; the same for the same generator.

    drive: the states to draw from, those of a drive by lane where None; where the recipe has a past, the ego is driven to each of them,
    and none of the drive's first so many seconds is shown. States from which the teacher has no plan, or on whose way the car touches
    something, are drawn again a few times, then left out.
    """
    drive, steps = drive_by_lane(world) if drive is None else drive, round(recipe.past_s / DT_S)
    weights = (balanced_weights(world, drive, recipe) if recipe.balanced else _weights(world, drive))[steps:]
    if not len(weights):
        return []
    chosen = rng.choice(len(weights), min(count, len(weights)), replace=False, p=weights / weights.sum())
    showing = _Showing(world, steps, recipe, rng)
    if not recipe.balanced:
        shown = (one for k in np.sort(chosen) for one in showing.at(drive[: int(k) + steps + 1]))
        return list(shown)
    found: list[Shown] = []
    for k in chosen:
        if len(found) >= count:
            break
        found += showing.at(drive[: int(k) + steps + 1])
    return found[:count]


def hardest_braking(poses: Array, speed_mps: float, every_s: float) -> float:
    """The hardest braking that positions [T, 2 or more], every so many seconds, say of a car that goes at a speed now, m/s2, at least 0."""
    way = np.concatenate([np.zeros((1, 2)), poses[:, :2]])
    speeds = np.linalg.norm(np.diff(way, axis=0), axis=-1) / every_s  # each in the middle of its interval
    falls = np.append((speed_mps - speeds[0]) / (every_s / 2), (speeds[:-1] - speeds[1:]) / every_s)
    return float(max(falls.max(), 0.0))


def displaced(world: World, state: State, lateral_m: float, heading_rad: float, speed_mps: float) -> State:
    """The state with the ego moved to its left, turned, and at another speed; its steering follows the route's bend."""
    static = world.static
    ego, move, pose, marks, flags = state.ego.copy(), state.move.copy(), state.pose.copy(), state.marks.copy(), np.zeros_like(state.flags)
    heading = ego[HEADING]
    ego[X] -= np.sin(heading) * lateral_m
    ego[Y] += np.cos(heading) * lateral_m
    ego[HEADING] = (heading + heading_rad + np.pi) % (2 * np.pi) - np.pi
    ego[SPEED] = speed_mps
    marks[0, :2] = 0  # gates are counted anew from the start of the route
    after = State(state.step, ego, move, pose, marks, flags)
    settle_ego(static, after, ego[STATION])
    ego[STEER] = _bend(world, ego[STATION])
    return after


def _bend(world: World, station: float) -> float:
    """The steering angle that follows the route's bend at a station."""
    route = world.static.path[: int(world.static.path_ptr[1])]
    here = int(np.clip(station, 1, len(route) - 2))
    return float(np.arctan(0.5 * (route[here + 1, 2] - route[here - 1, 2]) * WHEELBASE_M))


def drive_by_lane(world: World) -> list[State]:
    """Every state of a drive like traffic's, to the goal or the time limit."""
    states = [world.start]
    while states[-1].ego[STATION] < world.goal_m and len(states) < world.time_limit_s / DT_S:
        states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
    return states


def _weights(world: World, drive: Sequence[State]) -> Array:
    """How likely each state is drawn: even along the way, more where the route turns or the ego brakes."""
    stations = np.array([state.ego[STATION] for state in drive])
    weights = np.maximum(np.abs(np.diff(stations, append=stations[-1])), STANDING_M)
    turning = np.array([command_at(world, float(s)) != "straight" for s in stations])
    braking = np.array([state.ego[ACCEL] < BRAKING_MPS2 for state in drive])
    return weights * np.where(turning, TURN_WEIGHT, 1.0) * np.where(braking, BRAKE_WEIGHT, 1.0)


def arriving(
    world: World, drive: Sequence[State], steps: int, lateral_m: float, heading_rad: float, speed_mps: float, rested: bool = False
) -> list[State]:
    """The steps + 1 states of an ego that comes to the place of the drive's last state, displaced as by `displaced`.

    The world is that of `steps` before the last state; the ego begins there with the pose that it had as far back on its way as it will
    get, moved to the side by what its heading will bring. It keeps the last state's acceleration (none where rested) and steers along the
    route's bend.
    """
    seconds, acceleration = steps * DT_S, 0.0 if rested else float(drive[-1].ego[ACCEL])
    start_mps = max(0.0, speed_mps - acceleration * seconds)
    way = 0.5 * (start_mps + speed_mps) * seconds
    stations = np.array([state.ego[STATION] for state in drive])
    wanted = float(stations[-1]) - way
    if wanted > stations[:-1].max(initial=0.0):  # the last state was put further on than the drive has come
        behind = on_way(world, drive[-1].ego, wanted)
    else:
        behind = drive[int(np.abs(stations - wanted).argmin())].ego.copy()
    behind[ACCEL] = acceleration
    begin = drive[-1 - steps]._replace(ego=behind)
    states = [displaced(world, begin, lateral_m - way * float(np.sin(heading_rad)), heading_rad, start_mps)]
    for _ in range(steps):
        states.append(world.step(states[-1], (acceleration, 0.0)))
        states[-1].ego[STEER] = _bend(world, states[-1].ego[STATION])
    return states


@dataclass(frozen=True, eq=False)
class _Showing:
    """How the states of one world are shown."""

    world: World
    steps: int
    recipe: Recipe
    rng: np.random.Generator

    def at(self, drive: Sequence[State]) -> list[Shown]:
        """The last state of a drive, displaced, with `steps` that lead to it: once, or at each phase of its light; none where all
        tries failed."""
        for _ in range(TRIES):
            history = self._history(drive)
            if any(state.flags[TOUCHING] or state.flags[FAULT] for state in history):
                continue
            shifts = phase_shifts(self.world, history[-1], self.rng) if self.recipe.balanced else [0]
            try:
                return [self._shown([state._replace(step=state.step + shift) for state in history]) for shift in shifts]
            except PlanError:
                continue
        return []

    def _shown(self, history: list[State]) -> Shown:
        observation = observe(self.world, np.stack([state.ego for state in history]), self.recipe.window)
        plan = PRIVILEGED[self.recipe.teacher]().plan_in_world(self.world, history[-1], observation)
        assert observation.command is not None and observation.speed_mps is not None
        if hardest_braking(plan.best, observation.speed_mps, 1.0 / self.recipe.window.rate_hz) > HARD_BRAKE + ROUNDING_MPS2:
            raise PlanError("the teacher's car stops faster than it can brake: it touches something on its way")
        dynamics = np.array([observation.speed_mps, observation.acceleration_mps2, observation.yaw_rate_radps])
        command, off_road = COMMANDS.index(observation.command), bool(history[-1].flags[OFF_ROAD])
        return Shown(tuple(history), plan.best, command, dynamics, off_road, observation)

    def _history(self, drive: Sequence[State]) -> list[State]:
        """The states that lead to the displaced last state of a drive; those of the drive itself where it is kept."""
        world, state, steps, by = self.world, drive[-1], self.steps, self.recipe.displacement
        drawn = _draw(world, state, by, self.rng)
        near = right_behind(world, state, self.rng) if by.close and self.rng.random() < by.close else None
        if near is not None:
            lateral, heading, _ = drawn or (0.0, 0.0, 0.0)
            place = CLOSE_SHARE * lateral, CLOSE_SHARE * heading, float(near.ego[SPEED])
            return arriving(world, [*drive[:-1], near], steps, *place) if steps else [displaced(world, near, *place)]
        if self.recipe.balanced and light_ahead(world.static, state) is not None and self.rng.random() < AT_REST:
            lateral, heading, _ = drawn or (0.0, 0.0, 0.0)
            return arriving(world, drive, steps, lateral, heading, 0.0, rested=True)
        if drawn is None:
            return [*drive[len(drive) - 1 - steps : -1], displaced(world, state, 0.0, 0.0, float(state.ego[SPEED]))]
        return arriving(world, drive, steps, *drawn) if steps else [displaced(world, state, *drawn)]


def _draw(world: World, state: State, by: Displacement, rng: np.random.Generator) -> tuple[float, float, float] | None:
    """By how much a state is moved to the left and turned, and its speed then; None where it is kept."""
    if rng.random() < by.kept:
        return None
    far = 2.0 if rng.random() < by.wide else 1.0
    lateral, heading, change = np.clip(rng.normal(size=3), -3.0, 3.0) * [far * by.lateral_m, far * np.radians(by.heading_deg), by.speed_mps]
    first, last = int(world.static.path_ptr[0]), int(world.static.path_ptr[1]) - 1
    cap = float(world.static.path[min(first + int(state.ego[STATION]), last), 3])
    speed = float(state.ego[SPEED])
    if rng.random() < by.fresh:
        # A third of the fresh speeds is a standstill: a learner that only ever stood where it had to would never start again.
        speed = max(0.0, cap * rng.uniform(-0.5, 1.0))
    elif rng.random() < 0.5:
        speed = float(np.clip(speed + change, 0.0, 1.15 * cap))
    return float(lateral), float(heading), speed
