"""Plan -> acceleration and steering rate: a tracker by linear-quadratic regulation, batched over vehicles or proposals.

A plan is resampled to one pose per step (`resample`); its speed and curvature are fitted once (`fit_profiles`); then each
step asks for the command that brings the vehicle back onto the plan within the horizon (`command`). `track` closes the loop
with `drive.dynamics`. Speed and steering are regulated one after the other: the lateral error is linearised along the speed
that the first one leads to, and one constant command is assumed over the whole horizon.

Source: nuPlan's `LQRTracker`; the defaults are its own and NAVSIM's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from drive.dynamics import HEADING, SPEED, STATE_SIZE, STEERING, Bicycle, X, Y, step
from drive.frames import Array, wrap_angle

# Keeps the curvature of a standing start determined; far below anything that moves.
FIRST_CURVATURE_PENALTY = 1e-10


@dataclass(frozen=True)
class Lqr:
    """Parameters of the tracker. Weights are squared errors' prices per unit of the command's.

    dt_s: time between two poses of the path. horizon_steps: how far ahead errors are looked at, at least 2 (a steering rate
    moves nothing within one step). lateral_weights: of lateral error (m), heading error and steering angle (rad).
    jerk_penalty, curvature_rate_penalty: how smooth the fitted profiles are. Below stop_speed_mps, wanted and driven, the
    car is only slowed down in proportion (stop_gain) and the wheels stay. Raises ValueError for values out of range.
    """

    dt_s: float = 0.1
    horizon_steps: int = 10
    speed_weight: float = 10.0
    acceleration_cost: float = 1.0
    lateral_weights: tuple[float, float, float] = (1.0, 10.0, 0.0)
    steering_rate_cost: float = 1.0
    jerk_penalty: float = 1e-4
    curvature_rate_penalty: float = 1e-2
    stop_speed_mps: float = 0.2
    stop_gain: float = 0.5

    def __post_init__(self) -> None:
        weights = (self.speed_weight, *self.lateral_weights)
        costs = (self.dt_s, self.acceleration_cost, self.steering_rate_cost, self.jerk_penalty, self.curvature_rate_penalty)
        if self.horizon_steps < 2 or not all(w >= 0 for w in weights) or not all(c > 0 for c in costs):
            raise ValueError(f"horizon_steps must be >= 2, weights >= 0, dt_s, costs and penalties > 0; got {self}")


@dataclass(frozen=True, eq=False)
class Profiles:
    """Fitted to a path of T poses: speed [..., T - 1] m/s and curvature [..., T - 1] 1/m at the first T - 1 of them."""

    speed: Array
    curvature: Array


def resample(poses: ArrayLike, times_s: ArrayLike, at_s: ArrayLike) -> Array:
    """Poses [..., T, 3] at times [T] -> poses [..., N, 3] at other times [N], linear, headings unwrapped before and wrapped
    after. Times outside the record take its first or last pose. Raises ValueError where shapes or times are wrong."""
    p, known, wanted = (np.asarray(v, dtype=np.float64) for v in (poses, times_s, at_s))
    if p.ndim < 2 or p.shape[-1] != 3 or known.shape != p.shape[-2:-1] or len(known) < 2 or not (np.diff(known) > 0).all():
        raise ValueError(f"need poses [..., T >= 2, 3] at T increasing times, got shapes {p.shape} and {known.shape}")
    smooth = p.copy()
    smooth[..., 2] = np.unwrap(p[..., 2], axis=-1)
    wanted = np.clip(wanted, known[0], known[-1])
    right = np.clip(np.searchsorted(known, wanted, side="right"), 1, len(known) - 1)
    share = ((wanted - known[right - 1]) / (known[right] - known[right - 1]))[:, None]
    out = smooth[..., right - 1, :] * (1 - share) + smooth[..., right, :] * share
    out[..., 2] = wrap_angle(out[..., 2])
    return out


def fit_profiles(path: ArrayLike, lqr: Lqr, smoothness: Array | None = None) -> Profiles:
    """Speed and curvature of paths [..., T >= 4, 3] with one pose per lqr.dt_s, by regularised least squares.

    smoothness [R, T - 2]: rows whose products with the T - 2 accelerations are penalised; None: their differences.
    """
    p = np.asarray(path, dtype=np.float64)
    if p.ndim < 2 or p.shape[-1] != 3 or p.shape[-2] < 4:
        raise ValueError(f"path must be [..., T >= 4, 3], got shape {p.shape}")
    rows = difference_matrix(p.shape[-2] - 2) if smoothness is None else np.asarray(smoothness, dtype=np.float64)
    delta, heading = np.diff(p, axis=-2), p[..., :-1, 2]
    ahead = delta[..., 0] * np.cos(heading) + delta[..., 1] * np.sin(heading)
    solve = _speed_solver(p.shape[-2] - 1, lqr.dt_s, lqr.jerk_penalty, rows.shape, rows.tobytes())
    speed = _integrate(ahead @ solve.T, lqr.dt_s)
    return Profiles(speed, _fit_curvature(wrap_angle(delta[..., 2]), speed, lqr))


def difference_matrix(n: int) -> Array:
    """[n - 1, n]: maps n values to the differences of neighbours."""
    return np.eye(n - 1, n, 1) - np.eye(n - 1, n)


def command(state: ArrayLike, path: ArrayLike, profiles: Profiles, at: int, vehicle: Bicycle, lqr: Lqr) -> Array:
    """The command [..., 2] (acceleration, steering rate) for vehicles [..., 6] at pose number `at` of their paths [..., T, 3]."""
    s, reference = np.asarray(state, dtype=np.float64), np.asarray(path, dtype=np.float64)[..., at, :]
    last = min(at + lqr.horizon_steps, profiles.speed.shape[-1] - 1)
    wanted, speed = profiles.speed[..., last], s[..., SPEED]
    stopping = (wanted <= lqr.stop_speed_mps) & (speed <= lqr.stop_speed_mps)
    span = lqr.horizon_steps * lqr.dt_s
    gain = lqr.speed_weight * span / (lqr.speed_weight * span**2 + lqr.acceleration_cost)
    acceleration = np.where(stopping, lqr.stop_gain, gain) * (wanted - speed)
    ahead = np.minimum(at + np.arange(lqr.horizon_steps), last)
    distances = lqr.dt_s * (speed[..., None] + acceleration[..., None] * lqr.dt_s * np.arange(lqr.horizon_steps))
    errors = _errors(s, reference)
    rate = _steering_rate(errors, distances, profiles.curvature[..., ahead], vehicle.wheelbase_m, lqr)
    return np.stack([acceleration, np.where(stopping, 0.0, rate)], -1)


def track(
    state: ArrayLike, path: ArrayLike, vehicle: Bicycle, lqr: Lqr | None = None, smoothness: Array | None = None
) -> tuple[Array, Array]:
    """Follow paths [..., T, 3] (one pose per lqr.dt_s, the first one at the start) from states [..., 6].

    Returns the states [..., T, 6] driven, the first one as given, and the commands [..., T - 1, 2].
    """
    lqr = lqr or Lqr()
    p = np.asarray(path, dtype=np.float64)
    profiles = fit_profiles(p, lqr, smoothness)
    states, commands = [np.broadcast_to(np.asarray(state, dtype=np.float64), (*p.shape[:-2], STATE_SIZE))], []
    for t in range(p.shape[-2] - 1):
        commands.append(command(states[-1], p, profiles, t, vehicle, lqr))
        states.append(step(states[-1], commands[-1], vehicle, lqr.dt_s))
    return np.stack(states, -2), np.stack(commands, -2)


def _errors(state: Array, reference: Array) -> tuple[Array, Array, Array]:
    """Lateral error (m, positive to the left), heading error and steering angle (rad) of states against poses [..., 3]."""
    dx, dy, heading = state[..., X] - reference[..., 0], state[..., Y] - reference[..., 1], reference[..., 2]
    lateral = -dx * np.sin(heading) + dy * np.cos(heading)
    return lateral, wrap_angle(state[..., HEADING] - heading), state[..., STEERING]


def _steering_rate(errors: tuple[Array, Array, Array], distances: Array, curvature: Array, wheelbase: float, lqr: Lqr) -> Array:
    """The constant steering rate that minimises the weighted squared errors at the horizon's end."""
    lateral, heading, steering = errors
    turning = lqr.dt_s * np.arange(distances.shape[-1])
    free = *_predict(lateral, heading, steering[..., None], distances, curvature, wheelbase), steering
    unit = *_predict(0.0, 0.0, turning, distances, 0.0, wheelbase), np.full_like(steering, lqr.dt_s * distances.shape[-1])
    # The errors at the horizon's end are error + rate * growth.
    error, growth = np.stack([free[0], wrap_angle(free[1]), wrap_angle(free[2])], -1), np.stack(unit, -1)
    weights = np.array(lqr.lateral_weights)
    return -(weights * growth * error).sum(-1) / ((weights * growth**2).sum(-1) + lqr.steering_rate_cost)


