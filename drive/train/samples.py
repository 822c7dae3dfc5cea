"""What a stage trains on: samples with a whole future, as arrays and answer ids, made once and kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.config import DataConfig
from drive.data.dataset import open_dataset
from drive.data.images import blackened
from drive.data.yaw import yawed
from drive.frames import Array
from drive.model.config import ModelConfig
from drive.model.inputs import Prepared, prepare
from drive.schema import Observation, SceneSample
from drive.tasks import Task, make_tasks
from drive.tokens.codecs import Ids

# Prepared samples kept in memory; beyond this the oldest are made again when needed.
KEPT = 4096


@dataclass(frozen=True, eq=False)
class Example:
    """One training example: the prefix's arrays, and for each request the right answer and its ids (END included); None where the
    data do not know it."""

    prepared: Prepared
    values: tuple[Any | None, ...]
    answers: tuple[Ids | None, ...]


def make_example(prepared: Prepared, tasks: Sequence[Task], values: Sequence[Any | None]) -> Example:
    """An example with its answers written. Raises ValueError where one cannot be."""
    answers = tuple(None if value is None else task.encode(value) for task, value in zip(tasks, values, strict=True))
    return Example(prepared, tuple(values), answers)


class Samples(Sequence[SceneSample]):
    """The samples of a data configuration that have a whole recorded future, once for each angle of `yaw_degrees`."""

    def __init__(self, data: DataConfig, model: ModelConfig) -> None:
        self.data, self.model = data, model
        self.tasks: tuple[Task, ...] = make_tasks(model.requests, model.vocabulary, model.window)
        dataset = open_dataset(expand(data.root), version=data.version, split=data.split, window=model.window, maps=False)
        whole = [sample for sample in dataset if sample.target.future.valid.all()]
        if not whole:
            raise ValueError(f"{dataset.root} has no sample with a whole future of {model.window.future_s:g} s in split {data.split!r}")
        self._turns: tuple[float | None, ...] = data.yaw_degrees or (None,)
        self._samples = whole
        self._kept: dict[int, Example] = {}

    def __len__(self) -> int:
        return len(self._samples) * len(self._turns)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def turn_degrees(self, index: int) -> float:
        """By how much sample `index` is turned."""
        return self._turns[index % len(self._turns)] or 0.0

    def __getitem__(self, index: int) -> SceneSample:  # type: ignore[override]
        sample, turn = self._samples[index // len(self._turns)], self._turns[index % len(self._turns)]
        if turn is not None:
            sample = yawed(sample, turn, self.data.yaw_margin_degrees)
        return replace(sample, observation=blackened(sample.observation)) if self.data.black else sample

    def observation(self, index: int) -> Observation:
        """What the planner may see of sample `index`."""
        return self[index].observation

    def future(self, index: int) -> Array:
        """The recorded future of sample `index`, [T, 3]."""
        return self[index].target.future.poses

    def example(self, index: int) -> Example:
        """Sample `index` as arrays and ids, kept for the next time. Raises MissingImage where a picture is absent."""
        if index not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            sample = self[index]
            values = [task.answer(sample) for task in self.tasks]
            self._kept[index] = make_example(prepare(sample.observation, self.model), self.tasks, values)
        return self._kept[index]


def batch_indices(seed: int, count: int, batch_size: int, step: int) -> NDArray[np.int64]:
    """Which samples step `step` takes: every epoch is a permutation of its own, drawn from (seed, epoch) alone, so a
    resumed run goes on with exactly the samples it would have had."""
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs = positions // count
    orders = {int(e): np.random.default_rng([seed, int(e)]).permutation(count) for e in np.unique(epochs)}
    return np.array([orders[int(e)][p % count] for e, p in zip(epochs, positions, strict=True)])


def expand(root: str) -> str:
    """`${NAME}` and `${NAME:-default}` in a path -> the environment variable. Raises ValueError where one is not set."""

    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = os.environ.get(name) or default
        if found is None:
            raise ValueError(f"data root {root!r} needs the environment variable {name}: set it to the folder that holds the data")
        return found

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", value, root)
