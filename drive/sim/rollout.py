"""One episode: a planner drives a world. `rollout(world, planner) -> Rollout`; observers look on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from threadpoolctl import threadpool_limits

from drive.asking import spec_of
from drive.expert.privileged import load_kernels
from drive.frames import Array
from drive.pool import alive
from drive.schema import Observation, Plan, Planner, PlannerSpec, Window
from drive.sim.asking import PlannerFailure, ask
from drive.sim.shown import AS_THEY_ARE, SHOWN, with_shown
from drive.sim.sight import Eyes, Sight
from drive.sim.tracker import Track, make_track
from drive.world.observe import observe
from drive.world.state import ACTIVE, CONTACT, DT_S, FAULT, LATERAL, SPEED, STATION, Ints, State, V
from drive.world.world import World, state_hash

HUMAN = "log"  # the planner's name where the recorded drive itself is replayed
RECORD_ENDED = "record ended"
# When an episode is lost, as in CARLA's leaderboard 1.0. The expert's longest wait in 118 towns with traffic was 78 s.
OFF_ROUTE_M = 30.0
BLOCKED_MPS, BLOCKED_S = 0.1, 180.0


@runtime_checkable
class PrivilegedPlanner(Protocol):
    """A planner that is shown the world itself. It must not read `static.recorded` beyond the state's step."""

    name: str

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        """A plan for a state of a world."""
        ...


class Observer(Protocol):
    """Looks on; called after every step with the plan in force."""

    def on_step(self, world: World, state: State, plan: Plan | None, made_at: int) -> None:
        """A new state; the plan was made at step `made_at`."""
        ...


@dataclass(frozen=True)
class Loop:
    """How the loop runs. latency_s: simulated time between an observation and the plan's use. deadline_s: time that a planner may take
    for a plan, by the clock (so a planner that waits is late too), but without stretches in which the process was halted.

    window: of the observations of planners that have no `window` of their own. sight: the car's cameras; None = observations
    without pictures. A privileged planner, which is shown the world, is shown no pictures; nor is one that makes no use of them.
    shown: one of `drive.sim.shown.SHOWN`, what is shown in place of what the cameras see.
    """

    planning_hz: float = 5.0
    latency_s: float = 0.0
    deadline_s: float = 30.0
    window: Window = Window()
    sight: Sight | None = None
    shown: str = AS_THEY_ARE

    def __post_init__(self) -> None:
        if not 2.0 <= self.planning_hz <= 10.0:
            raise ValueError(f"planning_hz must be 2 to 10, got {self.planning_hz}")
        if not 0.0 <= self.latency_s <= 2.0 or not 0.0 < self.deadline_s <= 86_400.0:
            raise ValueError(f"latency_s must be 0 to 2 s, deadline_s above 0 and at most a day, got {self.latency_s}, {self.deadline_s}")
        if self.shown not in SHOWN:
            raise ValueError(f"nothing called {self.shown!r} can be shown; there are {', '.join(filter(None, SHOWN))}")


@dataclass(frozen=True, eq=False)
class Rollout:
    """What happened, N steps, A agents. ego [N+1, 8], pose [N+1, A, 3], speed [N+1, A], active and contact [N+1, A], flags [N+1, 8],
    actions [N, 2]; plans: (step, world poses of the plan at every step); thoughts: the text of each of them, () where none has any;
    outcome "arrived", "collision", "left the route", "blocked", "timeout", "record ended" (the human's own drive, or a world without a
    goal) or "planner failed: why"; hash: of all states; notes: what else the planner has to say.
    """

    world: World
    planner: str
    ego: Array
    pose: Array
    speed: Array
    active: Ints
    contact: Ints
    flags: Ints
    actions: Array
    plans: tuple[tuple[int, Array], ...]
    outcome: str
    hash: str
    traceback: str = ""
    notes: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()


