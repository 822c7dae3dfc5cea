"""Comfort: bounds on accelerations, jerks and yaw, all smoothed by Savitzky-Golay filters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from drive.control import resample
from drive.eval.navsim.scene import DT_S, Scene
from drive.eval.navsim.simulate import AX, AY, CENTRE_AHEAD_M, HEADING, STEERING, VX, VY, YAW_ACCELERATION, YAW_RATE
from drive.frames import Array
from drive.schema import Mask

# Least and greatest value allowed, both excluded: m/s^2, m/s^3, rad/s^2, rad/s.
LONGITUDINAL, LATERAL = (-4.05, 2.40), (-4.89, 4.89)
JERK, LONGITUDINAL_JERK = (-8.37, 8.37), (-4.13, 4.13)
YAW_ACCELERATION_BOUNDS, YAW_RATE_BOUNDS = (-1.93, 1.93), (-0.95, 0.95)
# Greatest root mean square difference of two consecutive plans: acceleration, jerk, yaw rate, yaw acceleration.
EXTENDED = {"acceleration": 0.7, "jerk": 0.5, "yaw_rate": 0.1, "yaw_accel": 0.1}
SMOOTH, SMOOTH_RATE, SMOOTH_YAW = 8, 15, 5  # windows of v2 and nuPlan, in steps
DECIMALS = 8
HISTORY_STEP_S = 0.5
LONGEST_MATRIX = 128  # steps


def comfortable_v1(states: Array) -> Mask:
    """States [P, T, 11] -> comfortable [P], as v1.1 has it: accelerations of the rear axle, and (quirk) windows as long as
    the plan, so that accelerations are a parabola."""
    window = states.shape[1]
    magnitude = np.hypot(states[..., AX], states[..., AY])
    return (
        _within(_smooth(states[..., AX], window), LONGITUDINAL)
        & _within(_smooth(states[..., AY], window), LATERAL)
        & _within(_rate(_smooth(magnitude), window), JERK)
        & _within(_rate(_smooth(states[..., AX]), window), LONGITUDINAL_JERK)
        & _yaw_comfortable(states)
    )


def comfortable_v2(states: Array) -> Mask:
    """States [P, T, 11] -> comfortable [P], as v2 has it: longitudinal and lateral acceleration of the body's centre, the
    magnitude (quirk) of the rear axle's."""
    shift = CENTRE_AHEAD_M * (states[..., YAW_RATE] ** 2 + states[..., YAW_ACCELERATION])
    magnitude = np.hypot(states[..., AX], states[..., AY])
    # Quirk: turning shifts the longitudinal acceleration by both terms with a plus sign, the lateral one by none.
    ahead = _smooth(states[..., AX] + shift)
    return (
        _within(ahead, LONGITUDINAL)
        & _within(_smooth(states[..., AY]), LATERAL)
        & _within(_rate(_smooth(magnitude)), JERK)
        & _within(_rate(ahead), LONGITUDINAL_JERK)
        & _yaw_comfortable(states)
    )


def history_comfortable(scene: Scene, states: Array) -> Mask:
    """`comfortable_v2` of the recorded past and the driven states [P, T, 11] together.

    Quirks kept: the resampled past ends 0.2 s before t0, and its steering rate, yaw rate and yaw acceleration are 0.
    """
    if scene.past is None:
        return np.ones(len(states), dtype=bool)
    before = resample_past(scene.past)
    return comfortable_v2(np.concatenate([np.broadcast_to(before, (len(states), *before.shape)), states], 1))


def resample_past(past: Array) -> Array:
    """Past states [K, 11] half a second apart, the last at t0 -> states [N, 11] each DT_S, the last 0.2 s before t0."""
    known = HISTORY_STEP_S * np.arange(1 - len(past), 1)
    at = known[0] + DT_S * np.arange(round(-known[0] / DT_S) - 1)
    out = np.zeros((len(at), past.shape[1]))
    out[:, :3] = resample(past[:, :3], known, at)
    for column in (VX, VY, AX, AY, STEERING):
        out[:, column] = np.interp(at, known, past[:, column])
    return out


def extended_rms(states: Array, previous: Array) -> dict[str, Array]:
    """Driven states [P, T, 11] and those of the frame before at the same times -> root mean square differences [P] of
    acceleration (m/s^2), jerk (m/s^3), yaw rate (rad/s) and yaw acceleration (rad/s^2)."""
    one, other = _features(states), _features(previous)
    return {name: np.sqrt(((one[name] - other[name]) ** 2).mean(-1)) for name in one}


def extended_comfortable(states: Array, previous: Array) -> Mask:
    """Whether [P] no difference of `extended_rms` exceeds its threshold."""
    return np.all([value <= EXTENDED[name] for name, value in extended_rms(states, previous).items()], axis=0)


def _features(states: Array) -> dict[str, Array]:
    acceleration = _smooth(np.hypot(states[..., AX], states[..., AY]))
    heading = _unwrap(states[..., HEADING])
    yaw_rate, yaw_acceleration = _rate(heading, SMOOTH_YAW), _rate(heading, SMOOTH_YAW, order=2)
    return {"acceleration": acceleration, "jerk": _rate(acceleration), "yaw_rate": yaw_rate, "yaw_accel": yaw_acceleration}


def _yaw_comfortable(states: Array) -> Mask:
    heading = _unwrap(states[..., HEADING])
    acceleration = _rate(heading, SMOOTH_YAW, order=2, polynomial=3)
    return _within(acceleration, YAW_ACCELERATION_BOUNDS) & _within(_rate(heading, SMOOTH_YAW), YAW_RATE_BOUNDS)


def _smooth(values: Array, window: int = SMOOTH) -> Array:
    return np.round(_savgol(values, window, 2, 0), DECIMALS)


def _rate(values: Array, window: int = SMOOTH_RATE, order: int = 1, polynomial: int = 2) -> Array:
    return np.round(_savgol(values, window, polynomial, order), DECIMALS)


def _savgol(values: Array, window: int, polynomial: int, order: int) -> Array:
    """Scipy's filter along the last axis. It is linear, and fits its edges anew for each drive, which takes most of its time:
    short drives are multiplied by what it makes of the unit matrix."""
    from scipy.signal import savgol_filter

    steps = values.shape[-1]
    if steps <= LONGEST_MATRIX:
        return values @ _matrix(steps, window, polynomial, order)
    return np.asarray(savgol_filter(values, window, polynomial, deriv=order, delta=DT_S, axis=-1))


@lru_cache(maxsize=32)
def _matrix(steps: int, window: int, polynomial: int, order: int) -> Array:
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(np.eye(steps), min(window, steps), polynomial, deriv=order, delta=DT_S, axis=-1))


def _unwrap(heading: Array) -> Array:
    """Steps of more than half a turn taken back; half a turn itself by rounding to the even number of turns."""
    turns = np.cumsum(np.round(np.diff(heading, axis=-1) / (2 * np.pi)), axis=-1)
    return heading - 2 * np.pi * np.concatenate([np.zeros_like(heading[..., :1]), turns], -1)


def _within(values: Array, bounds: tuple[float, float]) -> Mask:
    return ((values > bounds[0]) & (values < bounds[1])).all(-1)
