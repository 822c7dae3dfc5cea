"""Metric of `describe`: critical objects by precision and recall at 2 m, and what they are said to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from drive.answers.describe import Description
from drive.eval.pairs import nearest_pairs, pooled_shares
from drive.eval.result import MetricResult, PooledResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known

PAIR_M = 2.0


def score(answers: Answered, truths: Truths) -> list[Result]:
    """objects_precision, _recall, _f1 over all samples: pairs of one noun, at most PAIR_M apart, the nearest first. behaviour: the share of
    these pairs that are said to do what they do. words: the share of samples whose words are right to the letter."""
    answers = [answer if isinstance(answer, Description) else None for answer in answers]  # anything else is no answer
    there, lost = known(truths), failed(answers, truths)
    pairs = [_pairs(a, t) for a, t in zip(answers, truths, strict=True)]
    hits = np.array([len(found) for found in pairs], dtype=np.float64)
    does = np.array([sum(found) for found in pairs], dtype=np.float64)
    told, true = (np.array([0 if one is None else len(one.objects) for one in rows], dtype=np.float64) for rows in (answers, truths))

    def behaviour(weights: NDArray[np.int64]) -> float:
        return float(weights @ does / (weights @ hits)) if weights @ hits > 0 else float("nan")

    words = [a is not None and t is not None and a.words == t.words for a, t in zip(answers, truths, strict=True)]
    return [
        *pooled_shares("objects_", hits, np.where(there, told, 0.0), true, there, lost),
        PooledResult("behaviour", behaviour, there, lost),
        MetricResult("words", np.array(words, dtype=np.float64), there, lost, ""),
    ]


def _pairs(answer: Description | None, truth: Description | None) -> list[bool]:
    """Of each pair, whether the behaviour is the same."""
    if answer is None or truth is None or not answer.objects or not truth.objects:
        return []
    ours, theirs = (np.array([(one.x_m, one.y_m) for one in d.objects]) for d in (answer, truth))
    distance = np.hypot(*np.moveaxis(ours[:, None] - theirs[None], -1, 0))
    alike = np.array([[a.noun == t.noun for t in truth.objects] for a in answer.objects])
    found = nearest_pairs(np.where(alike, distance, np.inf), PAIR_M)
    return [answer.objects[a].behaviour == truth.objects[t].behaviour for a, t in found]


def baselines(truths: Truths) -> Mapping[str, Answered]:
    """The commonest words, and nothing that matters: as much as one can say without looking."""
    counts = Counter(truth.words for truth in truths if truth is not None)
    words = counts.most_common(1)[0][0] if counts else ""
    return {"always-nothing": [None if truth is None else Description((), words) for truth in truths]}


DESCRIBE = TaskMetric(
    score,
    ("objects_f1", "objects_precision", "objects_recall", "behaviour", "words"),
    "our own; EMMA (arXiv 2410.23262) names critical objects and publishes no score for them",
    {"pairs_m": PAIR_M, "truth": "drive/tasks/questions/critical.py and scene.py"},
    baselines,
    "shares are 0 .. 1, larger is better; behaviour is over objects that were found",
)
