"""The kinematic bicycle about the rear axle: a pure step forward, and its inverse.

A state is a row [..., 6] of the columns X .. STEERING below (m, m, rad, m/s, m/s^2, rad at the front wheels), a command a row
[..., 2] of the wanted acceleration (m/s^2) and steering rate (rad/s). Both actuators answer with a first-order lag. The car
moves with the speed and steering angle that it had before the command (explicit Euler), so positions of a steady turn lie
on a circle of radius wheelbase / tan(steering), up to a share of (turn per step)^2 / 24.

Source of the model: nuPlan's and NAVSIM's `KinematicBicycleModel`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle

X, Y, HEADING, SPEED, ACCELERATION, STEERING = range(6)
STATE_SIZE = 6
COMMAND_SIZE = 2


@dataclass(frozen=True)
class Bicycle:
    """A vehicle. wheelbase_m; limit of the steering angle, rad, less than pi/2; time constants of the two actuators, s
    (0 = the command acts at once). Raises ValueError where one is outside its range."""

    wheelbase_m: float
    max_steering_rad: float = np.pi / 3
    acceleration_lag_s: float = 0.2
    steering_lag_s: float = 0.05

    def __post_init__(self) -> None:
        lags = self.acceleration_lag_s >= 0 and self.steering_lag_s >= 0
        if not (self.wheelbase_m > 0 and 0 < self.max_steering_rad < np.pi / 2 and lags):
            raise ValueError(f"wheelbase must be > 0, max_steering_rad in (0, pi/2), lags >= 0; got {self}")


def step(state: ArrayLike, command: ArrayLike, vehicle: Bicycle, dt_s: float) -> Array:
    """States [..., 6] and commands [..., 2] -> the states dt_s later, [..., 6]; heading in [-pi, pi), steering clipped.

    Raises ValueError where a shape or dt_s is wrong. Not-a-number in, not-a-number out: callers refuse such plans before.
    """
    s, c = _rows(state, STATE_SIZE, "state"), _rows(command, COMMAND_SIZE, "command")
    acceleration_gain, steering_gain = _gains(vehicle, dt_s)
    out = np.empty((*np.broadcast_shapes(s.shape[:-1], c.shape[:-1]), STATE_SIZE))
    out[..., X] = s[..., X] + dt_s * s[..., SPEED] * np.cos(s[..., HEADING])
    out[..., Y] = s[..., Y] + dt_s * s[..., SPEED] * np.sin(s[..., HEADING])
    out[..., HEADING] = wrap_angle(s[..., HEADING] + dt_s * yaw_rate(s, vehicle))
    out[..., ACCELERATION] = s[..., ACCELERATION] + acceleration_gain * (c[..., 0] - s[..., ACCELERATION])
    out[..., SPEED] = s[..., SPEED] + dt_s * out[..., ACCELERATION]
    steering = s[..., STEERING] + steering_gain * dt_s * c[..., 1]
    out[..., STEERING] = np.clip(steering, -vehicle.max_steering_rad, vehicle.max_steering_rad)
    return out


def inverse_step(before: ArrayLike, after: ArrayLike, vehicle: Bicycle, dt_s: float) -> Array:
    """States [..., 6] before and after a step -> the commands [..., 2] that lead from one to the other.

    The inverse of `step` wherever the steering angle did not meet its limit. What the command cannot change in one step
    (position, heading) is not looked at.
    """
    a, b = _rows(before, STATE_SIZE, "before"), _rows(after, STATE_SIZE, "after")
    acceleration_gain, steering_gain = _gains(vehicle, dt_s)
    reached = (b[..., SPEED] - a[..., SPEED]) / dt_s
    acceleration = a[..., ACCELERATION] + (reached - a[..., ACCELERATION]) / acceleration_gain
    return np.stack([acceleration, (b[..., STEERING] - a[..., STEERING]) / (steering_gain * dt_s)], -1)


def rollout(state: ArrayLike, commands: ArrayLike, vehicle: Bicycle, dt_s: float) -> Array:
    """A state [..., 6] and T commands [..., T, 2] -> the T + 1 states [..., T + 1, 6], the first one included."""
    c = _rows(commands, COMMAND_SIZE, "commands")
    states = [np.broadcast_to(_rows(state, STATE_SIZE, "state"), (*c.shape[:-2], STATE_SIZE))]
    for t in range(c.shape[-2]):
        states.append(step(states[-1], c[..., t, :], vehicle, dt_s))
    return np.stack(states, -2)


def states_of_path(path: ArrayLike, vehicle: Bicycle, dt_s: float) -> Array:
    """Poses [..., T, 3] dt_s apart -> the states [..., T - 1, 6] whose speed and steering lead from each to the next.

    Speed is the displacement along the heading, so a path that slides sideways is followed as far as a bicycle can; the
    steering angle is clipped to the vehicle's limit, and 0 where the car stands. Acceleration is that up to the next state
    (the last one repeats). Raises ValueError for fewer than three poses.
    """
    p = _rows(path, 3, "path")
    if p.ndim < 2 or p.shape[-2] < 3:
        raise ValueError(f"path must hold at least three poses, got shape {p.shape}")
    delta, heading = np.diff(p, axis=-2), p[..., :-1, 2]
    speed = (delta[..., 0] * np.cos(heading) + delta[..., 1] * np.sin(heading)) / dt_s
    turn = wrap_angle(delta[..., 2])
    ahead = np.where(speed == 0, 1.0, speed * dt_s)
    steering = np.where(speed == 0, 0.0, np.arctan(vehicle.wheelbase_m * turn / ahead))
    acceleration = np.diff(speed, axis=-1) / dt_s
    acceleration = np.concatenate([acceleration, acceleration[..., -1:]], -1)
    steering = np.clip(steering, -vehicle.max_steering_rad, vehicle.max_steering_rad)
    return np.stack([p[..., :-1, 0], p[..., :-1, 1], heading, speed, acceleration, steering], -1)


def yaw_rate(state: ArrayLike, vehicle: Bicycle) -> Array:
    """States [..., 6] -> yaw rate [...], rad/s."""
    s = np.asarray(state, dtype=np.float64)
    return s[..., SPEED] * np.tan(s[..., STEERING]) / vehicle.wheelbase_m


def _gains(vehicle: Bicycle, dt_s: float) -> tuple[float, float]:
    """The share of the way to the commanded value that each actuator goes within dt_s."""
    if not dt_s > 0:
        raise ValueError(f"dt_s must be > 0, got {dt_s}")
    return dt_s / (dt_s + vehicle.acceleration_lag_s), dt_s / (dt_s + vehicle.steering_lag_s)


def _rows(value: ArrayLike, size: int, name: str) -> Array:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim < 1 or array.shape[-1] != size:
        raise ValueError(f"{name} must be [..., {size}], got shape {array.shape}")
    return array
