"""Answers to requests as they travel: the JSON of their tasks (docs/tasks.md), which comes back as it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from drive.planners.remote import drive_client as client
from drive.schema import Answers, Window
from drive.tasks import Task, chains, declared, make_task
from drive.tokens.vocab import Vocabulary


def tasks_of(requests: Sequence[str], window: Window | None) -> dict[str, Task]:
    """Request as answers are named by it -> its task. Raises ValueError for what is no request."""
    links = [link for chain in chains(requests) for link in chain]
    names = list(dict.fromkeys(link.name for link in links))
    vocabulary = Vocabulary().extended(declared(names, {}), names)
    return {str(link): make_task(link.name, vocabulary, window or Window()) for link in links}


def answers_json(answers: Answers, tasks: Mapping[str, Task]) -> client.Answers:
    """A planner's answers as they travel. Raises ValueError or TypeError for what is none of its task's."""
    values = {name: [tasks[name].to_json(value) for value in many] for name, many in answers.values.items() if name in tasks}
    return client.Answers(values, dict(answers.log_probs), dict(answers.failures))


def answers_of(told: dict[str, Any], tasks: Mapping[str, Task]) -> Answers:
    """The inverse. An answer that is none of its task's is a failure with the reason, as is one that is missing."""
    given, logs, said = (_members(told, key) for key in ("values", "log_probs", "failures"))
    values, failures = dict[str, tuple[Any, ...]](), {name: str(said[name]) for name in tasks if name in said}
    for name in tasks:
        if name in failures or name not in given:
            continue
        try:
            values[name] = tuple(tasks[name].from_json(value) for value in given[name])
        except (ValueError, TypeError, KeyError) as error:
            failures[name] = f"answered with what is no answer of {name}: {error}"
    log_probs = {name: np.asarray(logs[name], dtype=np.float64) for name in values if name in logs}
    return Answers(values, log_probs, failures)


def _members(told: dict[str, Any], key: str) -> dict[str, Any]:
    found = told.get(key)
    return found if isinstance(found, dict) else {}
