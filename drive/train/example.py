"""One training example of the driving network: the prefix's arrays, and the right answers with their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drive.model.inputs import Prepared
from drive.tasks import Task
from drive.tokens.codecs import Ids


@dataclass(frozen=True, eq=False)
class Example:
    """The prefix's arrays, and for each request the right answer and its ids (END included); None where the data do not know it."""

    prepared: Prepared
    values: tuple[Any | None, ...]
    answers: tuple[Ids | None, ...]


def make_example(prepared: Prepared, tasks: Sequence[Task], values: Sequence[Any | None]) -> Example:
    """An example with its answers written. Raises ValueError where one cannot be."""
    answers = tuple(None if value is None else task.encode(value) for task, value in zip(tasks, values, strict=True))
    return Example(prepared, tuple(values), answers)
