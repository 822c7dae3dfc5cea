"""Metric of `boxes`: nuScenes' detection scores, and precision and recall as EMMA tells them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drive.answers.boxes import CLASSES, VEHICLES, Boxes
from drive.eval.detection.match import ERRORS, THRESHOLDS_M, match
from drive.eval.detection.score import LEAST_PRECISION, LEAST_RECALL, Detection, detection
from drive.eval.detection.table import table_of
from drive.eval.pairs import nearest_pairs, pooled_shares
from drive.eval.result import PooledResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.schema import Mask

PAIR_M = 2.0
NEAR_M = 30.0
NAMES = dict(zip(ERRORS, ("mate", "mase", "maoe", "mave", "maae"), strict=True))
UNITS = dict(zip(ERRORS, ("m", "", "rad", "m/s", ""), strict=True))
INTERVAL_OF = ("map", "nds")
RESAMPLES = 200


def score(answers: Answered, truths: Truths) -> list[Result]:
    """Vehicles within 30 m and everything at all by precision, recall and F1 at 2 m; then nuScenes' scores of the same boxes."""
    there, lost = known(truths), failed(answers, truths)
    told = [answer if ok else None for answer, ok in zip(answers, there, strict=True)]
    near = _shares("vehicles_30m_", [_near_vehicles(a) for a in told], [_near_vehicles(t) for t in truths], there, lost, by_class=False)
    return [*near, *_shares("", told, truths, there, lost, by_class=True), *detection_results(told, truths, there, lost)]


def detection_results(answers: Answered, truths: Truths, valid: Mask, lost: Mask) -> list[PooledResult]:
    """nuScenes' scores of N answers, mAP and NDS with intervals."""
    matches = match(table_of(truths).in_range(), table_of(answers).in_range())
    return pooled_detection(lambda weights: detection(matches, weights), valid, lost)


def pooled_detection(found: Callable[[NDArray[np.int64]], Detection], valid: Mask, lost: Mask) -> list[PooledResult]:
    """The numbers of a `Detection` that depends on how often each of N samples counts."""

    @lru_cache(maxsize=1024)
    def of(weights: bytes) -> Detection:
        return found(np.frombuffer(weights, dtype=np.int64))

    def pooled(name: str, value: Callable[[Detection], float], unit: str = "") -> PooledResult:
        def number(weights: NDArray[np.int64]) -> float:
            return value(of(weights.tobytes())) if weights.any() else float("nan")

        return PooledResult(name, number, valid, lost, unit, RESAMPLES if name in INTERVAL_OF else 0)

    results = [pooled("map", lambda d: d.mean_ap), pooled("nds", lambda d: d.nds), pooled("map_present", lambda d: d.mean_ap_present)]
    results += [pooled(NAMES[error], lambda d, e=error: d.mean_errors[e], UNITS[error]) for error in ERRORS]  # type: ignore[misc]
    return results + [pooled(f"ap_{name}", lambda d, c=c: float(d.aps[c].mean())) for c, name in enumerate(CLASSES)]  # type: ignore[misc]


def _near_vehicles(boxes: Boxes | None) -> Boxes | None:
    if boxes is None:
        return None
    return boxes.take(np.isin(boxes.classes, VEHICLES) & (boxes.distances_m < NEAR_M))


def _shares(prefix: str, answers: Answered, truths: Truths, valid: Mask, lost: Mask, by_class: bool) -> list[PooledResult]:
    hits = np.array([_hits(a, t, by_class) for a, t in zip(answers, truths, strict=True)], dtype=np.float64)
    answered, true = (np.array([0 if boxes is None else len(boxes) for boxes in rows], dtype=np.float64) for rows in (answers, truths))
    return pooled_shares(prefix, hits, answered, true, valid, lost)


def _hits(answer: Boxes | None, truth: Boxes | None, by_class: bool) -> int:
    """How many boxes of an answer are things, at 2 m between centres, the nearest pairs first."""
    if answer is None or truth is None or not len(answer) or not len(truth):
        return 0
    distance = np.linalg.norm(answer.centres[:, None, :2] - truth.centres[None, :, :2], axis=-1)
    if by_class:
        distance = np.where(np.array(answer.classes)[:, None] == np.array(truth.classes)[None], distance, np.inf)
    return len(nearest_pairs(distance, PAIR_M))


BOXES = TaskMetric(
    score,
    ("vehicles_30m_f1", "vehicles_30m_precision", "vehicles_30m_recall", "f1", "map", "nds"),
    "pairs at 2 m between centres (EMMA, arXiv 2410.23262); mAP and NDS as nuscenes-devkit d9de17a, detection_cvpr_2019",
    {
        "truth": "what is visible and in view, see drive/tasks/boxes.py",
        "pairs_m": PAIR_M,
        "near_m": NEAR_M,
        "thresholds_m": list(THRESHOLDS_M),
        "least_recall_precision": [LEAST_RECALL, LEAST_PRECISION],
        "attributes": "neither told nor known: maae is 1, and NDS at most 0.9",
    },
    legend="shares and scores are 0 .. 1, larger is better; maae is 1 since no attributes are told, so NDS is at most 0.9",
)
