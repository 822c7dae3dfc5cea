"""One training example of the driving network: the prefix's arrays, and every question it can be asked with its right answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.model.inputs import Prepared
from drive.schema import Observation, SceneSample
from drive.tasks import Task
from drive.tokens.codecs import Ids

Pairs = tuple[tuple[str, Any], ...]  # question in words ("" where the task takes none), right answer
Written = tuple[Ids, NDArray[np.int64]]  # an answer's ids with END, and the grammar's state before each


@dataclass(frozen=True, eq=False)
class Drawn:
    """One question with its answer. ids, states [L]: as of `Written`."""

    prompt: str
    ids: Ids
    states: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Example:
    """The prefix's arrays; the observation without its pictures; each task's questions and answers, none where the data do not know any;
    angle (radians) by which the ego frame is turned."""

    prepared: Prepared
    observation: Observation
    pairs: tuple[Pairs, ...]
    angle: float = 0.0
    _written: dict[tuple[int, int], Written] = field(default_factory=dict, repr=False)

    def turned(self, prepared: Prepared, angle: float) -> Example:
        """The same with other arrays, its ego frame turned."""
        return replace(self, prepared=prepared, angle=angle, _written={} if angle != self.angle else self._written)

    def draw(self, task: Task, number: int, rng: np.random.Generator | None) -> Drawn | None:
        """One of the questions of the task of this number in one of its wordings, its answer in one of the orders that mean the same;
        without rng the first as it is. None where there is none. Raises ValueError where the answer cannot be written."""
        pairs = self.pairs[number]
        if not pairs:
            return None
        which = int(rng.integers(len(pairs))) if rng is not None and len(pairs) > 1 else 0
        prompt, value = pairs[which]
        shuffled = value if rng is None else task.shuffled(value, rng)
        prompt = prompt if rng is None else task.reworded(prompt, rng)
        if shuffled is not value:
            return Drawn(prompt, *self._write(task, shuffled))
        if (number, which) not in self._written:
            self._written[number, which] = self._write(task, value)
        return Drawn(prompt, *self._written[number, which])

    def _write(self, task: Task, value: Any) -> Written:
        ids = task.encode(task.turned(value, self.angle) if self.angle else value, self.observation)
        return ids, task.grammar.states(ids)


def answers_to(tasks: Sequence[Task], wanted: Collection[int], sample: SceneSample) -> tuple[Pairs, ...]:
    """Each task's questions and right answers, of those whose numbers are wanted. Raises ValueError where an answer cannot be told."""
    return tuple(tuple(task.answers(sample)) if number in wanted else () for number, task in enumerate(tasks))
