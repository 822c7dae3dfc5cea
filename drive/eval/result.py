"""What a metric returns, and the 95 % interval of its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array


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
    valid: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    unit: str

    @property
    def mean(self) -> float:
        """Mean of the valid values; NaN where there is none."""
        return float(self.values[self.valid].mean()) if self.valid.any() else float("nan")


@dataclass(frozen=True, eq=False)
class BenchmarkResult:
    """A benchmark over N samples: its metrics by name, and why samples failed (token -> reason)."""

    metrics: dict[str, MetricResult]
    failures: dict[str, str]
