"""Metric of `decide`: how many decisions are the ones that the recorded future shows."""

from __future__ import annotations

from drive.answers.decide import DECISIONS, LATERAL, LONGITUDINAL, Decision
from drive.eval.result import Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.eval.tasks.shares import accuracy, commonest, macro_recall
from drive.tasks.decide import ASIDE_M, CHANGE_MPS, LATER_S, SOON_S, STANDING_MPS

HALVES = {"longitudinal": LONGITUDINAL, "lateral": LATERAL}


def score(answers: Answered, truths: Truths) -> list[Result]:
    """Accuracy and macro recall of the twelve, and of each half alone. What is no `Decision` is no answer."""
    answers = [one if isinstance(one, Decision) else None for one in answers]
    there, lost = known(truths), failed(answers, truths)
    told, true = ([None if one is None else str(one) for one in rows] for rows in (answers, truths))
    results: list[Result] = [accuracy("accuracy", told, true, there, lost)]
    results.append(macro_recall("recall", told, true, [str(one) for one in DECISIONS], there, lost))
    for half, among in HALVES.items():
        told, true = ([None if one is None else getattr(one, half) for one in rows] for rows in (answers, truths))
        results.append(accuracy(f"{half}_accuracy", told, true, there, lost))
        results.append(macro_recall(f"{half}_recall", told, true, among, there, lost))
    return results


def baselines(truths: Truths) -> dict[str, Answered]:
    """The commonest of the right decisions."""
    told = [truth for truth in truths if truth is not None]
    if not told:
        return {}
    common = commonest([str(one) for one in told])
    answer: Decision = next(one for one in DECISIONS if str(one) == common)
    return {"always the commonest": [answer] * len(truths)}


DECIDE = TaskMetric(
    score,
    ("accuracy", "recall", "longitudinal_recall", "lateral_recall"),
    "twelve meta-decisions, see drive/tasks/decide.py",
    {"at_s": [SOON_S, LATER_S], "standing_mps": STANDING_MPS, "change_mps": CHANGE_MPS, "aside_m": ASIDE_M},
    baselines,
    "shares are 0 .. 1; recall is the mean over the words that occur",
)
