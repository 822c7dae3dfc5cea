"""Means over trainings of several seeds, each measured in the same towns: intervals that both seeds and towns widen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from drive.eval.intervals import LEVEL
from drive.frames import Array

Found = Mapping[int, Mapping[str, Mapping[str, float]]]  # of an arm, by seed, by metric, by town


def interval(values: Array) -> tuple[float, float, float]:
    """Mean of values [S, T] of S seeds in T towns, and the ends of its 95 % interval; NaN where there is one of each.

    The variance is that of the seeds' means over S and that of the towns' means over T, less what is in both (Cameron, Gelbach and Miller
    2011, "Robust inference with multiway clustering"), and no less than the larger; degrees of freedom by Welch and Satterthwaite. One
    seed, or one town, widens nothing: its row says how many there were.
    """
    mean = float(values.mean())
    parts = [(axis.var(ddof=1) / len(axis), len(axis) - 1) for axis in (values.mean(1), values.mean(0)) if len(axis) > 1]
    if not parts:
        return mean, float("nan"), float("nan")
    largest, total = max(part for part, _ in parts), sum(part for part, _ in parts)
    if total == 0:
        return mean, mean, mean
    variance = max(largest, total - _both(values))
    freedom = total**2 / sum(part**2 / count for part, count in parts)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * variance**0.5
    return mean, mean - reach, mean + reach


def _both(values: Array) -> float:
    """The variance of the mean that neither a seed nor a town explains; 0 where there is one of either."""
    seeds, towns = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    degrees = (seeds - 1) * (towns - 1)
    return float((rest**2).sum() / degrees / values.size) if degrees else 0.0


def table(arms: Mapping[str, Found], metric: str, against: str, title: str = "trained on", most: float = np.inf) -> list[list[str]]:
    """A row for each arm that has the metric: seeds, towns, mean, and the difference to one arm on the same seeds and towns. most: of the
    metric, which is at least 0; intervals end where values do."""
    rows = [[title, "seeds", "towns", metric, f"beside {against}"]]
    for name, seeds in arms.items():
        values = _matrix(seeds, metric)
        if values.size:
            away = "" if name == against else _cell(_differences(seeds, arms.get(against, {}), metric), -most, most, "+")
            rows.append([name, *map(str, values.shape), _cell(values, 0.0, most), away])
    return rows


def _matrix(seeds: Found, metric: str, towns: Sequence[str] | None = None) -> Array:
    """[S, T] over the seeds that have the metric, and the towns that all of these have, or the given ones."""
    there = [told[metric] for told in seeds.values() if metric in told]
    chosen = _in_all(there) if towns is None else towns
    return np.array([[one[town] for town in chosen] for one in there]).reshape(len(there), len(chosen))


def _differences(seeds: Found, base: Found, metric: str) -> Array:
    both = [seed for seed in seeds if metric in seeds[seed] and metric in base.get(seed, {})]
    own, others = ({seed: found[seed] for seed in both} for found in (seeds, base))
    towns = _in_all([found[seed][metric] for found in (own, others) for seed in both])
    return _matrix(own, metric, towns) - _matrix(others, metric, towns)


def _in_all(measured: Sequence[Mapping[str, float]]) -> list[str]:
    return [town for town in (measured[0] if measured else ()) if all(town in one for one in measured)]


def _cell(values: Array, least: float, most: float, sign: str = "") -> str:
    if not values.size:
        return "-"
    mean, low, high = np.clip(interval(values), least, most)
    return f"{mean:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})" if np.isfinite(low) else f"{mean:{sign}.3f}"
