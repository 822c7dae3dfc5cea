"""A benchmark's cases (of a file, or made of a data set) and answers -> a report: rows that the data bring, planners, anybody's plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drive.asking import Refusal, asked, notes_of, spec_of
from drive.baselines import ConstantVelocity
from drive.data.dataset import Dataset
from drive.eval.benchmarks.base import PRED, Answer, Benchmark, Cases
from drive.eval.entries import checked_best, unique_name
from drive.eval.plans import PlanFile
from drive.eval.report import Report, Scores
from drive.frames import Array
from drive.progress import SILENT, Progress
from drive.schema import Observation, PlanError, Planner


@dataclass(frozen=True, eq=False)
class Row:
    """One row of the report: its answers [N] (none where drives are scored), and tokens that it speaks of and the file does not hold;
    notes: the planner's."""

    name: str
    answers: Sequence[Answer]
    asked: bool = True
    strangers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def score_file(
    path: Path,
    chosen: Sequence[Benchmark],
    planners: Sequence[Planner] = (),
    plans: Sequence[PlanFile] = (),
    limit: int | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Scores a file under benchmarks that all take it. limit: its first cases only.

    Raises ValueError where the file, a planner or a plans file cannot be used at all.
    """
    _check(chosen[0], planners, plans, pictures=False)
    progress.begin(f"reading {path}")
    everything = chosen[0].takes.read(path)
    if not everything.tokens or len(set(everything.tokens)) < len(everything.tokens):
        raise ValueError(f"{path} must hold cases of different tokens, got {len(everything.tokens)} cases")
    if chosen[0].window is not None and not planners and not plans and PRED not in everything.answers:
        raise ValueError(f"{path} brings no plans ({PRED}): give --plans, or --planner; {chosen[0].name} scores {chosen[0].asks}")
    return _scored(path.name, everything.first(limit), set(everything.tokens), chosen, planners, plans, progress)


def score_made(
    dataset: Dataset,
    chosen: Sequence[Benchmark],
    planners: Sequence[Planner] = (),
    plans: Sequence[PlanFile] = (),
    limit: int | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Scores the cases that follow from a data set under benchmarks that all make them in one way. limit: the first cases only.

    Raises ValueError as `score_file`, and where no sample makes a case.
    """
    assert chosen[0].made is not None
    _check(chosen[0], planners, plans, pictures=True)
    progress.begin(f"making cases of {dataset.name}")
    cases = chosen[0].made.make(dataset, limit)
    return _scored(dataset.name, cases, set(dataset.all_tokens), chosen, planners, plans, progress)


def _scored(
    name: str,
    cases: Cases,
    known: set[str],
    chosen: Sequence[Benchmark],
    planners: Sequence[Planner],
    plans: Sequence[PlanFile],
    progress: Progress,
) -> Report:
    """The report. known: tokens that a plans file may speak of."""
    benchmark = chosen[0]
    if benchmark.window is None:
        rows = [Row(Path(name).stem, ())]
    else:
        others = [planner for planner in planners if not isinstance(planner, ConstantVelocity)]
        rows = [*_baseline(cases, planners, progress), *_given(cases), *(_planned(cases, planner, progress) for planner in others)]
        rows += _filed(cases, plans, known, benchmark)
    rows = _named(rows)
    progress.begin("scoring", len(rows) * len(chosen))
    scores, failures = [], []
    for row in rows:
        reasons: dict[str, str] = {}
        for one in chosen:
            result = one.score(cases.items, row.answers)
            reasons = {**result.failures, **reasons}
            notes = (*cases.notes, *one.notes(cases.items, result), *row.notes)
            scores.append(Scores(row.name, one, result.metrics, cases.tokens, cases.groups, notes=notes))
            progress.done(1)
        failures += [{"planner": row.name, "token": token, "reason": reason} for token, reason in reasons.items()]
        failures += [{"planner": row.name, "token": token, "reason": "not a case of this file"} for token in row.strangers]
    settings = {"data": name, "samples": len(cases.tokens), "protocols": [one.name for one in chosen]}
    return Report(scores, failures, [row.name for row in rows if row.asked], settings)


def _check(benchmark: Benchmark, planners: Sequence[Planner], plans: Sequence[PlanFile], pictures: bool) -> None:
    for planner in planners:
        _check_planner(benchmark, planner, pictures)
    for file in plans:
        _check_plans(benchmark, file)


def _check_planner(benchmark: Benchmark, planner: Planner, pictures: bool) -> None:
    spec, wrong = spec_of(planner), ""
    window = spec.window
    if benchmark.window is None:
        wrong = "no planner is asked"
    elif spec.pictures == "needed" and not pictures:
        wrong = "its file holds no pictures; plan elsewhere and give --plans"
    elif window is not None and not np.array_equal(window.future_times_s, benchmark.window.future_times_s):
        wrong = f"{planner.name} plans {window.future_s:g} s at {window.rate_hz:g} Hz"
    if wrong:
        raise ValueError(f"{planner.name} cannot be scored under {benchmark.name}, which scores {benchmark.asks}: {wrong}")


def _check_plans(benchmark: Benchmark, file: PlanFile) -> None:
    if benchmark.window is None:
        raise ValueError(f"{benchmark.name} scores {benchmark.asks}, no plans: leave out {file.path}")
    if file.frame == "lidar":
        raise ValueError(f"{file.path}: meta.frame is 'lidar', but {benchmark.name} scores plans in the frame 'ego' (rear axle, x forward)")
    file.require_usable(benchmark.window.future_times_s)


def _given(cases: Cases) -> list[Row]:
    return [Row(name, rows, asked=name == PRED) for name, rows in cases.answers.items()]


def _baseline(cases: Cases, planners: Sequence[Planner], progress: Progress) -> list[Row]:
    """Constant velocity, where it was asked for or a case has a past to take it from."""
    row = _planned(cases, ConstantVelocity(), progress)
    if any(isinstance(planner, ConstantVelocity) for planner in planners):
        return [row]
    return [] if all(isinstance(answer, PlanError) for answer in row.answers) else [replace(row, asked=False)]


def _planned(cases: Cases, planner: Planner, progress: Progress) -> Row:
    progress.begin(f"planning with {planner.name}", len(cases.observations))
    answers = [_answer(planner, observation, progress) for observation in cases.observations]
    return Row(planner.name, answers, notes=notes_of(planner))


def _answer(planner: Planner, observation: Observation, progress: Progress) -> Answer:
    try:
        return _tried(lambda: checked_best(planner.plan(observation), observation.future_times_s))
    finally:
        progress.done(1)


def _filed(cases: Cases, plans: Sequence[PlanFile], known: set[str], benchmark: Benchmark) -> Iterable[Row]:
    assert benchmark.window is not None
    times = benchmark.window.future_times_s
    for file in plans:
        answers = [_tried(lambda token=token, file=file: file.plan_at(token, times).best) for token in cases.tokens]  # type: ignore[misc]
        yield Row(file.planner, answers, strangers=tuple(token for token in file.tokens if token not in known))


def _tried(plan: Callable[[], Array]) -> Answer:
    """Whatever a planner does, its case fails and says why."""
    answer = asked(plan)
    return PlanError(answer.reason) if isinstance(answer, Refusal) else answer


def _named(rows: Sequence[Row]) -> list[Row]:
    """The rows with names made unique."""
    named: dict[str, Row] = {}
    for row in rows:
        name = unique_name(row.name, named)
        named[name] = replace(row, name=name)
    return list(named.values())
