"""The kinematic bicycle about the rear axle: a pure step forward.

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


def rollout(state: ArrayLike, commands: ArrayLike, vehicle: Bicycle, dt_s: float) -> Array:
    """A state [..., 6] and T commands [..., T, 2] -> the T + 1 states [..., T + 1, 6], the first one included."""
    c = _rows(commands, COMMAND_SIZE, "commands")
    states = [np.broadcast_to(_rows(state, STATE_SIZE, "state"), (*c.shape[:-2], STATE_SIZE))]
    for t in range(c.shape[-2]):
        states.append(step(states[-1], c[..., t, :], vehicle, dt_s))
    return np.stack(states, -2)


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
