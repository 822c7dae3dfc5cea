"""A plan as the closed loop follows it: interpolated to the simulation's step, then the shared LQR tracker (`drive.control`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.control import Lqr, Profiles, command, fit_profiles
from drive.dynamics import Bicycle
from drive.frames import Array, compose_se2, wrap_angle
from drive.poses import signed_lengths
from drive.schema import Plan
from drive.world.advance import ACCEL_LAG_S, MAX_STEER, STEER_LAG_S
from drive.world.state import DT_S, SPEED, WHEELBASE_M

VEHICLE = Bicycle(WHEELBASE_M, MAX_STEER, ACCEL_LAG_S, STEER_LAG_S)
# Tighter than NAVSIM's: its horizon of one second and heavy price of steering lag a metre behind where bends follow each other.
LQR = Lqr(dt_s=DT_S, horizon_steps=5, lateral_weights=(2.0, 10.0, 0.0), steering_rate_cost=0.03)


@dataclass(frozen=True, eq=False)
class Track:
    """A plan from step `step` on: world poses [N, 3] one a step, and the speeds and curvatures fitted to them."""

    step: int
    poses: Array
    profiles: Profiles

    def action(self, ego: Array, step: int) -> tuple[float, float]:
        """Acceleration and steering rate for an ego vector [8] at a step; past the plan's end its last pose counts."""
        at = min(step - self.step, len(self.poses) - 1)
        wanted = command(ego[:6], self.poses, self.profiles, at, VEHICLE, LQR)
        return float(wanted[0]), float(wanted[1])


def make_track(plan: Plan, ego: Array, step: int) -> Track:
    """The best trajectory of a plan made at `step` from ego vector [8], its poses joined by cubic Hermite curves."""
    times = np.concatenate([[0.0], plan.times_s])
    poses = compose_se2(ego[:3], np.concatenate([np.zeros((1, 3)), plan.best]))
    poses[:, 2] = np.unwrap(poses[:, 2])
    legs = signed_lengths(poses) / np.diff(times)
    speeds = np.concatenate([[ego[SPEED]], 0.5 * (legs[:-1] + legs[1:]), legs[-1:]])
    grid = np.arange(round(times[-1] / DT_S) + 1) * DT_S
    slopes = speeds[:, None] * np.stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])], -1)
    xy = _hermite(grid, times, poses[:, :2], slopes)
    path = np.column_stack([xy, wrap_angle(np.interp(grid, times, poses[:, 2]))])
    return Track(step, path, fit_profiles(path, LQR))


def _hermite(at: Array, times: Array, points: Array, slopes: Array) -> Array:
    """Cubic Hermite interpolation of points [K, 2] with slopes [K, 2]."""
    i = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    width = (times[i + 1] - times[i])[:, None]
    u = (at - times[i])[:, None] / width
    start = (2 * u**3 - 3 * u**2 + 1) * points[i] + (u**3 - 2 * u**2 + u) * width * slopes[i]
    return start + (3 * u**2 - 2 * u**3) * points[i + 1] + (u**3 - u**2) * width * slopes[i + 1]
