"""A plan in, acceleration and steering rate out: the LQR tracker of the NAVSIM protocol, one step at a time, compiled.

Speed: one constant acceleration over the horizon against the plan's speed at its end (q 10, r 1). Steering: lateral error,
heading error and steering angle, linearised along the plan, one constant steering rate over the horizon (q [1, 10, 0],
r 1). Unlike NAVSIM's, which fits speeds and curvatures to the whole plan by least squares, these are differences of the
plan interpolated to the step: a closed loop replans before the fit would matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drive.frames import Array, compose_se2, wrap_angle
from drive.schema import Plan
from drive.sim.jit import kernel
from drive.sim.state import DT_S, HEADING, SPEED, STEER, WHEELBASE_M, X, Y

HORIZON = 10
STOPPED_MPS = 0.2


@dataclass(frozen=True, eq=False)
class Track:
    """A plan as the tracker reads it: world poses [N, 3], speeds [N], curvatures [N] at every step from `step` on."""

    step: int
    poses: Array
    speeds: Array
    curvatures: Array

    def action(self, ego: Array, step: int) -> tuple[float, float]:
        """Acceleration and steering rate for an ego vector [8] at a step; past the plan's end its last pose counts."""
        return track(ego, self.poses, self.speeds, self.curvatures, step - self.step)


def make_track(plan: Plan, ego: Array, step: int) -> Track:
    """The best trajectory of a plan made at `step` from ego vector [8], interpolated to the simulation's step."""
    times = np.concatenate([[0.0], plan.times_s])
    poses = compose_se2(ego[:3], np.concatenate([np.zeros((1, 3)), plan.best]))
    poses[:, 2] = np.unwrap(poses[:, 2])
    legs = np.hypot(*np.diff(poses[:, :2], axis=0).T) / np.diff(times)
    node_speed = np.concatenate([[ego[SPEED]], 0.5 * (legs[:-1] + legs[1:]), legs[-1:]])
    node_speed[-1] = max(0.0, 1.5 * legs[-1] - 0.5 * node_speed[-2])
    grid = np.arange(round(times[-1] / DT_S) + 1) * DT_S
    tangent = node_speed[:, None] * np.stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])], -1)
    xy = _hermite(grid, times, poses[:, :2], tangent)
    heading = np.interp(grid, times, poses[:, 2])
    steps = np.hypot(*np.diff(xy, axis=0).T)
    speeds = np.concatenate([[ego[SPEED]], 0.5 * (steps[:-1] + steps[1:]) / DT_S, steps[-1:] / DT_S])
    turn = np.gradient(heading)
    curvatures = np.where(speeds > 0.5, turn / np.maximum(speeds * DT_S, 1e-3), math.tan(ego[STEER]) / WHEELBASE_M)
    return Track(step, np.column_stack([xy, wrap_angle(heading)]), speeds, np.clip(curvatures, -0.3, 0.3))


def _hermite(at: Array, times: Array, points: Array, slopes: Array) -> Array:
    """Cubic Hermite interpolation of points [K, 2] with slopes [K, 2]."""
    i = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    width = (times[i + 1] - times[i])[:, None]
    u = ((at - times[i])[:, None]) / width
    a, b = points[i], points[i + 1]
    return (
        (2 * u**3 - 3 * u**2 + 1) * a
        + (u**3 - 2 * u**2 + u) * width * slopes[i]
        + (3 * u**2 - 2 * u**3) * b
        + (u**3 - u**2) * width * slopes[i + 1]
    )


@kernel
def track(ego: Array, poses: Array, speeds: Array, curvatures: Array, index: int) -> tuple[float, float]:
    """One control step at a row of the plan; see the module's docstring."""
    last = len(poses) - 1
    now, ahead = min(max(index, 0), last), min(max(index, 0) + HORIZON, last)
    v, v_ref = ego[SPEED], speeds[ahead]
    if index + HORIZON > last and v_ref < 0.3:
        v_ref = 0.0
    if v <= STOPPED_MPS and v_ref <= STOPPED_MPS:
        return -0.5 * (v - v_ref) - (1.0 if v_ref == 0.0 else 0.0), 0.0
    horizon_s = HORIZON * DT_S
    accel = -(10.0 * horizon_s / (10.0 * horizon_s * horizon_s + 1.0)) * (v - v_ref)
    ref = poses[now]
    dx, dy = ego[X] - ref[0], ego[Y] - ref[1]
    e = np.array([-math.sin(ref[2]) * dx + math.cos(ref[2]) * dy, (ego[HEADING] - ref[2] + math.pi) % (2 * math.pi) - math.pi, ego[STEER]])
    gain = np.zeros(3)
    for k in range(HORIZON):
        vk = max(v + k * DT_S * accel, 0.0)
        kappa = curvatures[min(now + k, last)]
        delta = math.atan(WHEELBASE_M * kappa)
        slope = vk * DT_S / (WHEELBASE_M * math.cos(delta) ** 2)
        affine = vk * DT_S * (math.tan(delta) / WHEELBASE_M - kappa) - slope * delta
        e = np.array([e[0] + vk * DT_S * e[1], e[1] + slope * e[2] + affine, e[2]])
        gain = np.array([gain[0] + vk * DT_S * gain[1], gain[1] + slope * gain[2], gain[2] + DT_S])
    e[1] = (e[1] + math.pi) % (2 * math.pi) - math.pi
    weighted = gain[0] * e[0] + 10.0 * gain[1] * e[1]
    return accel, -weighted / (gain[0] * gain[0] + 10.0 * gain[1] * gain[1] + 1.0)

