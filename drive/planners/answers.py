"""Answers of any planner to requests such as see>decide>plan, for every sample, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from drive.asking import Refusal, asked, spec_of
from drive.outputs import write_whole
from drive.progress import SILENT, Progress
from drive.schema import SceneSample, Window
from drive.tasks import Task, chains, declared, make_task, spelled
from drive.tasks.answered import Answered, answered
from drive.tokens.vocab import Vocabulary


@dataclass(eq=False)
class AllAnswers:
    """results: token -> request (`see`, `plan:bins`, `ask(why?)`) -> the answer to use as JSON values. errors: token -> request -> why
    there is none; a request stands in one of the two. tracebacks: of what was no PlanError, by token."""

    planner: str
    requests: tuple[str, ...]
    links: tuple[str, ...]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    tracebacks: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> dict[str, int]:
        """Request -> how many samples got no answer to it."""
        return {link: sum(link in told for told in self.errors.values()) for link in self.links}

    def save(self, path: Path) -> None:
        """Write {"meta": {planner, requests}, "results": ..., "errors": ...}. Raises OutputError."""
        meta = {"planner": self.planner, "requests": list(self.requests), "frame": "ego"}
        write_whole(path, json.dumps({"meta": meta, "results": self.results, "errors": self.errors}, allow_nan=False))


def answer_all(planner: Any, samples: Iterable[SceneSample], requests: str, progress: Progress = SILENT) -> AllAnswers:
    """Raises ValueError for what is no request; whatever fails in a sample is among `errors`, each request on its own."""
    asked_for = chains(requests)
    links = [link for chain in asked_for for link in chain]
    window = spec_of(planner).window or Window()
    names = [link.name for link in links]
    vocabulary = Vocabulary().extended(declared(names, {}), names)
    tasks = {str(link): make_task(link.name, vocabulary, window) for link in links}
    found = AllAnswers(planner.name, tuple(spelled(chain) for chain in asked_for), tuple(tasks))
    for sample in samples:
        _keep(found, sample.token, answered(planner, sample.observation, asked_for), tasks)
        progress.done()
    return found


def _keep(found: AllAnswers, token: str, told: Answered, tasks: dict[str, Task]) -> None:
    """An answer that is none of its task's fails, and nothing else."""
    reasons, results = dict(told.reasons), {}
    for name, value in told.values.items():
        written = asked(partial(tasks[name].to_json, value))
        if isinstance(written, Refusal):
            reasons[name] = f"answered with {type(value).__name__}, which is no answer of {name}"
        else:
            results[name] = written
    if told.refusal is None:
        found.results[token] = results
    elif told.refusal.traceback:
        found.tracebacks[token] = told.refusal.traceback
    if reasons:
        found.errors[token] = reasons
