"""95 % intervals of means over samples that come in scenes: scenes are resampled, not frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

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
    names = {name: i for i, name in enumerate(dict.fromkeys(scenes))}
    group = np.array([names[s] for s in scenes], dtype=np.int64)[valid]
    counts = np.bincount(group, minlength=len(names))
    sums = np.bincount(group, weights=values[valid], minlength=len(names))
    counts, sums = counts[counts > 0], sums[counts > 0]
    n = len(counts)
    if n < 2:
        return float("nan"), float("nan")
    drawn = _draws(n, seed)
    means = (drawn @ sums) / (drawn @ counts)
    tail = special.ndtr(np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 - LEVEL) / 2))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache(maxsize=16)
def _draws(n: int, seed: int) -> NDArray[np.int64]:
    """How often each of n scenes is drawn, [RESAMPLES, n]."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
