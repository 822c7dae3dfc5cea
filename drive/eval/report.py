"""What an evaluation says: tidy rows and paired differences for machines, a text table for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.eval.intervals import interval_of, scene_interval
from drive.eval.report_file import write_json
from drive.eval.result import MetricResult, PooledResult, Result
from drive.eval.rules import Rules
from drive.frames import Array
from drive.schema import Mask

LOG = "log"
DROPPED = "failures dropped"


@dataclass(frozen=True, eq=False)
class Scores:
    """One planner under one protocol, sample by sample: tokens and scenes [N] of the selected samples, metrics over them,
    slices: name -> which of them [N] it has. notes: what else must be said of them, a line each. unknown [N]: samples that the data
    know no right answer to, None where that cannot be."""

    planner: str
    protocol: Rules
    metrics: Mapping[str, Result]
    tokens: tuple[str, ...]
    scenes: tuple[str, ...]
    slices: dict[str, Mask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unknown: Mask | None = None

    @property
    def failed(self) -> Mask:
        """Which samples [N] the planner gave no usable answer to."""
        return next(iter(self.metrics.values())).failed if self.metrics else np.zeros(len(self.tokens), dtype=bool)


@dataclass(frozen=True, eq=False)
class Report:
    """scores: one per planner and protocol. failures: {planner, token, reason}. asked: planners other than the rows that
    are always there. published: rows of other people's papers, {planner, note, protocol, metric, value, unit, source}.
    pairs: compare any two planners instead of each with the baseline, the first of the planners that is not the record."""

    scores: list[Scores]
    failures: list[dict[str, str]]
    asked: list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    pairs: bool = False

    def rules(self, protocol: str) -> Rules:
        """The protocol of a name."""
        return next(scores.protocol for scores in self.scores if scores.protocol.name == protocol)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One row per planner, protocol and metric: value with its 95 % interval, a failure counting as the worst value where
        that is bounded; `answered`, the value over the answered samples alone; the counts behind both."""
        return [row for scores in self.scores for row in _rows(scores)]

    @cached_property
    def slices(self) -> list[dict[str, Any]]:
        """The same rows over parts of the samples."""
        return [row for scores in self.scores for row in _slices(scores)]

    @cached_property
    def comparisons(self) -> list[dict[str, Any]]:
        """Differences to the baseline, or between any two planners (the recorded drive left out), on the samples that both have
        a value for: lengths where both answered, rates everywhere, a failure counting as the worst value; `answered`: on those
        that both answered."""
        rows = []
        for protocol in dict.fromkeys(s.protocol.name for s in self.scores):
            planners = [s for s in self.scores if s.protocol.name == protocol and s.planner != LOG]
            for against, planner in combinations(planners, 2) if self.pairs else ((planners[0], other) for other in planners[1:]):
                rows += [_difference(planner, against, metric) for metric in planner.metrics if metric in against.metrics]
        return rows

    @property
    def failed(self) -> bool:
        """Whether a planner that was asked for failed on a sample."""
        return any(failure["planner"] in self.asked for failure in self.failures)

    def save(self, folder: str | Path) -> Path:
        """Writes report.json into folder (made if need be) and returns its path."""
        data = {
            "settings": self.settings,
            "protocols": {
                s.protocol.name: {"source": s.protocol.source, "asks": s.protocol.asks, **s.protocol.settings} for s in self.scores
            },
            "rows": self.rows,
            "slices": self.slices,
            "comparisons": self.comparisons,
            "failures": self.failures,
            "notes": [{"planner": s.planner, "protocol": s.protocol.name, "note": note} for s in self.scores for note in s.notes],
            "published": self.published,
        }
        return write_json(folder, "eval", data)


def _rows(scores: Scores) -> Iterator[dict[str, Any]]:
    everything = np.ones(len(scores.tokens), dtype=bool)
    for metric, result in scores.metrics.items():
        yield _row(scores, metric, result, "all", everything)
        if scores.protocol.drops_failures and result.failed.any():
            yield _row(scores, metric, result, DROPPED, ~result.failed)


def _slices(scores: Scores) -> Iterator[dict[str, Any]]:
    for name, mask in scores.slices.items():
        for metric, result in scores.metrics.items():
            yield _row(scores, metric, result, name, mask)


def _row(scores: Scores, metric: str, result: Result, name: str, mask: Mask) -> dict[str, Any]:
    low, high = result.interval(mask, scores.scenes)
    failed = int((result.failed & mask).sum())
    unknown = {} if scores.unknown is None else {"unknown": int((scores.unknown & mask).sum())}
    return {
        "planner": scores.planner,
        "protocol": scores.protocol.name,
        "version": scores.protocol.version,
        "settings_hash": scores.protocol.settings_hash,
        "metric": metric,
        "value": _number(result.over(mask)),
        "low": _number(low),
        "high": _number(high),
        "answered": _number(result.over(mask & ~result.failed)),
        "unit": result.unit,
        "requested": int(mask.sum()),
        "scored": int(mask.sum()) - failed - unknown.get("unknown", 0),
        "failed": failed,
        **unknown,
        "slice": name,
    }


def _difference(planner: Scores, against: Scores, metric: str) -> dict[str, Any]:
    """planner minus against, sample by sample."""
    a, b = planner.metrics[metric], against.metrics[metric]
    both = a.valid & b.valid
    answered = both & ~a.failed & ~b.failed
    difference, (low, high) = _paired(a, b, both, planner.scenes)
    return {
        "planner": planner.planner,
        "against": against.planner,
        "protocol": planner.protocol.name,
        "settings_hash": planner.protocol.settings_hash,
        "metric": metric,
        "difference": _number(difference(both)),
        "low": _number(low),
        "high": _number(high),
        "answered": _number(difference(answered)),
        "unit": a.unit,
        "samples": int(both.sum()),
        "samples_answered": int(answered.sum()),
        "left_out": int((~both).sum()),
    }


def _paired(a: Result, b: Result, both: Mask, scenes: Sequence[str]) -> tuple[Callable[[Mask], float], tuple[float, float]]:
    """The difference a - b over some of the samples [N] that both have a value for, and its interval over all of these."""
    if isinstance(a, MetricResult) and isinstance(b, MetricResult):
        values = np.where(both, a.values - b.values, 0.0)
        return lambda mask: _mean(values, mask), scene_interval(values, both, scenes)
    assert isinstance(a, PooledResult) and isinstance(b, PooledResult), f"{a.name} is pooled on one side only"
    of_a, of_b = a.of, b.of

    def difference(weights: NDArray[np.int64]) -> float:
        return of_a(weights) - of_b(weights)

    return lambda mask: difference(mask.astype(np.int64)), interval_of(difference, both, scenes, min(a.resamples, b.resamples))


def _mean(values: Array, where: Mask) -> float:
    return float(values[where].mean()) if where.any() else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
