"""The tasks, one file each, and requests: how a question is written.

    plan          the task with its usual parameter
    plan:text     with another one
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drive.schema import Window
from drive.tasks.base import Task
from drive.tasks.plan import PlanTask
from drive.tokens.vocab import Grid, IdRange, Vocabulary

_TASKS: tuple[type[Task], ...] = (
    PlanTask,
)
TASKS: dict[str, type[Task]] = {task.name: task for task in _TASKS}
DEFAULT_REQUESTS = ("plan:bins",)

__all__ = ["DEFAULT_REQUESTS", "TASKS", "Task", "canonical", "declared", "make_task", "make_tasks"]


def make_task(request: str, vocabulary: Vocabulary, window: Window) -> Task:
    """The task of a request. Raises ValueError for a request that no task of this version answers."""
    kind, parameter = _parsed(request)
    return kind(vocabulary, window, parameter)


def make_tasks(requests: Sequence[str], vocabulary: Vocabulary, window: Window) -> tuple[Task, ...]:
    """The tasks of several requests, in order."""
    return tuple(make_task(request, vocabulary, window) for request in requests)


def canonical(request: str) -> str:
    """A request with its parameter spelled out: `plan` -> `plan:bins`. Raises ValueError as `make_task`."""
    kind, parameter = _parsed(request)
    return f"{kind.name}:{parameter}" if parameter else kind.name


def declared(requests: Iterable[str], grids: Mapping[str, Grid]) -> list[IdRange]:
    """The ranges of ids that requests need. Raises ValueError for a grid that none of them has, or as `make_task`."""
    found = [part for request in requests for part in _ranges(request, grids)]
    strangers = sorted(set(grids) - {part.name for part in found if part.grid})
    if strangers:
        known = ", ".join(sorted({part.name for part in found if part.grid})) or "none"
        raise ValueError(f"numbers.{strangers[0]} is of no request given; theirs are: {known}")
    return found


def _ranges(request: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
    kind, parameter = _parsed(request)
    return kind.declares(parameter, grids)


def _parsed(request: str) -> tuple[type[Task], str]:
    name, _, parameter = request.partition(":")
    if name not in TASKS:
        raise ValueError(f"request {request!r}: this version has no task {name!r}; it has {', '.join(TASKS)}")
    known = TASKS[name].parameters
    if parameter and parameter not in known:
        raise ValueError(f"request {request!r}: {name} takes {', '.join(known) or 'no parameter'}, not {parameter!r}")
    return TASKS[name], parameter or next(iter(known), "")
