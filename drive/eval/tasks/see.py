"""Metric of `see`: shares of right words and errors of numbers, part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.answers.see import PARTS, Seen, SeenPart
from drive.eval.result import MetricResult, PooledResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.eval.tasks.shares import accuracy, commonest, macro_recall
from drive.frames import Array
from drive.schema import Mask
from drive.tasks.seen import STATES, Flat, flat, from_flat

# Names and units of a part's numbers, in the order of `drive.tasks.seen.NUMBERS`.
NUMBERS: dict[SeenPart, tuple[tuple[str, str], ...]] = {
    "lane": (("offset", "m"), ("heading", "rad")),
    "bends": (("near", "1/m"), ("middle", "1/m"), ("far", "1/m")),
    "cap": (("speed", "m/s"),),
    "lead": (("gap", "m"), ("speed", "m/s")),
    "light": (("distance", "m"),),
    "line": (("distance", "m"),),
}
NEAR_M = 30.0
LEAST_GAP_M = 1.0  # a gap's error is told as a share of the gap, of this where it is smaller


def score(answers: Answered, truths: Truths) -> list[Result]:
    """Of every part that the truths have: PART_accuracy of its word (with "none") and PART_recall, the mean over its words without "none"
    (over there or not of lane and lead); errors of its numbers where both say that there is something. What is no `Seen` is no answer."""
    answers = [one if isinstance(one, Seen) else None for one in answers]
    there, lost = known(truths), failed(answers, truths)
    first = next((one for one in [*truths, *answers] if one is not None), None)
    results: list[Result] = []
    for part in PARTS if first is None else first.parts:
        told, true = _column(answers, part), _column(truths, part)
        results += _words(part, told, true, there, lost)
        results += _numbers(part, told, true, lost)
        if part == "lead":
            results.append(_gap_share(told, true, there, lost))
    return results


def _column(seen: Answered, part: SeenPart) -> list[Flat | None]:
    return [None if one is None or part not in one.parts else flat(one)[part] for one in seen]


def _words(part: SeenPart, told: Sequence[Flat | None], true: Sequence[Flat | None], there: Mask, lost: Mask) -> list[Result]:
    if part not in STATES:
        return []
    words, right = ([None if one is None else one[0] for one in rows] for rows in (told, true))
    results: list[Result] = [accuracy(f"{part}_accuracy", words, right, there, lost)]
    if part in ("lane", "lead"):
        words, right = ([word if word in (None, "none") else "there" for word in rows] for rows in (words, right))
        return [*results, macro_recall(f"{part}_recall", words, right, ("none", "there"), there, lost)]
    return [*results, macro_recall(f"{part}_recall", words, right, STATES[part][1:], there, lost)]


def _numbers(part: SeenPart, told: Sequence[Flat | None], true: Sequence[Flat | None], lost: Mask) -> list[Result]:
    both = np.array([bool(a and t and a[1] and t[1]) for a, t in zip(told, true, strict=True)], dtype=bool)
    errors = np.zeros((len(true), len(NUMBERS[part])))
    for k in np.flatnonzero(both):
        a, t = told[k], true[k]
        assert a is not None and t is not None
        errors[k] = np.abs(np.subtract(a[1], t[1]))
    return [MetricResult(f"{part}_{name}", errors[:, n], both, lost, unit) for n, (name, unit) in enumerate(NUMBERS[part])]


def _gap_share(told: Sequence[Flat | None], true: Sequence[Flat | None], there: Mask, lost: Mask) -> PooledResult:
    """Median error of the gap to a lead within NEAR_M, as a share of the gap; a lead that is not told counts as all of it."""
    near = there & np.array([bool(t and t[1] and t[1][0] <= NEAR_M) for t in true], dtype=bool)
    shares: Array = np.ones(len(true))
    for k in np.flatnonzero(near):
        a, t = told[k], true[k]
        if a is not None and t is not None and a[1]:
            shares[k] = abs(a[1][0] - t[1][0]) / max(t[1][0], LEAST_GAP_M)

    def median(weights: NDArray[np.int64]) -> float:
        drawn = np.repeat(shares, weights * near)
        return float(np.median(drawn)) if len(drawn) else float("nan")

    return PooledResult("lead_gap_share_30m", median, near, lost)


def baselines(truths: Truths) -> dict[str, Answered]:
    """The commonest word of every part; and the commonest of those that say there is something, so that there are numbers. The numbers are
    the means of that word's truths."""
    told = [truth for truth in truths if truth is not None]
    if not told:
        return {}
    always = {"always the commonest": _always(told, True), "always the mean": _always(told, False)}
    return {name: [answer] * len(truths) for name, answer in always.items()}


def _always(truths: Sequence[Seen], none: bool) -> Seen:
    answer: dict[SeenPart, Flat] = {}
    for part in truths[0].parts:
        rows = [flat(truth)[part] for truth in truths]
        rows = [row for row in rows if none or row[0] != "none"] or rows
        word = commonest([row[0] for row in rows])
        numbers = np.array([row[1] for row in rows if row[0] == word])
        answer[part] = (word, tuple(float(n) for n in numbers.mean(0)))
    return from_flat(answer)


SEE = TaskMetric(
    score,
    ("light_recall", "line_recall", "lead_gap_share_30m", "lead_recall", "light_accuracy", "line_accuracy"),
    "what a driver has to know, see drive/tasks/see.py and drive/tasks/truths/",
    {"near_m": NEAR_M, "truth": "what cameras can see: hidden agents count nowhere"},
    baselines,
    "shares are 0 .. 1; recalls are means over the words that occur, of lights over colours, of lines over enter and wait; errors of "
    "numbers are means where both say that there is something",
)
