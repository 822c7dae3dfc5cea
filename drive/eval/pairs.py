"""Pairing answers with truths where no scores rank them, and shares of counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drive.eval.result import PooledResult
from drive.frames import Array
from drive.schema import Mask


def nearest_pairs(distance: Array, limit: float) -> NDArray[np.int64]:
    """Distances [A, B] -> pairs [P, 2] of rows and columns no further apart than the limit, each in one pair at most, the nearest first."""
    rows, columns = np.nonzero(distance <= limit)
    pairs: list[tuple[int, int]] = []
    used_rows, used_columns = set(), set()
    for k in np.argsort(distance[rows, columns], kind="stable"):
        row, column = int(rows[k]), int(columns[k])
        if row not in used_rows and column not in used_columns:
            pairs.append((row, column))
            used_rows.add(row)
            used_columns.add(column)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def pooled_shares(prefix: str, hits: Array, answered: Array, true: Array, valid: Mask, failed: Mask) -> list[PooledResult]:
    """Precision, recall and F1 over all samples: hits, answered, true [N] counts of each sample. A share of nothing is NaN, F1 too where
    nothing is true and nothing answered."""

    def share(above: Array, below: Array) -> Callable[[NDArray[np.int64]], float]:
        return lambda weights: float(weights @ above / (weights @ below)) if weights @ below > 0 else float("nan")

    named = {"precision": share(hits, answered), "recall": share(hits, true), "f1": share(2 * hits, answered + true)}
    return [PooledResult(f"{prefix}{name}", of, valid, failed) for name, of in named.items()]
