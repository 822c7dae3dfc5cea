"""Planners asked for answers on every sample of a data set, and these scored by their tasks' metrics: `drive eval DATA --tasks ...`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from drive.asking import common_window, notes_of
from drive.data.dataset import Samples
from drive.eval.entries import unique_name
from drive.eval.report import Report, Scores
from drive.eval.tasks import ACROSS, METRICS
from drive.eval.tasks.base import TaskRules
from drive.progress import SILENT, Progress
from drive.schema import Observation, Planner, SceneSample, Window
from drive.tasks import TASKS, Task, declared, make_task
from drive.tasks.answered import UNANSWERED, answered
from drive.tasks.requests import Chain, Request, parse_chains, spelled
from drive.tokens.vocab import Vocabulary

Reason = dict[str, str]
# Spans as they are asked, each with (request, question) for its links.
Asking = list[tuple[str, list[tuple[str, "Posed"]]]]


@dataclass(frozen=True, eq=False)
class Posed:
    """One question of one sample: as it is asked, and its right answer (None: the data do not know it)."""

    request: str
    truth: Any | None


@dataclass(eq=False)
class Requested:
    """All questions of one request, N of them: tokens and scenes of their samples, right answers; answers: planner -> N."""

    request: Request
    tokens: list[str] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    truths: list[Any | None] = field(default_factory=list)
    answers: dict[str, list[Any | None]] = field(default_factory=dict)


@dataclass(eq=False)
class Together:
    """All answers of each sample by their tasks' names, planner -> N, and what was seen, without pictures."""

    tokens: list[str] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def score_tasks(
    dataset: Samples,
    requests: str | Sequence[str],
    planners: Sequence[Planner],
    progress: Progress = SILENT,
    each: Callable[[str, SceneSample, dict[str, Any]], None] = lambda planner, sample, answers: None,
) -> Report:
    """Asks planners and scores what they answer, beside answers that look at nothing.

    requests: as for `Planner.answer`; a task that takes words and is given none is asked every question that it has on a sample.
    each: is told every planner's answers to every sample, by request.
    Raises ValueError for requests that are none, or have no metric.
    """
    chains = parse_chains(requests, TASKS)
    tasks = scored_tasks(chains, common_window(planners))
    parts = {str(link): Requested(link) for chain in chains for link in chain}
    together, failures, names = Together(), [], _names(planners)
    progress.begin(f"asking for {','.join(map(spelled, chains))}", len(dataset))
    for sample in dataset:
        asking = list(_questions(chains, tasks, sample))
        found = {name: _answers(planner, sample, asking) for name, planner in names.items()}
        for _, questions in asking:
            _keep(parts, questions, sample, {name: answers for name, (answers, _) in found.items()})
        failures += [{"planner": name, **reason} for name, (_, reasons) in found.items() for reason in reasons]
        for name, (answers, _) in found.items():
            each(name, sample, answers)
        _keep_together(together, sample, {name: answers for name, (answers, _) in found.items()})
        progress.done()
    scores = [one for part in parts.values() for one in _scores(part, tasks[str(part.request)])]
    scores += _across(together, {link.task for chain in chains for link in chain})
    told = {name: notes_of(planner) for name, planner in names.items()}
    scores = [replace(one, notes=(*one.notes, *told.get(one.planner, ()))) for one in scores]
    settings = {"samples": len(dataset), "tasks": [spelled(chain) for chain in chains]}
    return Report(scores, failures, list(names), settings)


def scored_tasks(chains: Sequence[Chain], window: Window) -> dict[str, Task]:
    """The task of every request, on the usual grids. Raises ValueError where one has no metric."""
    links = [link for chain in chains for link in chain]
    for link in links:
        if TASKS[link.task].metric not in METRICS:
            scored = ", ".join(name for name, kind in TASKS.items() if kind.metric in METRICS)
            raise ValueError(f"request {link}: {link.task} has no metric; those with one: {scored}")
    requests = list(dict.fromkeys(link.name for link in links))
    vocabulary = Vocabulary().extended(declared(requests, {}), requests)
    return {str(link): make_task(link.name, vocabulary, window) for link in links}


