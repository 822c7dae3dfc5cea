"""The ego's own motion from the CAN bus expansion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from drive.data.motion import Motion
from drive.data.paths import inside

# A CAN message older than this says nothing of now.
CAN_MAX_AGE_S = 0.5
# Field and component of speed, acceleration and yaw rate in a CAN pose message.
CAN_FIELDS = (("vel", 0), ("accel", 0), ("rotation_rate", 2))


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
