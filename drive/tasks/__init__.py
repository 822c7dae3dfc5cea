"""The tasks, one file each, and what requests (`drive.tasks.requests`) need of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drive.schema import Window
from drive.tasks.ask import AskTask
from drive.tasks.base import Task
from drive.tasks.boxes import BoxesTask
from drive.tasks.decide import DecideTask
from drive.tasks.describe import DescribeTask
from drive.tasks.plan import PlanTask
from drive.tasks.requests import Chain, Request, parse_chains, parse_single, spelled
from drive.tasks.roads import RoadsTask
from drive.tasks.see import SeeTask
from drive.tokens.vocab import Grid, IdRange, Vocabulary

_TASKS: tuple[type[Task], ...] = (
    PlanTask,
    BoxesTask,
    RoadsTask,
    SeeTask,
    DecideTask,
    DescribeTask,
    AskTask,
)
TASKS: dict[str, type[Task]] = {task.name: task for task in _TASKS}
DEFAULT_REQUESTS = ("plan:bins",)

__all__ = [
    "DEFAULT_REQUESTS",
    "TASKS",
    "Chain",
    "Request",
    "Task",
    "canonical",
    "chains",
    "declared",
    "make_task",
    "make_tasks",
    "spelled",
]


def chains(requests: str | Sequence[str]) -> tuple[Chain, ...]:
    """Requests as people write them, `see>plan,boxes` -> the chains they ask for. Raises ValueError for what no task answers."""
    return parse_chains(requests, TASKS)


def make_task(request: str, vocabulary: Vocabulary, window: Window) -> Task:
    """The task of a single request. Raises ValueError for one that no task of this version answers."""
    asked = parse_single(request, TASKS)
    return TASKS[asked.task](vocabulary, window, asked.parameter)


def make_tasks(requests: Sequence[str], vocabulary: Vocabulary, window: Window) -> tuple[Task, ...]:
    """The tasks of several requests, in order."""
    return tuple(make_task(request, vocabulary, window) for request in requests)


def canonical(request: str) -> str:
    """A single request with its parameter spelled out and without words: `plan` -> `plan:bins`. Raises ValueError as `make_task`."""
    return parse_single(request, TASKS).name


def declared(requests: Iterable[str], grids: Mapping[str, Grid]) -> list[IdRange]:
    """The ranges of ids that requests need. Raises ValueError for a grid that none of them has, or as `make_task`."""
    asked = [parse_single(request, TASKS) for request in requests]
    found = [part for request in asked for part in TASKS[request.task].declares(request.parameter, grids)]
    strangers = sorted(set(grids) - {part.name for part in found if part.grid})
    if strangers:
        known = ", ".join(sorted({part.name for part in found if part.grid})) or "none"
        raise ValueError(f"numbers.{strangers[0]} is of no request given; theirs are: {known}")
    return found
