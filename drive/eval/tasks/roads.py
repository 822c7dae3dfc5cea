"""Metric of `roads`: lanes by chamfer distance, as EMMA and MapTR score them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist

from drive.answers.roads import LaneLines
from drive.eval.chamfer import POINTS, THRESHOLDS_M, average_precisions, distances, match_lines, resampled
from drive.eval.pairs import nearest_pairs, pooled_shares
from drive.eval.result import PooledResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.frames import Array
from drive.schema import Mask
from drive.tasks.roads import REACH_M

PAIR_M = 1.0
# A line that comes so near the ego's origin is its own lane's or that of a lane beside it: these pass at up to about one lane's width,
# those next to them at twice that.
BESIDE_M = 6.0
STEP_M = 0.5  # between the points whose shares are told
LANE_M = 3.5  # how far apart the lanes of the baseline lie


def score(answers: Answered, truths: Truths) -> list[Result]:
    """The ego's lane and those beside it by precision, recall and F1 at 1 m; all lanes; points of lanes; then the AP of lines."""
    there, lost = known(truths), failed(answers, truths)
    told = [_lines(answer) if ok else [] for answer, ok in zip(answers, there, strict=True)]
    true = [_lines(truth) for truth in truths]
    scores = [np.zeros(0) if answer is None or not ok else answer.scores for answer, ok in zip(answers, there, strict=True)]
    distance = [distances(a, t) for a, t in zip(told, true, strict=True)]
    near, near_true = ([np.array([is_beside(line) for line in lines], dtype=bool) for lines in rows] for rows in (told, true))
    beside = [d[np.ix_(a, t)] for d, a, t in zip(distance, near, near_true, strict=True)]
    results: list[Result] = [*_line_shares("beside_", beside, there, lost), *_line_shares("", distance, there, lost)]
    results += _point_shares(answers, truths, there, lost)
    matches = match_lines(distance, scores)

    def precision(t: slice) -> PooledResult:
        name = "chamfer_ap" if t == slice(None) else f"chamfer_ap_{THRESHOLDS_M[t.start]:g}m"
        return PooledResult(name, lambda weights: float(average_precisions(matches, weights)[t].mean()), there, lost, resamples=200)

    return [*results, *(precision(t) for t in (slice(None), *(slice(k, k + 1) for k in range(len(THRESHOLDS_M)))))]


def baselines(truths: Truths) -> dict[str, Answered]:
    """A straight road: the ego's lane and one on each side."""
    lanes = LaneLines(tuple(np.array([[0.0, y], [REACH_M, y]]) for y in (0.0, LANE_M, -LANE_M)), np.ones(3))
    return {"always a straight road": [lanes] * len(truths)}


def is_beside(line: Array) -> bool:
    """Whether a line passes the ego as its own lane does, or one beside it."""
    return bool(np.hypot(*line.T).min() <= BESIDE_M)


def _lines(value: LaneLines | None) -> list[Array]:
    """Lines as they are compared: evenly sampled. One without a length has all its points in one place."""
    return [] if value is None else [resampled(line) for line in value.lines]


def _line_shares(prefix: str, distance: Sequence[Array], valid: Mask, lost: Mask) -> list[PooledResult]:
    counts = np.array([(len(nearest_pairs(d, PAIR_M)), *d.shape) for d in distance], dtype=np.float64).reshape(-1, 3)
    return pooled_shares(prefix, counts[:, 0], counts[:, 1], counts[:, 2], valid, lost)


def _point_shares(answers: Answered, truths: Truths, valid: Mask, lost: Mask) -> list[Result]:
    """Precision: the share of the answered lanes' points within 1 m of a true lane; recall: the other way round."""
    told, true = [_points(value) for value in answers], [_points(value) for value in truths]
    hits = np.array([[_near(a, t), _near(t, a)] for a, t in zip(told, true, strict=True)], dtype=np.float64).reshape(-1, 2)
    counts = np.array([[len(a), len(t)] for a, t in zip(told, true, strict=True)], dtype=np.float64).reshape(-1, 2)
    precision = pooled_shares("points_", hits[:, 0], counts[:, 0], counts[:, 0], valid, lost)[0]
    recall = pooled_shares("points_", hits[:, 1], counts[:, 1], counts[:, 1], valid, lost)[1]
    return [precision, recall]


def _points(value: LaneLines | None) -> Array:
    """All lanes' points, STEP_M apart, [P, 2]."""
    lines = () if value is None else value.lines
    lengths = [float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines]
    parts = [resampled(line, int(length / STEP_M) + 2) for line, length in zip(lines, lengths, strict=True)]
    return np.concatenate([np.zeros((0, 2)), *parts])


def _near(points: Array, others: Array) -> int:
    return int((cdist(points, others).min(1) <= PAIR_M).sum()) if len(points) and len(others) else 0


ROADS = TaskMetric(
    score,
    ("beside_f1", "beside_precision", "beside_recall", "f1", "points_precision", "points_recall", "chamfer_ap"),
    "lanes at 1 m of chamfer distance (EMMA, arXiv 2410.23262); chamfer_ap as MapTR a6872d8, lanes as one class",
    {
        "truth": "lanes within reach and in view, see drive/tasks/roads.py",
        "pairs_m": PAIR_M,
        "beside_m": BESIDE_M,
        "points_every_m": STEP_M,
        "line_points": POINTS,
        "ap_thresholds_m": list(THRESHOLDS_M),
    },
    baselines,
    "shares are 0 .. 1; beside: lanes that come within 6 m of the ego's origin, its own and its neighbours",
)
