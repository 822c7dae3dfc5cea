"""What a benchmark on a file is: which file it reads, what it asks of a planner, and what it says of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from drive.data.dataset import Samples
from drive.eval.result import BenchmarkResult
from drive.eval.rules import Rules
from drive.frames import Array
from drive.schema import Observation, PlanError, Trajectory, Window

# A plan as a benchmark scores it, [T, 2 or 3] in the ego frame at its window's times, or the reason why there is none.
Answer = Array | PlanError
LOG, PRED = "log", "pred"
FRACTIONS = "0 .. 1"


@dataclass(frozen=True, eq=False)
class Cases:
    """What a file holds for a benchmark, N cases: tokens [N], all different; groups [N]: what belongs together, for the intervals (a
    log, a sequence); items [N]: the benchmark's own.

    observations [N]: what a planner may see, from a file without pictures; () where drives are scored. answers: rows that the data
    themselves bring, by name: LOG (the recorded drives), PRED (somebody's plans), each [N]. notes: what else must be said of the data.
    """

    tokens: tuple[str, ...]
    groups: tuple[str, ...]
    items: Sequence[Any]
    observations: tuple[Observation, ...] = ()
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def first(self, count: int | None) -> Cases:
        """The first `count` of them; None: all."""
        answers = {name: rows[:count] for name, rows in self.answers.items()}
        return Cases(self.tokens[:count], self.groups[:count], self.items[:count], self.observations[:count], answers, self.notes)


@dataclass(frozen=True, eq=False)
class Input:
    """A kind of file, or of folder. told: what it is, in words. suffix: how its name ends. marks: names of arrays or keys that only such a
    file has. folder: what a folder of results holds, as a pattern; where it is of files with that suffix, these have the marks; "": no
    folder is taken. read(path) -> its cases; ValueError in one line where the file is wrong."""

    told: str
    suffix: str
    marks: frozenset[str]
    read: Callable[[Path], Cases]
    folder: str = ""


@dataclass(frozen=True, eq=False)
class FromSamples:
    """How cases are made of a data set's samples. window: that the data set must be opened with, at least. make(samples, limit) -> the
    first `limit` cases; ValueError where no sample makes one."""

    window: Window
    make: Callable[[Samples, int | None], Cases]


@dataclass(frozen=True, eq=False)
class Benchmark(Rules):
    """A benchmark on a file. takes: which. made: how its cases follow from a data set instead, None where they do not.
    score(items, answers) -> metrics over the cases; no answers where drives are scored. scale: between which values its scores lie.
    notes(items, result) -> lines that stand below the table."""

    tall: ClassVar[bool] = True
    takes: Input
    score: Callable[[Sequence[Any], Sequence[Answer]], BenchmarkResult]
    scale: str = FRACTIONS
    notes: Callable[[Sequence[Any], BenchmarkResult], list[str]] = field(default=lambda items, result: [])
    made: FromSamples | None = None


def observed(token: str, past: Array, step_s: float, future_times_s: Array, **known: float | None) -> Observation:
    """What a planner may see of a case without pictures: past poses [K, 3] in the ego frame of t0, step_s apart, the last one t0's.

    known: speed_mps, acceleration_mps2, yaw_rate_radps.
    """
    times = step_s * np.arange(1 - len(past), 1)
    trajectory = Trajectory(past, times, np.ones(len(past), dtype=bool))
    return Observation(token, (), trajectory, future_times_s, **known)  # type: ignore[arg-type]
