"""A plan -> the drive that NAVSIM scores: tracked at 10 Hz by an LQR on a kinematic bicycle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive import dynamics
from drive.control import Lqr, difference_matrix, resample, track
from drive.dynamics import Bicycle
from drive.eval.navsim.scene import DT_S, PLAN_TIMES_S, STATE_COLUMNS, STEPS
from drive.frames import Array, compose_se2, rotation_2d

# nuPlan's Chrysler Pacifica, metres from the rear axle.
FRONT_M, REAR_M, WIDTH_M = 4.049, 1.127, 2.297
LENGTH_M = FRONT_M + REAR_M
CENTRE_AHEAD_M = LENGTH_M / 2 - REAR_M
PACIFICA = Bicycle(wheelbase_m=3.089)
TRACKER = Lqr(dt_s=DT_S)
# columns of a simulated state, see STATE_COLUMNS
X, Y, HEADING, VX, VY, AX, AY, STEERING, STEERING_RATE, YAW_RATE, YAW_ACCELERATION = range(len(STATE_COLUMNS))


def plan_path(ego: ArrayLike, plan: ArrayLike) -> Array:
    """A measured state [..., 11] and a plan [..., 8, 3] relative to it at PLAN_TIMES_S -> world poses [..., 41, 3] at 10 Hz."""
    start = np.asarray(ego, dtype=np.float64)[..., None, :3]
    poses = np.concatenate([start, compose_se2(start, plan)], -2)
    return resample(poses, np.concatenate([[0.0], PLAN_TIMES_S]), DT_S * np.arange(STEPS))


def simulate(ego: ArrayLike, paths: ArrayLike) -> Array:
    """Measured states [..., 11] and world paths [..., 41, 3] at 10 Hz -> driven states [..., 41, 11], the first as measured.

    Quirk kept: where the original means to penalise the differences of the fitted accelerations, it penalises the
    accelerations themselves, but for the last row, which is a difference (`_smoothness`).
    """
    measured, path = np.asarray(ego, dtype=np.float64), np.asarray(paths, dtype=np.float64)
    start = np.zeros((*path.shape[:-2], dynamics.STATE_SIZE))
    start[..., :] = measured[..., [X, Y, HEADING, VX, AX, STEERING]]
    states, commands = track(start, path, PACIFICA, TRACKER, _smoothness(STEPS - 2))
    out = np.zeros((*path.shape[:-1], len(STATE_COLUMNS)))
    out[..., [X, Y, HEADING, VX, AX, STEERING]] = states
    out[..., 1:, STEERING_RATE] = commands[..., 1] * DT_S / (DT_S + PACIFICA.steering_lag_s)
    out[..., YAW_RATE] = dynamics.yaw_rate(states, PACIFICA)
    out[..., 0, :] = measured
    out[..., 1:, YAW_ACCELERATION] = np.diff(out[..., YAW_RATE], axis=-1) / DT_S
    return out


def _smoothness(accelerations: int) -> Array:
    rows = -np.eye(accelerations - 1, accelerations)
    rows[-1] = difference_matrix(accelerations)[-1]
    return rows


def body_points(states: Array) -> Array:
    """States [..., >= 3] -> points [..., 6, 2]: corners front left, rear left, rear right, front right; centre; rear axle."""
    ahead = np.array([FRONT_M, -REAR_M, -REAR_M, FRONT_M, CENTRE_AHEAD_M, 0.0])
    left = np.array([1, 1, -1, -1, 0, 0]) * WIDTH_M / 2
    local = np.stack([ahead, left], -1)
    return local @ np.swapaxes(rotation_2d(states[..., HEADING]), -1, -2) + states[..., None, :2]
