"""One record: the messages of Waymo's end_to_end_driving_data.proto, by their fields' numbers.

E2EDFrame: frame 1, future_states 5, past_states 6, intent 7, preference_trajectories 8
EgoTrajectoryStates: pos_x 1, pos_y 2, pos_z 3, vel_x 4, vel_y 5, accel_x 6, accel_y 7, preference_score 8
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from drive.data.scenes import CameraRecord
from drive.data.waymo.frames import camera_records
from drive.data.waymo.tfrecord import RecordPlace, read_record
from drive.data.waymo.wire import WireMessage
from drive.frames import Array
from drive.schema import Command

FRAME, FUTURE, PAST, INTENT, RATED = 1, 5, 6, 7, 8
CONTEXT, STAMP = 1, 2
POSITION, VELOCITY, ACCELERATION, SCORE = (1, 2), (4, 5), (6, 7), 8
INTENTS: dict[int, Command | None] = {0: None, 1: "straight", 2: "left", 3: "right"}
HIGHEST_SCORE = 10.0
# The last past position is t0's.
AT_ORIGIN_M = 0.01


class EgoStates(NamedTuple):
    """Positions [T, 2] m, velocities and accelerations [T, 2] (no rows where not told), all in the ego frame of t0. score: of raters, None
    where the path is not rated, as the data's -1 says too."""

    positions: Array
    velocities: Array
    accelerations: Array
    score: float | None


class E2ERecord(NamedTuple):
    """A frame. timestamp_us: 0 where it tells none, as all published ones. past ends at t0, future and rated begin a step after it."""

    timestamp_us: int
    cameras: tuple[CameraRecord, ...]
    past: EgoStates
    future: EgoStates
    intent: Command | None
    rated: tuple[EgoStates, ...]


def read_e2e(path: Path, place: RecordPlace, name: str) -> E2ERecord:
    """The record of frame `name`. Raises ValueError, naming it, where it is damaged or impossible."""
    data = read_record(path, place)
    try:
        message = WireMessage(data)
        frame = message.message(FRAME)
        intent = message.integer(INTENT)
        if intent not in INTENTS:
            raise ValueError(f"intent {intent} is none of {sorted(INTENTS)}")
        past = _states(message.message(PAST), "past_states")
        if not len(past.positions) or np.abs(past.positions[-1]).max() > AT_ORIGIN_M:
            raise ValueError("past_states do not end at t0, where the ego is at (0, 0)")
        future = _states(message.message(FUTURE), "future_states")
        rated = tuple(_states(one, "preference_trajectories") for one in message.messages(RATED))
        return E2ERecord(frame.integer(STAMP), camera_records(frame, np.eye(4), path, place, name), past, future, INTENTS[intent], rated)
    except ValueError as error:
        raise ValueError(f"{name} in {path.name}: {str(error).removeprefix(f'{name}: ')}") from error


def _states(message: WireMessage, what: str) -> EgoStates:
    positions, velocities, accelerations = (_pairs(message, numbers, what) for numbers in (POSITION, VELOCITY, ACCELERATION))
    if any(len(values) not in (0, len(positions)) for values in (velocities, accelerations)):
        raise ValueError(f"{what}: {len(positions)} positions, {len(velocities)} velocities and {len(accelerations)} accelerations")
    scores = message.floats(SCORE)
    score = float(scores[-1]) if len(scores) and scores[-1] >= 0 else None
    if len(scores) and not scores[-1] <= HIGHEST_SCORE:
        raise ValueError(f"{what}: the preference score {scores[-1]} is above {HIGHEST_SCORE:g}")
    return EgoStates(positions, velocities, accelerations, score)


def _pairs(message: WireMessage, numbers: tuple[int, int], what: str) -> Array:
    x, y = (message.floats(number) for number in numbers)
    if len(x) != len(y):
        raise ValueError(f"{what}: {len(x)} values of field {numbers[0]} and {len(y)} of field {numbers[1]}")
    both = np.stack([x, y], -1)
    if not np.isfinite(both).all():
        raise ValueError(f"{what}: a value that is not finite")
    return both