def _predict(
    lateral: Array | float, heading: Array | float, steering: Array, distances: Array, curvature: Array | float, wheelbase: float
) -> tuple[Array, Array]:
    """Lateral and heading error after driving `distances` [..., N] with steering angles [..., N or 1] along a curvature."""
    turns = distances * (steering / wheelbase - curvature)
    headings = np.asarray(heading)[..., None] + np.cumsum(turns, -1)
    before = headings - turns
    return lateral + (distances * before).sum(-1), headings[..., -1]


@lru_cache(maxsize=32)
def _speed_solver(n: int, dt: float, penalty: float, shape: tuple[int, int], rows: bytes) -> Array:
    """[n, n]: displacements along the heading -> first speed and n - 1 accelerations, the same for every path."""
    to_displacement = np.tri(n) * dt**2
    to_displacement[:, 0] = dt
    smooth = np.concatenate([np.zeros((shape[0], 1)), np.frombuffer(rows).reshape(shape)], 1)
    return np.linalg.solve(to_displacement.T @ to_displacement + penalty * smooth.T @ smooth, to_displacement.T)


def _fit_curvature(turns: Array, speed: Array, lqr: Lqr) -> Array:
    """Heading changes [..., n] at speeds [..., n] -> curvature [..., n], its rate penalised."""
    n, dt = turns.shape[-1], lqr.dt_s
    to_turn = np.tri(n) * speed[..., :, None] * dt**2
    to_turn[..., 0] = speed * dt
    penalty = np.diag([FIRST_CURVATURE_PENALTY] + [lqr.curvature_rate_penalty] * (n - 1))
    across = np.swapaxes(to_turn, -1, -2)
    return _integrate(np.linalg.solve(across @ to_turn + penalty, across @ turns[..., None])[..., 0], dt)


def _integrate(first_and_rates: Array, dt: float) -> Array:
    """Rows (first value, n - 1 rates) -> the n values."""
    steps = first_and_rates * dt
    steps[..., 0] = first_and_rates[..., 0]
    return np.cumsum(steps, -1)
