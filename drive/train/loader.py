"""A step's samples as batches: they follow from (seed, step) alone, whoever prepares them and however many share them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from drive.config import Jitter, Stage
from drive.train.mix import Mix, checked_as
from drive.train.objectives import Objective
from drive.train.stop import SIGNALS

# Examples kept in memory; beyond this the oldest are made again when needed.
KEPT = 4096
# Steps that each worker is ahead.
AHEAD = 2


class Steps(Dataset[Any]):
    """Step -> the batches of one rank, one for each part that the stage accumulates.

    vary: with jitter and noise, each example's own, drawn from (seed, step, place in the step). parts: in place of the stage's.
    """

    def __init__(
        self,
        mix: Mix,
        objective: Objective,
        stage: Stage,
        seed: int,
        rank: int = 0,
        world: int = 1,
        vary: bool = True,
        parts: int | None = None,
    ) -> None:
        """Raises ValueError where there are fewer samples in a step than ranks and parts."""
        if world * stage.accumulate > stage.batch_size:
            told = f"{world} ranks with accumulate {stage.accumulate}"
            raise ValueError(f"stage {stage.name!r}: batch_size {stage.batch_size} is too small for {told}")
        self.mix, self.objective, self.stage, self.seed, self.vary = mix, objective, stage, seed, vary
        places = np.array_split(np.arange(stage.batch_size), world)[rank]
        self._parts = np.array_split(places, parts or stage.accumulate)
        self._kept: dict[int, Any] = {}

    def __getitem__(self, step: int) -> list[Any]:
        return [self._batch(step, places.tolist()) for places in self._parts]

    def _batch(self, step: int, places: list[int]) -> Any:
        rngs = [np.random.default_rng([self.seed, step, place]) for place in places]
        examples = [self._example(self.mix.draw(self.seed, step * self.stage.batch_size + place)) for place in places]
        if self.vary and self.stage.jitter != Jitter():
            examples = [self.objective.vary(e, self.stage.jitter, rng) for e, rng in zip(examples, rngs, strict=True)]
        return self.objective.collate(examples, rngs if self.vary else None)

    def _example(self, index: int) -> Any:
        if index not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            known = self.mix.known.get(checked_as(self.stage))
            self._kept[index] = self.objective.example(self.mix[index], known[index] if known else None)
        return self._kept[index]


def prepared(steps: Steps, start: int, stop: int, workers: int) -> Iterator[list[Any]]:
    """The batches of steps start to stop - 1, by worker processes where there are any. Raises what preparing them raises."""
    if not workers:
        yield from (steps[step] for step in range(start, stop))
        return
    loader = DataLoader(
        _Caught(steps),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        prefetch_factor=AHEAD,
        collate_fn=_as_it_is,
        worker_init_fn=_leave_signals,
        multiprocessing_context="fork",
    )
    for batches in loader:
        if isinstance(batches, Exception):
            raise batches
        yield batches


class _Caught(Dataset[Any]):
    """Exceptions travel as they are: a DataLoader would put its traceback into their message."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def __getitem__(self, step: int) -> Any:
        try:
            return self.steps[step]
        except Exception as error:
            return error


def _as_it_is(value: Any) -> Any:
    return value


def _leave_signals(_: int) -> None:
    """Ctrl-C reaches the whole group of processes: the run itself decides when its workers end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
