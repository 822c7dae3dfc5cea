"""Two small tasks for the tests of what all tasks share: answers of different lengths, numbers of two kinds, words that ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike

from drive.schema import DecodeError, Observation, SceneSample
from drive.tasks import TASKS
from drive.tasks.base import Task
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, sequence, token
from drive.tokens.ranges import COUNT, METRE, SPEED, shared
from drive.tokens.vocab import END, Grid, IdRange

Lamp = tuple[int, float, float] | None  # colour, metres, m/s


@dataclass(frozen=True)
class LampTask(Task):
    """None, or colour, distance and speed."""

    name: ClassVar[str] = "lamp"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return IdRange("lamp", 4), shared(METRE, grids), shared(SPEED, grids)

    @property
    def expression(self) -> Expression:
        ranges = self.vocabulary.ranges
        lamp = ranges["lamp"].start
        return choice(token(lamp), sequence(ids(lamp + 1, lamp + 4), ids(ranges[METRE]), ids(ranges[SPEED])))

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array"}

    def answer(self, sample: SceneSample) -> Any:
        return (1, 8.0, sample.observation.speed_mps or 0.0)

    def encode(self, value: Lamp, observation: Observation | None = None) -> Ids:
        lamp = self.vocabulary.ranges["lamp"].start
        if not value:
            return np.array([lamp, END])
        numbers = [self.vocabulary.numbers_to_ids(name, number) for name, number in zip((METRE, SPEED), value[1:], strict=True)]
        return np.array([lamp + value[0], *numbers, END])

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Any:
        found = np.asarray(ids)
        self.grammar.states(found)
        lamp = self.vocabulary.ranges["lamp"].start
        if len(found) == 2:
            return ()
        numbers = [self.vocabulary.ids_to_numbers(name, number) for name, number in zip((METRE, SPEED), found[1:3], strict=True)]
        return (int(found[0] - lamp), *map(float, numbers))

    def turned(self, value: Any, angle: float) -> Any:
        return value

    def to_json(self, value: Any) -> Any:
        return list(value)

    def from_json(self, value: Any) -> Any:
        return tuple(value)


@dataclass(frozen=True)
class TellTask(LampTask):
    """A count, asked for in words. It refuses to read 13."""

    name: ClassVar[str] = "tell"
    prompted: ClassVar[bool] = True

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (shared(COUNT, grids),)

    @property
    def expression(self) -> Expression:
        return ids(self.vocabulary.ranges[COUNT])

    def answers(self, sample: SceneSample) -> tuple[tuple[str, Any], ...]:
        return ("how many cars?", 3), ("how many lamps?", 1)

    def encode(self, value: Any, observation: Observation | None = None) -> Ids:
        return np.append(self.vocabulary.numbers_to_ids(COUNT, [value]), END)

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Any:
        found = np.asarray(ids)
        self.grammar.states(found)
        count = float(self.vocabulary.ids_to_numbers(COUNT, found[0]))
        if count == 13:
            raise DecodeError("13 is not read")
        return count

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, value: Any) -> Any:
        return value


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys among the tasks."""
    for kind in (LampTask, TellTask):
        monkeypatch.setitem(TASKS, kind.name, kind)