def _questions(chains: Sequence[Chain], tasks: dict[str, Task], sample: SceneSample) -> Iterator[tuple[str, list[tuple[str, Posed]]]]:
    """What to ask of a sample: each span as it is written, with (request, question) for each of its links."""
    for chain in chains:
        open_ends = [link for link in chain if tasks[str(link)].prompted and not link.prompt]
        if not open_ends:
            yield spelled(chain), [(str(link), Posed(str(link), tasks[str(link)].truth(sample, link.prompt))) for link in chain]
        elif len(chain) > 1:
            raise ValueError(f"request {spelled(chain)}: {open_ends[0]} needs its question in a chain, as in {open_ends[0]}(may I go?)")
        else:
            for prompt, truth in tasks[str(chain[0])].answers(sample):
                one = replace(chain[0], prompt=prompt)
                yield str(one), [(str(chain[0]), Posed(str(one), truth))]


def _answers(planner: Planner, sample: SceneSample, asking: Asking) -> tuple[dict[str, Any], list[Reason]]:
    """A planner's best answers by request, and why others are missing. Keeping silent on what nobody knows is no failure."""
    found = answered(planner, sample.observation, parse_chains([text for text, _ in asking], TASKS))
    if found.refusal:
        told = {"traceback": found.refusal.traceback} if found.refusal.traceback else {}
        return {}, [{"token": sample.token, "reason": found.refusal.reason, **told}]
    known = {question.request for _, questions in asking for _, question in questions if question.truth is not None}
    reasons = {link: reason for link, reason in found.reasons.items() if reason != UNANSWERED or link in known}
    return found.values, [{"token": sample.token, "reason": f"{link}: {reason}"} for link, reason in reasons.items()]


def _keep(parts: dict[str, Requested], questions: list[tuple[str, Posed]], sample: SceneSample, found: dict[str, dict[str, Any]]) -> None:
    for name, question in questions:
        part = parts[name]
        part.tokens.append(sample.token)
        part.scenes.append(sample.scene)
        part.truths.append(question.truth)
        for planner, answers in found.items():
            part.answers.setdefault(planner, []).append(answers.get(question.request))


def _keep_together(together: Together, sample: SceneSample, found: dict[str, dict[str, Any]]) -> None:
    together.tokens.append(sample.token)
    together.scenes.append(sample.scene)
    together.observations.append(replace(sample.observation, frames=()))
    for planner, answers in found.items():
        by_task = {request.partition("(")[0].partition(":")[0]: value for request, value in answers.items()}
        together.answers.setdefault(planner, []).append(by_task)


def _scores(part: Requested, task: Task) -> Iterator[Scores]:
    """The baselines first, since differences are to the first row."""
    metric = METRICS[task.metric or ""]
    rules = TaskRules(str(part.request), metric.source, dict(metric.settings), window=None, main=metric.main, legend=metric.legend)
    unknown = np.array([truth is None for truth in part.truths], dtype=bool)
    notes = (f"the data know no right answer to any of {len(unknown)} questions",) if unknown.all() else ()
    for name, answers in [*metric.baselines(part.truths).items(), *part.answers.items()]:
        results = {result.name: result for result in metric.score(answers, part.truths)} if part.truths else {}
        yield Scores(name, rules, results, tuple(part.tokens), tuple(part.scenes), notes=notes, unknown=unknown)


def _across(together: Together, asked_for: set[str]) -> Iterator[Scores]:
    for name, metric in ACROSS.items():
        if not set(metric.needs) <= asked_for:
            continue
        rules = TaskRules(name, metric.source, dict(metric.settings), window=None, main=metric.main, legend=metric.legend)
        for planner, answers in together.answers.items():
            results = {result.name: result for result in metric.score(answers, together.observations)}
            yield Scores(planner, rules, results, tuple(together.tokens), tuple(together.scenes))


def _names(planners: Sequence[Planner]) -> dict[str, Planner]:
    named: dict[str, Planner] = {}
    for planner in planners:
        named[unique_name(planner.name, named)] = planner
    return named
