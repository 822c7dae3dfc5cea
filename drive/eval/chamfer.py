"""Lines against lines by chamfer distance, as MapTR scores maps (a6872d8: `mean_ap.py`, `tpfp.py`, `tpfp_chamfer.py`).

A predicted line is right where the nearest true line of its sample is within a threshold and not taken by a line of higher score; there
is no second choice. Distances are looked at only where the lines, two metres wide to each side, overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from drive.frames import Array

THRESHOLDS_M = (0.5, 1.0, 1.5)
POINTS = 100
HALF_WIDTH_M = 2.0
FAR = np.inf


@dataclass(frozen=True, eq=False)
class LineMatches:
    """All predicted lines of N samples, by falling score: sample [P], score [P], right [thresholds, P]. truths [N]: true lines of each
    sample."""

    sample: NDArray[np.int64]
    score: Array
    right: NDArray[np.bool_]
    truths: NDArray[np.int64]


def resampled(line: Array, points: int = POINTS) -> Array:
    """A line [N, 2] with so many points, evenly along it, ends included."""
    stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, stations[-1], points)
    return np.stack([np.interp(at, stations, line[:, k]) for k in (0, 1)], -1)


def chamfer(a: Array, b: Array) -> float:
    """Mean distance of the points of each line [N, 2] from the nearest point of the other, both ways, halved."""
    distance = cdist(a, b)
    return float((distance.min(0).mean() + distance.min(1).mean()) / 2)


def distances(predicted: Sequence[Array], true: Sequence[Array]) -> Array:
    """Chamfer distances [P, G] of lines as they are; FAR beyond all thresholds, and where the lines with their widths lie apart."""
    found = np.full((len(predicted), len(true)), FAR)
    if not found.size:
        return found
    near = np.ones(found.shape, dtype=bool)
    for axis in (0, 1):  # lines that are apart along an axis are at least so far apart
        low, high = ([np.array([f(line[:, axis]) for line in lines]) for lines in (predicted, true)] for f in (np.min, np.max))
        near &= (low[0][:, None] <= high[1] + THRESHOLDS_M[-1]) & (low[1] <= high[0][:, None] + THRESHOLDS_M[-1])
    for p, g in zip(*np.nonzero(near), strict=True):
        found[p, g] = chamfer(predicted[p], true[g])
    found[found > THRESHOLDS_M[-1]] = FAR
    rows, columns = np.nonzero(np.isfinite(found))
    apart = ~shapely.intersects(_wide(predicted)[rows], _wide(true)[columns])
    found[rows[apart], columns[apart]] = FAR
    return found


def _wide(lines: Sequence[Array]) -> NDArray[np.object_]:
    """Lines as areas, HALF_WIDTH_M to each side."""
    return np.asarray(shapely.buffer([shapely.linestrings(line) for line in lines], HALF_WIDTH_M, cap_style="flat", join_style="mitre"))


def match_lines(distance: Sequence[Array], scores: Sequence[Array]) -> LineMatches:
    """Distances [P, G] and scores [P] of the predicted lines of each of N samples -> which are right."""
    score = np.concatenate([np.zeros(0), *scores])
    sample = np.repeat(np.arange(len(distance)), [len(own) for own in distance])
    order = np.argsort(-score)
    right = [np.zeros((len(THRESHOLDS_M), 0), dtype=bool), *(_right(d, np.asarray(s)) for d, s in zip(distance, scores, strict=True))]
    truths = np.array([own.shape[1] for own in distance], dtype=np.int64)
    return LineMatches(sample[order], score[order], np.concatenate(right, axis=1)[:, order], truths)


def _right(distance: Array, scores: Array) -> NDArray[np.bool_]:
    """Which predicted lines of a sample are right, [thresholds, P]; distance [P, G]."""
    right = np.zeros((len(THRESHOLDS_M), len(distance)), dtype=bool)
    if not distance.size:
        return right
    nearest, order = distance.argmin(1), np.argsort(-scores)
    for t, threshold in enumerate(THRESHOLDS_M):
        taken: set[int] = set()
        for p in order:
            if distance[p, nearest[p]] <= threshold and int(nearest[p]) not in taken:
                right[t, p] = True
                taken.add(int(nearest[p]))
    return right


def average_precisions(matches: LineMatches, weights: NDArray[np.int64] | None = None) -> Array:
    """The area under precision over recall at each threshold, [thresholds]; weights [N]: how often each sample counts. NaN where nothing
    is true."""
    counts = np.ones(len(matches.truths), dtype=np.int64) if weights is None else weights
    truths, weight = float(counts @ matches.truths), counts[matches.sample].astype(np.float64)
    return np.array([_area(right[weight > 0], weight[weight > 0], truths) for right in matches.right])


def _area(right: NDArray[np.bool_], weight: Array, truths: float) -> float:
    if truths == 0:
        return float("nan")
    true, answered = np.cumsum(weight * right), np.cumsum(weight)
    recall, precision = np.concatenate([[0.0], true / truths, [1.0]]), np.concatenate([[0.0], true / answered, [0.0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    rises = np.flatnonzero(np.diff(recall))
    return float(((recall[rises + 1] - recall[rises]) * precision[rises + 1]).sum())
