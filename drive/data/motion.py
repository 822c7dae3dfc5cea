"""What a planner is told of its own motion: speed, acceleration and yaw rate, known at or before t0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array, invert_se3, wrap_angle

MotionSource = Literal["poses", "can"]


@dataclass(frozen=True)
class Motion:
    """Forward speed m/s (negative in reverse), its change m/s^2, yaw rate rad/s (counter-clockwise); None = unknown."""

    speed_mps: float | None = None
    acceleration_mps2: float | None = None
    yaw_rate_radps: float | None = None


def motion_from_poses(timestamps_us: NDArray[np.int64], world_from_ego: Array) -> Motion:
    """Backward differences over the last key frames, the last of which is t0.

    timestamps_us [N], world_from_ego [N, 4, 4], N >= 1; only the last three are used. Speed and yaw rate are means over
    the last interval (chord, not arc), acceleration is the change between the last two intervals' speeds over the time
    between their middles. Central differences would be closer to the value at t0, and leak the future.
    """
    poses, stamps = world_from_ego[-3:], timestamps_us[-3:] / 1e6
    if len(stamps) < 2:
        return Motion()
    speeds, rates = [], []
    for before, after, dt in zip(poses[:-1], poses[1:], np.diff(stamps), strict=True):
        step = invert_se3(before) @ after
        heading = np.arctan2(step[1, 0], step[0, 0])
        # The chord of an arc points half the turn to the side; its sign along that direction is forward or reverse.
        forward = step[0, 3] * np.cos(heading / 2) + step[1, 3] * np.sin(heading / 2)
        speeds.append(float(np.copysign(np.hypot(step[0, 3], step[1, 3]), forward) / dt))
        rates.append(float(wrap_angle(heading) / dt))
    if len(speeds) < 2:
        return Motion(speeds[-1], None, rates[-1])
    acceleration = (speeds[-1] - speeds[-2]) / ((stamps[-1] - stamps[-3]) / 2)
    return Motion(speeds[-1], float(acceleration), rates[-1])
