"""Recorded poses -> the states that NAVSIM's scenes hold."""

from __future__ import annotations

import numpy as np

from drive.eval.navsim.scene import STATE_COLUMNS
from drive.frames import Array


def measured_states(poses: Array, times_s: Array) -> Array:
    """Poses [N >= 3, 3] of the rear axle at times [N] -> states [N, 11] (STATE_COLUMNS).

    Velocities and accelerations, in each pose's own axes, are those of the parabola through it and its two neighbours, at the ends of the
    one beside. Steering, yaw rate and their rates are 0, as NAVSIM's own scenes have them.
    """
    velocity = np.gradient(poses[:, :2], times_s, axis=0, edge_order=2)
    steps = np.diff(times_s)
    slopes = np.diff(poses[:, :2], axis=0) / steps[:, None]
    inner = 2 * np.diff(slopes, axis=0) / (steps[1:] + steps[:-1])[:, None]
    acceleration = np.concatenate([inner[:1], inner, inner[-1:]])
    cos, sin = np.cos(poses[:, 2]), np.sin(poses[:, 2])

    def own(vectors: Array) -> Array:
        return np.stack([cos * vectors[:, 0] + sin * vectors[:, 1], cos * vectors[:, 1] - sin * vectors[:, 0]], -1)

    rest = np.zeros((len(poses), len(STATE_COLUMNS) - 7))
    return np.concatenate([poses, own(velocity), own(acceleration), rest], axis=1)
