"""What a planner is told of its own motion: speed, acceleration and yaw rate, known at or before t0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.data.paths import inside
from drive.frames import Array, invert_se3, wrap_angle

# A CAN message older than this says nothing of now.
CAN_MAX_AGE_S = 0.5
# Field and component of speed, acceleration and yaw rate in a CAN pose message.
CAN_FIELDS = (("vel", 0), ("accel", 0), ("rotation_rate", 2))


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


class CanBus:
    """The `can_bus/<scene>_pose.json` messages of one scene; empty where the file is absent.

    times_us [N] int64; values [N, 3]: speed m/s, acceleration m/s^2, yaw rate rad/s, NaN where a message lacks one. Raises
    ValueError where the file is no list of messages.
    """

    def __init__(self, root: Path, scene: str) -> None:
        path = inside(root, can_file(scene))
        messages = _messages(path) if path.is_file() else []
        self.times_us = np.array([m["utime"] for m in messages], dtype=np.int64)
        self.values = np.array([[_value(m, field, i) for field, i in CAN_FIELDS] for m in messages], dtype=np.float64).reshape(-1, 3)

    def motion(self, timestamp_us: int) -> Motion:
        """The last message at or before t0; unknown where there is none or it is older than CAN_MAX_AGE_S, each value by itself
        where the message lacks it."""
        index = int(np.searchsorted(self.times_us, timestamp_us, side="right")) - 1
        if index < 0 or timestamp_us - self.times_us[index] > CAN_MAX_AGE_S * 1e6:
            return Motion()
        return Motion(*(float(v) if np.isfinite(v) else None for v in self.values[index]))


def can_file(scene: str) -> str:
    """Where a scene's CAN messages lie below the root of a data set."""
    return f"can_bus/{scene}_pose.json"


def _messages(path: Path) -> list[dict]:
    try:
        messages = json.loads(path.read_text())
        if not isinstance(messages, list):
            raise TypeError(f"a {type(messages).__name__}")
        for message in messages:
            if not isinstance(message["utime"], int) or abs(message["utime"]) >= 2**62:
                raise ValueError(f"utime {message['utime']!r}")
            for field, i in CAN_FIELDS:
                _value(message, field, i)
        return sorted(messages, key=lambda m: m["utime"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a list of CAN pose messages: {error!r}; check it with `drive check`") from error


def _value(message: dict, field: str, i: int) -> float:
    """A component of a field; NaN where the message lacks the field."""
    return float("nan") if message.get(field) is None else float(message[field][i])
