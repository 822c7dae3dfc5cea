"""95 % intervals of means over samples that come in scenes: scenes are resampled, not frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from drive.frames import Array
from drive.schema import Mask

RESAMPLES = 2000
LEVEL = 0.95


def scene_interval(values: Array, valid: Mask, scenes: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of the mean of values [N] where valid [N]; scenes: N names.

    Whole scenes are drawn with replacement, since frames of one scene are not independent. The percentiles are widened for
    few scenes as Hesterberg (2015, "What teachers should know about the bootstrap", expanded percentile interval) gives it:
    plain ones cover too little below some fifty. NaN, NaN with fewer than two scenes, where nothing can be said.
    """
    names, group = np.unique(np.asarray(scenes, dtype=object).astype(str)[valid], return_inverse=True)
    n = len(names)
    if n < 2:
        return float("nan"), float("nan")
    sums = np.bincount(group, weights=values[valid], minlength=n)
    counts = np.bincount(group, minlength=n)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    means = (drawn @ sums) / (drawn @ counts)
    tail = stats.norm.cdf(np.sqrt(n / (n - 1)) * stats.t.ppf((1 - LEVEL) / 2, n - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
