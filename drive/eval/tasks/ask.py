"""Metric of `ask`: exact match, error of numbers, and both beside a guess that knows the question alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from drive.answers.ask import KINDS, Reply
from drive.eval.result import MetricResult, PooledResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.frames import Array
from drive.tasks.questions import question_of
from drive.tasks.questions.balance import answer_key

CLOSE = 1.0  # m or m/s: a number no further off is right


def score(answers: Answered, truths: Truths) -> list[Result]:
    """exact: the right kind and value, numbers within CLOSE. balanced: the share of right answers of each right answer of a question, then
    the mean over its answers, then over questions: half of what a guess knows without looking at most. number_error: m and m/s, of
    numbers that were answered with numbers in the same unit."""
    answers = [answer if isinstance(answer, Reply) else None for answer in answers]  # anything else is no answer
    there, lost = known(truths), failed(answers, truths)
    right = np.array([_right(a, t) for a, t in zip(answers, truths, strict=True)], dtype=np.float64)
    kinds = np.array([None if truth is None else truth.kind for truth in truths])
    error = np.array([_error(a, t) for a, t in zip(answers, truths, strict=True)], dtype=np.float64)
    results: list[Result] = [MetricResult("exact", right, there, lost, ""), _balanced(right, truths, there, lost)]
    results += [MetricResult(f"exact_{kind}", right, there & (kinds == kind), lost, "") for kind in KINDS]
    for name, unit in (("distance_error", "m"), ("speed_error", "m/s")):
        own = np.array([truth is not None and truth.unit == unit for truth in truths], dtype=bool)
        results.append(MetricResult(name, np.nan_to_num(error), own & np.isfinite(error), lost, unit))
    return results


def _right(answer: Reply | None, truth: Reply | None) -> bool:
    if answer is None or truth is None:
        return False
    return _error(answer, truth) <= CLOSE if truth.kind == "number" else answer == truth


def _error(answer: Reply | None, truth: Reply | None) -> float:
    """By how much a number is off; NaN where there are not two of one unit."""
    if answer is None or truth is None or truth.kind != "number" or answer.unit != truth.unit:
        return float("nan")
    return abs(float(answer.value) - float(truth.value))


def question_key(reply: Reply) -> str:
    """Truths with the same key were asked the same: the meaning of the question where it is one of ours, its words where not."""
    question = question_of(reply.question)
    return reply.question if question is None else question.name


def _balanced(right: Array, truths: Truths, there: NDArray[np.bool_], lost: NDArray[np.bool_]) -> PooledResult:
    questions, answers = _codes(truths, question_key), _codes(truths, lambda t: f"{question_key(t)}\0{answer_key(t)}")
    question_of_answer = np.zeros(answers.max(initial=-1) + 1, dtype=np.int64)
    question_of_answer[answers[there]] = questions[there]

    def of(weights: NDArray[np.int64]) -> float:
        weight = np.where(there, weights, 0).astype(np.float64)
        total = np.bincount(answers[there], weight[there], len(question_of_answer))
        hit = np.bincount(answers[there], (weight * right)[there], len(question_of_answer))
        share, owner = hit[total > 0] / total[total > 0], question_of_answer[total > 0]
        told = np.bincount(owner)
        several = told > 1  # of a question with one answer nobody can say whether it was looked at
        means = np.bincount(owner, share)[several] / told[several]
        return float(means.mean()) if len(means) else float("nan")

    return PooledResult("balanced", of, there, lost)


def _codes(truths: Truths, key: Callable[[Reply], str]) -> NDArray[np.int64]:
    """Numbers of the keys of truths, -1 where there is none."""
    numbers: dict[str, int] = {}
    return np.array([-1 if truth is None else numbers.setdefault(key(truth), len(numbers)) for truth in truths], dtype=np.int64)


def baselines(truths: Truths) -> Mapping[str, Answered]:
    """The commonest answer of each question, of numbers the median: as much as the question alone can tell."""
    groups: dict[str, list[Reply]] = defaultdict(list)
    for truth in truths:
        if truth is not None:
            groups[question_key(truth)].append(truth)
    guesses = {key: _commonest(group) for key, group in groups.items()}
    return {"question-only": [None if truth is None else guesses[question_key(truth)] for truth in truths]}


def _commonest(replies: list[Reply]) -> Reply:
    """The commonest answer, all numbers of a unit counting as one: their median."""
    (key, _), *_ = Counter((reply.kind, reply.unit or reply.value) for reply in replies).most_common(1)
    same = [reply for reply in replies if (reply.kind, reply.unit or reply.value) == key]
    if same[0].kind != "number":
        return same[0]
    return Reply("number", float(np.median([float(reply.value) for reply in same])), same[0].unit)


ASK = TaskMetric(
    score,
    ("balanced", "exact", "distance_error", "speed_error"),
    "our own: exact match as in nuScenes-QA (arXiv 2305.14836); balanced: mean recall over each question's answers",
    {"close": CLOSE, "truth": "drive/tasks/questions"},
    baselines,
    "shares are 0 .. 1; balanced weighs all answers of a question alike; errors over numbers answered with numbers",
)
