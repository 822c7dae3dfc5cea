"""mAP, true-positive errors and NDS from matches (nuScenes devkit d9de17a, configuration detection_cvpr_2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drive.answers.boxes import CLASSES
from drive.eval.detection.match import ERRORS, ERRORS_AT_M, THRESHOLDS_M, Matches
from drive.eval.detection.table import Ints
from drive.frames import Array

RECALLS = np.linspace(0, 1, 101)
LEAST_RECALL, LEAST_PRECISION = 0.1, 0.1
FIRST = round(100 * LEAST_RECALL) + 1
MAP_WEIGHT = 5
# Errors that a class does not have.
UNDEFINED = {"traffic_cone": ("orient_err", "vel_err", "attr_err"), "barrier": ("vel_err", "attr_err")}


@dataclass(frozen=True, eq=False)
class Detection:
    """aps [classes, thresholds] and errors [classes, 5], in the order of `CLASSES`, `THRESHOLDS_M` and `ERRORS`; NaN = undefined.
    present [classes]: whether the truth has any."""

    aps: Array
    errors: Array
    present: Array

    @property
    def mean_ap(self) -> float:
        """Over all classes, also those of which there is nothing."""
        return float(self.aps.mean(-1).mean())

    @property
    def mean_ap_present(self) -> float:
        """Over the classes that the truth has; NaN where it has none."""
        return float(self.aps.mean(-1)[self.present].mean()) if self.present.any() else float("nan")

    @property
    def mean_errors(self) -> dict[str, float]:
        """Of each kind of error, over the classes that have it."""
        return {name: float(np.nanmean(self.errors[:, k])) for k, name in enumerate(ERRORS)}

    @property
    def nds(self) -> float:
        """nuScenes' detection score."""
        scores = [max(0.0, 1.0 - error) for error in self.mean_errors.values()]
        return float((MAP_WEIGHT * self.mean_ap + np.sum(scores)) / (MAP_WEIGHT + len(scores)))


def detection(matches: Mapping[tuple[str, float], Matches], weights: Ints | None = None) -> Detection:
    """What matches come to. weights [samples]: how often each sample counts; once where none are given."""
    aps, errors = np.zeros((len(CLASSES), len(THRESHOLDS_M))), np.full((len(CLASSES), len(ERRORS)), np.nan)
    present = np.zeros(len(CLASSES), dtype=bool)
    for c, name in enumerate(CLASSES):
        for t, threshold in enumerate(THRESHOLDS_M):
            own = matches[name, threshold]
            curve = _curve(own, weights)
            aps[c, t] = _average_precision(curve.precision)
            if threshold == ERRORS_AT_M:
                present[c] = curve.positives > 0
                for k, error in enumerate(ERRORS):
                    if error not in UNDEFINED.get(name, ()):
                        errors[c, k] = _mean_error(curve, k)
    return Detection(aps, errors, present)


@dataclass(frozen=True, eq=False)
class _Curve:
    """Over `RECALLS`: precision, confidence [101] (0 beyond the highest recall), errors [5, 101]; positives: things in all."""

    precision: Array
    confidence: Array
    errors: Array
    positives: int


def _curve(own: Matches, weights: Ints | None) -> _Curve:
    weight = np.ones(len(own.sample)) if weights is None else weights[own.sample].astype(np.float64)
    positives = len(own.truths) if weights is None else int(weights[own.truths].sum())
    counted = weight > 0
    hit = own.hit[counted]
    if positives == 0 or not hit.any():
        return _Curve(np.zeros(101), np.zeros(101), np.ones((len(ERRORS), 101)), positives)
    weight, score = weight[counted], own.score[counted]
    true, false = np.cumsum(weight * hit), np.cumsum(weight * ~hit)
    recall = true / float(positives)
    precision = np.interp(RECALLS, recall, true / (false + true), right=0)
    confidence = np.interp(RECALLS, recall, score, right=0)
    errors = np.ones((len(ERRORS), 101))
    if own.errors is not None:
        rows, of_hits, scores = own.errors[:, counted[own.hit]], weight[hit], score[hit]
        errors = np.stack([np.interp(confidence[::-1], scores[::-1], _running_mean(row, of_hits)[::-1])[::-1] for row in rows])
    return _Curve(precision, confidence, errors, positives)


def _running_mean(values: Array, weight: Array) -> Array:
    """Mean of the known ones up to each, 0 before the first; ones where none is known."""
    known = ~np.isnan(values)
    if not known.any():
        return np.ones(len(values))
    sums, counts = np.cumsum(np.where(known, values, 0.0) * weight), np.cumsum(known * weight)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def _average_precision(precision: Array) -> float:
    """The mean of what is above the least precision, beyond the least recall."""
    return float(np.mean(np.maximum(precision[FIRST:] - LEAST_PRECISION, 0.0))) / (1.0 - LEAST_PRECISION)


def _mean_error(curve: _Curve, kind: int) -> float:
    """Over the recalls from the least one to the highest reached; 1 where that is none."""
    reached = np.flatnonzero(curve.confidence)
    last = int(reached[-1]) if len(reached) else 0
    return 1.0 if last < FIRST else float(np.mean(curve.errors[kind, FIRST : last + 1]))
