"""95 % intervals of means over samples that come in scenes: scenes are resampled, not frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from drive.frames import Array
from drive.schema import Mask

RESAMPLES = 2000
LEVEL = 0.95
Weighted = Callable[[NDArray[np.int64]], float]


def scene_interval(values: Array, valid: Mask, scenes: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of the mean of values [N] where valid [N]; scenes: N names.

    Whole scenes are drawn with replacement, since frames of one scene are not independent. Plain percentiles cover too little
    below some fifty scenes and for rare events. They are widened for few scenes as Hesterberg (2015, "What teachers should
    know about the bootstrap", expanded percentile interval) gives it, and moved by Efron's bias and acceleration (1987,
    "Better bootstrap confidence intervals"). NaN, NaN with fewer than two scenes, where nothing can be said.
    """
    names = {name: i for i, name in enumerate(dict.fromkeys(scenes))}
    group = np.array([names[s] for s in scenes], dtype=np.int64)[valid]
    counts = np.bincount(group, minlength=len(names))
    sums = np.bincount(group, weights=values[valid], minlength=len(names)).astype(np.float64)
    counts, sums = counts[counts > 0], sums[counts > 0]
    n = len(counts)
    if n < 2:
        return float("nan"), float("nan")
    drawn = _draws(n, seed)
    means = (drawn @ sums) / (drawn @ counts)
    without = (sums.sum() - sums) / (counts.sum() - counts)
    low, high = np.quantile(means, _tails(means, sums.sum() / counts.sum(), without))
    return float(low), float(high)


def interval_of(of: Weighted, valid: Mask, scenes: Sequence[str], resamples: int, seed: int = 0) -> tuple[float, float]:
    """As `scene_interval`, of any value of the samples together: of(weights [N]) where sample i counts weights[i] times.

    Draws for which there is no value (NaN) are left out. NaN, NaN with fewer than two scenes, resamples or values.
    """
    names = {name: i for i, name in enumerate(dict.fromkeys(s for s, use in zip(scenes, valid, strict=True) if use))}
    group = np.array([names.get(s, 0) for s in scenes], dtype=np.int64)
    n, counted = len(names), valid.astype(np.int64)
    if n < 2 or resamples < 2:
        return float("nan"), float("nan")
    values = np.array([of(counted * draw[group]) for draw in _draws(n, seed)[:resamples]])
    without = np.array([of(counted * (group != i)) for i in range(n)])
    values, without = values[np.isfinite(values)], without[np.isfinite(without)]
    if len(values) < 2 or len(without) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(values, _tails(values, of(counted), without))
    return float(low), float(high)


def _tails(drawn: Array, value: float, without: Array) -> Array:
    """The two quantiles [2] of the resampled values that are the interval's ends; without [n]: the value with each scene left out."""
    n = len(without)
    below = (drawn < value).mean() + (drawn == value).mean() / 2
    bias = special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    pull = without.mean() - without
    spread = (pull**2).sum() ** 1.5
    acceleration = (pull**3).sum() / (6 * spread) if spread > 0 else 0.0
    at = bias + np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, np.array([1 - LEVEL, 1 + LEVEL]) / 2)
    tails: Array = special.ndtr(bias + at / (1 - acceleration * at))
    return tails


@lru_cache(maxsize=16)
def _draws(n: int, seed: int) -> NDArray[np.int64]:
    """How often each of n scenes is drawn, [RESAMPLES, n]."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
