"""Task `plan`: the trajectory to drive. Its parameter is the codec that writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, rotation_2d, wrap_angle
from drive.poses import axle_poses
from drive.schema import Observation, SceneSample
from drive.tasks.base import Task
from drive.tokens.codecs import CODECS, Ids, TrajectoryCodec
from drive.tokens.expression import Expression
from drive.tokens.vocab import Grid, IdRange


@dataclass(frozen=True)
class PlanTask(Task):
    """Poses [T, 3] (x m, y m, heading rad) at the window's future times, ego frame of t0. Headings are not written: codecs that drive
    a car to its positions know them, of the others they are fitted to the positions (`drive.poses`)."""

    name: ClassVar[str] = "plan"
    parameters: ClassVar[tuple[str, ...]] = tuple(CODECS)
    metric: ClassVar[str | None] = "exact"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return CODECS[parameter].declares(grids)

    @property
    def steps(self) -> int:
        return len(self.window.future_times_s)

    @cached_property
    def _codec(self) -> TrajectoryCodec:
        return CODECS[self.parameter](self.vocabulary, self.window)

    @property
    def expression(self) -> Expression:
        return self._codec.expression

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return self._codec.words

    def places(self, ids: Ids) -> list[str]:
        self.grammar.states(ids)
        return self._codec.places(len(ids) - 1)

    @property
    def schema(self) -> dict[str, Any]:
        pose = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3, "description": "x m, y m, heading rad"}
        return {"type": "array", "items": pose, "minItems": self.steps, "maxItems": self.steps}

    def answer(self, sample: SceneSample) -> Array | None:
        """The recorded future, None where it is not whole."""
        future = sample.target.future
        return future.poses if future.valid.all() else None

    def encode(self, value: ArrayLike, observation: Observation | None = None) -> Ids:
        """Poses [T, 3], or positions [T, 2], as ids. Raises ValueError where they have another length or cannot be written."""
        return self._codec.encode(np.asarray(value, dtype=np.float64)[:, :2], _speed(observation))

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Array:
        found = self._codec.decode(ids, _speed(observation))
        return found if found.shape[-1] == 3 else axle_poses(found)

    def turned(self, value: Array, angle: float) -> Array:
        return np.concatenate([value[:, :2] @ rotation_2d(angle).T, wrap_angle(value[:, 2:] + angle)], -1)

    def to_json(self, value: Array) -> list[list[float]]:
        return np.asarray(value, dtype=np.float64).tolist()

    def from_json(self, value: Any) -> Array:
        poses = np.asarray(value, dtype=np.float64)
        if poses.shape != (self.steps, 3) or not np.isfinite(poses).all():
            raise ValueError(f"a plan is {self.steps} poses [x, y, heading] of finite numbers, got shape {poses.shape}")
        return poses


def _speed(observation: Observation | None) -> float | None:
    return None if observation is None else observation.speed_mps
