"""What a planner may see of a world at a moment: its own past and speed, the route's command. Nothing after t."""

from __future__ import annotations

import numpy as np

from drive.frames import Array, compose_se2, invert_se2, wrap_angle
from drive.schema import Command, Frame, Observation, Trajectory, Window
from drive.world.navigation import navigation_at
from drive.world.state import ACCEL, DT_S, HEADING, SPEED, STATION, STEER, WHEELBASE_M
from drive.world.world import World

TURN_AHEAD_M = 30.0
TURN_RAD = 0.6


def command_at(world: World, station: float) -> Command:
    """left, right or straight: how the route's heading changes over the next 30 m."""
    first, last = int(world.static.path_ptr[0]), int(world.static.path_ptr[1]) - 1
    here = min(max(first + int(station), first), last)
    turn = world.static.path[min(here + int(TURN_AHEAD_M), last), 2] - world.static.path[here, 2]
    if abs(turn) < TURN_RAD:
        return "straight"
    return "left" if turn > 0 else "right"


def past_poses(history: Array, times_s: Array) -> Array:
    """World poses [T, 3] at times <= 0 from ego vectors [N, 8], newest last, one a step.

    Before its first step the ego is taken to have come straight on at its first speed.
    """
    steps = np.round(times_s / DT_S).astype(np.int64) + len(history) - 1
    poses = history[np.maximum(steps, 0), :3].copy()
    start = history[0]
    back = np.minimum(steps, 0) * DT_S * start[SPEED]
    poses[:, 0] += back * np.cos(start[HEADING])
    poses[:, 1] += back * np.sin(start[HEADING])
    return poses


def observe(world: World, history: Array, window: Window, frames: tuple[Frame, ...] = ()) -> Observation:
    """The observation at the newest of the ego vectors [N, 8], with what the cameras show."""
    now = history[-1]
    times = window.past_times_s
    poses = compose_se2(invert_se2(now[:3]), past_poses(history, times))
    poses[-1] = 0.0
    yaw_rate = float(now[SPEED] * np.tan(now[STEER]) / WHEELBASE_M)
    return Observation(
        token=f"{world.name}:{len(history) - 1}",
        frames=frames,
        past=Trajectory(poses, times, np.ones(len(times), dtype=bool)),
        future_times_s=window.future_times_s,
        speed_mps=float(now[SPEED]),
        acceleration_mps2=float(now[ACCEL]),
        yaw_rate_radps=yaw_rate,
        command=command_at(world, float(now[STATION])),
        navigation=navigation_at(world.manoeuvres, float(now[STATION] - world.static.body[2])),
    )


def relative_pose(ego: Array, pose: Array) -> Array:
    """World poses [..., 3] in the frame of an ego vector [8]."""
    return compose_se2(invert_se2(ego[:3]), np.concatenate([pose[..., :2], wrap_angle(pose[..., 2:])], -1))
