"""What a metric returns, and the 95 % interval of its mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.eval.intervals import interval_of, scene_interval
from drive.frames import Array
from drive.schema import Mask


@dataclass(frozen=True, eq=False)
class MetricResult:
    """One metric over N samples.

    values [N] float64 in `unit`; valid [N] bool: the sample counts, in numerator and denominator alike (a protocol that
    keeps a sample in the denominator with value 0 says so by valid = True, value = 0). The reported number is the mean of
    the valid values. failed [N] bool: the planner gave no usable answer; a bounded metric then holds its worst value and
    stays valid, an unbounded one (metres) is not valid there.
    """

    name: str
    values: Array
    valid: Mask
    failed: Mask
    unit: str

    @property
    def mean(self) -> float:
        """Mean of the valid values; NaN where there is none."""
        return self.over(np.ones(len(self.valid), dtype=bool))

    def over(self, mask: Mask) -> float:
        """Mean of the valid values of some samples [N]; NaN where there is none."""
        where = self.valid & mask
        return float(self.values[where].mean()) if where.any() else float("nan")

    def interval(self, mask: Mask, scenes: Sequence[str]) -> tuple[float, float]:
        """95 % interval of that mean (`scene_interval`); scenes: N names."""
        return scene_interval(self.values, self.valid & mask, scenes)


@dataclass(frozen=True, eq=False)
class PooledResult:
    """One metric of N samples together, which is no mean over samples: F1, a recall over classes, mAP.

    of(weights [N] int64) -> the value in `unit` where sample i counts weights[i] times, NaN where there is none. valid, failed [N]: as of
    `MetricResult`; a failed sample counts as an answer of nothing. resamples: of the interval; 0: none, for what is slow or a detail.
    """

    name: str
    of: Callable[[NDArray[np.int64]], float]
    valid: Mask
    failed: Mask
    unit: str = ""
    resamples: int = 400

    def over(self, mask: Mask) -> float:
        """The value over some samples [N]; NaN where there is none."""
        return float(self.of((self.valid & mask).astype(np.int64)))

    def interval(self, mask: Mask, scenes: Sequence[str]) -> tuple[float, float]:
        """95 % interval of that value (`interval_of`); scenes: N names."""
        return interval_of(self.of, self.valid & mask, scenes, self.resamples)


Result = MetricResult | PooledResult


@dataclass(frozen=True, eq=False)
class BenchmarkResult:
    """A benchmark over N samples: its metrics by name, and why samples failed (token -> reason)."""

    metrics: dict[str, MetricResult]
    failures: dict[str, str]