@threadpool_limits.wrap(limits=1)  # several threads add up in another order, and the last bit of a drive would depend on their number
def rollout(world: World, planner: Planner | PrivilegedPlanner, loop: Loop = Loop(), observers: Sequence[Observer] = ()) -> Rollout:
    """Drives until arrival, an at-fault collision, a standstill or distance from the route that is too long, the time limit, or a
    planner that fails. Our kernels are compiled, or loaded, before: a planner's time is its own."""
    spec = spec_of(planner)
    if spec.privileged:
        load_kernels(world)
    eyes = SHOWN[loop.shown](world, loop.sight) if loop.sight and spec.pictures != "unused" else None
    state, states, actions = world.start, [world.start], []
    every, wait = max(1, round(1 / (loop.planning_hz * DT_S))), round(loop.latency_s / DT_S)
    pending: list[tuple[int, Track, Plan]] = []
    current: tuple[int, Track, Plan] | None = None
    plans: list[tuple[int, Array]] = []
    thoughts: list[str] = []
    outcome, moved, told = "timeout" if world.has_goal else RECORD_ENDED, 0, ""
    for step in range(round(world.time_limit_s / DT_S)):
        if step % every == 0:
            try:
                plan = _ask(planner, spec, world, states, loop, eyes)
            except PlannerFailure as failure:
                outcome, told = f"planner failed: {failure}", failure.traceback
                break
            track = make_track(plan, state.ego, step)
            pending.append((step + wait, track, plan))
            plans.append((step, track.poses))
            thoughts.append(plan.text or "")
        while pending and pending[0][0] <= step:
            current = pending.pop(0)
        action = current[1].action(state.ego, step) if current else (0.0, 0.0)
        alive()
        state = world.step(state, action)
        states.append(state)
        actions.append(action)
        for observer in observers:
            observer.on_step(world, state, current[2] if current else None, current[1].step if current else 0)
        moved = step if state.ego[SPEED] >= BLOCKED_MPS else moved
        ended = _ended(world, state, (step - moved) * DT_S)
        if ended:
            outcome = ended
            break
    run = _rollout(world, with_shown(planner.name, loop.shown), states, actions, plans, outcome, told)
    return replace(run, thoughts=tuple(thoughts) if any(thoughts) else ())


def _ended(world: World, state: State, stood_s: float) -> str | None:
    """The outcome where a state is an episode's last."""
    if state.flags[FAULT]:
        return "collision"
    if state.ego[STATION] >= world.goal_m:
        return "arrived"
    if abs(state.ego[LATERAL]) > OFF_ROUTE_M:
        return "left the route"
    return "blocked" if stood_s >= BLOCKED_S else None


def _rollout(world: World, name: str, states: list[State], actions: list, plans: list, outcome: str, told: str = "") -> Rollout:
    digest = hashlib.sha256("".join(state_hash(state) for state in states).encode())
    return Rollout(
        world,
        name,
        np.stack([s.ego for s in states]),
        np.stack([s.pose for s in states]),
        np.stack([s.move[:, V] for s in states]),
        np.stack([s.marks[:, ACTIVE] for s in states]),
        np.stack([s.marks[:, CONTACT] for s in states]),
        np.stack([s.flags for s in states]),
        np.array(actions, dtype=np.float64).reshape(-1, 2),
        tuple(plans),
        outcome,
        digest.hexdigest(),
        told,
    )


def replay_human(world: World) -> Rollout:
    """The recorded drive as it was: what the scores say of it is their floor on this scene."""
    states, outcome = [world.start], RECORD_ENDED
    for _ in range(len(world.static.human) - 1):
        states.append(world.step_recorded(states[-1]))
        if states[-1].ego[STATION] >= world.goal_m:
            outcome = "arrived"
    if len(states) == 1:
        raise ValueError(f"world {world.name!r} has no recorded drive to replay")
    return _rollout(world, HUMAN, states, [(0.0, 0.0)] * (len(states) - 1), [], outcome)


def states_of(run: Rollout) -> Iterator[State]:
    """The states of a drive from its first on, stepped again."""
    state = run.world.start
    yield state
    for action in run.actions:
        state = run.world.step_recorded(state) if run.planner == HUMAN else run.world.step(state, action)
        yield state


def replay(world: World, actions: Array, outcome: str, name: str) -> Rollout:
    """The same actions in the same world: the hash tells whether it is the same drive."""
    states = [world.start]
    for action in actions:
        states.append(world.step(states[-1], action))
    return _rollout(world, name, states, list(actions), [], outcome)


def _ask(planner: Any, spec: PlannerSpec, world: World, states: list[State], loop: Loop, eyes: Eyes | None) -> Plan:
    """The planner's answer, or PlannerFailure with the reason."""
    window = spec.window or loop.window
    frames = eyes.frames(states, window) if eyes else ()
    observation = observe(world, np.stack([s.ego for s in states[-200:]]), window, frames)
    return ask(planner, world, states[-1], observation, loop.deadline_s, loop.latency_s + 1 / loop.planning_hz)
