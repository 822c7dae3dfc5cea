"""What a world says of a moment: everything around the ego in its frame, as a `Target`, and the whole `SceneSample`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drive.around import RADIUS_M, lanes_around, lights_around, to_frame
from drive.frames import Array, se2_to_se3, wrap_angle
from drive.roads import Lanes, Lights, Route, Signs
from drive.schema import Agents, Frame, SceneSample, Target, Trajectory, Window
from drive.world.navigation import lane_spans
from drive.world.observe import observe, relative_pose
from drive.world.state import DT_S, STATION, State, V
from drive.world.things import list_things
from drive.world.visible import visibility
from drive.world.world import World

ROUTE_M = 100
SIGN_KINDS = ("limit", "yield", "no parking")


def sample_of(world: World, states: Sequence[State], now: int, window: Window, frames: tuple[Frame, ...] = ()) -> SceneSample:
    """The sample of `states[now]`, one of consecutive states of a drive: its past, what the cameras show, its target."""
    observation = observe(world, np.stack([state.ego for state in states[: now + 1]]), window, frames)
    state = states[now]
    target, time_us = target_of(world, states, now, window), round(int(state.step) * DT_S * 1e6)
    return SceneSample(observation.token, world.name, int(state.step), time_us, se2_to_se3(state.ego[:3]), observation, target)


def target_of(world: World, states: Sequence[State], now: int, window: Window, radius_m: float = RADIUS_M) -> Target:
    """What is true around the ego at `states[now]`, one of consecutive states of a drive, within a square of that half width.

    The future and the agents' past and future are those of the other states; steps before the first and after the last are not valid.
    A record that tells no light at all is taken not to know them.
    """
    ego, recorded = states[now].ego, len(world.static.human) > 0
    lanes = lanes_around(world.map.lanes, ego[:3], radius_m)
    lights = lights_around(world.map, lanes, ego[:3], int(states[now].step) * DT_S, repeats=not recorded)
    return Target(
        _future(states, now, window),
        _agents(world, states, now, window, radius_m),
        world.map.patch(ego[:3], radius_m),
        lanes=lanes,
        lights=lights if world.map.lights or not recorded else None,
        route=_route(world, ego, lanes, lights),
        signs=_signs(world, ego, radius_m),
    )


def _steps(times_s: Array, now: int, count: int) -> tuple[np.ndarray, np.ndarray, Array]:
    """Nominal times -> which state each is, whether there is one, and its own time."""
    wanted = now + np.round(times_s / DT_S).astype(np.int64)
    valid = (wanted >= 0) & (wanted < count)
    return np.clip(wanted, 0, count - 1), valid, np.where(valid, (wanted - now) * DT_S, times_s)


def _future(states: Sequence[State], now: int, window: Window) -> Trajectory:
    at, valid, times_s = _steps(window.future_times_s, now, len(states))
    poses = relative_pose(states[now].ego, np.stack([states[k].ego[:3] for k in at]))
    return Trajectory(np.where(valid[:, None], poses, 0.0), times_s, valid)


def _agents(world: World, states: Sequence[State], now: int, window: Window, radius_m: float) -> Agents:
    """Who is within the square at one of the window's steps at least. What cameras can see of them is told at t0, 0 at other steps."""
    at, told, times_s = _steps(np.concatenate([window.past_times_s, window.future_times_s]), now, len(states))
    things, ego = list_things(world), states[now].ego
    found = [things.poses(states[k]) for k in at]
    poses = relative_pose(ego, np.stack([pose for pose, _ in found], 1))
    valid = np.stack([there for _, there in found], 1) & told
    near = (valid & (np.abs(poses[..., :2]) <= radius_m).all(-1)).any(1)
    poses, valid, sizes, agent = poses[near], valid[near], things.size[near], things.agent[near]
    speed = np.where(agent[:, None] >= 0, np.stack([states[k].move[agent, V] for k in at], 1), 0.0)
    velocity = speed[..., None] * np.stack([np.cos(poses[..., 2]), np.sin(poses[..., 2])], -1)
    centres = np.concatenate([poses[..., :2], np.broadcast_to(sizes[:, None, 2:] / 2, (*valid.shape, 1))], -1)
    kept, t0 = np.flatnonzero(near), len(window.past_times_s) - 1
    seen = np.zeros(valid.shape, dtype=np.int64)
    seen[:, t0] = np.where(valid[:, t0], visibility(world, states[now], things)[near], 0)
    return Agents(
        centres=np.where(valid[..., None], centres, 0.0),
        headings=np.where(valid, poses[..., 2], 0.0),
        sizes=sizes,
        velocities=np.where(valid[..., None], velocity, 0.0),
        velocity_valid=valid,
        valid=valid,
        points=np.full(valid.shape, -1, dtype=np.int64),
        visibility=seen,
        categories=tuple(things.categories[k] for k in kept),
        instances=tuple(things.names[k] for k in kept),
        times_s=times_s,
        now=t0,
    )


def _route(world: World, ego: Array, lanes: Lanes, lights: Lights) -> Route:
    static = world.static
    path = static.path[: int(static.path_ptr[1])]
    first = int(np.clip(np.round(ego[STATION] - static.body[2]), 0, len(path) - 1))
    points = relative_pose(ego, path[first : first + ROUTE_M + 1, :3])
    end = first + len(points) - 1
    own = slice(int(static.gate_ptr[0]), int(static.gate_ptr[1]))
    ahead = (static.gate_span[own, 1] > first) & (static.gate_span[own, 0] <= end)
    light = static.connector_light[static.gate_connector[own][ahead]]
    row = {name: k for k, name in enumerate(lights.ids)}
    rows = [row.get(world.map.lights[k].id) if k >= 0 else None for k in light]
    lit = np.array([k is not None for k in rows], dtype=bool)
    gates, light = static.gate_span[own][ahead] - first, np.array([k or 0 for k in rows], dtype=np.int64)
    return Route(points, _route_lanes(world, lanes, first, end), gates, light, lit)


def _route_lanes(world: World, lanes: Lanes, first: float, end: float) -> np.ndarray | None:
    """Rows of the lanes between two stations of the route, in driving order; None where it is no way along lanes."""
    if not world.route:
        return None
    row = {name: k for k, name in enumerate(lanes.ids)}
    spans = zip(world.route, lane_spans(world.map, world.route), strict=True)
    return np.array([row[name] for name, (begin, stop) in spans if stop > first and begin <= end and name in row], dtype=np.int64)


def _signs(world: World, ego: Array, radius_m: float) -> Signs | None:
    """Signs of the furniture. What a limit's sign says is only drawn, not known."""
    if world.furniture is None:
        return None
    places = to_frame(world.furniture.signs[:, :2], ego[:3])
    near = (np.abs(places) <= radius_m).all(-1)
    rows = world.furniture.signs[near]
    kinds, nothing = tuple(SIGN_KINDS[int(kind)] for kind in rows[:, 3]), np.zeros(len(rows))
    return Signs(kinds, places[near], wrap_angle(rows[:, 2] - ego[2]), nothing, nothing > 0)
