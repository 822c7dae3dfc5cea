"""Shares of right words: what metrics of closed answers have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.eval.result import MetricResult, PooledResult
from drive.schema import Mask


def accuracy(name: str, told: Sequence[str | None], true: Sequence[str | None], valid: Mask, failed: Mask) -> MetricResult:
    """Share of N words that are right; one that is missing is wrong."""
    right = np.array([a == t for a, t in zip(told, true, strict=True)], dtype=np.float64)
    return MetricResult(name, np.where(failed, 0.0, right), valid, failed, "")


def macro_recall(
    name: str, told: Sequence[str | None], true: Sequence[str | None], among: Sequence[str], valid: Mask, failed: Mask
) -> PooledResult:
    """Mean, over those of the words `among` that occur as truths, of the share of their N truths that were told."""
    right = np.array([a is not None and a == t for a, t in zip(told, true, strict=True)])
    of_word = [np.array([t == word for t in true], dtype=bool) for word in among]

    def value(weights: NDArray[np.int64]) -> float:
        shares = [weights[where & right].sum() / weights[where].sum() for where in of_word if weights[where].sum() > 0]
        return float(np.mean(shares)) if shares else float("nan")

    return PooledResult(name, value, valid & np.any(of_word, axis=0) if len(true) else valid, failed)


def commonest(words: Sequence[str]) -> str:
    """The word that occurs most often; of several the first one."""
    return Counter(words).most_common(1)[0][0]
